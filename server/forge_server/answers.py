"""Say it in HTTP: bodies as JSON, refusals with their status codes, and what OpenAPI tells of both."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.exceptions import HTTPException
from starlette.routing import Match

from forge_arena.types import Outcome
from forge_arena.wire import ErrorBody, ErrorDetail
from forge_server import examples
from forge_server.errors import (
    BodyTooLarge,
    BodyTooSlow,
    BudgetSpent,
    Busy,
    ClientLeft,
    ConflictingVerdict,
    CrossSite,
    EpisodeFinished,
    EpisodeGone,
    Forbidden,
    InvalidRequest,
    MalformedJson,
    NameTaken,
    NoCurriculum,
    NoEpisode,
    NoProbesLeft,
    NoSuchAttempt,
    NoSuchKey,
    NothingMatches,
    Refused,
    RunnerUnavailable,
    SealedSplit,
    Starting,
    StoreUnavailable,
    TooFast,
    Unauthorized,
    UnfitCurriculum,
    UnknownEpisode,
    UnknownSubmission,
    Unsealed,
    Unstorable,
    WorkerUnavailable,
)

STATUS: dict[type[Refused], int] = {
    MalformedJson: 400,
    Unauthorized: 401,
    CrossSite: 403,
    Forbidden: 403,
    SealedSplit: 403,
    NoCurriculum: 404,
    UnknownEpisode: 404,
    BodyTooSlow: 408,
    ConflictingVerdict: 409,
    EpisodeFinished: 409,
    NoProbesLeft: 409,
    EpisodeGone: 410,
    BodyTooLarge: 413,
    # As nginx numbers it; no standard status means this.
    ClientLeft: 499,
    InvalidRequest: 422,
    NoSuchAttempt: 422,
    NoSuchKey: 422,
    NothingMatches: 422,
    UnknownSubmission: 404,
    BudgetSpent: 403,
    NameTaken: 403,
    Unsealed: 403,
    UnfitCurriculum: 422,
    Unstorable: 422,
    TooFast: 429,
    Busy: 503,
    NoEpisode: 503,
    Starting: 503,
    RunnerUnavailable: 503,
    StoreUnavailable: 503,
    WorkerUnavailable: 503,
}


def json_answer(model: BaseModel, status: int = 200) -> Response:
    return Response(model.__pydantic_serializer__.to_json(model), status, media_type="application/json")


def refuse(refusal: Refused) -> Response:
    """The answer to a refused request."""
    detail = ErrorDetail(code=refusal.code, message=refusal.message, outcome=refusal.outcome)
    response = json_answer(ErrorBody(error=detail), STATUS[type(refusal)])
    if refusal.retry_after is not None:
        response.headers["retry-after"] = str(refusal.retry_after)
    if isinstance(refusal, Unauthorized):
        response.headers["www-authenticate"] = "Bearer"
    return response


async def _refused(_: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refused)
    return refuse(refusal)


async def _unfit(_: Request, error: Exception) -> Response:
    """A parameter of the path that is none; FastAPI's own answer would repeat it."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    return refuse(InvalidRequest(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"))


async def _not_routed(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code, message = {
        404: ("not_found", "there is nothing at this path: see /docs"),
        405: ("method_not_allowed", "this path does not know this method: see /docs"),
    }.get(error.status_code, ("refused", "the request was refused: see /docs"))
    response = json_answer(ErrorBody(error=ErrorDetail(code=code, message=message)), error.status_code)
    response.headers.update(error.headers or {})
    if error.status_code == 405:
        # Starlette names the methods of the first route at this path alone.
        at_this_path = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
        known = {method for route in at_this_path for method in route.methods}
        # The gate lets HEAD in wherever GET is known.
        response.headers["allow"] = ", ".join(sorted(known | ({"HEAD"} if "GET" in known else set())))
    return response


async def _defect(_: Request, __: Exception) -> Response:
    detail = ErrorDetail(
        code="defect",
        message="the server has a defect, which it has logged; nothing was scored",
        outcome=Outcome.infra_failed,
    )
    return json_answer(ErrorBody(error=detail), 500)


HANDLERS: dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]] = {
    Refused: _refused,
    RequestValidationError: _unfit,
    HTTPException: _not_routed,
    Exception: _defect,
}


# --- documentation


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    reasons: dict[int, list[str]] = {status: [] for status in sorted({401, 403, 429, *statuses})}
    for refusal, status in STATUS.items():
        if status in reasons:
            reasons[status].append(f"`{refusal.code}`")
    return {status: {"model": ErrorBody, "description": ", ".join(codes)} for status, codes in reasons.items()}


def documented(answer: type[BaseModel], asked: type[BaseModel] | None, *statuses: int) -> dict[str, Any]:
    """What OpenAPI says of a route whose body is parsed and answered without FastAPI's own machinery."""
    ok = {"model": answer, "content": {"application/json": {"example": examples.ANSWERS[answer]}}}
    if asked is None:
        return {"responses": {200: ok, **refusals(*statuses)}}
    request = {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"$ref": f"#/components/schemas/{asked.__name__}"},
                "examples": examples.REQUESTS[asked],
            }
        },
    }
    return {"responses": {200: ok, **refusals(400, 413, *statuses)}, "openapi_extra": {"requestBody": request}}


def openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        _, bodies = models_json_schema(
            [(model, "validation") for model in examples.REQUESTS], ref_template="#/components/schemas/{model}"
        )
        components = schema["components"]
        components["schemas"] = {**bodies["$defs"], **components["schemas"]}
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        schema["security"] = [{"token": []}]
        app.openapi_schema = schema
    return app.openapi_schema
