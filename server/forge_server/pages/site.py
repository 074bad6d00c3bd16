"""The routes of the pages, and what each of them needs of the server."""

import re
import time
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Scope

from forge_arena.types import CorruptionType, Split
from forge_server.access import Access, Caller
from forge_server.answers import STATUS
from forge_server.errors import Refused, Starting, Unauthorized
from forge_server.pages.browsing import browse, finished_episode
from forge_server.pages.choices import Choices
from forge_server.pages.forms import TOKEN, check_token, read_form
from forge_server.pages.leaderboard import leaderboard_page
from forge_server.pages.live import live
from forge_server.pages.playing import Playing, review
from forge_server.pages.rendering import render, static_file
from forge_server.pages.training import training
from forge_server.service import Service
from forge_server.sessions import PageSession, PageSessions

Endpoint = Callable[["Site", Request], Awaitable[Response]]

# A page to which a login leads back. Nothing else is, because an address may hold what somebody else wrote.
PAGE = re.compile(r"/(?:play|episodes|live|runs)(?:/[A-Za-z0-9_-]{1,64}){0,2}")


def page(endpoint: Endpoint) -> Endpoint:
    """An endpoint whose refusals are pages too."""

    @wraps(endpoint)
    async def answer(site: "Site", request: Request) -> Response:
        try:
            return await endpoint(site, request)
        except Refused as refusal:
            return site.refuse(request, refusal)

    return answer


class Site:
    """The pages of one server, one method for each."""

    def __init__(self, service: Service, access: Access) -> None:
        self._service = service
        self._access = access
        self._playing = Playing(service)

    def add_to(self, app: FastAPI) -> None:
        """Add the routes. OpenAPI does not list them, because they are for people."""
        for method, path, endpoint in (
            ("GET", "/", self.home),
            ("GET", "/static/{name}", self.static),
            ("GET", "/login", self.login_form),
            ("POST", "/login", self.log_in),
            ("POST", "/logout", self.log_out),
            ("GET", "/play", self.play),
            ("POST", "/play", self.open),
            ("GET", "/play/result", self.result),
            ("GET", "/play/{episode_id}", self.episode),
            ("POST", "/play/{episode_id}", self.verdict),
            ("POST", "/play/{episode_id}/probe", self.probe),
            ("POST", "/play/{episode_id}/lookup", self.look_up),
            ("GET", "/live", self.live),
            ("GET", "/runs", self.runs),
            ("GET", "/episodes", self.episodes),
            ("GET", "/episodes/{episode_id}", self.finished),
        ):
            app.add_api_route(path, endpoint, methods=[method], include_in_schema=False)

    # --- what every page shares ---

    def _render(self, request: Request, name: str, status: int = 200, **values: Any) -> Response:
        session: PageSession | None = getattr(request.state, "session", None)
        sessions = self._service.sessions
        return render(
            request,
            name,
            status,
            needs_token=self._access.needs_token,
            logged_in=self._access.needs_token and session is not None,
            form_token="" if session is None or sessions is None else sessions.form_token(session),
            token_field=TOKEN,
            here=request.url.path.removeprefix(request.scope.get("root_path", "")),
            **values,
        )

    def _with_session(self, request: Request) -> tuple[PageSession, str]:
        """The session of a page with forms, and its cookie if the session is new. On a server with tokens the session
        comes from the login."""
        session: PageSession | None = request.state.session
        if session is not None:
            return session, ""
        assert not self._access.needs_token
        request.state.session = session = self._sessions().begin(request.state.caller.owner)
        return session, self._sessions().write(session)

    def _sessions(self) -> PageSessions:
        if (sessions := self._service.sessions) is None:
            raise Starting("the server is not ready yet: the store is closed")
        return sessions

    def _set_cookie(self, request: Request, response: Response, value: str) -> Response:
        response.set_cookie(
            self._sessions().cookie,
            value,
            max_age=max(0, request.state.session.expires - int(time.time())) if value else 0,
            path=request.scope.get("root_path", "") or "/",
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return response

    def _redirect(self, scope: Scope, path: str) -> Response:
        # 303, so that the browser asks with GET and a reload sends no form twice.
        return RedirectResponse(f"{scope.get('root_path', '')}{path}", 303)

    def refuse(self, request: Request, refusal: Refused) -> Response:
        """The page of a refusal. Who needs to log in is sent there."""
        if isinstance(refusal, Unauthorized):
            path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
            asked = f"?to={path}" if request.method == "GET" and path != "/play" and PAGE.fullmatch(path) else ""
            return self._redirect(request.scope, f"/login{asked}")
        response = self._render(request, "refusal", STATUS[type(refusal)], title="Not possible", refusal=refusal)
        if refusal.retry_after is not None:
            response.headers["retry-after"] = str(refusal.retry_after)
        return response

    def refuse_at_gate(self, scope: Scope, refusal: Refused) -> ASGIApp:
        """The same for a request that does not reach its route."""
        request = Request(scope)
        request.state.session = None
        return self.refuse(request, refusal)

    def _check_ready(self) -> None:
        if (reason := self._service.waiting_for()) is not None:
            raise Starting(f"the server is not ready yet: {reason}")

    # --- the pages ---

    async def static(self, request: Request) -> Response:
        found = static_file(request.path_params["name"])
        if found is None:
            return Response("there is no such file", 404, media_type="text/plain")
        return Response(found[0], media_type=found[1])

    @page
    async def home(self, request: Request) -> Response:
        arena = self._service.arena
        reason = self._service.waiting_for()
        # Without its token a server tells what its leaderboard tells, and no counts.
        may_count = reason is None and (not self._access.needs_token or request.state.session is not None)
        stats = await self._service.stats() if may_count else None
        return self._render(
            request,
            "home",
            title="ForgeArena",
            suite=arena.suite_and_version,
            worker=arena.answers_by,
            waiting_for=reason,
            stats=stats,
            types=len(CorruptionType),
            families={split.value: len(arena.families(split)) for split in Split},
            sealed=self._service.settings.sealed,
        )

    @page
    async def login_form(self, request: Request) -> Response:
        return self._render(request, "login", title="Log in", wrong=False, to=_page(request.query_params.get("to", "")))

    @page
    async def log_in(self, request: Request) -> Response:
        form = await read_form(request)
        to = _page(form.get("to"))
        if not self._access.needs_token:
            return self._redirect(request.scope, to)
        token = form.get("token").strip()
        try:
            # A token has only ASCII characters, as a header has.
            grant = self._access.find_grant(f"Bearer {token if token.isascii() else ''}")
        except Unauthorized:
            return self._render(request, "login", 401, title="Log in", wrong=True, to=to)
        request.state.session = session = self._sessions().begin(Caller.of(grant).owner)
        response = self._redirect(request.scope, to)
        return self._set_cookie(request, response, self._sessions().write(session))

    @page
    async def log_out(self, request: Request) -> Response:
        check_token(await read_form(request), request.state.session, self._sessions())
        return self._set_cookie(request, self._redirect(request.scope, "/"), "")

    @page
    async def play(self, request: Request) -> Response:
        self._check_ready()
        session, cookie = self._with_session(request)
        values = await self._playing.start(session.player, Choices.of(request.query_params))
        response = self._render(request, "start", title="Play", **values)
        return self._set_cookie(request, response, cookie) if cookie else response

    @page
    async def open(self, request: Request) -> Response:
        self._check_ready()
        form = await read_form(request)
        session = check_token(form, request.state.session, self._sessions())
        choices = Choices.of(form)
        episode_id = await self._playing.open(choices, session.player, request.state.caller)
        return self._redirect(request.scope, f"/play/{episode_id}{choices.query}")

    @page
    async def episode(self, request: Request) -> Response:
        self._check_ready()
        session, cookie = self._with_session(request)
        name, values = await self._playing.show(request.path_params["episode_id"], session.player, request.query_params)
        response = self._render(request, name, **values)
        return self._set_cookie(request, response, cookie) if cookie else response

    @page
    async def verdict(self, request: Request) -> Response:
        self._check_ready()
        form = await read_form(request)
        session = check_token(form, request.state.session, self._sessions())
        episode_id = request.path_params["episode_id"]
        choices = Choices.of(request.query_params)
        again = await self._playing.give_verdict(episode_id, form, session.player, choices)
        if again is None:
            return self._redirect(request.scope, f"/play/{episode_id}{choices.query}")
        return self._render(request, "play", 422, **again)

    @page
    async def probe(self, request: Request) -> Response:
        self._check_ready()
        form = await read_form(request)
        session = check_token(form, request.state.session, self._sessions())
        choices = Choices.of(request.query_params)
        values = await self._playing.probe(request.path_params["episode_id"], form, session.player, choices)
        return self._render(request, "play", **values)

    @page
    async def result(self, request: Request) -> Response:
        """A person's tally on a split as a file, which `forge-arena compare` takes."""
        self._check_ready()
        session, _ = self._with_session(request)
        split = request.query_params.get("split", "")
        result = await self._playing.result(session.player, split)
        headers = {"content-disposition": f'attachment; filename="{result.overseer.replace(" ", "-")}-{split}.json"'}
        return Response(result.model_dump_json(indent=2), media_type="application/json", headers=headers)

    @page
    async def look_up(self, request: Request) -> Response:
        self._check_ready()
        form = await read_form(request)
        session = check_token(form, request.state.session, self._sessions())
        choices = Choices.of(request.query_params)
        values = await self._playing.look_up(request.path_params["episode_id"], form, session.player, choices)
        return self._render(request, "play", **values)

    @page
    async def episodes(self, request: Request) -> Response:
        self._check_ready()
        values = await browse(self._service.episodes, request.query_params, request.state.caller)
        return self._render(request, "episodes", **values)

    @page
    async def finished(self, request: Request) -> Response:
        self._check_ready()
        episode_id = request.path_params["episode_id"]
        view = await finished_episode(self._service.episodes, episode_id, request.state.caller)
        return self._render(request, "review", **await review(view), tallies=[], choices=None)

    @page
    async def live(self, request: Request) -> Response:
        self._check_ready()
        return self._render(request, "live", **await live(self._service))

    @page
    async def runs(self, request: Request) -> Response:
        self._check_ready()
        caller = request.state.caller
        values = await training(self._service.runs, request.query_params, caller)
        return self._render(request, "runs", everybody=caller.admin, **values)

    @page
    async def leaderboard(self, request: Request) -> Response:
        """The leaderboard for people. Needs no token."""
        values = await leaderboard_page(self._service.episodes.submissions, request.query_params)
        return self._render(request, "leaderboard", **values)


def _page(asked: str) -> str:
    """The page to which a login leads: the one that was asked for, or the page to play on."""
    return asked if PAGE.fullmatch(asked) else "/play"
