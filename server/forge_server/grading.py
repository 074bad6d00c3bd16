"""Grade one attempt: read what was submitted, score it, and say it as the wire does. The same for a verdict that has
just come in and for one that was stored years ago."""

import hashlib
import json
from dataclasses import dataclass
from typing import Self

from pydantic import ValidationError

import forge_arena
from forge_arena import rewards
from forge_arena.errors import InvalidVerdict
from forge_arena.types import Components, Episode, Noun, Outcome, Unit, Verdict
from forge_arena.verdicts import read_verdict, sendable
from forge_arena.verify import Judge
from forge_arena.wire import Attempt


class Grade(Noun):
    """What an attempt earned. `components` are None and `reason` says why where the verdict could not be read."""

    outcome: Outcome
    reward: Unit | None
    components: Components | None = None
    reason: str | None = None
    step: bool | None = None


@dataclass(frozen=True, slots=True)
class Submitted:
    """An attempt with the text that is kept of it, and that text's digest, which says whether two are the same."""

    attempt: Attempt
    text: str
    digest: bytes

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        if attempt.verdict is None:
            text = json.dumps(sendable(attempt.completion or ""))
        else:
            # Without the optional field where it was not given, so that a retry is the same text as ever.
            text = attempt.verdict.model_dump_json(exclude_none=True)
        return cls(attempt, text, hashlib.blake2b(text.encode(), digest_size=16).digest())


def grader() -> str:
    """The name of this version's grader, which is stored with every verdict that it scored."""
    return f"{forge_arena.__version__} grader {rewards.grader()}"


def read(attempt: Attempt) -> Verdict | InvalidVerdict:
    """The verdict of an attempt, or why there is none."""
    return attempt.verdict or read_verdict(attempt.completion or "")


def read_stored(text: str) -> Verdict | InvalidVerdict:
    """The verdict in what `Submitted` kept of an attempt, read anew: a newer parser may read another one, or none."""
    kept = json.loads(text)
    if isinstance(kept, str):
        return read_verdict(kept)
    try:
        return Verdict.model_validate(kept)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return InvalidVerdict(f"{'.'.join(map(str, first['loc'])) or 'verdict'}: {first['msg']}")


def grade(verdict: Verdict | InvalidVerdict, episode: Episode, judge: Judge) -> Grade:
    """Score a verdict; one that could not be read earns 0."""
    if isinstance(verdict, InvalidVerdict):
        return Grade(outcome=Outcome.invalid_verdict, reward=0.0, reason=verdict.reason)
    earned = rewards.score(episode, verdict, judge)
    return Grade(outcome=Outcome.scored, reward=earned.reward, components=earned.components, step=earned.step)
