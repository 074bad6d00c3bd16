"""The command as a whole: help, versions, and which errors are refusals."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from forge_arena import __version__
from forge_arena.errors import BadArgument
from forge_command import scenarios
from forge_command.app import app

from ..command_line import ENVIRONMENT, called


def command_names(group: object, *before: str) -> Iterator[str]:
    """Every command and every group of commands, as a person writes it."""
    for name, one in getattr(group, "commands", {}).items():
        yield " ".join([*before, name])
        yield from command_names(one, *before, name)


NAMES = sorted(command_names(get_command(app)))
GROUPS = {"audit", "scenarios", "train"}


def test_help_names_every_command() -> None:
    out, _ = called("--help")
    for name in ("demo", "serve", "eval", "bank", "bench", "scenarios", "audit", "train", "export"):
        assert re.search(rf"\b{name}\b", out)


@pytest.mark.parametrize("name", NAMES)
def test_every_command_explains_itself(name: str) -> None:
    out, _ = called(*name.split(), "--help")
    assert "Usage:" in out
    assert name in GROUPS or f"forge-arena {name} " in " ".join(out.partition("Example")[2].split()) + " "


# What these mean differs between the two commands.
OWN_OPTIONS = {"--episodes", "--start", "--threshold-from", "--out", "--resume"}


def test_an_option_that_eval_and_attack_share_is_explained_in_the_same_words() -> None:
    helps = [
        {option.opts[0]: option.help for option in get_command(app).commands[name].params}  # type: ignore[attr-defined]
        for name in ("eval", "attack")
    ]
    shared = helps[0].keys() & helps[1].keys() - OWN_OPTIONS
    assert shared >= {"--arena", "--token", "--overseer", "--set", "--prompt", "--split", "--view", "--tools", "--name"}
    for name in shared:
        assert helps[0][name] == helps[1][name]


def test_the_installed_command_prints_its_version() -> None:
    script = Path(sys.executable).with_name("forge-arena")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, env=ENVIRONMENT, check=True)
    assert done.stdout.strip() == __version__


@pytest.mark.parametrize(
    ("name", "meant"), [("trian", "train"), ("import", "scenarios import"), ("labels", "audit labels")]
)
def test_an_unknown_command_is_refused(name: str, meant: str) -> None:
    _, err = called(name, code=2)
    assert f"No such command {name!r}. Did you mean {meant!r}?" in err


@pytest.mark.parametrize("error", [BadArgument("a wrong value"), FileNotFoundError("a wrong value")])
def test_an_error_that_the_user_can_mend_is_one_line(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(scenarios, "open_set", raising(error))
    assert called("scenarios", "list", code=2) == ("", "error: a wrong value")


@pytest.mark.parametrize("error", [ValueError("ours"), KeyError("ours"), TypeError("ours"), RuntimeError("ours")])
def test_a_defect_of_ours_is_no_refusal(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(scenarios, "open_set", raising(error))
    with pytest.raises(type(error), match="ours"):
        called("scenarios", "list")


def test_a_defect_of_ours_is_a_traceback_of_the_process() -> None:
    script = "from forge_command import app, scenarios\nscenarios.open_set = lambda _: {}['ours']\napp.main()"
    done = subprocess.run(
        [sys.executable, "-c", script, "scenarios", "list"],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "KeyError: 'ours'" in done.stderr
    assert "error: " not in done.stderr


def raising(error: Exception) -> object:
    def open_set(_: object) -> object:
        raise error

    return open_set


HEAVY = ("torch", "sklearn", "matplotlib", "fastapi", "scipy")
LIGHT = {
    "--help": 0,
    "eval --overseer always_claen": 2,
    "compare x": 2,
    "bank a.bank --worker psychic": 2,
    "train run --out x --preset tyni": 2,
}
# One process for all of them, because a process takes a second to start: what one imports, the next ones have too.
EACH = """
import json, sys
from forge_command.app import main
for words in json.loads(sys.argv[1]):
    sys.argv[1:] = words.split()
    try:
        main()
    except SystemExit as left:
        print("ended", json.dumps([words, left.code, sorted(sys.modules)]), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def imports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, set[str]]]:
    """The exit code of each light command, and the modules that are loaded when it ends."""
    done = subprocess.run(
        [sys.executable, "-c", EACH, json.dumps([*LIGHT])],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        cwd=tmp_path_factory.mktemp("light"),
        check=True,
    )
    ends = [json.loads(line.removeprefix("ended ")) for line in done.stderr.splitlines() if line.startswith("ended ")]
    return {words: (code, set(modules)) for words, code, modules in ends}


@pytest.mark.parametrize("words", LIGHT)
def test_help_and_refusals_import_nothing_that_takes_seconds(
    imports: dict[str, tuple[int, set[str]]], words: str
) -> None:
    code, modules = imports[words]
    assert code == LIGHT[words]
    assert modules.isdisjoint(HEAVY)
