"""Settings come from the environment and from arguments, and wrong ones are refused by name."""

import re
from pathlib import Path

import pytest

from forge_arena.salts import PUBLISHED_SALT
from forge_arena.wire import MAX_BATCH
from forge_server.access import Access
from forge_server.settings import PREFIX, READ_BY_OTHERS, Settings, SettingsError, unknown_variables

ROOT = Path(__file__).parents[2]
# Names that tests write wrongly on purpose.
MISSPELT = {"FORGE_ARENA_TOKEN_", "FORGE_ARENA_WORKERS", "FORGE_ARENA_XYZZY"}


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
    with pytest.raises(SettingsError, match="root_path: wanted the path under which a proxy"):
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


@pytest.mark.parametrize(
    ("store", "url"),
    [
        ("arena.db", "sqlite:///arena.db"),
        ("/data/arena.db", "sqlite:////data/arena.db"),
        ("sqlite:///arena.db", "sqlite:///arena.db"),
        ("postgresql://arena@db/arena", "postgresql://arena@db/arena"),
    ],
)
def test_a_store_is_a_file_or_a_url(store: str, url: str) -> None:
    assert Settings.from_environment({"FORGE_ARENA_STORE": store}).store == url


def test_documents_need_a_worker_that_reads() -> None:
    with pytest.raises(SettingsError, match="documents need a Worker that reads: give --worker openai:MODEL@URL"):
        Settings.from_environment({"FORGE_ARENA_DOCUMENTS": "documents.jsonl"})
    settings = Settings.from_environment({}, documents="documents.jsonl", worker="bank:answers.bank")
    assert settings.worker == "bank:answers.bank"


@pytest.mark.parametrize("salt", [" ", PUBLISHED_SALT])
def test_a_secret_that_everybody_knows_is_no_setting(salt: str) -> None:
    with pytest.raises(SettingsError, match="secret: everybody knows this one"):
        Settings.from_environment({"FORGE_ARENA_SECRET": salt})


def test_arguments_that_no_shell_could_split_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"^vllm_args: No closing quotation$"):
        Settings.from_environment({"FORGE_ARENA_VLLM_ARGS": "--seed '1"})


def test_every_wrong_setting_is_named_and_no_secret_is_shown() -> None:
    environ = {"FORGE_ARENA_PORT": "many", "FORGE_ARENA_STOCK": "0", "FORGE_ARENA_TOKENS": "short"}
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(environ)
    lines = str(caught.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["port", "tokens", "stock"]
    assert "short" not in str(caught.value)
    assert "a long token" not in repr(Settings(tokens=("a long token",), secret="salt", api_key="key"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"worker": "vllm:M"}, "worker: each of 2 processes would start a vLLM of its own: run `vllm serve MODEL`"),
        ({"worker": "bank:answers.bank+vllm:M"}, "worker: each of 2 processes would start a vLLM of its own"),
        ({"reader": "vllm:M"}, "reader: each of 2 processes would start a vLLM of its own"),
        ({"worker": "bank:answers.bank+scripted"}, "worker: only one process can record into a bank: record first"),
        ({"concurrency": 1}, "concurrency: 1 Worker calls at a time are too few for 2 processes"),
    ],
)
def test_what_several_processes_cannot_do_is_refused_and_one_process_can(
    settings: dict[str, object], message: str
) -> None:
    with pytest.raises(SettingsError) as refusal:
        Settings.from_environment({"FORGE_ARENA_PROCESSES": "2"}, **settings)
    assert message in str(refusal.value)
    assert Settings.from_environment({}, **settings).processes == 1


def test_a_variable_that_nothing_reads_is_named_with_the_nearest_setting_and_without_its_value() -> None:
    environ = {"FORGE_ARENA_TOKEN_": "a secret", "FORGE_ARENA_XYZZY": "1", "FORGE_ARENA_TOKEN": "t", "PATH": "/bin"}
    assert unknown_variables(environ) == {"FORGE_ARENA_TOKEN_": "FORGE_ARENA_TOKENS", "FORGE_ARENA_XYZZY": None}
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(environ, host="0.0.0.0")
    assert str(caught.value).splitlines()[1:] == [
        "FORGE_ARENA_TOKEN_ is no setting: did you mean FORGE_ARENA_TOKENS?",
        "FORGE_ARENA_XYZZY is no setting",
    ]


def test_every_variable_that_the_project_reads_is_known() -> None:
    folders = ("agents", "arena", "deploy", "server", "tests")
    files = [
        path for folder in folders for ending in ("*.py", "*.y*ml", "*.sh") for path in (ROOT / folder).rglob(ending)
    ]
    files += [ROOT / "Makefile", ROOT / "docker-compose.yml", ROOT / ".ci" / "run"]
    texts = [path.read_text(encoding="utf-8") for path in files]
    named = {name for text in texts for name in re.findall(rf"\b{PREFIX}[A-Z][A-Z_]*", text)} - MISSPELT
    assert unknown_variables(dict.fromkeys(named, "")) == {}
    settings = {PREFIX + name.upper() for name in Settings.model_fields}
    assert {PREFIX + name for name in READ_BY_OTHERS} <= named - settings


def test_processes_share_out_what_is_meant_for_the_server() -> None:
    settings = Settings(processes=3, stock=64, concurrency=16, pending_makes=1024, pending_writes=2048, live=256)
    part = settings.of_one_process()
    assert (part.stock, part.pending_makes, part.pending_writes) == (22, 342, 683)
    # Never more calls at a time than were asked for.
    assert 3 * part.concurrency <= 16
    assert (part.live, part.processes) == (256, 3)


@pytest.mark.parametrize(("pending", "of_one"), [(1024, MAX_BATCH), (100, 100)])
def test_a_process_makes_as_large_a_batch_as_the_server_would(pending: int, of_one: int) -> None:
    assert Settings(processes=16, pending_makes=pending).of_one_process().pending_makes == of_one
