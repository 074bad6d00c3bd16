"""The memory of an evaluation: what is kept of each episode is its row, and not its texts."""

import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import pytest

from forge_agents.evaluation import evaluate
from forge_agents.local import LocalArena
from forge_agents.overseers import Completion
from forge_agents.records import AttemptRecord, Records, read_records
from forge_arena.keys import Key
from forge_arena.measures import statistics
from forge_arena.types import Episode, Observation, Split

# A row has 4 kB. The observation of an episode has 6 kB, a completion as below has 20 kB.
MOST_BYTES_AN_EPISODE = 8_000
FEW, MANY = 32, 160


class FewEpisodes(LocalArena):
    """Shows the same 16 episodes under all keys, so that nothing has to be made, and keeps none of them."""

    def _make(self, key: str) -> Episode:
        parsed = Key.parse(key)
        made = super()._make(str(Key.of(self.arena.suite_and_version, Split.train, parsed.index % 16)))
        assert isinstance(made, Episode)
        return made.model_copy(update={"key": key})


class LongThinker:
    """Thinks at length before each verdict."""

    name = "long_thinker"

    def review(self, observations: Sequence[Observation]) -> list[Completion]:
        verdict = '{"detection": true, "explanation": "", "correction": "", "confidence": 0.6}'
        return [
            Completion(f"{number} {len(observation.task)} " * 1_000 + verdict, thoughts=f"{number} " * 2_000)
            for number, observation in enumerate(observations)
        ]


def most_bytes(arena: LocalArena, episodes: int, records: Path | None, *, resume: bool = False) -> int:
    """The most memory that an evaluation adds, in bytes."""
    tracemalloc.start()
    try:
        evaluate(LongThinker(), arena=arena, split="train", episodes=episodes, records=records, resume=resume)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kept", [True, False], ids=["with records", "without records"])
def test_an_evaluation_keeps_no_texts_in_memory(tmp_path: Path, kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    # The arrays of the bootstrap grow up to a bound, which is reached here at once.
    monkeypatch.setattr(statistics, "CELLS_AT_A_TIME", 10_000)
    with FewEpisodes() as arena:
        evaluate(LongThinker(), arena=arena, split="train", episodes=16)
        few = most_bytes(arena, FEW, tmp_path / "few.jsonl" if kept else None)
        many = most_bytes(arena, MANY, tmp_path / "many.jsonl" if kept else None)
        assert (many - few) / (MANY - FEW) < MOST_BYTES_AN_EPISODE
        if kept:
            # An evaluation that is resumed reads the records, which are larger than what it keeps of them.
            resumed = most_bytes(arena, MANY, tmp_path / "many.jsonl", resume=True)
            assert (tmp_path / "many.jsonl").stat().st_size > MANY * MOST_BYTES_AN_EPISODE
            assert (resumed - few) / (MANY - FEW) < MOST_BYTES_AN_EPISODE


def test_the_file_has_the_texts_that_memory_lacks(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    with FewEpisodes() as arena:
        result = evaluate(LongThinker(), arena=arena, split="train", episodes=8, records=path)
    setup, records = read_records(path)
    on_disk = list(records)
    assert all(record.observation and record.completion and record.thoughts and record.truth for record in on_disk)
    with Records(path, setup, AttemptRecord, resume=True) as again:
        assert [record.row for record in again.known.values()] == [record.row for record in on_disk]
        assert [record.row for record in again.known.values()] == list(result.rows)
        assert {record.observation for record in again.known.values()} == {None}
