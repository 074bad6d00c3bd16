"""Keep what may be a secret out of results, pages, logs and errors: passwords in addresses, settings by their names."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

# A user and a password before the host of an address, and the query behind its path. In the second form the password
# has a sign that ends a host. Such an address cannot be used, but a message may show it.
_USER = re.compile(r"(?<=://)(?:[^/?#\s|>]*@|[^/?#\s|>:\[]*:(?!\d*(?:[/?#\s|>]|$))[^\s|>]*@)")
_QUERY = re.compile(r"(\b[a-z][a-z0-9+.-]{0,19}://[^\s?#|>]*)\?[^\s#|>]*", re.IGNORECASE)
_NAME = re.compile(r"[\w.-]+")
# `apiKey`, `api_key` and `X-Api-Key` have the words api and key.
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
# A header of a request may hold a key under any name.
_SECRET_WORDS = frozenset(
    {
        *("apikey", "key", "keys", "token", "secret", "secrets", "password", "passwords", "passwd", "pwd"),
        *("auth", "authorization", "authentication", "bearer", "credential", "credentials", "passphrase"),
        *("cookie", "cookies", "headers"),
    }
)
# The last word of a setting that says where a secret lies: the name of a variable or of a file is no secret.
_PLACES = frozenset({"env", "file", "path"})
_AUTHORIZATION = re.compile(r"(Bearer|Basic)\s+\S+", re.IGNORECASE)


def public_address(text: str) -> str:
    """A text without the users, passwords and queries of the addresses in it, because these may be secrets."""
    return _QUERY.sub(r"\1", _USER.sub("", text))


def credentials(url: str) -> tuple[str, tuple[str, str] | None]:
    """An address without its user and password, and the two; None if it has none."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, None
    name, _, password = user.partition(":")
    return parts._replace(netloc=host).geturl(), (unquote(name), unquote(password))


def is_secret(name: str, value: object) -> bool:
    """Whether a setting holds a secret, by the words of its name: `api_key`, `X-Api-Key`, `hfToken`, `headers`.

    `api_key_env` and `key_file` say where a secret lies, and are none. `max_tokens` is none either, but `tokens` that
    are no number may be. What names no setting, such as `openai:token-model@http://host`, is none.
    """
    words = [word.lower() for word in _WORD.findall(name)]
    if not words or words[-1] in _PLACES or not _NAME.fullmatch(name):
        return False
    if "tokens" in words:
        return value is not None and not isinstance(value, int | float)
    return not _SECRET_WORDS.isdisjoint(words)


def public_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without the secrets in them, however deep these lie.

    A setting that `is_secret` is left out. An address loses its user, its password and its query, and any other text
    the users and passwords of the addresses in it. A whole text like `Bearer abc` becomes `[secret]`.
    """
    return {name: _public_value(value) for name, value in settings.items() if not is_secret(str(name), value)}


def _public_value(value: Any) -> Any:
    match value:
        case str() if _AUTHORIZATION.fullmatch(value.strip()):
            return "[secret]"
        case str() if value.startswith(("http://", "https://")) and len(value.split()) == 1:
            return public_address(value)
        case str():
            return _USER.sub("", value)
        case Mapping():
            return public_settings(value)
        case list() | tuple():
            return [_public_value(item) for item in value]
    return value
