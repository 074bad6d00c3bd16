"""Answer in HTTP: bodies as JSON, and refusals with their status codes."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import Match

from forge_arena.types import Outcome
from forge_arena.wire import ErrorBody, ErrorDetail
from forge_server.errors import (
    BodyTooLarge,
    BodyTooSlow,
    BudgetSpent,
    Busy,
    ClientLeft,
    ConflictingVerdict,
    CrossSite,
    EncodedBody,
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
    RunsFull,
    SealedSplit,
    Starting,
    StoreUnavailable,
    TooFast,
    TrainOnly,
    Unauthorized,
    UnfitCurriculum,
    UnknownEpisode,
    UnknownRun,
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
    TrainOnly: 403,
    NoCurriculum: 404,
    UnknownEpisode: 404,
    BodyTooSlow: 408,
    ConflictingVerdict: 409,
    EpisodeFinished: 409,
    NoProbesLeft: 409,
    EpisodeGone: 410,
    BodyTooLarge: 413,
    EncodedBody: 415,
    # nginx's number. No standard status means this.
    ClientLeft: 499,
    InvalidRequest: 422,
    NoSuchAttempt: 422,
    NoSuchKey: 422,
    NothingMatches: 422,
    UnknownSubmission: 404,
    UnknownRun: 404,
    RunsFull: 403,
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


async def _answer_refusal(_: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refused)
    return refuse(refusal)


async def _answer_wrong_parameter(_: Request, error: Exception) -> Response:
    """A wrong parameter of the path or query. FastAPI's own answer would repeat the parameter."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    return refuse(InvalidRequest(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"))


async def _answer_unrouted(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code, message = {
        404: ("not_found", "there is nothing at this path: see /docs"),
        405: ("method_not_allowed", "this path does not know this method: see /docs"),
    }.get(error.status_code, ("refused", "the request was refused: see /docs"))
    response = json_answer(ErrorBody(error=ErrorDetail(code=code, message=message)), error.status_code)
    response.headers.update(error.headers or {})
    if error.status_code == 405:
        # Starlette names only the methods of the first route at this path.
        at_this_path = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
        methods = {method for route in at_this_path for method in route.methods}
        # The gate answers HEAD wherever a route knows GET.
        response.headers["allow"] = ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))
    return response


async def _defect(_: Request, __: Exception) -> Response:
    detail = ErrorDetail(
        code="defect",
        message="the server has a defect, which it has logged; nothing was scored",
        outcome=Outcome.infra_failed,
    )
    return json_answer(ErrorBody(error=detail), 500)


HANDLERS: dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]] = {
    Refused: _answer_refusal,
    RequestValidationError: _answer_wrong_parameter,
    HTTPException: _answer_unrouted,
    Exception: _defect,
}
