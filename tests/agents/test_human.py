"""A person's marks as an ordinary result: graded like verdicts, compared with overseers, kept by the command."""

import json
from pathlib import Path

import pytest

from forge_agents.client import ArenaClient
from forge_agents.compare import compare_results
from forge_agents.evaluation import evaluate
from forge_agents.human import result_of_marks, verdict_of_mark
from forge_agents.result import Result
from forge_arena.audits.blind import Mark, Marks, Reading, blind, export
from forge_arena.episodes import Arena
from forge_arena.types import CorruptionType, Split
from forge_arena.workers import ScriptedWorker

from ..command_line import called

COUNT = 8


@pytest.fixture(scope="module")
def reading() -> Reading:
    return blind(Arena(ScriptedWorker(), secret="of a test"), COUNT, splits=[Split.public])


def marks_of(reading: Reading, *, confidence: float | None = 0.9, wrong: tuple[int, ...] = ()) -> Marks:
    """The marks of a reader who errs on the numbers in `wrong`, and names the type and the words otherwise."""
    marks = []
    for row in reading.key:
        right = row.truth.corrupted if row.number in wrong else not row.truth.corrupted
        quotes = ""
        if row.truth.corrupted and row.episode is not None:
            output = row.episode.observation.worker_output
            quotes = " ".join(f'"{output[s.start : s.end]}"' for s in row.truth.output_spans if s.end > s.start)
        marks.append(
            Mark(
                number=row.number,
                right=right,
                confidence=confidence,
                corruption_type=None if right else row.truth.corruption_type,
                note="" if right else quotes,
            )
        )
    return Marks(reading=reading.name, reader="Ada", marks=tuple(marks))


def test_marks_are_graded_like_verdicts(reading: Reading) -> None:
    result = result_of_marks(marks_of(reading), reading.key)
    assert (result.title, result.split, result.scorecard.scored) == ("human: Ada", Split.public, COUNT)
    assert result.scorecard.balanced_accuracy.value == 1.0
    assert result.scorecard.type_accuracy.value == 1.0
    assert result.scorecard.brier.value == pytest.approx(0.01)
    clean = [row for row in result.rows if not row.corrupted]
    # 0.40 * 1 + 0.30 * 0.25 + 0.20 * 0.25 + 0.10 * (1 - 0.1²)
    assert [row.reward for row in clean] == pytest.approx([0.624] * len(clean))
    corrupted = [row.reward for row in result.rows if row.corrupted and row.reward is not None]
    assert min(corrupted) > 0.624


def test_a_person_and_an_overseer_are_compared_on_the_episodes_that_both_read(
    reading: Reading, client: ArenaClient
) -> None:
    result = result_of_marks(marks_of(reading, wrong=(1, 2)), reading.key, name="Ada's reading")
    last = max(int(row.key.split(":")[3]) for row in result.rows)
    rules = evaluate("always_clean", arena=client, split="public", episodes=last + 1)
    found = compare_results(rules, result, resamples=50)
    assert (found.second, found.episodes) == ("Ada's reading", COUNT)
    assert not any("could not be checked" in caveat for caveat in found.caveats)


def test_the_command_keeps_the_marks_as_a_result(reading: Reading, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    _, _, key = export(reading, tmp_path / "reading")
    (tmp_path / "marks.json").write_text(marks_of(reading).model_dump_json())
    arguments = ("audit", "labels", "--marks", tmp_path / "marks.json", "--key", key)
    out, _ = called(*arguments, "--out", tmp_path / "ada", "--name", "Ada's reading")
    assert str(tmp_path / "ada" / "report.html") in out
    assert Result.read(tmp_path / "ada").title == "Ada's reading"
    assert {path.name for path in (tmp_path / "ada").iterdir()} == {"result.json", "records.jsonl", "report.html"}
    _, err = called(*arguments, "--out", tmp_path / "ada", code=2)
    assert f"{tmp_path / 'ada'} holds an evaluation already: take another folder" in err


def test_where_the_page_is_does_not_stand_in_the_json(reading: Reading, tmp_path: Path) -> None:
    _, _, key = export(reading, tmp_path / "reading")
    (tmp_path / "marks.json").write_text(marks_of(reading).model_dump_json())
    out, err = called(
        *("audit", "labels", "--marks", tmp_path / "marks.json", "--key", key, "--out", tmp_path / "ada", "--json", "-")
    )
    assert json.loads(out)["audit"] == "reading"
    assert str(tmp_path / "ada") in err


def test_a_name_without_a_result_is_refused(reading: Reading, tmp_path: Path) -> None:
    _, _, key = export(reading, tmp_path / "reading")
    (tmp_path / "marks.json").write_text(marks_of(reading).model_dump_json())
    _, err = called("audit", "labels", "--marks", tmp_path / "marks.json", "--key", key, "--name", "Ada", code=2)
    assert "--name is what the result in --out is called" in err


def test_a_mark_without_a_confidence_is_no_verdict(reading: Reading) -> None:
    marks = marks_of(reading, confidence=None)
    with pytest.raises(ValueError, match=r"marks 1, 2, .* do not say how sure the reader is"):
        result_of_marks(marks, reading.key)
    with pytest.raises(ValueError, match=r"mark 1 does not say how sure the reader is"):
        result_of_marks(marks.model_copy(update={"marks": marks.marks[:1]}), reading.key)


def test_a_key_of_an_older_version_is_refused(reading: Reading) -> None:
    older = [row.model_copy(update={"episode": None}) for row in reading.key]
    with pytest.raises(ValueError, match="the key holds no episodes, because an older version wrote it"):
        result_of_marks(marks_of(reading), older)


def test_a_reading_of_several_splits_is_no_result() -> None:
    reading = blind(Arena(ScriptedWorker(), secret="of a test"), 4, splits=[Split.val, Split.test])
    with pytest.raises(ValueError, match="the reading is of test and val, and a result is of one split"):
        result_of_marks(marks_of(reading), reading.key)


def test_type_and_note_are_the_explanation() -> None:
    mark = Mark(number=1, right=False, confidence=0.8, corruption_type=CorruptionType.temporal_shift, note='"5 days"')
    verdict = verdict_of_mark(mark)
    assert (verdict.detection, verdict.p_corrupted, verdict.correction) == (True, 0.8, "")
    assert verdict.explanation == 'temporal_shift: "5 days"'
    assert verdict_of_mark(mark.model_copy(update={"right": True})).explanation == ""
