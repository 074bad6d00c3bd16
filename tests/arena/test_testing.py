"""The checkers: what is shipped keeps every promise, and each promise that is broken is said in words."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import count
from random import Random

import pytest

from forge_arena import testing
from forge_arena.corruptions import Corruption, inject, registry
from forge_arena.corruptions.base import Target, restate
from forge_arena.corruptions.draft import Draft, Rewrite
from forge_arena.errors import WorkerFailed
from forge_arena.placebos import edit_harmlessly
from forge_arena.rewards import Term, detection, terms
from forge_arena.scenarios import load_families
from forge_arena.testing import (
    CORRUPTION_PROMISES,
    INJECTION_PROMISES,
    TERM_PROMISES,
    Corrupted,
    Paid,
    PromiseBroken,
    check_corruption,
    check_family,
    check_reward_term,
    check_worker,
    has_a_harmless_placebo,
    keep,
)
from forge_arena.types import (
    Alternative,
    Answer,
    Claim,
    ClaimKind,
    CorruptionType,
    Episode,
    Form,
    Placebo,
    Probe,
    Scenario,
    Span,
    Verdict,
)
from forge_arena.verify import Verifier
from forge_arena.workers import HiddenInstruction, ScriptedWorker

FAMILY = load_families()[0]


@pytest.mark.parametrize("name", [term.name for term in terms()])
def test_every_shipped_term_keeps_its_promises(name: str) -> None:
    assert check_reward_term(name, episodes=6) > 0


@pytest.mark.parametrize("type", CorruptionType)
def test_every_shipped_corruption_says_what_belongs_to_it(type: CorruptionType) -> None:
    keep(CORRUPTION_PROMISES, registry()[type], type.value)


class Silent(Corruption):
    type = CorruptionType.temporal_shift
    prompt_line = "a value is wrong"


class Bare(Silent):
    prompt_line = "a value is wrong."
    lacking = " "


class Unlike(Silent):
    prompt_line = "a value is wrong."
    placebos: tuple[Placebo, ...] = ()


class Everywhere(Silent):
    prompt_line = "a value is wrong."

    def offers(self, claims: object) -> bool:
        return True


@pytest.mark.parametrize(
    ("corruption", "message"),
    [
        (Silent(), r"one line that ends with a full stop.* Seen: prompt_line is 'a value is wrong'"),
        (Bare(), "what a document does not have"),
        (Unlike(), "at least one placebo"),
        (Everywhere(), r"It offers nothing in a scenario without claims\. Seen: offers\(\(\)\) is true"),
    ],
)
def test_a_corruption_that_lacks_something_is_told_what(corruption: Corruption, message: str) -> None:
    with pytest.raises(PromiseBroken, match=message):
        keep(CORRUPTION_PROMISES, corruption, "corruption 'some'")


@pytest.fixture(scope="module")
def case() -> Corrupted:
    """One answer of a family that was corrupted rightly."""
    scenario = FAMILY.draw(Random(3))
    verifier = Verifier(scenario)
    answer = asyncio.run(ScriptedWorker().answer(scenario, Random(3)))
    type = CorruptionType.temporal_shift
    injection = inject(verifier, answer, type, 3, Random(3))
    reword = partial(FAMILY.draw, Random(3))
    edit = edit_harmlessly(verifier, injection.clean, type, injection.target, Random(3), reword)
    case = Corrupted(scenario, answer, 3, 3, injection, edit)
    keep((*INJECTION_PROMISES, has_a_harmless_placebo), case, "corruption")
    return case


def with_output(case: Corrupted, output: str) -> Corrupted:
    changed = Answer(reasoning=case.injection.answer.reasoning, output=output)
    return replace(case, injection=case.injection.model_copy(update={"answer": changed}))


def with_injection(case: Corrupted, **changed: object) -> Corrupted:
    return replace(case, injection=case.injection.model_copy(update=changed))


BREAK: dict[str, tuple[Callable[[Corrupted], Corrupted], str]] = {
    "unchanged": (lambda case: with_output(case, case.answer.output), r"It changes the output\."),
    "another target": (lambda case: with_injection(case, target="nothing"), "breaks its target and nothing else"),
    "another twin": (
        lambda case: with_injection(case, clean=case.injection.answer),
        r"The clean twin has the output.* Seen: the twin has another output",
    ),
    "other random numbers": (lambda case: replace(case, seed=12_345), "give the same injection"),
    "no spans": (lambda case: with_injection(case, spans=(Span(start=0, end=0),)), "give the same injection|outside"),
    "an edit that does nothing": (
        lambda case: replace(case, edit=replace(case.edit, answer=case.injection.clean)) if case.edit else case,
        "A placebo in its place changes the output",
    ),
    "an edit that breaks": (
        lambda case: replace(case, edit=replace(case.edit, answer=case.injection.answer)) if case.edit else case,
        r"the answer stays right\. Seen: after the \w+: it breaks \['",
    ),
}


@pytest.mark.parametrize(("broken", "message"), BREAK.values(), ids=BREAK)
def test_an_injection_that_breaks_a_promise_is_told_which(
    case: Corrupted, broken: Callable[[Corrupted], Corrupted], message: str
) -> None:
    with pytest.raises(PromiseBroken, match=message):
        keep((*INJECTION_PROMISES, has_a_harmless_placebo), broken(case), "corruption")


class Unsaid(Corruption):
    """Rewrites an amount, and does not say as what."""

    type = CorruptionType.temporal_shift
    prompt_line = "a value is wrong."
    kinds = frozenset({ClaimKind.date, ClaimKind.duration, ClaimKind.money})

    def targets(self, draft: Draft) -> Iterator[Target]:
        yield from ((claim, None) for claim, _ in super().targets(draft))

    def rewrite(self, draft: Draft, claim: Claim, alternative: Alternative | None, rng: Random) -> Rewrite | None:
        return Rewrite(restate(draft, claim, claim.wrong[0]))


def test_a_corruption_that_states_a_value_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry(), CorruptionType.temporal_shift, Unsaid())
    family = next(f for f in load_families() if CorruptionType.temporal_shift in f.corruptions)
    with pytest.raises(
        PromiseBroken, match=r"If the alternative is None.* still states something of the claim '\w+' \('"
    ):
        check_corruption("temporal_shift", (family,))


def test_a_change_outside_the_spans_is_found() -> None:
    assert testing.changed_outside("one two three", "one 2 three", [Span(start=4, end=5)]) is None
    assert testing.changed_outside("one two three", "one 2 four", [Span(start=4, end=5)]) == "' four' was changed"
    assert testing.changed_outside("one two three", "One 2 three", [Span(start=4, end=5)]) == "'One ' was changed"
    assert testing.changed_outside("one two three", "two three", [Span(start=0, end=0)]) is None


def test_a_name_that_is_not_registered_is_answered_with_those_that_are() -> None:
    with pytest.raises(
        PromiseBroken, match=r"'time_shift': no corruption is registered under this name\. Did you mean 'temp"
    ):
        check_corruption("time_shift")
    with pytest.raises(
        PromiseBroken, match=r"'brevity': no term is registered under this name\. There are detection, "
    ):
        check_reward_term("brevity")


def test_a_corruption_that_no_family_offers_is_told_so() -> None:
    with pytest.raises(PromiseBroken, match=r"A family offers it\. Seen: none of 0 families does"):
        check_corruption("temporal_shift", ())


def test_a_family_with_a_fault_is_told_which() -> None:
    opening, *rest = FAMILY.spec.statements
    wrong = opening.model_copy(update={"says": (next(iter(FAMILY.spec.claims)),)})
    spec = FAMILY.spec.model_copy(update={"statements": (wrong, *rest)})
    with pytest.raises(PromiseBroken, match=r"It holds no fault\. Seen: "):
        check_family(replace(FAMILY, spec=spec), draws=3)


TICKS = count()
PAYMENTS: dict[str, tuple[Callable[[Episode, Verdict, Verifier | None], float], str]] = {
    "too much": (lambda episode, verdict, verifier: 2.0, r"It pays from 0 to 1\. Seen: 2\.0 for the oracle's"),
    "by chance": (lambda episode, verdict, verifier: next(TICKS) % 2 / 2, "the same for the same verdict"),
    "little for the truth": (lambda episode, verdict, verifier: 0.5, r"0\.5000 where 1\.0000 is due"),
    "everybody": (
        lambda episode, verdict, verifier: 1.0,
        r"A right verdict that says nothing else.* where 0\.0000 is due",
    ),
    "the confident": (
        lambda episode, verdict, verifier: detection(episode.truth, verdict) * verdict.confidence,
        "pays for the stated confidence only if it says so",
    ),
}


@pytest.fixture(scope="module")
def episode() -> Episode:
    made = next(made for made in testing.make_episodes(6) if made.truth.form is Form.corrupted)
    assert made.truth.corrupted
    return made


@pytest.mark.parametrize(("pay", "message"), PAYMENTS.values(), ids=PAYMENTS)
def test_a_term_that_breaks_a_promise_is_told_which(
    episode: Episode, pay: Callable[[Episode, Verdict, Verifier | None], float], message: str
) -> None:
    flagged = 0.0 if pay is PAYMENTS["everybody"][0] else 1.0
    term = Term("some", 0.1, pay, pays_for="something", field="detection", cleared=1.0, flagged=flagged)
    with pytest.raises(PromiseBroken, match=message):
        keep(TERM_PROMISES, Paid(term, episode), "reward term")


class Worker(ScriptedWorker):
    """A Worker that does what a test says."""

    def __init__(self, answer: Callable[[], object] | None = None, reply: object = "Because.", name: object = "it"):
        super().__init__()
        self._make = answer
        self._reply = reply
        self._name = name

    @property
    def name(self) -> str:
        return self._name  # type: ignore[return-value]

    async def answer(self, scenario: Scenario, rng: Random, hidden: HiddenInstruction | None = None) -> Answer:
        if self._make is None:
            return await super().answer(scenario, rng, hidden)
        return self._make()  # type: ignore[return-value]

    async def reply(
        self, scenario: Scenario, answer: Answer, probes: tuple[Probe, ...], question: str, rng: Random
    ) -> str:
        return self._reply  # type: ignore[return-value]


def fail(reason: str) -> Callable[[], object]:
    def answer() -> object:
        raise WorkerFailed(reason)

    return answer


@pytest.mark.parametrize(
    ("worker", "message"),
    [
        (Worker(name=""), r"Its name is a text.* Seen: its name is ''"),
        (Worker(lambda: "the answer"), r"An answer is an Answer\. Seen: a str"),
        (Worker(lambda: Answer(reasoning="", output=" ")), "An answer says something"),
        (Worker(lambda: {}["nothing"]), r"WorkerFailed and nothing else\. Seen: KeyError: 'nothing'"),
        (Worker(reply=None), r"A reply is a text\. Seen: a NoneType"),
        (Worker(fail("it is down")), r"It answers a scenario\. Seen: it is down"),
        (Worker(fail("one\ntwo")), r"in one line\. Seen: 'one\\ntwo'"),
    ],
)
def test_a_worker_that_breaks_a_promise_is_told_which(worker: Worker, message: str) -> None:
    with pytest.raises(PromiseBroken, match=message):
        check_worker(worker, answers=1)


class Revises(Worker):
    """A Worker whose revised answer is what a test says."""

    def __init__(self, revised: object) -> None:
        super().__init__()
        self._revised = revised

    async def revise(self, scenario: Scenario, answer: Answer, *_: object) -> Answer | None:
        return self._revised  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("revised", "message"),
    [
        ("better", r"A revised answer is an Answer, or None\. Seen: a str"),
        (Answer(reasoning="", output=" "), r"A revised answer says something, or is None\. Seen: an empty output"),
    ],
)
def test_a_worker_that_revises_badly_is_told_so(revised: object, message: str) -> None:
    with pytest.raises(PromiseBroken, match=message):
        check_worker(Revises(revised), answers=1)


@pytest.mark.parametrize("revised", [None, Answer(reasoning="", output="5 days.")])
def test_a_worker_may_revise_or_not(revised: Answer | None) -> None:
    assert check_worker(Revises(revised), answers=1).given == 1


def test_something_else_is_no_worker() -> None:
    with pytest.raises(PromiseBroken, match=r"every part of the protocol.* Seen: a dict without all of them"):
        check_worker({})  # type: ignore[arg-type]


def test_a_worker_that_is_never_right_keeps_its_promises_and_is_counted() -> None:
    seen = check_worker(Worker(lambda: Answer(reasoning="", output="It depends.")), answers=2)
    assert str(seen) == "2 answers, 0 of them right"


@pytest.mark.parametrize("arguments", [["--help"], ["corruption", "-h"]])
def test_help_lists_the_checks(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert testing.main(arguments) == 0
    assert "python -m forge_arena.testing worker SPEC" in capsys.readouterr().out


def test_a_command_says_what_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    assert testing.main(["corruption"]) == 2
    assert "corruption|family|reward-term|worker NAME" in capsys.readouterr().err


def test_claims_are_what_an_offer_is_made_of() -> None:
    claims: tuple[Claim, ...] = FAMILY.draw(Random(1)).claims
    offered = {type for type, corruption in registry().items() if corruption.offers(claims)}
    assert offered <= FAMILY.corruptions
