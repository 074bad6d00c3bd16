"""`check_overseer` says which promise an overseer breaks."""

from collections.abc import Sequence

import pytest

from forge_agents.testing import check_overseer
from forge_arena.testing import PromiseBroken
from forge_arena.types import Domain, Observation, Verdict

OBSERVATIONS = [
    Observation(
        task="Answer.",
        source_material=f"The fee is ${n}.",
        worker_reasoning="",
        worker_output="The fee is $2.",
        domain=Domain.mixed,
    )
    for n in range(3)
]
CLEAN = Verdict(detection=False, explanation="", correction="", confidence=0.5)
SURE = CLEAN.model_copy(update={"confidence": 1.0})


class Overseer:
    """One that returns what the test says for a batch."""

    def __init__(self, *, name: object = "it") -> None:
        self.name = name
        self.asked = 0

    def review(self, observations: Sequence[Observation]) -> object:
        return [CLEAN] * len(observations)


class TooFew(Overseer):
    def review(self, observations: Sequence[Observation]) -> object:
        return [CLEAN] * min(1, len(observations))


class Lazy(Overseer):
    def review(self, observations: Sequence[Observation]) -> object:
        return (CLEAN for _ in observations)


class Chatty(Overseer):
    def review(self, observations: Sequence[Observation]) -> object:
        return [CLEAN] * max(1, len(observations))


class Odd(Overseer):
    def review(self, observations: Sequence[Observation]) -> object:
        return [{"detection": "perhaps"}] * len(observations)


class Greeting(Overseer):
    def review(self, observations: Sequence[Observation]) -> object:
        return ["hello"] * len(observations)


class Broken(Overseer):
    def review(self, observations: Sequence[Observation]) -> object:
        return [observation.source_material[100] for observation in observations]


class Moody(Overseer):
    def review(self, observations: Sequence[Observation]) -> object:
        self.asked += 1
        return [SURE if self.asked % 2 else CLEAN] * len(observations)


class Sociable(Overseer):
    def review(self, observations: Sequence[Observation]) -> object:
        return [SURE if len(observations) > 1 else CLEAN] * len(observations)


@pytest.mark.parametrize(
    ("overseer", "message"),
    [
        (Overseer(name=None), r"Its name is a text.* Seen: its name is None; set the attribute `name`"),
        (TooFew(), r"one verdict for each observation.* Seen: 1 verdicts for 3 observations; return one for each"),
        (Lazy(), r"in a list\. Seen: a generator; return a list"),
        (Chatty(), r"For no observations it returns no verdicts\. Seen: 1 verdicts; return \[\]"),
        (Odd(), "A verdict is a Verdict, a dict with its fields, or the text of a model"),
        (Greeting(), r"A verdict can be read in .*no reply is a readable verdict; the first is a str \('hello'\)"),
        (
            Broken(),
            r"raises no error\. Seen: it raised IndexError: string index out of range \(\S+test_testing\.py:\d+\)",
        ),
        (Moody(), r"The same observations get the same verdicts\. Seen: number 0.*check it with repeatable=False"),
        (Sociable(), r"the same verdict in any batch\. Seen: number 0.*depend on its own observation alone"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Overseer) else "",
)
def test_an_overseer_that_breaks_a_promise_is_told_which(overseer: Overseer, message: str) -> None:
    with pytest.raises(PromiseBroken, match=message):
        check_overseer(overseer, OBSERVATIONS)  # type: ignore[arg-type]


def test_one_that_samples_need_not_say_the_same_again() -> None:
    assert check_overseer(Moody(), OBSERVATIONS, repeatable=False) == 3  # type: ignore[arg-type]


def test_one_that_keeps_every_promise_passes() -> None:
    assert check_overseer(Overseer(), OBSERVATIONS) == 3  # type: ignore[arg-type]
