"""Describe routes for OpenAPI, which cannot see what they read and answer, because they do both by hand (see `app`)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Response
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from forge_arena.wire import ErrorBody
from forge_server import examples
from forge_server.answers import STATUS


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
    return {"responses": {200: ok, **refusals(400, 413, *statuses)}, "openapi_extra": {"requestBody": body}}


def openapi(app: FastAPI) -> dict[str, Any]:
    """FastAPI's document, with the bodies that the routes read by hand, and the token."""
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
