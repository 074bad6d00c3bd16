"""A bare FastAPI JSON echo on the same uvicorn: what the server's requests are compared with.

It parses what it is sent and answers with JSON of the size that it is told, so that both sizes are those of a request.
"""

import asyncio
import json
import socket
import sys

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

app = FastAPI()
REPLY = json.loads(sys.argv[1] if len(sys.argv) > 1 else "{}")


@app.post("/echo/{kind}")
async def echo(kind: str, request: Request) -> JSONResponse:
    await request.json()
    return JSONResponse(REPLY[kind])


async def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, server_header=False))
    print(f"echo is ready at http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    await server.serve(sockets=[listener])


if __name__ == "__main__":
    asyncio.run(main())
