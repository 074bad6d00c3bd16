"""The routes of `/v1` and those for operators: one short method each, and the list that gives each its path."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Path, Query, Request, Response
from starlette.responses import HTMLResponse

from forge_arena.wire import (
    MAX_CELLS,
    OVERSEER_NAME,
    AskProbe,
    Curriculum,
    CurriculumState,
    DifficultyCell,
    EpisodeState,
    Health,
    Leaderboard,
    OfferedTools,
    OpenedEpisodes,
    OpenEpisodes,
    OpenSubmission,
    OwnSubmissions,
    ProbeAnswered,
    Prompts,
    Stats,
    Submission,
    SubmitVerdicts,
    ToolAnswered,
    UseTool,
    VerdictResults,
)
from forge_server import body
from forge_server.answers import json_answer
from forge_server.documentation import Route, refusals, route_documentation
from forge_server.prompts import prompts
from forge_server.service import Service

# The most keys that the body of a curriculum can have.
CURRICULUM_KEYS = MAX_CELLS * len(DifficultyCell.model_fields) + len(Curriculum.model_fields)
OPERATIONS = ("operations",)
SubmissionId = Annotated[str, Path(max_length=64, description="as given by POST /v1/submissions")]
OverseerName = Annotated[str | None, Query(pattern=OVERSEER_NAME, description="only the entries of this name")]
ToolName = Annotated[str, Path(max_length=64, description="as listed by GET /v1/tools", examples=["search_source"])]
EpisodeId = Annotated[str, Path(max_length=64, description="as given by POST /v1/episodes", examples=["Qh3v…"])]


class Endpoints:
    """One endpoint a method. Each docstring is the description that OpenAPI shows, so it speaks to clients."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def open_episodes(self, request: Request) -> Response:
        """The next `count` episodes of a split's stream, with filters if you like, or the episodes that `keys` name.

        `form`, or `:clean`, `:corrupted` or `:placebo` at the end of a key, asks for the same draw in that form. A
        sealed test split has no such forms. Plain `count` on train is served from stock. Single failures are listed in
        `failed`; if all fail, the answer is 503.
        """
        ask = await body.read(request, OpenEpisodes)
        return json_answer(await self._service.episodes.openings.open(ask, request.state.caller))

    async def submit_verdicts(self, request: Request) -> Response:
        """A batch of verdicts or raw completions. The results come in the same order, or the whole batch is refused.

        Once all attempts on an episode are made, its last result holds the truth, except on a sealed test split.
        """
        return json_answer(await self._service.episodes.verdicts.record(await body.read(request, SubmitVerdicts)))

    async def enter(self, request: Request) -> Response:
        """Enter the leaderboard under a name. A name has a budget of entries, and belongs to the token that used it
        first. Names that look alike count as one. Open the episodes of the entry with `submission`."""
        ask = await body.read(request, OpenSubmission)
        return json_answer(await self._service.episodes.submissions.enter(ask, request.state.caller))

    async def submissions(self, request: Request, overseer: OverseerName = None) -> Response:
        """The newest 100 entries of this token, finished or not. An admin sees the entries of all tokens."""
        return json_answer(await self._service.episodes.submissions.own(request.state.caller, overseer))

    async def submission(self, submission_id: SubmissionId, request: Request) -> Response:
        """How many of its episodes are finished. Once all are, the leaderboard shows what they earned."""
        return json_answer(await self._service.episodes.submissions.get(submission_id, request.state.caller))

    async def leaderboard(self) -> Response:
        """Every finished submission, scored from the verdicts that this server has stored. Needs no token."""
        return json_answer(await self._service.episodes.submissions.leaderboard())

    async def ask_probe(self, episode_id: EpisodeId, request: Request) -> Response:
        """One question from the probe budget. The same question again gets the same answer and costs nothing."""
        return json_answer(await self._service.episodes.probe(episode_id, await body.read(request, AskProbe)))

    async def tools(self) -> Response:
        """What an overseer may use before its verdict: names, descriptions, JSON schemas of the arguments, budgets."""
        return json_answer(self._service.episodes.tools.offered)

    async def use_tool(self, episode_id: EpisodeId, name: ToolName, request: Request) -> Response:
        """Use a tool before the verdict of the attempt. The answer is text for the overseer, also if the tool could not
        do what it was asked (`ok` is false). The same arguments again get the same answer and cost nothing.
        """
        ask = await body.read(request, UseTool)
        return json_answer(await self._service.episodes.tools.use(episode_id, name, ask))

    async def episode_state(self, episode_id: EpisodeId) -> Response:
        """The observation, the attempts and their results."""
        return json_answer(await self._service.episodes.records.state(episode_id))

    async def delete_episode(self, episode_id: EpisodeId) -> Response:
        """Delete an unfinished episode for good. A finished episode is a record and stays (409)."""
        await self._service.episodes.delete(episode_id)
        return Response(status_code=204)

    async def replace_curriculum(self, request: Request) -> Response:
        """The train stream now follows the learnable zone of these cells. The curriculum before is replaced.

        A cell is kept if its pass rate is from `low` to `high`, or if nobody measured it. A cell below `low` is left
        out, and so is a cell above `high`; then the next harder stealth of its family and type that is not above `high`
        is kept whatever its rate. The curriculum holds for `count`, with or without `start`, on every replica and after
        a restart. It does not hold for `keys`.
        """
        # In a thread, because a body may hold tens of thousands of cells.
        curriculum = await asyncio.to_thread(body.parse, await request.body(), Curriculum, CURRICULUM_KEYS)
        return json_answer(await self._service.episodes.replace_curriculum(curriculum))

    async def curriculum(self) -> Response:
        """How many cells the train stream may hold, and how many are left out. 404 if no curriculum is in force."""
        return json_answer(await self._service.episodes.curriculum())

    async def clear_curriculum(self) -> Response:
        """The train stream holds all cells again, from its next key on. No error if no curriculum was in force."""
        await self._service.episodes.clear_curriculum()
        return Response(status_code=204)

    async def prompts(self) -> Response:
        """The prompts by name, each in its parts, and the weight of each component of the reward.

        The system message is `system`. The user message is the `sections`, joined by an empty line. A section is its
        `heading`, a line break, and the `field` of the observation. If the field is empty, `if_empty` stands in its
        place; if `if_empty` is null, the section is left out. `if_hidden` is the same for a field that the view
        hides. A list is the lines of `each` for each of its entries: the `label`, directly followed by the `field` of
        the entry, as JSON if it is no text.
        """
        return json_answer(prompts(self._service.episodes.profile))

    async def stats(self) -> Response:
        """Episodes by status, verdicts by outcome, the mean reward, the stock, the curriculum's revision."""
        return json_answer(await self._service.stats())

    async def health(self) -> Response:
        """200 if episodes can be had, otherwise 503 with the reason. Needs no token."""
        reason = self._service.waiting_for() or await self._service.store_trouble()
        if reason is None:
            return json_answer(Health(ready=True, status="healthy"))
        return json_answer(Health(ready=False, reason=reason, status="unhealthy"), 503)

    async def metrics(self) -> Response:
        """Counters and histograms in Prometheus text format."""
        return Response(await self._service.metrics_text(), media_type="text/plain; version=0.0.4; charset=utf-8")


def routes(service: Service, leaderboard_page: Callable[[Request], Awaitable[Response]]) -> list[Route]:
    """All routes of the API. The page of the leaderboard is among them, because OpenAPI lists it."""
    end = Endpoints(service)
    html = {"response_class": HTMLResponse}
    text = {"response_class": Response}
    empty = {"status_code": 204, "response_model": None}
    return [
        Route(
            "POST",
            "/v1/episodes",
            end.open_episodes,
            "Open episodes",
            route_documentation(OpenedEpisodes, OpenEpisodes, 403, 404, 410, 422, 503),
        ),
        Route(
            "POST",
            "/v1/verdicts",
            end.submit_verdicts,
            "Give verdicts",
            route_documentation(VerdictResults, SubmitVerdicts, 404, 409, 410, 422, 503),
        ),
        Route(
            "POST",
            "/v1/submissions",
            end.enter,
            "Enter an overseer",
            route_documentation(Submission, OpenSubmission, 403, 422, 503),
        ),
        Route(
            "GET",
            "/v1/submissions",
            end.submissions,
            "List your entries",
            route_documentation(OwnSubmissions, None, 422, 503),
        ),
        Route(
            "GET",
            "/v1/submissions/{submission_id}",
            end.submission,
            "Look at an entry",
            route_documentation(Submission, None, 404, 422, 503),
        ),
        Route(
            "GET", "/v1/leaderboard", end.leaderboard, "Compare overseers", route_documentation(Leaderboard, None, 503)
        ),
        Route("GET", "/leaderboard", leaderboard_page, "The leaderboard as a page", html, tags=OPERATIONS),
        Route(
            "POST",
            "/v1/episodes/{episode_id}/probe",
            end.ask_probe,
            "Ask the Worker",
            route_documentation(ProbeAnswered, AskProbe, 404, 409, 410, 422, 503),
        ),
        Route("GET", "/v1/tools", end.tools, "List the tools", route_documentation(OfferedTools, None, 503)),
        Route(
            "POST",
            "/v1/episodes/{episode_id}/tools/{name}",
            end.use_tool,
            "Use a tool",
            route_documentation(ToolAnswered, UseTool, 404, 409, 410, 422, 503),
        ),
        Route(
            "GET",
            "/v1/episodes/{episode_id}",
            end.episode_state,
            "Look at an episode",
            route_documentation(EpisodeState, None, 404, 410, 422, 503),
        ),
        Route(
            "DELETE",
            "/v1/episodes/{episode_id}",
            end.delete_episode,
            "Give an episode up",
            empty | {"responses": refusals(404, 409, 422, 503)},
        ),
        Route(
            "POST",
            "/v1/curriculum",
            end.replace_curriculum,
            "Set the curriculum",
            route_documentation(CurriculumState, Curriculum, 422, 503),
        ),
        Route(
            "GET",
            "/v1/curriculum",
            end.curriculum,
            "Look at the curriculum",
            route_documentation(CurriculumState, None, 404, 503),
        ),
        Route(
            "DELETE",
            "/v1/curriculum",
            end.clear_curriculum,
            "Clear the curriculum",
            empty | {"responses": refusals(503)},
        ),
        Route("GET", "/v1/prompt", end.prompts, "Ask a model", route_documentation(Prompts, None, 503)),
        Route("GET", "/v1/stats", end.stats, "Count", route_documentation(Stats, None, 503)),
        Route("GET", "/health", end.health, "Ready or not", route_documentation(Health, None), tags=OPERATIONS),
        Route("GET", "/metrics", end.metrics, "Prometheus metrics", text | {"responses": refusals()}, tags=OPERATIONS),
    ]
