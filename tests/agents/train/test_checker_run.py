"""`forge-arena train checker`, from a running arena to an overseer that is evaluated."""

import json
import re
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ...command_line import called

torch = pytest.importorskip("torch")

from forge_agents.client import ArenaClient  # noqa: E402
from forge_agents.overseers.checker.encoder import Encoder  # noqa: E402
from forge_agents.overseers.checker.reading import Question  # noqa: E402
from forge_agents.overseers.consistency.passages import stems  # noqa: E402
from forge_agents.train.checker.fitting import CHECKPOINT, fit  # noqa: E402
from forge_agents.train.checker.pairs import STATES, Maker  # noqa: E402
from forge_agents.train.checker.settings import QUICK, settings_of  # noqa: E402
from forge_agents.train.demonstrations import Demonstration, demonstrations  # noqa: E402
from forge_agents.train.progress import Silent  # noqa: E402
from forge_arena.errors import BadArgument  # noqa: E402
from forge_arena.types import CorruptionType, Span  # noqa: E402
from forge_arena.verdicts import observation_text  # noqa: E402

from ...tiny_encoder import make_encoder  # noqa: E402
from .conftest import Served  # noqa: E402


@pytest.fixture(scope="module")
def episodes(short: Served) -> list[Demonstration]:
    with ArenaClient(short.url) as client:
        return list(demonstrations(client, suite="short:5", start=20_000_000, count=60))


@pytest.fixture(scope="module")
def encoder(episodes: list[Demonstration], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_encoder(tmp_path_factory.mktemp("encoder"), [observation_text(e.observation) for e in episodes])


@pytest.fixture(scope="module")
def trained(short: Served, encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("checker") / "made"
    said, _ = called("train", "checker", "--model", encoder, "--arena", short.url, "--out", out, "--quick")
    assert f"checker:{out}" in said
    return out


def test_the_quick_command_makes_an_overseer_with_a_card(trained: Path, encoder: Path) -> None:
    card = (trained / "README.md").read_text(encoding="utf-8")
    assert "base_model:" in card
    assert "| answer | wrong |" in card
    assert re.search(r"\| AUROC \| [01]\.\d", card)
    # With an interval, because the signs are few families' word; one without width is left out.
    assert re.search(r"\| rules \| [01]\.\d+(?: \([01]\.\d+ to [01]\.\d+\))? \|", card)
    run: dict[str, Any] = json.loads((trained / "run.json").read_text(encoding="utf-8"))
    assert run["settings"]["episodes"] == QUICK["episodes"]
    assert run["suites"] == ["short:5"]
    assert run["model"] == str(encoder)
    calibration = json.loads((trained / "calibration.json").read_text(encoding="utf-8"))
    assert calibration["episodes"] == QUICK["val_episodes"]
    assert not (trained / CHECKPOINT).exists()


def test_the_overseer_is_evaluated_like_any_other(trained: Path, short: Served) -> None:
    out, _ = called(
        *("eval", "--overseer", f"checker:{trained}", "--arena", short.url, "--episodes", "4", "--json", "-")
    )
    result = json.loads(out)
    assert result["scorecard"]["scored"] == 4
    assert result["conditions"]["calibration"]["episodes"] == QUICK["val_episodes"]


def test_a_finished_run_is_not_done_again(trained: Path, encoder: Path, short: Served) -> None:
    asked = ("train", "checker", "--model", encoder, "--arena", short.url, "--out", trained, "--quick")
    assert "holds a run already: continue it by --resume" in called(*asked, code=2)[1]
    written = (trained / "heads.safetensors").stat().st_mtime_ns
    called(*asked, "--resume")
    assert (trained / "heads.safetensors").stat().st_mtime_ns == written


def test_a_run_is_not_continued_with_other_settings(trained: Path, encoder: Path, short: Served) -> None:
    asked = ("train", "checker", "--model", encoder, "--arena", short.url, "--out", trained, "--quick", "--resume")
    assert "holds another run: its settings is" in called(*asked, "--set", "seed=5", code=2)[1]


def test_what_was_stopped_goes_on_from_its_checkpoint(
    episodes: list[Demonstration], encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = [pair for e in episodes[:12] for pair in Maker(episodes).pairs(e, Random(0))][:64]
    settings = settings_of(["batch=8", "save_every=3"])

    class Stops(Silent):
        steps: list[int] = []

        def progress(self, phase: str, done: int, total: int, note: str) -> None:
            if phase == "fitting":
                self.steps.append(done)
                if done == 5 and self.steps.count(5) == 1:
                    raise KeyboardInterrupt

    reporter = Stops()
    with pytest.raises(KeyboardInterrupt):
        fit(Encoder.of(str(encoder)), pairs, settings, tmp_path, reporter)
    assert (tmp_path / CHECKPOINT).is_file()
    fit(Encoder.of(str(encoder)), pairs, settings, tmp_path, reporter)
    assert reporter.steps == [1, 2, 3, 4, 5, 4, 5, 6, 7, 8]


def test_the_pairs_hold_every_kind_and_mark_what_the_truth_marks(episodes: list[Demonstration]) -> None:
    maker = Maker(episodes, ("meadow", "harbour"))
    pairs = [pair for e in episodes for pair in maker.pairs(e, Random(0))]
    kinds = {pair.kind for pair in pairs}
    assert {"answer", "free", "unstated", "demand", "task", "frame", "citation", "tone"} <= kinds
    assert {pair.question for pair in pairs} == set(Question)
    for pair in pairs:
        if pair.question is Question.support:
            assert pair.spans is not None
            assert bool(pair.spans) == pair.wrong
            assert all(0 <= span.start <= span.end <= len(pair.text) for span in pair.spans)
        else:
            assert pair.spans is None
    omitted = [pair for pair in pairs if pair.type is CorruptionType.factual_omission]
    assert omitted
    assert all(pair.wrong and pair.question is Question.demand for pair in omitted)


def test_what_is_said_freely_is_right_if_the_answer_is_and_wrong_if_the_passages_that_state_it_are_gone(
    episodes: list[Demonstration],
) -> None:
    maker = Maker(episodes, renamed=0.0)
    free, unstated = 0, 0
    for episode in episodes:
        given = f"{episode.observation.source_material} {episode.observation.task}"
        for pair in maker.pairs(episode, Random(1)):
            if pair.kind == "free":
                free += 1
                assert not pair.wrong
                assert pair.text in " ".join(episode.observation.worker_output.split())
            if pair.kind == "unstated":
                unstated += 1
                assert pair.wrong
                assert pair.spans == (Span(start=0, end=len(pair.text)),)
                # The passages are the source's, and none of them has most of the sentence's words.
                words = set(stems(pair.text))
                for passage in pair.beside:
                    assert passage.split(") ")[-1][:20] in " ".join(given.split())
                    assert len(words & set(stems(passage))) <= STATES * min(len(words), 6) + 1
    assert (free, unstated) == (len(episodes), len(episodes))


def test_without_augmentation_only_the_arena_s_own_answers_are_used(episodes: list[Demonstration]) -> None:
    maker = Maker(episodes, augment=False)
    kinds = {pair.kind for e in episodes for pair in maker.pairs(e, Random(0))}
    assert kinds == {"answer", "demand", "task"}


def test_the_same_seed_makes_the_same_pairs(episodes: list[Demonstration]) -> None:
    first, second = (list(Maker(episodes, ("meadow",)).pairs(episodes[3], Random(4))) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("pears=3", "a checker has no setting 'pears'. Did you mean 'pairs'?"),
        ("pairs", "--set takes KEY=VALUE, got 'pairs'"),
        ("learning_rate=fee", "setting learning_rate: Input should be a valid number"),
        ("seed=[", r"seed:\d: not YAML"),
        ("renamed=2", "setting renamed: Input should be less than or equal to 1, got 2"),
    ],
)
def test_settings_that_make_no_sense_are_refused(change: str, said: str) -> None:
    with pytest.raises(BadArgument, match="^" + said.replace("?", r"\?")):
        settings_of([change])


def test_a_learning_rate_may_be_written_with_an_exponent() -> None:
    assert settings_of(["learning_rate=3e-4", "epochs=2"], quick=True).learning_rate == 3e-4


def test_what_is_no_encoder_is_refused(short: Served, tmp_path: Path) -> None:
    asked = ("train", "checker", "--model", tmp_path / "nothing", "--arena", short.url, "--out", tmp_path / "out")
    assert "no encoder in" in called(*asked, code=2)[1]


def test_an_arena_that_is_not_there_is_reported(encoder: Path, tmp_path: Path) -> None:
    asked = ("train", "checker", "--model", encoder, "--arena", "http://127.0.0.1:9", "--out", tmp_path / "out")
    assert "127.0.0.1:9" in called(*asked, code=2)[1]
