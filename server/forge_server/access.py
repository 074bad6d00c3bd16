"""Who may do what, and how often: tokens by their hashes, three roles, a bucket of requests for each token."""

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

# The leaderboard is there to be shown.
OPEN_PATHS = frozenset({"/health", "/docs", "/openapi.json", "/leaderboard", "/v1/leaderboard"})
# Whoever steers the train stream steers it for all.
TRAINERS_ONLY = frozenset({("POST", "/v1/curriculum"), ("DELETE", "/v1/curriculum")})
BURST_SECONDS = 10.0
SHORTEST = 8

_HASHED = re.compile(r"sha256:([0-9a-f]{64})")


class Role(StrEnum):
    """What a token opens: a player plays, a trainer also sets the curriculum, an admin has no rate limit either."""

    player = "player"
    trainer = "trainer"
    admin = "admin"


@dataclass(frozen=True, slots=True)
class Grant:
    """A token that is known, by its SHA-256, and its role."""

    digest: bytes
    role: Role

    @classmethod
    def of(cls, text: str) -> "Grant":
        """From `[ROLE:]TOKEN` or `[ROLE:]sha256:HEX`; without a role it is an admin's.

        Raises:
            ValueError: the role is unknown, the token is too short, or it has characters that no header takes.
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
        # A mistyped role must not make an admin's token of the whole text. The name may be part of a token: not repeated.
        raise ValueError(
            f"before the colon of a token stands its role, one of {', '.join(Role)}: correct the role, or write "
            f"{Role.admin}: before a token that has a colon of its own"
        )
    return Role(name), rest.strip()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `owner` stands for the token in a store, which need not learn it; it is empty where the server has no
    tokens. An admin, and everybody where there are no tokens, acts for all owners."""

    owner: str
    admin: bool

    @classmethod
    def of(cls, grant: Grant | None) -> "Caller":
        if grant is None:
            return cls("", admin=True)
        return cls(_digest(b"owner:" + grant.digest).hex()[:32], grant.role is Role.admin)

    def may_see(self, owner: str) -> bool:
        """Whether what belongs to `owner` is for this caller."""
        return self.admin or owner in ("", self.owner)


# Whoever comes without a token, or through a door that asks for nothing that belongs to one.
NOBODY = Caller("", admin=False)


def new_token(role: Role) -> tuple[str, str]:
    """A token for a client, and how the server is told of it without learning it."""
    token = secrets.token_urlsafe(32)
    return token, f"{role.value}:sha256:{_digest(token.encode()).hex()}"


class Access:
    """Lets requests in. Without tokens everybody on this machine may do everything, but no web page of another site."""

    def __init__(
        self, tokens: Iterable[str], rate: float | None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._grants = [Grant.of(token) for token in tokens]
        self._rate = rate
        self._clock = clock
        self._buckets: dict[bytes, _Bucket] = {}

    def admit(self, method: str, path: str, authorization: bytes, host: bytes, origin: bytes) -> Caller:
        """Who asks. Raises `CrossSite`, `Unauthorized`, `Forbidden` or `TooFast`."""
        self._check_site(host.decode("latin-1"), origin.decode("latin-1"))
        if path in OPEN_PATHS:
            return NOBODY
        grant = self._known(authorization) if self._grants else None
        if grant is not None and grant.role is Role.player and (method, path) in TRAINERS_ONLY:
            raise Forbidden(f"this needs the role {Role.trainer}: the token is a {grant.role}'s")
        if self._rate is not None and (grant is None or grant.role is not Role.admin):
            self._take(grant.digest if grant else b"", self._rate)
        return Caller.of(grant)

    def _check_site(self, host: str, origin: str) -> None:
        """A browser lets any page post to this machine, and by DNS even read from it: an arena without a token answers
        only to the names of this machine, and none to a page of another site."""
        if not self._grants and host and not is_loopback(_name(host)):
            raise CrossSite("without a token this server answers only to localhost: give it one (serve --token)")
        if origin and urlsplit(origin).netloc.lower() != host.lower():
            raise CrossSite("a web page of another site may not use this server")

    def _known(self, authorization: bytes) -> Grant:
        scheme, _, token = authorization.partition(b" ")
        given = _digest(token.strip())
        known: Grant | None = None
        # All are compared, whichever it is: the time tells nothing.
        for grant in self._grants:
            if hmac.compare_digest(grant.digest, given):
                known = grant
        if known is None or scheme.lower() != b"bearer":
            raise Unauthorized("this server needs a token: send the header 'Authorization: Bearer TOKEN'")
        return known

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
    """Requests that a token may make now; it fills at the rate, up to its size."""

    left: float
    at: float


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()


def _name(host: str) -> str:
    """The Host header without its port and without the brackets of an IPv6 address."""
    return re.sub(r":\d+$", "", host).removeprefix("[").removesuffix("]")
