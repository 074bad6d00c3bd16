"""Grade one attempt: read the submitted text, score the verdict. The same code grades new verdicts and stored ones."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from pydantic import ValidationError

import forge_arena
from forge_arena import rewards
from forge_arena.errors import InvalidVerdict
from forge_arena.profiles import Profile
from forge_arena.types import Components, Episode, Noun, Outcome, Unit, Verdict
from forge_arena.verdicts import read_verdict, sendable
from forge_arena.verify import Verifier
from forge_arena.wire import Attempt


class Grade(Noun):
    """What an attempt earned. If the verdict could not be read, `components` is None and `reason` says why."""

    outcome: Outcome
    reward: Unit | None
    components: Components | None = None
    reason: str | None = None
    step: bool | None = None


@dataclass(frozen=True, slots=True)
class Submitted:
    """An attempt, the text under which the store keeps it, and the text's digest: equal digests mean equal attempts."""

    attempt: Attempt
    text: str
    digest: bytes

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        if attempt.verdict is None:
            text = json.dumps(sendable(attempt.completion or ""))
        else:
            # Without an optional field that was not given. Otherwise a retry after an upgrade that adds a field would
            # be another text.
            text = attempt.verdict.model_dump_json(exclude_none=True)
        return cls(attempt, text, hashlib.blake2b(text.encode(), digest_size=16).digest())


def grader(profile: Profile | None = None) -> str:
    """The name of this version's grader, which is stored with every verdict that it scored.

    Under a reward profile other than the standard one, the label of the profile follows."""
    name = f"{forge_arena.__version__} grader {rewards.grader()}"
    return f"{name} {profile.label}" if profile is not None and profile.label else name


def read(attempt: Attempt) -> Verdict | InvalidVerdict:
    """The verdict of an attempt, or why it holds none."""
    return attempt.verdict or read_verdict(attempt.completion or "")


def read_stored(text: str) -> Verdict | InvalidVerdict:
    """The verdict in the text of a `Submitted`. A newer parser may read another verdict in it than before, or none."""
    submitted = json.loads(text)
    if isinstance(submitted, str):
        return read_verdict(submitted)
    try:
        return Verdict.model_validate(submitted)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return InvalidVerdict(f"{'.'.join(map(str, first['loc'])) or 'verdict'}: {first['msg']}")


def grade(
    verdict: Verdict | InvalidVerdict,
    episode: Episode,
    verifier: Verifier,
    paid: Mapping[str, float] | None = None,
) -> Grade:
    """Score a verdict by the weights that are `paid`, or by the standard ones. A verdict that could not be read earns
    0."""
    if isinstance(verdict, InvalidVerdict):
        return Grade(outcome=Outcome.invalid_verdict, reward=0.0, reason=verdict.reason)
    earned = rewards.score(episode, verdict, verifier, paid=paid)
    return Grade(outcome=Outcome.scored, reward=earned.reward, components=earned.components, step=earned.step)
