"""Fill the templates of the pages. Every text of a Worker, a document or a client is only text on them."""

from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

import forge_arena
from forge_arena.texts.visible import visible_value

# Only our own style sheet and script. No script that stands in a page runs, and nothing comes from another host.
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
}
_STATIC = Path(__file__).with_name("static")
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


def render(request: Request, name: str, status: int = 200, **values: Any) -> Response:
    """The answer with a page. `name` is a template without its ending."""
    root = request.scope.get("root_path", "")
    text = (
        _environment().get_template(f"{name}.html.jinja").render(root=root, version=forge_arena.__version__, **values)
    )
    # Half a character, which a Worker may write, has no UTF-8. The pages show its number (`visible_value`), so it is
    # left only where a form holds the raw text.
    return HTMLResponse(text.encode("utf-8", "replace"), status, HEADERS)


@cache
def static_file(name: str) -> tuple[bytes, str] | None:
    """The bytes of a static file and their type; None if there is no such file."""
    files = {path.name: path for path in _STATIC.iterdir() if path.suffix in _TYPES}
    path = files.get(name)
    return None if path is None else (path.read_bytes(), _TYPES[path.suffix])


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("forge_server.pages", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=visible_value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "words": _words,
        "number": _number,
        "percent": _percent,
        "signed": _signed,
        "moment": _moment,
        "raw": _raw,
    }
    return environment


def _words(name: object) -> str:
    """A name of the code as words: `legal_summarisation` becomes "legal summarisation"."""
    return str(name).replace("_", " ")


def _number(value: float | None, digits: int = 2) -> str:
    return "\u2013" if value is None else f"{value:z.{digits}f}".replace("-", "\u2212")


def _signed(value: float | None, digits: int = 2) -> str:
    """A difference with its sign. The sign of minus is as wide as that of plus."""
    return "\u2013" if value is None else f"{value:+z.{digits}f}".replace("-", "\u2212")


def _percent(value: float | None) -> str:
    return "\u2013" if value is None else f"{value:.0%}"


def _moment(time: str) -> str:
    """A time of the API for people: `2026-11-20T09:30:00+00:00` becomes "2026-11-20 09:30 UTC"."""
    return f"{time[:16].replace('T', ' ')} UTC"


def _raw(text: str) -> Markup:
    """The text as it is, escaped, also with the characters that nobody can see: for what a form sends back."""
    return escape(text)
