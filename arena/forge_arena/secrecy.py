"""Keep what may be a secret out of results, pages, logs and errors: passwords in addresses, settings by their names."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

# A user and a password before the host of an address, and the query behind its path. In the second form the password
# has a sign that ends a host. Such an address cannot be used, but a message may show it.
_USER = re.compile(r"(?<=://)(?:[^/?#\s|>]*@|[^/?#\s|>:\[]*:(?!\d*(?:[/?#\s|>]|$))[^\s|>]*@)")
_QUERY = re.compile(r"(\b[a-z][a-z0-9+.-]{0,19}://[^\s?#|>]*)\?[^\s#|>]*", re.IGNORECASE)
_NAME = re.compile(r"[\w .-]+")
# `apiKey`, `api_key` and `X-Api-Key` have the words api and key.
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
# Words that make a setting a secret wherever they stand in its name. A header of a request may hold a key under any
# name.
_SECRET_WORDS = frozenset(
    {
        *("key", "keys", "apikey", "apikeys", "secretkey", "privatekey", "accesskey"),
        *("secret", "secrets", "password", "passwords", "passwd", "passphrase", "pwd"),
        *("auth", "authorization", "authentication", "bearer", "credential", "credentials"),
        *("cookie", "cookies", "headers", "jwt"),
    }
)
# `hftoken`, `dbpassword` and `SECRETKEY` are each one word, and their ends say what they are.
_RUN_TOGETHER = re.compile(r"(.+?)(tokens?|passwords?|passwd|secrets?|credentials?|(?:api|secret|private|access)keys?)")
# A model reads and writes tokens too. The first words stand before "token" or "tokens" in the names of its settings
# (`eos_token`, `stop_token_ids`), and the others before "tokens", which are counted (`max_tokens`, `prompt_tokens`).
_SPECIAL = frozenset(
    {"bos", "eos", "pad", "unk", "sep", "cls", "mask", "special", "start", "end", "stop", "suppress", "ignore"}
)
_COUNTED = frozenset(
    {"max", "min", "new", "num", "prompt", "completion", "input", "output", "thinking", "reasoning", "assistant"}
)
# The last word of a setting that says where a secret lies: the name of a variable or of a file is no secret.
_PLACES = frozenset({"env", "file", "path"})
_AUTHORIZATION = re.compile(r"(Bearer|Basic)\s+\S+", re.IGNORECASE)


def fits_header(secret: str) -> bool:
    """Whether a header of a request can hold a key or a token. A line break or a letter with an accent does not fit."""
    return secret.isascii() and secret.isprintable()


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
    """Whether a setting holds a secret or may hold one. Its name decides, and its value if the name leaves a doubt.

    The rules, of which the first that fits decides:

    - A truth value is no secret. Neither are `api_key_env` and `key_file`, which say where a secret lies, nor what has
      a name of no setting, such as `openai:token-model@http://host`.
    - A name with a word like key, password, secret, authorization or headers is a secret: `X-Api-Key`, `headers`.
    - Tokens that a model reads or writes are none: `max_tokens`, `eos_token`, `stop_token_ids`.
    - What is called a token is a secret: `token`, `hf_token`, `hfToken2`.
    - Another name with the word token or tokens is a secret if the value holds any text, as in `token_by_host`. A list
      of `tokens` is a secret as well. A number is none, as in `token_budget`.
    """
    words = [part for word in _WORD.findall(name) for part in _parts(word.lower())]
    if isinstance(value, bool) or not words or words[-1] in _PLACES or not _NAME.fullmatch(name):
        return False
    if not _SECRET_WORDS.isdisjoint(words):
        return True
    if not any(_is_credential(words[n - 1] if n else "", word) for n, word in enumerate(words)):
        return False
    last = next(word for word in reversed(words) if not word.isdigit())
    return last == "token" or (last == "tokens" and not isinstance(value, int | float | None)) or _holds_text(value)


def _is_credential(before: str, word: str) -> bool:
    """Whether a word of a name, behind the word before it, may mean a token that opens something."""
    return (word == "token" and before not in _SPECIAL) or (word == "tokens" and before not in _SPECIAL | _COUNTED)


def _parts(word: str) -> tuple[str, ...]:
    """`hftoken` has the parts hf and token; most words have one part."""
    match = _RUN_TOGETHER.fullmatch(word)
    return (word,) if match is None else match.groups()


def _holds_text(value: object) -> bool:
    """Whether anything but numbers stands in a value, however deep."""
    match value:
        case None | int() | float():
            return False
        case Mapping():
            return any(_holds_text(item) for pair in value.items() for item in pair)
        case list() | tuple() | set() | frozenset():
            return any(_holds_text(item) for item in value)
    return True


def public_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without the secrets in them, however deep these lie.

    A setting that `is_secret` is left out. An address loses its user, its password and its query, and any other text
    the users and passwords of the addresses in it. A whole text like `Bearer abc` becomes `[secret]`.
    """
    return {name: _public_value(value) for name, value in settings.items() if not is_secret(str(name), value)}


def settings_left_out(settings: Mapping[str, Any]) -> list[str]:
    """The names of the settings that `public_settings` leaves out, such as `extra_body.hf_token`, except empty ones.

    Many of them are secrets for certain, and some only may be. So a reader learns from the names what is missing.
    """
    return list(dict.fromkeys(_left_out(settings, "")))


def _left_out(value: Any, where: str) -> Iterator[str]:
    match value:
        case Mapping():
            for name, item in value.items():
                if not is_secret(str(name), item):
                    yield from _left_out(item, f"{where}{name}.")
                elif item is not None:
                    yield f"{where}{name}"
        case list() | tuple():
            for item in value:
                yield from _left_out(item, where)


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
