"""Sessions of the pages for people: a cookie that stands for a token, signed so that nobody else can make one.

The API takes no cookie, and the pages take no header. A cookie that a browser sends by itself can therefore never be
used against the API, and each form on a page carries a token of its own besides.
"""

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass

# Seconds that a session lasts. A person without a token is known only by the session, so that session lasts longer.
WITH_TOKEN = 12 * 3600
WITHOUT_TOKEN = 60 * 24 * 3600


@dataclass(frozen=True, slots=True)
class PageSession:
    """Who looks at the pages. `owner` names the token (see `access.Caller`), and is empty on a server without tokens.

    `player` names the person whose verdicts are counted together: the token, or else this browser. `expires` is in
    seconds since 1970.
    """

    owner: str
    player: str
    expires: int


class PageSessions:
    """Makes and reads the cookies of one arena. Replicas share the store's secret, so they read each other's cookies.

    The signature does not use the hash of the token, because whoever reads the hash in the server's settings must not
    be able to make a cookie.
    """

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), b"sessions of the pages", "sha256")
        # Cookies know no ports. Otherwise two arenas on one machine would overwrite each other's cookie.
        self.cookie = f"forge_arena_{self._sign('name')[:8]}"

    def begin(self, owner: str) -> PageSession:
        """A new session. With a token, all its sessions are one player."""
        lasts = WITH_TOKEN if owner else WITHOUT_TOKEN
        return PageSession(owner, owner or secrets.token_hex(16), int(time.time()) + lasts)

    def write(self, session: PageSession) -> str:
        """The value of the cookie."""
        text = f"{session.owner}.{session.player}.{session.expires}"
        return f"{text}.{self._sign(text)}"

    def read(self, value: str) -> PageSession | None:
        """The session of a cookie; None if this arena did not make the cookie, or if the session is over."""
        text, _, signature = value.rpartition(".")
        if not hmac.compare_digest(self._sign(text).encode(), signature.encode("utf-8", "replace")):
            return None
        owner, player, expires = text.split(".")
        return PageSession(owner, player, int(expires)) if int(expires) > time.time() else None

    def form_token(self, session: PageSession) -> str:
        """What each form of this session carries. A page of another site cannot read it."""
        return self._sign(f"form.{session.player}.{session.expires}")

    def _sign(self, text: str) -> str:
        return hmac.new(self._key, text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
