"""`forge-arena serve` and `token`: a server says when it is ready or why it does not start, and ends on a signal."""

import json
import re
import signal
import socket
import subprocess
from pathlib import Path

import httpx
import pytest

from ..command_line import ENVIRONMENT, called, command, ran
from ..server_process import ServerProcess


def serve(folder: Path, *options: str) -> ServerProcess:
    arguments = ("-m", "forge_command", "serve", "--port", "0", "--store", f"sqlite:///{folder}/arena.db", *options)
    return ServerProcess(*arguments, environment=ENVIRONMENT)


def test_serve_prints_its_url_and_stops_on_sigterm(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        assert re.fullmatch(r"ForgeArena is ready at http://127\.0\.0\.1:\d+", server.line)
        assert server.child.stdout is not None
        assert server.child.stdout.readline().strip() == f"Episodes are kept in sqlite:///{tmp_path}/arena.db"
        assert httpx.get(f"{server.url}/health").json()["ready"] is True
        assert len(httpx.post(f"{server.url}/v1/episodes", json={"count": 2}).json()["episodes"]) == 2
        server.child.send_signal(signal.SIGTERM)
        assert server.child.wait(30) in (0, -signal.SIGTERM)
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{server.url}/health")


def test_a_recorded_bank_is_served(tmp_path: Path) -> None:
    bank = tmp_path / "answers.bank"
    called("bank", bank, "--worker", "scripted", "--split", "val", "--count", "20")
    with serve(tmp_path, "--worker", f"bank:{bank}+scripted") as server:
        asked = ("eval", "--overseer", "always_clean", "--arena", server.url, "--episodes", "12", "--json", "-")
        result = json.loads(called(*asked)[0])
    assert result["overseer"] == "always_clean"
    assert result["scorecard"]["episodes"] == 12


def test_who_has_no_token_or_a_wrong_one_is_told_by_which_option_it_is_given(tmp_path: Path) -> None:
    option = ": give the arena's token by --token or FORGE_ARENA_TOKEN"
    with serve(tmp_path, "--token", "a good token") as server:
        for asked in (("eval", "--overseer", "rules"), ("attack", "--overseer", "rules"), ("leaderboard", "--mine")):
            _, err = called(*asked, "--arena", server.url, code=2)
            assert (
                f"needs a token: send the header 'Authorization: Bearer TOKEN' (HTTP 401, unauthorized){option}" in err
            )
            _, err = called(*asked, "--arena", server.url, "--token", "another token", code=2)
            assert f"does not know the token (HTTP 401, unauthorized){option}" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--worker", "psychic"), "unknown Worker"),
        (("--host", "0.0.0.0"), "needs a token"),
        (("--awareness", "graded"), "give the mechanism prompt beside them"),
        (("--candour", "open"), "candour: Input should be 'faithful', 'hidden' or 'rationalised'"),
    ],
)
def test_a_server_that_does_not_start_says_why(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    # In a process, because a server sets up the log and the memory of its process.
    _, err = ran("serve", "--port", "0", "--store", f"sqlite:///{tmp_path}/arena.db", *arguments, code=2)
    assert err.startswith("error: ")
    assert message in err


def test_a_port_that_is_taken_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        _, err = ran("serve", "--port", port, "--store", f"sqlite:///{tmp_path}/arena.db", code=2)
    why = "Address already in use: give another --port, or 0 for a free one"
    assert err == f"error: cannot listen on 127.0.0.1 port {port}: {why}"


def test_a_server_that_does_not_start_says_why_in_json_where_its_log_is_json(tmp_path: Path) -> None:
    done = subprocess.run(
        command("serve", "--port", "0", "--store", f"sqlite:///{tmp_path}/arena.db", "--worker", "psychic"),
        capture_output=True,
        text=True,
        env={**ENVIRONMENT, "FORGE_ARENA_LOG_JSON": "true"},
        timeout=60,
        check=False,
    )
    (line,) = done.stderr.splitlines()
    assert (done.returncode, done.stdout, json.loads(line)["event"]) == (2, "", "not_started")
    assert "unknown Worker" in json.loads(line)["reason"]


def test_a_server_says_which_variable_nothing_reads(tmp_path: Path) -> None:
    arguments = ("-m", "forge_command", "serve", "--port", "0", "--store", f"sqlite:///{tmp_path}/arena.db")
    environment = {**ENVIRONMENT, "FORGE_ARENA_TOKEN_": "a secret token", "FORGE_ARENA_LOG_JSON": "true"}
    log = tmp_path / "log"
    with ServerProcess(*arguments, environment=environment, log=log):
        pass
    (told,) = (line for line in map(json.loads, log.read_text().splitlines()) if line["event"] == "unknown_variable")
    assert (told["variable"], told["did_you_mean"]) == ("FORGE_ARENA_TOKEN_", "FORGE_ARENA_TOKENS")
    assert "a secret token" not in log.read_text()


def test_a_token_is_made_for_the_client_and_its_hash_for_the_server() -> None:
    out, _ = called("token", "--role", "trainer")
    client, server = (line.rsplit(" ", 1)[1] for line in out.splitlines())
    assert server.startswith("trainer:sha256:")
    assert client not in server


def test_a_role_that_there_is_not_is_refused_with_a_guess() -> None:
    _, err = called("token", "--role", "trainr", code=2)
    assert "--role 'trainr' is not known. Did you mean 'trainer'? There are " in err
