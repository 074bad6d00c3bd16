"""The HTTP app over an arena. `process` runs the app in a process.

From a route to the store in two steps: `routes` lists each path with its endpoint, and an endpoint calls `Episodes`
(`episodes`), which asks and changes the store (`store`). The pages for people (`pages`) do the same. `gate` comes
before all routes, and `answers` gives refusals their status codes.

Why FastAPI, but with bodies read and answers encoded by hand (`body`, `answers`, `documentation`)?

- Plain FastAPI reads bodies leniently: "1" passes for a number, the last of two equal keys wins, and a refusal repeats
  what was sent. A verdict must have one meaning, and no text of an overseer may come back. It also reads a body before
  the route can limit the number of its keys, and validates and encodes each answer twice, once as our model and once as
  its own, although the model has just been made here.
- Plain Starlette would serve the same routes, but knows nothing of OpenAPI: parameters, refusals and
  components would all be written by hand. FastAPI derives them from the routes; only the bodies have to
  be named (`route_documentation`).
"""

from fastapi import FastAPI

import forge_arena
from forge_arena.episodes import Arena
from forge_server.access import Access
from forge_server.answers import HANDLERS
from forge_server.documentation import Documentation
from forge_server.gate import Gate
from forge_server.openenv_routes import add_openenv_routes
from forge_server.pages.site import Site
from forge_server.routes import routes
from forge_server.run_routes import run_routes
from forge_server.service import Service
from forge_server.settings import Settings
from forge_server.siblings import Siblings

DESCRIPTION = """
Train and score overseers: open episodes, look at the observation, give a verdict, get a reward.

A refused request changes nothing, and its `code` is stable. A failure of the Worker or of the server is never a score:
`reward` is null, or the request is refused with `Retry-After`. Sending the same verdict again is safe: it gets the same
answer again.
"""


def create_app(settings: Settings, arena: Arena, siblings: Siblings | None = None) -> FastAPI:
    """The app over an arena. Its lifespan starts and ends the Worker. Until the Worker is ready, `/v1` answers 503.

    `siblings` are the other processes of this server, if it has several.
    """
    siblings = siblings or Siblings()
    service = Service(settings, arena, siblings)
    app = FastAPI(
        title="ForgeArena",
        version=forge_arena.__version__,
        description=DESCRIPTION,
        lifespan=service.run,
        exception_handlers=HANDLERS,
        # FastAPI's own pages fetch scripts from another host, and none of them is made in a thread.
        openapi_url=None,
    )
    app.state.service = service
    buckets = None if siblings.folder is None else siblings.folder / "rates"
    access = Access(settings.tokens, settings.rate, buckets=buckets)
    site = Site(service, access)
    app.add_middleware(
        Gate,
        settings=settings,
        metrics=service.metrics,
        waiting_for=service.waiting_for,
        leaving=lambda: service.leaving(),
        access=access,
        sessions=lambda: service.sessions,
        refuse_page=site.refuse_at_gate,
    )
    # Routes are tried in this order. So those of programs come first, and the pages of people last.
    for route in (*routes(service, site.leaderboard), *run_routes(service)):
        route.add_to(app)
    Documentation(app, settings.root_path).add_to(app)
    site.add_to(app)
    add_openenv_routes(app, service, settings.sessions, settings.session_idle)
    return app
