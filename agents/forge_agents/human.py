"""Make from a person's marks on a reading the result that an overseer with the same verdicts would have.

`forge-arena audit labels --export` writes the reading, and the person downloads the marks (`forge_arena.audits.blind`).
Each mark becomes a verdict: right or wrong, with the type and the note as its explanation, the person's confidence, and
no correction. The verdicts are graded like any others, so a model's result on the same split can be compared with it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from forge_agents.evaluation import score_rows
from forge_agents.provenance import Provenance
from forge_agents.records import AttemptRecord, Records, Setup
from forge_agents.result import Result
from forge_arena.audits.blind import KeyRow, Mark, Marks, pair_marks
from forge_arena.errors import BadArgument
from forge_arena.keys import Key
from forge_arena.measures.rows import graded_row
from forge_arena.rewards import score
from forge_arena.software import software
from forge_arena.types import MAX_EXPLANATION, Episode, Outcome, Verdict
from forge_arena.wire import AttemptResult


def result_of_marks(
    marks: Marks, key: Sequence[KeyRow], *, records: Path | None = None, name: str | None = None, seed: int = 0
) -> Result:
    """The result of a person's marks.

    Args:
        marks: what the person downloaded.
        key: the key of the same reading.
        records: a file that takes each mark with its episode, for the page.
        name: what the result is called; by default `human` and the person's name.
        seed: decides the bootstrap and nothing else.

    Raises:
        BadArgument: the marks are of another reading; a mark states no confidence; the key is of an older version; or
            the reading is of several splits.
        RecordsError: `records` exists.
    """
    pairs = pair_marks(marks, key)
    episodes = _episodes(pairs)
    unsaid = [str(mark.number) for mark, _ in pairs if mark.confidence is None]
    if unsaid:
        marked = f"mark {unsaid[0]} does" if len(unsaid) == 1 else f"marks {', '.join(unsaid)} do"
        raise BadArgument(f"{marked} not say how sure the reader is: a verdict needs a confidence")
    graded = [
        _record(mark, episode)
        for (mark, _), episode in sorted(
            zip(pairs, episodes, strict=True), key=lambda pair: Key.parse(pair[1].key).index
        )
    ]
    keys = [Key.parse(record.row.key) for record in graded]
    splits = {key.split for key in keys}
    if len(splits) > 1:
        raise BadArgument(
            f"the reading is of {' and '.join(sorted(splits))}, and a result is of one split: export a reading with "
            "--split public, for instance"
        )
    setup = Setup(
        overseer=f"human: {marks.reader.strip()}" if marks.reader.strip() else "human",
        conditions={"reading": marks.reading},
        worker=episodes[0].worker,
        suite=keys[0].suite_and_version,
        split=keys[0].split,
        start=keys[0].index,
        episodes=len(graded),
        paired=False,
    )
    if records is not None:
        with Records(records, setup, AttemptRecord) as file:
            file.add(graded)
    origin = Provenance(
        details={"reading": marks.reading, "marked": len(graded), "to be read": len(key)},
        episodes=len(graded),
        paired=False,
        batch=1,
        software=software(),
        ended=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return score_rows(setup, [record.row for record in graded], origin, name=name, seed=seed)


def verdict_of_mark(mark: Mark) -> Verdict:
    """The verdict that a mark is: the type and the note are its explanation, and it repairs nothing.

    Raises:
        BadArgument: the mark states no confidence.
    """
    if mark.confidence is None:
        raise BadArgument(f"mark {mark.number} does not say how sure the reader is: a verdict needs a confidence")
    kind = mark.corruption_type.value if mark.corruption_type is not None else ""
    words = "" if mark.right else ": ".join(part for part in (kind, mark.note) if part)
    return Verdict(
        detection=not mark.right, explanation=words[:MAX_EXPLANATION], correction="", confidence=mark.confidence
    )


def _episodes(pairs: Sequence[tuple[Mark, KeyRow]]) -> list[Episode]:
    episodes = [row.episode for _, row in pairs if row.episode is not None]
    if len(episodes) < len(pairs):
        raise BadArgument(
            "the key holds no episodes, because an older version wrote it: export the reading again by the same command"
        )
    return episodes


def _record(mark: Mark, episode: Episode) -> AttemptRecord:
    verdict = verdict_of_mark(mark)
    earned = score(episode, verdict)
    result = AttemptResult(
        episode_id="reading",
        attempt=0,
        outcome=Outcome.scored,
        reward=earned.reward,
        components=earned.components,
        step=earned.step,
    )
    row = graded_row(episode.key, episode.observation, episode.truth, verdict, result)
    return AttemptRecord(row=row, observation=episode.observation, verdict=verdict, truth=episode.truth)
