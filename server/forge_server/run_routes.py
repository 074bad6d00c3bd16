"""The routes by which a trainer reports a training run."""

from typing import Annotated

from fastapi import Path, Request, Response

from forge_arena.wire import BeginRun, OwnRuns, ReportPoints, Run
from forge_server import body
from forge_server.answers import json_answer
from forge_server.documentation import Route, refusals, route_documentation
from forge_server.service import Service

RunId = Annotated[str, Path(max_length=64, description="as given by POST /v1/runs")]


class RunEndpoints:
    """One endpoint a method. Each docstring is the description that OpenAPI shows, so it speaks to clients."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def begin(self, request: Request) -> Response:
        """Report a training run, so that its curves stand on the page Runs. Needs the role trainer.

        The same `request` gets the same run again. Nothing that the server decides depends on a report.
        """
        return json_answer(await self._service.runs.begin(await body.read(request, BeginRun), request.state.caller))

    async def own(self, request: Request) -> Response:
        """The newest 100 runs of this token. An admin sees the runs of all tokens."""
        return json_answer(await self._service.runs.own(request.state.caller))

    async def get(self, run_id: RunId, request: Request) -> Response:
        """How many points the server has of a run, and when the last ones came."""
        return json_answer(await self._service.runs.get(run_id, request.state.caller))

    async def report(self, run_id: RunId, request: Request) -> Response:
        """Add up to 64 points to a run, each with up to 64 numbers. Needs the role trainer.

        A point replaces the former point of its kind, phase and step. So a report may be sent again, and a run that
        repeats steps after a stop overwrites them. A run has up to 20,000 points.
        """
        ask = await body.read(request, ReportPoints)
        return json_answer(await self._service.runs.report(run_id, ask, request.state.caller))

    async def delete(self, run_id: RunId, request: Request) -> Response:
        """Delete a run and its points for good. Needs the role trainer."""
        await self._service.runs.delete(run_id, request.state.caller)
        return Response(status_code=204)


def run_routes(service: Service) -> list[Route]:
    """The routes of training runs."""
    end = RunEndpoints(service)
    empty = {"status_code": 204, "response_model": None}
    return [
        Route("POST", "/v1/runs", end.begin, "Begin a training run", route_documentation(Run, BeginRun, 403, 422, 503)),
        Route("GET", "/v1/runs", end.own, "List your training runs", route_documentation(OwnRuns, None, 503)),
        Route(
            "POST",
            "/v1/runs/{run_id}/points",
            end.report,
            "Report training steps",
            route_documentation(Run, ReportPoints, 403, 404, 422, 503),
        ),
        Route(
            "GET",
            "/v1/runs/{run_id}",
            end.get,
            "Look at a training run",
            route_documentation(Run, None, 404, 422, 503),
        ),
        Route(
            "DELETE",
            "/v1/runs/{run_id}",
            end.delete,
            "Delete a training run",
            empty | {"responses": refusals(404, 422, 503)},
        ),
    ]
