"""Settings come from the environment and from arguments, and wrong ones are refused by name."""

import pytest

from forge_server.access import Access
from forge_server.settings import Settings, SettingsError


def test_what_is_given_wins_over_the_environment_which_wins_over_the_default() -> None:
    environ = {"FORGE_ARENA_PORT": "9000", "FORGE_ARENA_STOCK": "7", "FORGE_ARENA_TOKENS": "first token,second token"}
    settings = Settings.from_environment(environ, port=9001, worker=None)
    assert (settings.port, settings.stock, settings.worker) == (9001, 7, "scripted")
    assert settings.tokens == ("first token", "second token")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::", "example.org"])
def test_another_address_than_loopback_needs_a_token(host: str) -> None:
    with pytest.raises(SettingsError, match="needs a token"):
        Settings.from_environment({}, host=host)
    assert Settings.from_environment({}, host=host, tokens=("a long token",)).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost", "[::1]"])
def test_loopback_needs_none(host: str) -> None:
    assert Settings.from_environment({}, host=host).tokens == ()


def test_an_ipv6_address_may_stand_in_brackets() -> None:
    assert Settings.from_environment({"FORGE_ARENA_HOST": "[::1]"}).host == "::1"
    with pytest.raises(SettingsError, match="needs a token"):
        Settings.from_environment({}, host="[::]")


@pytest.mark.parametrize("path", ["arena", "/arena/", "/", "//arena", "https://example.org/arena", "/a b"])
def test_a_path_of_a_proxy_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(SettingsError, match="root_path"):
        Settings.from_environment({}, root_path=path)


def test_spaces_between_tokens_are_no_part_of_them_and_an_empty_one_is_refused() -> None:
    settings = Settings.from_environment({"FORGE_ARENA_TOKENS": "player:first token, second token\n"})
    access = Access(settings.tokens, None)
    for token in ("first token", "second token"):
        access.admit("GET", "/v1/stats", authorization=f"Bearer {token}", host="arena.example", origin="")
    for tokens in (" ", ",", "first token,", "first token,,second token"):
        with pytest.raises(SettingsError, match="at least 8 printable"):
            Settings.from_environment({"FORGE_ARENA_TOKENS": tokens})


def test_a_comma_in_a_token_is_refused_because_the_environment_separates_tokens_by_it() -> None:
    with pytest.raises(SettingsError, match="tokens: a token has no comma: give each token a --token of its own"):
        Settings.from_environment({}, tokens=("player:first token,admin:second token",))


def test_documents_need_a_worker_that_reads() -> None:
    with pytest.raises(SettingsError, match="documents need a Worker that reads: give --worker openai:MODEL@URL"):
        Settings.from_environment({"FORGE_ARENA_DOCUMENTS": "documents.jsonl"})
    settings = Settings.from_environment({}, documents="documents.jsonl", worker="bank:answers.bank")
    assert settings.worker == "bank:answers.bank"


def test_every_wrong_setting_is_named_and_no_secret_is_shown() -> None:
    environ = {"FORGE_ARENA_PORT": "many", "FORGE_ARENA_STOCK": "0", "FORGE_ARENA_TOKENS": "short"}
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(environ)
    lines = str(caught.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["port", "tokens", "stock"]
    assert "short" not in str(caught.value)
    assert "a long token" not in repr(Settings(tokens=("a long token",), secret="salt", api_key="key"))
