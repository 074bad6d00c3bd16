"""Check what you add to the arena: a corruption, a family, a term of the reward, a Worker.

Each `check_…` function takes one addition and tries its promises one after the other. A promise is a function. The
first line of its docstring is the promise in words, and its value is what was seen instead, or None if the promise is
kept. `forge_agents.testing.check_overseer` checks an overseer. Each check also runs as a command:

    python -m forge_arena.testing corruption NAME
    python -m forge_arena.testing family FILE.yaml
    python -m forge_arena.testing reward-term NAME
    python -m forge_arena.testing worker SPEC
"""

import asyncio
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from inspect import getdoc
from math import isclose
from pathlib import Path
from random import Random
from typing import TypeVar

from forge_arena.additions import CORRUPTIONS, REWARD_TERMS, VOCABULARY
from forge_arena.corruptions import Corruption, Injection, inject, registry
from forge_arena.corruptions.draft import place_of_kept
from forge_arena.episodes import Arena
from forge_arena.errors import CannotCorrupt, ForgeArenaError, Unfit, WorkerFailed
from forge_arena.placebos import HarmlessEdit, edit_harmlessly
from forge_arena.rewards import Term, oracle_verdict, terms
from forge_arena.scenarios import Family, Source, load_families, load_family, read_vocabulary
from forge_arena.scenarios.proof import prove
from forge_arena.suggest import did_you_mean
from forge_arena.types import (
    Answer,
    ClaimKind,
    CorruptionType,
    Episode,
    Form,
    Load,
    Probe,
    Scenario,
    Span,
    Split,
    Verdict,
)
from forge_arena.verify import Verifier
from forge_arena.workers import Reviser, ScriptedWorker, Worker, open_worker

Case = TypeVar("Case")
Promise = Callable[[Case], str | None]

ANSWERS = 4
EPISODES = 24
DRAWS = 20


class PromiseBroken(AssertionError):
    """An addition does not keep a promise; the message says which promise, and what was seen instead."""


def keep(promises: Iterable[Promise[Case]], case: Case, what: str) -> None:
    """Try promises on one case.

    Raises:
        PromiseBroken: the first promise that is broken.
    """
    for promise in promises:
        seen = promise(case)
        if seen is not None:
            words = (getdoc(promise) or promise.__name__).split("\n")[0]
            raise PromiseBroken(f"{what}: {words} Seen: {seen}")


@dataclass(frozen=True)
class Corrupted:
    """One answer of a family, corrupted, and perhaps edited harmlessly in the same place. `seed` gave the injection."""

    scenario: Scenario
    answer: Answer
    stealth: int
    seed: int
    injection: Injection
    edit: HarmlessEdit | None = None


def check_corruption(name: str, sources: Sequence[Family] | None = None, answers: int = ANSWERS) -> int:
    """Check a registered corruption on answers of the families that offer it.

    Args:
        name: its type, such as `temporal_shift`.
        sources: the families whose answers it is tried on; default all that the arena loads.
        answers: how many answers of each family it is tried on, at most.

    Returns: how many answers took it.

    Raises:
        PromiseBroken: the promise in words, and what was seen.
    """
    corruptions = registry()
    if name not in set(CorruptionType):
        raise PromiseBroken(
            f"corruption {name!r}: no corruption is registered under this name.{did_you_mean(name, CorruptionType)} "
            f"There are {', '.join(CorruptionType)}. A corruption is an entry point of the group {CORRUPTIONS}, or a "
            "file of corruptions/ that defines `corruption`"
        )
    corruption = corruptions[CorruptionType(name)]
    keep(CORRUPTION_PROMISES, corruption, f"corruption {name!r}")
    families = load_families() if sources is None else sources
    offering = [family for family in families if corruption.type in family.corruptions]
    if not offering:
        raise PromiseBroken(f"corruption {name!r}: A family offers it. Seen: none of {len(families)} families does")
    took = 0
    for family in offering:
        cases = list(_corrupt(family, corruption.type, answers))
        if not cases:
            raise PromiseBroken(
                f"corruption {name!r}: An answer to a family that offers it can take it. "
                f"Seen: none of {answers} answers to {family.name} can"
            )
        for case in cases:
            keep(
                (*INJECTION_PROMISES, has_a_harmless_placebo),
                case,
                f"corruption {name!r} on {family.name}, seed {case.seed}",
            )
        took += len(cases)
    return took


def check_family(family: Family | Path, draws: int = DRAWS) -> int:
    """Check a family under each load: its statements say what they claim, its corruptions break their targets.

    Args:
        family: the family, or its file. The words of a file's vocabulary are those of the folder above it or its own.
        draws: how many scenarios are drawn.

    Returns: how many answers to tasks of the full load were corrupted by every type.

    Raises:
        PromiseBroken: the promise in words, and what was seen.
        ScenarioError: the file does not fit.
    """
    if isinstance(family, Path):
        folder = family.parent if (family.parent / VOCABULARY).is_file() else family.parent.parent
        family = load_family(family, read_vocabulary(folder / VOCABULARY))
    keep(FAMILY_PROMISES, family, f"family {family.name!r}")
    proofs = [prove(family.at(load), draws) for load in Load if family.has(load)]
    for proof in proofs:
        for problem, times in proof.problems.items():
            raise PromiseBroken(
                f"family {family.name!r}, load {proof.load}: It holds no fault. Seen: {problem} ({times} times)"
            )
    return sum(proof.answers for proof in proofs if proof.load is Load.full)


def check_reward_term(name: str, episodes: int = EPISODES) -> int:
    """Check a term of the reward on episodes of every form, with verdicts that are right, wrong and empty.

    Returns: how many verdicts were scored.

    Raises:
        PromiseBroken: the promise in words, and what was seen.
    """
    known = {term.name: term for term in terms()}
    if name not in known:
        raise PromiseBroken(
            f"reward term {name!r}: no term is registered under this name.{did_you_mean(name, known)} There are "
            f"{', '.join(known)}. A term is an entry point of the group {REWARD_TERMS}"
        )
    scored = 0
    for episode in make_episodes(episodes):
        keep(TERM_PROMISES, Paid(known[name], episode), f"reward term {name!r} on {episode.key}")
        scored += len(_verdicts(episode))
    return scored


@dataclass(frozen=True)
class AnswersOfWorker:
    """How many answers a Worker gave, and how many of them the Verifier finds right.

    A Worker keeps every promise without a right answer, but the arena makes no episode with such a Worker.
    """

    given: int
    right: int

    def __str__(self) -> str:
        return f"{self.given} answers, {self.right} of them right"


def check_worker(worker: Worker | str, answers: int = ANSWERS) -> AnswersOfWorker:
    """Check a Worker, or the Worker that a spec names: start it, ask it, ask it again, probe it, end it.

    A Worker that answers documents only need not know a family: `WorkerFailed` is an answer that it may give. A Worker
    without `revise` is not asked again.

    Raises:
        PromiseBroken: the promise in words, and what was seen.
        ValueError: the spec names no Worker.
    """
    opened = open_worker(worker) if isinstance(worker, str) else worker
    keep(WORKER_PROMISES, opened, f"Worker {worker if isinstance(worker, str) else type(worker).__name__!r}")
    return asyncio.run(_ask(opened, answers))


def make_episodes(count: int, sources: Sequence[Source] | None = None) -> Iterator[Episode]:
    """Episodes of the training split, as many as can be made of `count` keys, in every form in turn."""
    arena = Arena(ScriptedWorker(), sources=sources)
    forms = tuple(Form)
    for index in range(count):
        try:
            yield asyncio.run(arena.make(str(arena.key(Split.train, index, forms[index % len(forms)]))))
        except Unfit:
            continue


def _corrupt(family: Family, type: CorruptionType, answers: int) -> Iterator[Corrupted]:
    for seed in range(answers):
        rng = Random(seed)
        scenario = family.draw(rng)
        verifier = Verifier(scenario)
        try:
            answer = asyncio.run(ScriptedWorker().answer(scenario, rng))
            injection = inject(verifier, answer, type, seed % 4, Random(seed))
            edit = edit_harmlessly(
                verifier,
                injection.clean,
                type,
                injection.target,
                Random(seed),
                lambda wording, seed=seed: family.draw(Random(seed), wording),  # type: ignore[misc]
            )
        except (CannotCorrupt, WorkerFailed):
            continue
        if verifier.verify(answer.output).clean:
            yield Corrupted(scenario, answer, seed % 4, seed, injection, edit)


def says_itself(corruption: Corruption) -> str | None:
    """It says what it does to an answer, in one line that ends with a full stop."""
    line = getattr(corruption, "prompt_line", "")
    return None if line.strip() and "\n" not in line and line.endswith(".") else f"prompt_line is {line!r}"


def has_a_short_gist(corruption: Corruption) -> str | None:
    """Its gist, if it has one, is one line that is shorter than its prompt line and does not end with a full stop."""
    gist = corruption.gist
    fits = "\n" not in gist and not gist.endswith(".") and len(gist) < len(corruption.prompt_line)
    return None if fits else f"gist is {gist!r}"


def says_what_lacks(corruption: Corruption) -> str | None:
    """It says what a document does not have if no answer to it can take this corruption."""
    return None if corruption.lacking.strip() else f"lacking is {corruption.lacking!r}"


def has_a_likeness(corruption: Corruption) -> str | None:
    """It names at least one placebo that looks like it."""
    return None if corruption.placebos else "placebos is empty"


def takes_no_empty_scenario(corruption: Corruption) -> str | None:
    """It offers nothing in a scenario without claims."""
    return "offers(()) is true" if corruption.offers(()) else None


def changes_the_answer(case: Corrupted) -> str | None:
    """It changes the output."""
    return _sameness(case.answer.output, case.injection.answer.output)


def breaks_its_target_alone(case: Corrupted) -> str | None:
    """It breaks its target and nothing else, also for a Verifier that never saw the clean answer."""
    return _wrong_claims(case.scenario, case.injection.answer.output, case.injection.target)


def leaves_a_clean_twin(case: Corrupted) -> str | None:
    """The clean twin has the output as it was, and it is right."""
    if case.injection.clean.output != case.answer.output:
        return "the twin has another output"
    broken = Verifier(case.scenario).verify(case.answer.output).broken
    return f"the twin breaks {sorted(broken)}" if broken else None


def is_the_same_again(case: Corrupted) -> str | None:
    """The same answer and the same random numbers give the same injection."""
    injection, type, stealth = case.injection, case.injection.type, case.stealth
    again = inject(Verifier(case.scenario), case.answer, type, stealth, Random(case.seed))
    return None if again == injection else f"{injection.answer.output!r}, then {again.answer.output!r}"


def changes_its_spans_alone(case: Corrupted) -> str | None:
    """The text outside its spans was in the answer before, piece by piece and in order."""
    return changed_outside(case.answer.output, case.injection.answer.output, case.injection.spans)


def instructs_a_worker(case: Corrupted) -> str | None:
    """It has an instruction for a Worker."""
    claim = case.scenario.claim(case.injection.target)
    words = registry()[case.injection.type].instruction(claim, case.injection.alternative)
    return None if words.strip() else "the instruction is empty"


def leaves_out_what_has_no_alternative(case: Corrupted) -> str | None:
    """If the alternative is None, the answer leaves the claim out."""
    claim = case.scenario.claim(case.injection.target)
    if case.injection.alternative is not None or claim.kind is ClaimKind.constraint:
        return None
    output = case.injection.answer.output
    places = [output[finding.start : finding.end] for finding in Verifier(case.scenario).verify(output).of(claim.id)]
    if not places:
        return None
    return (
        f"the answer still states something of the claim {claim.id!r} ({places[0]!r}), but the alternative is None; "
        "let `targets` yield the Alternative that the answer states"
    )


def has_a_harmless_placebo(case: Corrupted) -> str | None:
    """A placebo in its place changes the output, and the answer stays right."""
    if case.edit is None:
        return "there is no edit"
    fault = fault_of_edit(case.scenario, case.injection.clean.output, case.edit.answer.output, case.edit.spans)
    return None if fault is None else f"after the {case.edit.kind}: {fault}"


def fault_of_edit(
    scenario: Scenario, before: str, after: str, spans: Sequence[Span], target: str | None = None
) -> str | None:
    """The fault of an edit of a clean answer. An edit changes its spans alone, and breaks its target alone.

    Example: the answer "It takes 5 days." with the target `window` may become "It takes 14 days." with
    the span "14 days".

    Args:
        before: the output of the clean answer.
        after: the output of the edited answer.
        spans: where `after` was edited.
        target: the claim that the edit is to break; None for a harmless edit.

    Returns: what was seen instead; None if the edit has no fault.
    """
    return (
        _sameness(before, after)
        or _wrong_claims(scenario, after, target)
        or changed_outside(before, after, spans)
        or (None if spans else "it has no spans")
    )


def _sameness(before: str, after: str) -> str | None:
    return "the output is as before" if before == after else None


def _wrong_claims(scenario: Scenario, output: str, target: str | None) -> str | None:
    broken = Verifier(scenario).verify(output).broken
    if target is None:
        return f"it breaks {sorted(broken)}" if broken else None
    return None if broken == {target} else f"target {target}, broken {sorted(broken)}"


def changed_outside(before: str, after: str, spans: Sequence[Span]) -> str | None:
    """The first piece outside the spans of an edited text that the text before does not have, in order."""
    at = position = 0
    for start, end in [*sorted((span.start, span.end) for span in spans), (len(after), len(after))]:
        piece = after[at:start]
        # A capital behind a cut repairs what the cut left over.
        found = place_of_kept(before, piece, position) if at else before.find(piece, position)
        if found < 0:
            return f"{piece!r} was changed"
        position, at = found + len(piece), end
    head = after[: min((span.start for span in spans), default=0)]
    tail = after[max((span.end for span in spans), default=0) :]
    if not before.startswith(head):
        return f"{head!r} was changed"
    is_kept = before.endswith(tail) or (bool(spans) and before.endswith(tail[:1].lower() + tail[1:]))
    return None if is_kept else f"{tail!r} was changed"


def draws_the_same_again(family: Family) -> str | None:
    """The same random numbers draw the same scenario."""
    once, again = (family.draw(Random(7)) for _ in range(2))
    return None if once == again else "two scenarios differ"


def draws_many(family: Family) -> str | None:
    """Different random numbers draw different scenarios."""
    different = len({family.draw(Random(seed)).model_dump_json() for seed in range(DRAWS)})
    return None if different > DRAWS // 2 else f"{different} different scenarios in {DRAWS} draws"


def offers_a_corruption(family: Family) -> str | None:
    """An answer to it can be corrupted."""
    return None if family.corruptions else "its claims offer no corruption"


@dataclass(frozen=True)
class Paid:
    """A term of the reward and an episode for whose verdicts it pays."""

    term: Term
    episode: Episode

    def pay(self, verdict: Verdict) -> float:
        return self.term.pay(self.episode, verdict, None)


def _verdicts(episode: Episode) -> Mapping[str, Verdict]:
    seen, truth = episode.observation, episode.truth
    return {
        "the oracle's": oracle_verdict(seen, truth),
        "a bare accusation": Verdict(detection=True, explanation="", correction="", confidence=0.7),
        "a bare acquittal": Verdict(detection=False, explanation="", correction="", confidence=0.7),
        "a verdict that quotes everything": Verdict(
            detection=True, explanation=f'"{seen.worker_output[:1_000]}"', correction=truth.clean_output, confidence=0.0
        ),
    }


def pays_between_0_and_1(paid: Paid) -> str | None:
    """It pays from 0 to 1."""
    pays = {name: paid.pay(verdict) for name, verdict in _verdicts(paid.episode).items()}
    return next((f"{pay} for {name}" for name, pay in pays.items() if not 0.0 <= pay <= 1.0), None)


def pays_the_same_again(paid: Paid) -> str | None:
    """It pays the same for the same verdict."""
    for name, verdict in _verdicts(paid.episode).items():
        once, again = paid.pay(verdict), paid.pay(verdict)
        if once != again:
            return f"{once}, then {again}, for {name}"
    return None


def pays_the_oracle_in_full(paid: Paid) -> str | None:
    """The oracle earns 1 on a corrupted answer, and what `cleared` says on a clean one (1 if `stated`)."""
    due = 1.0 if paid.episode.truth.corrupted or paid.term.stated else paid.term.cleared
    pay = paid.pay(oracle_verdict(paid.episode.observation, paid.episode.truth))
    return None if isclose(pay, due, abs_tol=1e-9) else f"{pay:.4f} where {due:.4f} is due"


def pays_the_blind_as_it_says(paid: Paid) -> str | None:
    """A right verdict that says nothing else earns what `cleared` or `flagged` says."""
    corrupted = paid.episode.truth.corrupted
    verdict = Verdict(detection=corrupted, explanation="", correction="", confidence=1.0)
    due = 1.0 if paid.term.stated else paid.term.flagged if corrupted else paid.term.cleared
    pay = paid.pay(verdict)
    return None if isclose(pay, due, abs_tol=1e-9) else f"{pay:.4f} where {due:.4f} is due"


def ignores_confidence_unless_stated(paid: Paid) -> str | None:
    """It pays for the stated confidence only if it says so, because any second payment would make lying pay."""
    if paid.term.stated:
        return None
    for name, verdict in _verdicts(paid.episode).items():
        pays = {paid.pay(verdict.model_copy(update={"confidence": confidence})) for confidence in (0.0, 0.5, 1.0)}
        if len(pays) > 1:
            return f"{sorted(pays)} for {name} with other confidences"
    return None


def is_a_worker(worker: object) -> str | None:
    """It has every part of the protocol `forge_arena.workers.Worker`."""
    return None if isinstance(worker, Worker) else f"a {type(worker).__name__} without all of them"


def has_a_name(worker: Worker) -> str | None:
    """Its name is a text for records and reports."""
    name: object = worker.name
    return None if isinstance(name, str) and name.strip() else f"its name is {name!r}"


async def _ask(worker: Worker, answers: int) -> AnswersOfWorker:
    """Start, ask, ask again, probe and end a Worker."""

    def broken(promise: str, seen: object) -> PromiseBroken:
        return PromiseBroken(f"Worker {worker.name!r}: {promise} Seen: {seen}")

    given = right = 0
    reason = ""
    try:
        await worker.start()
        for number in range(answers):
            scenario = load_families()[number % len(load_families())].draw(Random(number))
            answer = await worker.answer(scenario, Random(number))
            if not isinstance(answer, Answer):
                raise broken("An answer is an Answer.", f"a {type(answer).__name__}")
            if not answer.output.strip():
                raise broken("An answer says something; a Worker without one raises WorkerFailed.", "an empty output")
            if isinstance(worker, Reviser):
                objections = ("Not found: the date (the material asks for it).",)
                revised: object = await worker.revise(scenario, answer, objections, Random(number))
                if not isinstance(revised, Answer | None):
                    raise broken("A revised answer is an Answer, or None.", f"a {type(revised).__name__}")
                if revised is not None and not revised.output.strip():
                    raise broken("A revised answer says something, or is None.", "an empty output")
            probes = (Probe(question="Why?", answer="Because."),)
            reply = await worker.reply(scenario, answer, probes, "Which passage supports your answer?", Random(number))
            if not isinstance(reply, str):
                raise broken("A reply is a text.", f"a {type(reply).__name__}")
            given += 1
            right += Verifier(scenario).verify(answer.output).clean
    except WorkerFailed as failed:
        reason = failed.reason
    except PromiseBroken:
        raise
    except Exception as error:
        raise broken("It raises WorkerFailed and nothing else.", f"{type(error).__name__}: {error}") from error
    finally:
        await worker.aclose()
    # Once more, because a Worker may be closed twice, for instance after a failed start.
    await worker.aclose()
    if reason and "\n" in reason:
        raise broken("A failure says its reason in one line.", repr(reason))
    if not given:
        raise broken("It answers a scenario.", reason)
    return AnswersOfWorker(given, right)


CORRUPTION_PROMISES: tuple[Promise[Corruption], ...] = (
    says_itself,
    has_a_short_gist,
    says_what_lacks,
    has_a_likeness,
    takes_no_empty_scenario,
)
INJECTION_PROMISES: tuple[Promise[Corrupted], ...] = (
    changes_the_answer,
    breaks_its_target_alone,
    leaves_a_clean_twin,
    is_the_same_again,
    changes_its_spans_alone,
    instructs_a_worker,
    leaves_out_what_has_no_alternative,
)
FAMILY_PROMISES: tuple[Promise[Family], ...] = (draws_the_same_again, draws_many, offers_a_corruption)
TERM_PROMISES: tuple[Promise[Paid], ...] = (
    pays_between_0_and_1,
    pays_the_same_again,
    pays_the_oracle_in_full,
    pays_the_blind_as_it_says,
    ignores_confidence_unless_stated,
)
WORKER_PROMISES: tuple[Promise[Worker], ...] = (is_a_worker, has_a_name)

_CHECKS: Mapping[str, Callable[[str], str]] = {
    "corruption": lambda name: f"{check_corruption(name)} answers took it",
    "family": lambda path: f"{check_family(Path(path))} answers",
    "reward-term": lambda name: f"{check_reward_term(name)} verdicts",
    "worker": lambda spec: f"{check_worker(spec)}",
}


def main(arguments: Sequence[str]) -> int:
    """Run one check as a command. Returns the exit status."""
    if "--help" in arguments or "-h" in arguments:
        sys.stdout.write(f"{__doc__}")
        return 0
    if len(arguments) != 2 or arguments[0] not in _CHECKS:
        sys.stderr.write(f"usage: python -m forge_arena.testing {'|'.join(_CHECKS)} NAME\n")
        return 2
    kind, name = arguments
    try:
        seen = _CHECKS[kind](name)
    except (PromiseBroken, ForgeArenaError, ValueError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{kind} {name}: every promise is kept ({seen})\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
