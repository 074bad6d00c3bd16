"""Decide who may do what, and how often: tokens by their hashes, three roles, a bucket of requests for each token."""

import hashlib
import math
import re
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from forge_arena.hosts import is_loopback
from forge_arena.secrecy import fits_header
from forge_server.errors import CrossSite, Forbidden, TooFast, Unauthorized
from forge_server.rates import Buckets
from forge_server.sessions import PageSession

# Paths that need no token.
OPEN_PATHS = frozenset({"/health", "/docs", "/openapi.json", "/leaderboard", "/v1/leaderboard", "/", "/login"})
# The style sheet, the script and the icon of the pages.
STATIC = "/static/"
# Pages for people. They take the session's cookie, and all other paths take the header.
PAGES = frozenset({"/play", "/episodes", "/live", "/runs", "/logout"})
# The train stream is one for all clients, so a player may not change it.
TRAINERS_ONLY = frozenset({("POST", "/v1/curriculum"), ("DELETE", "/v1/curriculum"), ("POST", "/v1/runs")})
# Below this path, only a trainer may change anything.
RUN = "/v1/runs/"
BURST_SECONDS = 10.0
SHORTEST = 8

_HASHED = re.compile(r"sha256:([0-9a-f]{64})")


class Role(StrEnum):
    """What a token allows: a player plays; a trainer also sets the curriculum and reports training runs; an admin also
    has no rate limit."""

    player = "player"
    trainer = "trainer"
    admin = "admin"


@dataclass(frozen=True, slots=True)
class Grant:
    """A token that the server knows, as its SHA-256, and its role."""

    digest: bytes
    role: Role

    @classmethod
    def of(cls, text: str) -> "Grant":
        """From `[ROLE:]TOKEN` or `[ROLE:]sha256:HEX`. Without a role it is an admin's.

        Raises:
            ValueError: the role is unknown, the token is too short, or it holds characters that no header can carry.
        """
        role, token = _split(text.strip())
        if hashed := _HASHED.fullmatch(token):
            return cls(bytes.fromhex(hashed[1]), role)
        if token.startswith("sha256:"):
            raise ValueError("a hashed token is sha256: and 64 hexadecimal digits")
        if len(token) < SHORTEST or not fits_header(token):
            raise ValueError(f"a token needs at least {SHORTEST} printable ASCII characters")
        return cls(_digest(token.encode()), role)


def _split(text: str) -> tuple[Role, str]:
    name, colon, rest = text.partition(":")
    if not colon or name == "sha256":
        return Role.admin, text
    if name not in Role.__members__:
        # Otherwise a mistyped role would make the whole text an admin's token. The message does not repeat the name,
        # because the name may be part of a token.
        raise ValueError(
            f"the word before the colon of a token is its role, one of {', '.join(Role)}: correct the role, or write "
            f"{Role.admin}: before a token that has a colon of its own"
        )
    return Role(name), rest.strip()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request. An admin acts for all owners; so does everybody if the server has no tokens.

    `owner` names the token in the store without revealing it. It is empty if the server has no tokens.
    """

    owner: str
    admin: bool

    @classmethod
    def of(cls, grant: Grant | None) -> "Caller":
        if grant is None:
            return cls("", admin=True)
        return cls(_digest(b"owner:" + grant.digest).hex()[:32], grant.role is Role.admin)

    def may_see(self, owner: str) -> bool:
        """Whether this caller may see what belongs to `owner`."""
        return self.admin or owner in ("", self.owner)


# The caller without a token, and every caller of a path that needs none.
NOBODY = Caller("", admin=False)


def is_page(path: str) -> bool:
    """Whether a path is one of the pages that need a token where the server has tokens."""
    return path in PAGES or path.startswith(("/play/", "/episodes/"))


def is_for_trainers(method: str, path: str) -> bool:
    """Whether a request is refused to a player."""
    return (method, path) in TRAINERS_ONLY or (method != "GET" and path.startswith(RUN))


def new_token(role: Role) -> tuple[str, str]:
    """A new token for a client, and the text that lets the server recognise the token without knowing it."""
    token = secrets.token_urlsafe(32)
    return token, f"{role.value}:sha256:{_digest(token.encode()).hex()}"


class Access:
    """Admits requests. Without tokens, everybody on this machine may do everything, except web pages of other sites.

    `rate` is in requests a second for each token but an admin's; None means no limit. `buckets` is a file that several
    processes share, so that the rate holds for all of them together.
    """

    def __init__(
        self,
        tokens: Iterable[str],
        rate: float | None,
        *,
        buckets: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        grants = [Grant.of(token) for token in tokens]
        # By hash, so that a request takes as long with a thousand tokens as with one. The time of a search reveals
        # nothing of a token, because nobody can infer a token from a part of its SHA-256.
        self._grants = {grant.digest: grant for grant in grants}
        self._owners = {Caller.of(grant).owner: grant for grant in self._grants.values()}
        # The bucket of each token.
        self._numbers = {digest: number for number, digest in enumerate(self._grants)}
        self._rate = rate
        self._buckets: Buckets | None = None
        if rate is not None:
            # One for each token, and the last one for callers without a token.
            count = len(self._grants) + 1
            self._buckets = Buckets(count, rate, max(1.0, rate * BURST_SECONDS), file=buckets, clock=clock)

    def admit(
        self, method: str, path: str, *, authorization: str, host: str, origin: str, session: PageSession | None = None
    ) -> Caller:
        """Who sends this request, by its headers. A missing header is an empty string.

        A page takes the `session`, and every other path the header `authorization`.

        Raises:
            CrossSite, Unauthorized, Forbidden, TooFast: the request may not come in.
        """
        self._check_site(host, origin)
        if path in OPEN_PATHS or path.startswith(STATIC):
            return NOBODY
        if not self._grants:
            grant = None
        elif is_page(path):
            grant = self._grant_of(session)
        else:
            grant = self.find_grant(authorization)
        if grant is not None and grant.role is Role.player and is_for_trainers(method, path):
            raise Forbidden(f"this needs the role {Role.trainer}: the token is a {grant.role}'s")
        if self._buckets is not None and (grant is None or grant.role is not Role.admin):
            self._take(self._buckets, grant)
        return Caller.of(grant)

    def _check_site(self, host: str, origin: str) -> None:
        """Refuse web pages of other sites. A browser lets any page post to this machine and, if the page's DNS name can
        be pointed here, also read from it. So a server without tokens answers only to the names of this machine."""
        if not self._grants and host and not _names_this_machine(host):
            raise CrossSite("without a token this server answers only to localhost: give it one (serve --token)")
        if origin and _host_of(origin) != host.lower():
            raise CrossSite("a web page of another site may not use this server")

    def knows(self, session: PageSession) -> bool:
        """Whether the token of a session still opens this server. Without tokens, a session of no token does."""
        return session.owner in self._owners if self._grants else session.owner == ""

    def _grant_of(self, session: PageSession | None) -> Grant:
        grant = None if session is None else self._owners.get(session.owner)
        if grant is None:
            raise Unauthorized("this page needs a token: log in")
        return grant

    @property
    def needs_token(self) -> bool:
        """Whether the server has tokens."""
        return bool(self._grants)

    def find_grant(self, authorization: str) -> Grant:
        """The grant of a header `Bearer TOKEN`. Raises `Unauthorized`."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthorized("this server needs a token: send the header 'Authorization: Bearer TOKEN'")
        match = self._grants.get(_digest(token.strip().encode("latin-1")))
        if match is None:
            raise Unauthorized("this server does not know the token")
        return match

    def _take(self, buckets: Buckets, grant: Grant | None) -> None:
        number = len(self._grants) if grant is None else self._numbers[grant.digest]
        if wait := buckets.take(number):
            raise TooFast(f"this token may ask {self._rate:g} times a second", math.ceil(wait))


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()


def _host_of(origin: str) -> str | None:
    """The host and the port of an Origin header; None if they cannot be read, as in `http://[`."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


@lru_cache(maxsize=64)
def _names_this_machine(host: str) -> bool:
    """Whether a Host header names this machine. Without its port, and without the brackets of an IPv6 address."""
    return is_loopback(re.sub(r":\d+$", "", host).removeprefix("[").removesuffix("]"))
