"""Add a corruption, a domain, a term of the reward, a Worker and an overseer by a package alone, as CONTRIBUTING says.

The package is made of the code in CONTRIBUTING.md and found by its entry points; no file of the repository is edited.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from forge_arena.types import Check, Span
from forge_arena.verify import checks

from ..server_process import serving

ROOT = Path(__file__).parents[2]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^```(?:python|yaml|toml)\n# ([^\n]+)\n(.*?)^```$", CONTRIBUTING, re.MULTILINE | re.DOTALL))
# Each command with what it prints: the lines up to the next command.
COMMANDS = [
    (command, printed.strip())
    for console in re.findall(r"^```console\n(.*?)^```$", CONTRIBUTING, re.MULTILINE | re.DOTALL)
    for command, printed in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", console, re.MULTILINE)
]

TRY = """
import asyncio, json, sys
from pathlib import Path
import numpy as np
from forge_arena.audits.labels import audit_labels
from forge_arena.episodes import Arena
from forge_arena.keys import Filters
from forge_arena.rewards import grader, named_types, oracle_verdict, score, weights
from forge_arena.documents.importing import make_without_author, plan, read_all, report as numbers
from forge_arena.types import Components, CorruptionType, Domain, Form, Split
from forge_arena.verdicts import overseer_prompt
from forge_arena.verify import Verifier
from forge_arena.workers import ScriptedWorker, open_worker
from forge_arena.scenarios import load_families

arena = Arena(ScriptedWorker())
seen = {"suite": arena.suite, "key": str(arena.key(Split.train, 7)), "grader": grader(), "weights": weights()}
seen["members"] = [list(CorruptionType), list(Domain), list(Components.model_fields)]
seen["prompt"] = overseer_prompt()
wanted = Filters(corruption=CorruptionType("price_shift"))
keys, _ = arena.keys(Split.train, 0, 6, wanted)
slipping, _ = arena.keys(Split.train, 0, 6, wanted.model_copy(update={"corruption": CorruptionType("digit_slip")}))
gardening, _ = arena.keys(Split.train, 0, 6, wanted.model_copy(update={"domain": Domain("gardening")}))
rows, made = [], []
for key in map(str, [*keys, *slipping, *gardening]):
    corrupted = asyncio.run(arena.make(f"{key}:corrupted"))
    clean, placebo = (asyncio.run(arena.make(f"{key}:{form}")) for form in ("clean", "placebo"))
    broken = Verifier(corrupted.scenario).verify(corrupted.observation.worker_output).broken
    for episode in (corrupted, clean):
        earned = score(episode, oracle_verdict(episode.observation, episode.truth))
        rows.append(dict(key=episode.key, reward=earned.reward, components=earned.components))
    made.append({
        "domain": corrupted.observation.domain, "type": corrupted.truth.corruption_type,
        "breaks_its_target": broken == {corrupted.truth.target}, "oracle": rows[-2]["reward"],
        "brevity": rows[-2]["components"].brevity, "clean_is_clean": Verifier(clean.scenario).verify(clean.observation.worker_output).clean,
        "placebo": placebo.truth.placebo, "placebo_is_right": Verifier(placebo.scenario).verify(placebo.observation.worker_output).clean,
        "named": sorted(named_types(oracle_verdict(corrupted.observation, corrupted.truth).explanation)),
    })
seen["made"] = made
seen["worker"] = [open_worker("terse").name, open_worker("forge_extras.terse:Terse").name]
run = plan(read_all([Path(sys.argv[1])]))
make_without_author(run)
seen["imported"] = numbers(run)
report = audit_labels(ScriptedWorker(), splits=(Split.train,), draws=1, fresh=1, sources=[f for f in load_families() if f.domain == "gardening"])
seen["audit"] = report.model_dump_json()
print(json.dumps(seen))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as pip leaves it: the package of CONTRIBUTING, and beside it what the package registers."""
    site = tmp_path_factory.mktemp("site")
    for name, text in FILES.items():
        if name.startswith("forge_extras/"):
            path = site / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for folder in {path.parent for path in site.rglob("*") if path.is_file()}:
        (folder / "__init__.py").touch()
    project = tomllib.loads(FILES["pyproject.toml"])["project"]
    info = site / "forge_extras-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    lines = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {place}" for name, place in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines))
    return site


def environment(site: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), *sys.path])}


def run(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=site, env=environment(site), capture_output=True, text=True, timeout=600
    )


def register(folder: Path, group: str, point: str) -> None:
    """Leave in a folder what pip leaves there of a package with one entry point."""
    info = folder / "forge_extras-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: forge-extras\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{point}\n")


@pytest.fixture(scope="module")
def seen(site: Path) -> dict[str, Any]:
    """What a process with the package installed sees of the arena."""
    lists = {
        "customer_support": "# Boiler repairs\n\nWe come to every part of the town on working days and bring what is needed "
        "for the usual boilers.\n\nCall-out fee: $120\n\nDeposit: $45\n\nWaiting time: 6 days\n",
        "gardening": "# Hedge care\n\nWe cut hedges of every kind in the town from spring to autumn and take away what was "
        "cut.\n\nHourly rate: $38\n\nDisposal fee: $15\n\nNotice period: 4 days\n",
    }
    rows = site / "rows.jsonl"
    rows.write_text(
        "".join(json.dumps({"source_material": text, "domain": domain}) + "\n" for domain, text in lists.items())
    )
    done = run(site, "-c", TRY, str(rows))
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_additions_are_members_behind_the_shipped_ones(seen: dict[str, Any]) -> None:
    types, domains, components = seen["members"]
    assert types[5:] == ["digit_slip", "price_shift"]
    assert domains[5:] == ["gardening"]
    assert components[4:] == ["brevity"]


def test_the_suite_is_called_after_the_additions_so_that_no_key_of_the_plain_suite_names_another_episode(
    seen: dict[str, Any],
) -> None:
    assert seen["suite"] == "forge+digit_slip+gardening+price_shift"
    assert seen["key"] == "forge+digit_slip+gardening+price_shift:5:train:7"


def test_episodes_with_the_new_type_are_made_and_verified(seen: dict[str, Any]) -> None:
    assert [made["type"] for made in seen["made"]] == [*["price_shift"] * 6, *["digit_slip"] * 6, *["price_shift"] * 6]
    assert {made["domain"] for made in seen["made"][12:]} == {"gardening"}
    assert all(made["breaks_its_target"] and made["clean_is_clean"] for made in seen["made"])
    assert all(made["named"] == [made["type"]] for made in seen["made"])


def test_it_has_placebos_of_its_own_likeness(seen: dict[str, Any]) -> None:
    assert all(made["placebo_is_right"] for made in seen["made"])
    assert {"respelling", "paraphrase"} & {made["placebo"] for made in seen["made"]}


def test_the_prompt_names_it(seen: dict[str, Any]) -> None:
    assert "The seven corruption types:" in seen["prompt"]
    assert (
        "- digit_slip: a digit of an amount of money is not the one that the source material has.\n"
        "- price_shift: an amount of money is not the one that the source material states.\n\nReply with"
        in seen["prompt"]
    )


def test_a_document_import_counts_it_and_says_what_lacks(seen: dict[str, Any]) -> None:
    assert seen["imported"]["scenarios"] == 2
    assert seen["imported"]["corruptions"]["price_shift"] == 2


def test_the_audit_of_labels_has_a_row_for_it(seen: dict[str, Any]) -> None:
    assert "price_shift" in seen["audit"]


def test_the_term_pays_its_share_and_the_grader_is_called_after_it(seen: dict[str, Any]) -> None:
    assert seen["grader"] == "3+brevity"
    assert seen["weights"] == pytest.approx(
        {"detection": 0.38, "explanation": 0.285, "correction": 0.19, "calibration": 0.095, "brevity": 0.05}
    )
    assert all(made["oracle"] == pytest.approx(1.0) and made["brevity"] == 1.0 for made in seen["made"])


def test_the_worker_is_found_by_its_name_and_by_its_place(seen: dict[str, Any]) -> None:
    assert seen["worker"] == ["terse", "terse"]


@pytest.fixture(scope="module")
def url(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    store = tmp_path_factory.mktemp("store") / "arena.db"
    command = [sys.executable, *serving(store=f"sqlite:///{store}", worker="terse", stock=1, log_level="error")]
    with subprocess.Popen(command, env=environment(site), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        try:
            yield line.rpartition(" ")[2]
        finally:
            process.terminate()
            process.wait(60)


def test_filters_over_http_take_it_and_its_verdict_has_the_new_component(url: str) -> None:
    ask = {"corruption": "price_shift", "domain": "gardening", "form": "corrupted", "count": 2}
    opened = httpx.post(f"{url}/v1/episodes", json=ask, timeout=60)
    assert opened.status_code == 200, opened.text
    for episode in opened.json()["episodes"]:
        assert episode["key"].startswith("forge+digit_slip+gardening+price_shift:5:train:")
        assert episode["observation"]["domain"] == "gardening"
        assert episode["observation"]["worker_reasoning"] == ""
        verdict = {"detection": True, "explanation": "price_shift", "correction": "", "confidence": 0.9}
        attempt = {"episode_id": episode["episode_id"], "attempt": 0, "verdict": verdict}
        graded = httpx.post(f"{url}/v1/verdicts", json={"verdicts": [attempt]}, timeout=60).json()
        (result,) = graded["results"]
        assert result["components"]["brevity"] == 1.0
        assert result["truth"]["corruption_type"] == "price_shift"
        again = httpx.post(f"{url}/v1/episodes", json={"keys": [episode["key"]]}, timeout=60).json()["episodes"]
        assert again[0]["observation"] == episode["observation"]


def test_an_evaluation_has_a_row_for_it_in_its_scorecard(url: str, site: Path) -> None:
    evaluate = (
        "import json, sys; from forge_agents.evaluation import evaluate; "
        "result = evaluate('euro_sceptic', arena=sys.argv[1], split='train', episodes=24); "
        "print(json.dumps({by: list(groups) for by, groups in result.groups.items()}), result.scorecard.components)"
    )
    done = run(site, "-c", evaluate, url)
    assert done.returncode == 0, done.stderr
    assert "price_shift" in done.stdout
    assert "gardening" in done.stdout
    assert "brevity=" in done.stdout


def test_an_arena_without_the_package_refuses_a_key_with_its_additions(seen: dict[str, Any]) -> None:
    from forge_arena.episodes import Arena
    from forge_arena.errors import UnknownKey
    from forge_arena.workers import ScriptedWorker

    with pytest.raises(UnknownKey, match="another suite"):
        Arena(ScriptedWorker()).plan(seen["key"])


@pytest.mark.parametrize(("command", "printed"), COMMANDS, ids=[command for command, _ in COMMANDS])
def test_a_command_of_contributing_prints_what_stands_there(site: Path, command: str, printed: str) -> None:
    python, *arguments = shlex.split(command)
    assert python == "python"
    done = run(site, *arguments)
    assert (done.stdout + done.stderr).strip() == printed


def test_in_a_checkout_a_file_and_a_folder_are_enough(site: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "arena", tmp_path / "arena", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "scenarios", tmp_path / "scenarios")
    shutil.copy(site / "forge_extras" / "price_shift.py", tmp_path / "arena" / "forge_arena" / "corruptions")
    shutil.copytree(site / "forge_extras" / "gardening", tmp_path / "scenarios" / "gardening")
    look = (
        "from forge_arena.episodes import Arena; from forge_arena.keys import Filters; from forge_arena.types import Split; "
        "from forge_arena.workers import ScriptedWorker; arena = Arena(ScriptedWorker()); "
        "filters = Filters(corruption='price_shift', domain='gardening'); "
        "print(arena.keys(Split.train, 0, 1, filters)[0][0])"
    )
    paths = {"PYTHONPATH": os.pathsep.join([str(tmp_path / "arena"), *sys.path])}
    done = subprocess.run([sys.executable, "-c", look], env={**os.environ, **paths}, capture_output=True, text=True)
    assert done.stdout.startswith("forge+gardening+price_shift:5:train:"), done.stderr


def test_the_check_of_contributing_finds_what_breaks_it() -> None:
    namespace = {**vars(checks)}
    exec(FILES["a function of arena/forge_arena/verify/checks.py"], namespace)
    try:
        quiet = Check(name="ends_quietly")
        assert checks.violation(quiet, "Thank you.") is None
        assert checks.violation(quiet, "Thank you!\n") == (Span(start=9, end=10),)
    finally:
        del checks._checks["ends_quietly"]


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ({"forge_arena.corruptions": "temporal_shift = forge_extras.price_shift:corruption"}, "has already"),
        ({"forge_arena.corruptions": "Price-Shift = forge_extras.price_shift:corruption"}, "cannot be a name"),
        ({"forge_arena.corruptions": "clean = forge_extras.price_shift:corruption"}, "cannot be a name"),
        (
            {"forge_arena.corruptions": "other_shift = forge_extras.price_shift:corruption"},
            "raised ValueError: 'price_shift' is not a valid CorruptionType (",
        ),
        ({"forge_arena.corruptions": "price_shift = forge_extras.terse:Terse"}, "must be a Corruption"),
        ({"forge_arena.domains": "gardening = forge_extras.terse"}, "is no package"),
        ({"forge_arena.domains": "gardening = nowhere.at_all"}, "is no package"),
        ({"forge_arena.reward_terms": "brief = forge_extras.brevity:brevity"}, "must be a Term whose name is 'brief'"),
    ],
)
def test_what_cannot_be_added_is_refused_in_words(
    site: Path, tmp_path: Path, points: dict[str, str], message: str
) -> None:
    ((group, point),) = points.items()
    register(tmp_path, group, point)
    (tmp_path / "forge_extras").symlink_to(site / "forge_extras")
    load = (
        "from forge_arena.corruptions import registry; from forge_arena.scenarios import load_families; "
        "from forge_arena.rewards import terms; registry(); terms(); load_families()"
    )
    done = run(tmp_path, "-c", load)
    assert done.returncode == 1
    assert message in done.stderr.splitlines()[-1]


BAD_FILES = {
    "an import that fails": (
        "import nowhere_at_all\n",
        r"ModuleNotFoundError: No module named 'nowhere_at_all' \(\S+bad.py:1\)",
    ),
    "bad syntax": ("\ndef corruption(:\n", r"SyntaxError: invalid syntax \(\S+bad.py:2\)"),
    "an error": ("x = 1\n1 / 0\n", r"ZeroDivisionError: division by zero \(\S+bad.py:2\)"),
    "no corruption": ("", "cannot be loaded: module 'bad' has no attribute 'corruption'"),
}


@pytest.mark.parametrize(("text", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_refused_by_name_file_and_reason(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "bad.py").write_text(text)
    register(tmp_path, "forge_arena.corruptions", "some_shift = bad:corruption")
    for command in ("forge_arena.testing corruption some_shift", "forge_command serve --port 0"):
        done = run(tmp_path, "-m", *command.split())
        assert done.returncode in (1, 2)
        assert "Traceback" not in done.stderr
        assert re.search(rf"some_shift.*{message}", done.stderr), done.stderr


def test_a_bad_file_in_the_folder_is_refused_by_name_file_and_reason(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "arena", tmp_path / "arena", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "scenarios", tmp_path / "scenarios")
    (tmp_path / "arena" / "forge_arena" / "corruptions" / "some_shift.py").write_text(
        "import nowhere\ncorruption = 1\n"
    )
    done = run(tmp_path / "arena", "-m", "forge_arena.testing", "corruption", "some_shift")
    assert done.returncode == 1
    assert re.fullmatch(
        r"corruption 'some_shift': importing forge_arena\.corruptions\.some_shift, whose type must be 'some_shift', raised ModuleNotFoundError: "
        r"No module named 'nowhere' \(\S+some_shift\.py:1\)\n",
        done.stderr,
    )


def test_a_double_registration_is_refused_in_words_and_help_still_comes(site: Path, tmp_path: Path) -> None:
    (tmp_path / "forge_extras").symlink_to(site / "forge_extras")
    register(tmp_path, "forge_arena.corruptions", "temporal_shift = forge_extras.price_shift:corruption")
    assert run(tmp_path, "-m", "forge_command", "--help").returncode == 0
    for command in ("forge_arena.testing corruption temporal_shift", "forge_command serve --port 0"):
        done = run(tmp_path, "-m", *command.split())
        assert "Traceback" not in done.stderr
        assert "registers 'temporal_shift', which the arena has already" in done.stderr
