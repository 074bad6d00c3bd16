"""Decide who may do what, and how often: tokens by their hashes, three roles, a bucket of requests for each token."""

import hashlib
import hmac
import math
import re
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from forge_arena.hosts import is_loopback
from forge_server.errors import CrossSite, Forbidden, TooFast, Unauthorized
from forge_server.sessions import PageSession

# Paths that need no token.
OPEN_PATHS = frozenset({"/health", "/docs", "/openapi.json", "/leaderboard", "/v1/leaderboard", "/", "/login"})
# The style sheet, the script and the icon of the pages.
STATIC = "/static/"
# Pages for people. They take the session's cookie, and all other paths take the header.
PAGES = frozenset({"/play", "/episodes", "/live", "/logout"})
# The train stream is one for all clients, so a player may not change it.
TRAINERS_ONLY = frozenset({("POST", "/v1/curriculum"), ("DELETE", "/v1/curriculum")})
BURST_SECONDS = 10.0
SHORTEST = 8

_HASHED = re.compile(r"sha256:([0-9a-f]{64})")


class Role(StrEnum):
    """What a token allows: a player plays; a trainer also sets the curriculum; an admin also has no rate limit."""

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
        if len(token) < SHORTEST or not token.isascii() or not token.isprintable():
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


def new_token(role: Role) -> tuple[str, str]:
    """A new token for a client, and the text that lets the server recognise the token without knowing it."""
    token = secrets.token_urlsafe(32)
    return token, f"{role.value}:sha256:{_digest(token.encode()).hex()}"


class Access:
    """Admits requests. Without tokens, everybody on this machine may do everything, except web pages of other sites.

    `rate` is in requests a second for each token but an admin's; None means no limit.
    """

    def __init__(
        self, tokens: Iterable[str], rate: float | None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._grants = [Grant.of(token) for token in tokens]
        self._rate = rate
        self._clock = clock
        self._buckets: dict[bytes, _Bucket] = {}

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
        if grant is not None and grant.role is Role.player and (method, path) in TRAINERS_ONLY:
            raise Forbidden(f"this needs the role {Role.trainer}: the token is a {grant.role}'s")
        if self._rate is not None and (grant is None or grant.role is not Role.admin):
            self._take(grant.digest if grant else b"", self._rate)
        return Caller.of(grant)

    def _check_site(self, host: str, origin: str) -> None:
        """Refuse web pages of other sites. A browser lets any page post to this machine and, if the page's DNS name can
        be pointed here, also read from it. So a server without tokens answers only to the names of this machine."""
        if not self._grants and host and not is_loopback(_name(host)):
            raise CrossSite("without a token this server answers only to localhost: give it one (serve --token)")
        if origin and urlsplit(origin).netloc.lower() != host.lower():
            raise CrossSite("a web page of another site may not use this server")

    def knows(self, session: PageSession) -> bool:
        """Whether the token of a session still opens this server. Without tokens, a session of no token does."""
        return self._find_owner(session.owner) is not None if self._grants else session.owner == ""

    def _grant_of(self, session: PageSession | None) -> Grant:
        grant = None if session is None else self._find_owner(session.owner)
        if grant is None:
            raise Unauthorized("this page needs a token: log in")
        return grant

    def _find_owner(self, owner: str) -> Grant | None:
        return next((grant for grant in self._grants if Caller.of(grant).owner == owner), None)

    @property
    def needs_token(self) -> bool:
        """Whether the server has tokens."""
        return bool(self._grants)

    def find_grant(self, authorization: str) -> Grant:
        """The grant of a header `Bearer TOKEN`. Raises `Unauthorized`."""
        scheme, _, token = authorization.partition(" ")
        digest = _digest(token.strip().encode("latin-1"))
        match: Grant | None = None
        # Compared with all of them. Otherwise the time would reveal which grant matched.
        for grant in self._grants:
            if hmac.compare_digest(grant.digest, digest):
                match = grant
        if match is None or scheme.lower() != "bearer":
            raise Unauthorized("this server needs a token: send the header 'Authorization: Bearer TOKEN'")
        return match

    def _take(self, who: bytes, rate: float) -> None:
        now = self._clock()
        size = max(1.0, rate * BURST_SECONDS)
        bucket = self._buckets.setdefault(who, _Bucket(size, now))
        bucket.left = min(size, bucket.left + (now - bucket.at) * rate)
        bucket.at = now
        if bucket.left < 1.0:
            raise TooFast(f"this token may ask {rate:g} times a second", math.ceil((1.0 - bucket.left) / rate))
        bucket.left -= 1.0


@dataclass(slots=True)
class _Bucket:
    """The requests that a token may make now. The bucket fills at the rate, up to its size."""

    left: float
    at: float


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()


def _name(host: str) -> str:
    """The Host header without its port and without the brackets of an IPv6 address."""
    return re.sub(r":\d+$", "", host).removeprefix("[").removesuffix("]")
