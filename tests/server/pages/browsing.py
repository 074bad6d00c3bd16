"""A browser without a window: the forms and texts of a page, and the cookies of a session."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import httpx

# Elements without an end.
VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})


@dataclass
class Element:
    """An element of a page: its name, its attributes, and all text in it."""

    name: str
    attributes: dict[str, str]
    text: str = ""


@dataclass
class Page(HTMLParser):
    """A parsed page. `elements` are all of them, in the order in which they begin."""

    html: str
    elements: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[Element] = []
        self.feed(self.html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop().name != tag:
            pass

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def by_id(self, id: str) -> Element:
        (found,) = [element for element in self.elements if element.attributes.get("id") == id]
        return found

    def all(self, name: str) -> list[Element]:
        return [element for element in self.elements if element.name == name]

    @property
    def token(self) -> str:
        """What the forms of the page carry."""
        return next(e.attributes["value"] for e in self.all("input") if e.attributes.get("name") == "form_token")


class Person:
    """Somebody who looks at the pages of a server, with cookies of their own."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.http = httpx.AsyncClient(base_url=server.http.base_url, timeout=30, follow_redirects=True)

    async def get(self, path: str) -> Page:
        answer = await self.http.get(path)
        assert answer.status_code == 200, answer.text
        return Page(answer.text)

    async def post(self, path: str, page: Page | None = None, **fields: Any) -> httpx.Response:
        """Send a form as it stands on `page`."""
        token = {} if page is None else {"form_token": page.token}
        return await self.http.post(path, data={**token, **fields})

    async def log_in(self, token: str) -> None:
        answer = await self.post("/login", token=token)
        assert answer.status_code == 200, answer.text
        assert answer.url.path == "/play"

    async def open(self, **fields: Any) -> tuple[str, Page]:
        """The path of a new episode, and its page."""
        answer = await self.post("/play", await self.get("/play"), **fields)
        assert answer.status_code == 200, answer.text
        return answer.url.path, Page(answer.text)

    def session(self) -> Any:
        """The session as the server reads it from the cookie."""
        sessions = self.server.service.sessions
        return sessions.read(self.http.cookies[sessions.cookie])

    async def close(self) -> None:
        await self.http.aclose()
