"""Describe routes for OpenAPI, which cannot see what they read and answer, because they do both by hand (see `app`).

The whole API is shown as an OpenAPI document and as a page.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from forge_arena.wire import ErrorBody
from forge_server import examples
from forge_server.answers import STATUS
from forge_server.docs_page import docs_page

# Nothing on the page of the API may run, and nothing may be fetched.
PAGE_HEADERS = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"}


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path. `options` go to FastAPI; `route_documentation` and `refusals` make them."""

    method: str
    path: str
    endpoint: Callable[..., Awaitable[Response]]
    summary: str
    options: dict[str, Any]
    tags: tuple[str, ...] = ()

    def add_to(self, app: FastAPI) -> None:
        tags = list(self.tags) or None
        options = {"methods": [self.method], "summary": self.summary, "tags": tags, **self.options}
        app.add_api_route(self.path, self.endpoint, **options)


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """How OpenAPI describes these refusals, and those that every route can give."""
    reasons: dict[int, list[str]] = {status: [] for status in sorted({401, 403, 429, *statuses})}
    for refusal, status in STATUS.items():
        if status in reasons:
            reasons[status].append(f"`{refusal.code}`")
    return {status: {"model": ErrorBody, "description": ", ".join(codes)} for status, codes in reasons.items()}


def route_documentation(answer: type[BaseModel], request: type[BaseModel] | None, *statuses: int) -> dict[str, Any]:
    """How OpenAPI describes a route that reads its body, if it takes one, and encodes its answer itself."""
    ok = {"model": answer, "content": {"application/json": {"example": examples.ANSWERS[answer]}}}
    if request is None:
        return {"responses": {200: ok, **refusals(*statuses)}}
    body = {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"$ref": f"#/components/schemas/{request.__name__}"},
                "examples": examples.REQUESTS[request],
            }
        },
    }
    return {"responses": {200: ok, **refusals(400, 413, 415, *statuses)}, "openapi_extra": {"requestBody": body}}


class Documentation:
    """The API of an app at /openapi.json and /docs.

    Both answers are made when one of them is first asked for, and in a thread: that takes more than a second, in which
    other requests must go on.
    """

    def __init__(self, app: FastAPI, root_path: str) -> None:
        self._app = app
        self._root_path = root_path
        self._answers: asyncio.Task[tuple[Response, Response]] | None = None

    def add_to(self, app: FastAPI) -> None:
        app.add_route("/openapi.json", self._document, include_in_schema=False)
        app.add_route("/docs", self._page, include_in_schema=False)

    async def _document(self, _: Request) -> Response:
        return (await self._made())[0]

    async def _page(self, _: Request) -> Response:
        return (await self._made())[1]

    async def _made(self) -> tuple[Response, Response]:
        if self._answers is None:
            self._answers = asyncio.create_task(asyncio.to_thread(self._make))
        # Shielded, because a caller that leaves must not take the answers from the others.
        return await asyncio.shield(self._answers)

    def _make(self) -> tuple[Response, Response]:
        document = openapi(self._app)
        page = HTMLResponse(docs_page(document), headers=PAGE_HEADERS)
        servers = {"servers": [{"url": self._root_path}]} if self._root_path else {}
        return JSONResponse({**document, **servers}), page


def openapi(app: FastAPI) -> dict[str, Any]:
    """FastAPI's document, with the bodies that the routes read by hand, and the token."""
    schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    _, bodies = models_json_schema(
        [(model, "validation") for model in examples.REQUESTS], ref_template="#/components/schemas/{model}"
    )
    components = schema["components"]
    components["schemas"] = {**bodies["$defs"], **components["schemas"]}
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    schema["security"] = [{"token": []}]
    return schema
