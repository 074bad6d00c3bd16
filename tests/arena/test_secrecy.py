"""What may be a secret is in no result: by the name of a setting, and in an address."""

from pathlib import Path
from typing import Any

import pytest

from forge_arena.secrecy import credentials, is_secret, public_address, public_settings, settings_left_out


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
        *("api_key", "X-Api-Key", "apiKey", "APIKey", "OPENAI_API_KEY", "api_key_2", "API Key", "secretkey", "keys"),
        *("password", "dbpassword", "client_secret", "passphrase", "Authorization", "extra_headers", "cookies"),
        *(
            "token",
            "Token",
            "hf_token",
            "hfToken",
            "hftoken",
            "HF_TOKEN",
            "HFTOKEN",
            "token2",
            "hf_token_2",
            "authtoken",
        ),
        *("max_api_key", "eos_token_key", "eos_token_hf_token", "prompt_token", "prompt_cache_key"),
    ],
)
@pytest.mark.parametrize("value", ["abc", 1234, ["abc"], {"a": "abc"}, Path("abc")])
def test_a_setting_is_secret_by_its_name_whatever_its_value_is(name: str, value: Any) -> None:
    assert is_secret(name, value)


@pytest.mark.parametrize(
    "name",
    [
        *("max_tokens", "maxTokens", "max_new_tokens", "max_completion_tokens", "min_tokens", "truncate_prompt_tokens"),
        *("eos_token", "bos_token", "pad_token", "eos_token_id", "eosToken", "forced_bos_token_id", "end_token"),
        *("stop_token_ids", "stop_tokens", "suppress_tokens", "additional_special_tokens", "skip_special_tokens"),
        *("tokenizer", "detokenize", "stop", "logit_bias", "monkey", "keyword", "author", "temperature", "user"),
        *("api_key_env", "key_file", "token_path"),
        "openai:token-model@http://host",
    ],
)
@pytest.mark.parametrize("value", ["abc", 2, 0.5, None, True, [1, 2], ["</s>"], {"a": "abc"}])
def test_a_setting_of_sampling_is_no_secret_whatever_its_value_is(name: str, value: Any) -> None:
    assert not is_secret(name, value)


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("tokens", 512, False),
        ("tokens", "512", True),
        ("tokens", [512], True),
        ("hf_tokens", ["abc"], True),
        ("token_budget", 512, False),
        ("token_budget", "abc", True),
        ("allowed_token_ids", [1, 2.5, None], False),
        ("allowed_token_ids", [1, "abc"], True),
        ("token_weights", {1: 0.5}, False),
        ("token_weights", {"abc": 0.5}, True),
        ("token_by_host", {"host": {"deep": ("abc",)}}, True),
        ("token_by_host", b"abc", True),
        # A truth value holds no secret.
        ("use_auth_token", True, False),
        ("token", False, False),
    ],
)
def test_in_doubt_the_value_decides(name: str, value: Any, secret: bool) -> None:
    assert is_secret(name, value) is secret


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
    assert settings_left_out(settings) == ["extra_body.auth", "extra_body.list.password", "headers", "tokens"]


def test_a_setting_without_a_value_is_not_named_as_left_out() -> None:
    assert settings_left_out({"api_key": None, "hf_token": "abc", "max_tokens": 3}) == ["hf_token"]
