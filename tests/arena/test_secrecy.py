"""What may be a secret is in no result: by the name of a setting, and in an address."""

from pathlib import Path
from typing import Any

import pytest

from forge_arena.secrecy import credentials, is_secret, public_address, public_settings


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("openai:m@https://user:word@host:8/v1?key=1#a=2", "openai:m@https://host:8/v1#a=2"),
        ("mean: openai:m@http://u@h/v1 https://w/r?x=1&y=2 rules", "mean: openai:m@http://h/v1 https://w/r rules"),
        ("HTTPS://u:p@h/v1?x=1", "HTTPS://h/v1"),
        ("https://me:p@ss@h/v1", "https://h/v1"),
        ("https://h?to=a@b", "https://h"),
        # A sign in the password that an address cannot hold.
        ("https://me:pa/ss@h/v1", "https://h/v1"),
        ("mean: m@https://me:pa#ss@h/v1 of 2", "mean: m@https://h/v1 of 2"),
        ("https://h:8000/v1/@org https://[::1]:8/@v1", "https://h:8000/v1/@org https://[::1]:8/@v1"),
        ("module:Class", "module:Class"),
        ("is 2 > 1? and a@b.org", "is 2 > 1? and a@b.org"),
    ],
)
def test_an_address_loses_its_user_and_its_query(text: str, public: str) -> None:
    assert public_address(text) == public


@pytest.mark.parametrize(
    ("url", "without", "both"),
    [
        ("https://me:p%40ss@h:8/v1?x=1", "https://h:8/v1?x=1", ("me", "p@ss")),
        ("https://me@h/v1", "https://h/v1", ("me", "")),
        ("https://h/v1", "https://h/v1", None),
    ],
)
def test_a_user_and_a_password_are_taken_out_of_an_address(
    url: str, without: str, both: tuple[str, str] | None
) -> None:
    assert credentials(url) == (without, both)


@pytest.mark.parametrize(
    "name",
    [
        "api_key",
        "X-Api-Key",
        "apiKey",
        "APIKey",
        "hf_token",
        "password",
        "client_secret",
        "Authorization",
        "extra_headers",
    ],
)
def test_a_setting_is_secret_by_a_word_of_its_name(name: str) -> None:
    assert is_secret(name, "abc")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_tokens", 512),
        ("tokenizer", "gpt2"),
        ("api_key_env", "KEY_OF_MINE"),
        ("key_file", "~/key"),
        ("monkey", "George"),
        ("prompt", "compact"),
        ("keyword", "refund"),
        ("openai:token-model", {"model": "token-model"}),
    ],
)
def test_a_setting_that_only_looks_like_a_secret_stays(name: str, value: Any) -> None:
    assert not is_secret(name, value)


def test_secrets_are_left_out_however_deep_they_lie() -> None:
    system = "Basic rules: look at http://me:word@h/rules?part=1 and decide."
    settings = {
        "temperature": 0.5,
        "system": system,
        "path": Path("~/model"),
        "url": "https://me:word@h/v1?key=word",
        "scheme": "Bearer word",
        "extra_body": {
            "user": "me",
            "auth": {"deep": "word"},
            "list": [{"password": 1234, "top_k": 3}, "http://a:word@h"],
        },
        "headers": {"X-Anything": "word"},
        "tokens": ["word"],
    }
    public = public_settings(settings)
    assert public == {
        "temperature": 0.5,
        "system": "Basic rules: look at http://h/rules?part=1 and decide.",
        "path": Path("~/model"),
        "url": "https://h/v1",
        "scheme": "[secret]",
        "extra_body": {"user": "me", "list": [{"top_k": 3}, "http://h"]},
    }
    assert settings["system"] == system
