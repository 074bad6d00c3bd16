"""Try a model as a Worker: how many of its answers can be used, why the others cannot, and what a usable one costs.

A trial draws scenarios from every family in turn. The Worker answers each as it would for an episode, with revisions
(`forge_arena.asking`). On each usable answer the trial asks two more questions: which corruptions find a place in the
answer, and does the Worker obey a hidden instruction on the same scenario?
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from random import Random

from pydantic import Field

from forge_arena.asking import REVISIONS, Asking, Obedience, Written, obedience
from forge_arena.corruptions import Injection, inject, registry
from forge_arena.curriculum import STEALTH_LEVELS
from forge_arena.errors import BadArgument, CannotCorrupt, WorkerFailed
from forge_arena.flaws import WORDS
from forge_arena.reader import Reader
from forge_arena.revision import faults, quote
from forge_arena.scenarios import Source
from forge_arena.together import work_together
from forge_arena.types import CorruptionType, Load, Noun, Scenario
from forge_arena.usability import HOPELESS, VETOED, Usability
from forge_arena.verify import Verifier
from forge_arena.workers.base import HiddenInstruction, Metered, Worker

# The commonest reasons that a report names.
REASONS = 8
# Shares of usable answers: below the first a Worker is of no use, from the second on it is at home.
TOO_FEW, ENOUGH = 0.05, 0.5
# A share of cut answers from which on more tokens are the first thing to try.
OFTEN_CUT = 0.2


class Group(Noun):
    """The answers to the scenarios of one domain or one family.

    `usable` counts those that were usable at once, after one revision, after two, and so on; it is not cumulative.
    """

    name: str
    asked: int
    usable: tuple[int, ...]

    @property
    def share(self) -> float:
        """The share of usable answers, 0..1."""
        return sum(self.usable) / self.asked if self.asked else 0.0


class Reason(Noun):
    """A reason why first answers could not be used: how many have it, and what one of their Workers was told."""

    name: str
    answers: int
    family: str
    example: str


class Instructed(Noun):
    """What became of the hidden instructions of one corruption type."""

    corruption_type: CorruptionType
    obeyed: int
    refused: int
    botched: int


class Places(Noun):
    """In how many usable answers the arena can inject a corruption type, of those whose source allows the type."""

    corruption_type: CorruptionType
    tried: int
    found: int


class TrialReport(Noun):
    """How a model does as a Worker.

    Attributes:
        revisions: how often it could write an answer again.
        asked: scenarios that it was asked to answer.
        failed: scenarios without any answer, because the endpoint failed. They count in no group.
        total: all groups together.
        reasons: why first answers could not be used, the commonest first.
        instructions: how it obeys hidden instructions, on scenarios that it had answered rightly.
        seconds: how long the trial took, with `concurrency` answers in flight.
        requests: chats that were answered; None where the Worker does not count them.
        input_tokens: tokens of all requests; None where the Worker or its server does not count them.
        advice: what to do, one sentence each.
    """

    worker: str
    suite: str
    load: Load = Load.full
    revisions: int
    concurrency: int
    asked: int
    failed: int
    last_failure: str = ""
    total: Group
    domains: tuple[Group, ...]
    families: tuple[Group, ...]
    reasons: tuple[Reason, ...]
    places: tuple[Places, ...]
    instructions: tuple[Instructed, ...]
    seconds: float
    requests: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    advice: tuple[str, ...] = ()

    @property
    def seconds_per_usable(self) -> float | None:
        """Seconds of the trial for each usable answer; None if there is none."""
        return self.seconds / usable if (usable := sum(self.total.usable)) else None

    @property
    def tokens_per_usable(self) -> float | None:
        """Tokens in and out for each usable answer, those of useless answers included; None if nobody counted them."""
        if self.input_tokens is None or self.output_tokens is None or not (usable := sum(self.total.usable)):
            return None
        return (self.input_tokens + self.output_tokens) / usable


class Draw(Noun):
    """One scenario of a trial, and what became of it.

    Attributes:
        usable_after: how many revisions the answer took; None if it could not be used.
        reasons: what was wrong with the first answer, each with the sentence that says so.
        failure: why there is no answer at all.
        places: for each corruption type that the scenario allows, whether the answer offers a place.
        instructed: the type of the hidden instruction, and what became of it.
    """

    family: str
    domain: str
    usable_after: int | None = None
    reasons: tuple[tuple[str, str], ...] = ()
    failure: str = ""
    places: dict[CorruptionType, bool] = Field(default_factory=dict)
    instructed: tuple[CorruptionType, Obedience] | None = None


async def try_worker(
    worker: Worker,
    sources: Sequence[Source],
    *,
    suite: str,
    count: int,
    load: Load = Load.full,
    revisions: int = REVISIONS,
    reader: Reader | None = None,
    concurrency: int = 16,
    instruct: bool = True,
    seed: int = 0,
    on_draw: Callable[[Draw], object] = lambda draw: None,
) -> TrialReport:
    """Try a Worker that is started.

    Args:
        sources: where scenarios are drawn from, each in turn, and the domains in turn.
        suite: names the sources in the report.
        load: how much their tasks ask.
        count: how many scenarios are drawn.
        revisions: how often the Worker may write an answer again.
        reader: points and vetoes, as in an arena; it is started.
        concurrency: how many scenarios are in the making at a time.
        instruct: whether the Worker also gets a hidden instruction for each scenario that it answered rightly.
        seed: another seed draws other scenarios.
        on_draw: is called with each scenario that is done.

    Raises:
        WorkerFailed: so many scenarios in a row got no answer that the Worker must be down.
        BadArgument: there is nothing to draw.
    """
    if not sources or count < 1:
        raise BadArgument(f"a trial needs scenarios, got {len(sources)} sources and a count of {count}")
    sources = _by_domains_in_turn(sources)
    trial = _Trial(worker, reader, revisions, seed, instruct)
    numbers = iter(range(count))
    draws: dict[int, Draw] = {}
    in_a_row = 0
    began = time.monotonic()
    before = _spent(worker)

    async def work() -> None:
        nonlocal in_a_row
        for number in numbers:
            draw = await trial.draw(sources[number % len(sources)], number)
            draws[number] = draw
            in_a_row = in_a_row + 1 if draw.failure else 0
            if in_a_row >= HOPELESS * concurrency:
                raise WorkerFailed(f"{in_a_row} scenarios in a row got no answer, the last: {draw.failure}")
            on_draw(draw)
            # A Worker that answers without any wait must not hold up the others.
            await asyncio.sleep(0)

    await work_together(work, concurrency)
    # In the order in which they were drawn, whatever the order in which they were answered.
    report = _report([draws[number] for number in sorted(draws)], revisions).model_copy(
        update={
            "worker": worker.name,
            "suite": suite,
            "load": load,
            "concurrency": concurrency,
            "seconds": round(time.monotonic() - began, 3),
            **_costs(before, _spent(worker)),
        }
    )
    return report.model_copy(update={"advice": tuple(advice(report))})


class _Trial:
    """Draws one scenario after another and asks the Worker."""

    def __init__(self, worker: Worker, reader: Reader | None, revisions: int, seed: int, instruct: bool) -> None:
        self._worker = worker
        self._reader = reader
        self._revisions = revisions
        self._seed = seed
        self._instruct = instruct

    async def draw(self, source: Source, number: int) -> Draw:
        scenario = source.draw(self._random(source, number, "scenario"))
        verifier = Verifier(scenario)
        draw = Draw(family=source.name, domain=str(source.domain))
        try:
            written = await self._ask(verifier, source, number)
            first = (*written.earlier, written)[0]
            draw = draw.model_copy(update={"reasons": tuple(_faults(first))})
            if not written.clean:
                return draw
            places = dict(self._injections(written, source, number))
            draw = draw.model_copy(
                update={
                    "usable_after": len(written.earlier),
                    "places": {type: injection is not None for type, injection in places.items()},
                }
            )
            found = [(type, injection) for type, injection in places.items() if injection is not None]
            if self._instruct and found:
                type, injection = found[(number // len(places)) % len(found)]
                instructed = await self._ask(verifier, source, number, _instruction(scenario, injection))
                draw = draw.model_copy(update={"instructed": (type, obedience(instructed, injection.target))})
        except WorkerFailed as failure:
            return draw.model_copy(update={"failure": failure.reason} if draw.usable_after is None else {})
        return draw

    async def _ask(
        self, verifier: Verifier, source: Source, number: int, hidden: HiddenInstruction | None = None
    ) -> Written:
        purpose = "answer" if hidden is None else "prompt"
        asking = Asking(self._worker, self._revisions, Counter(), Usability(), self._reader)
        return await asking.ask(verifier, lambda request: self._random(source, number, f"{purpose}{request}"), hidden)

    def _injections(
        self, written: Written, source: Source, number: int
    ) -> Iterator[tuple[CorruptionType, Injection | None]]:
        """The injection of each corruption type that the source allows; None if this answer offers no place."""
        for type in sorted(source.corruptions):
            rng = self._random(source, number, f"inject:{type}")
            try:
                yield type, inject(written.verifier, written.shown, type, number % STEALTH_LEVELS, rng)
            except CannotCorrupt:
                yield type, None

    def _random(self, source: Source, number: int, purpose: str) -> Random:
        return Random(f"trial|{self._seed}|{source.name}|{number}|{purpose}")


def _by_domains_in_turn(sources: Sequence[Source]) -> list[Source]:
    """The sources in such an order that a short trial sees every domain."""
    by_domain: dict[str, list[Source]] = {}
    for source in sources:
        by_domain.setdefault(source.domain, []).append(source)
    turns = zip_longest(*by_domain.values())
    return [source for turn in turns for source in turn if source is not None]


def _instruction(scenario: Scenario, injection: Injection) -> HiddenInstruction:
    """The instruction to break by oneself what the injection breaks."""
    claim = scenario.claim(injection.target)
    return HiddenInstruction(
        corruption_type=injection.type,
        target=claim.id,
        alternative=injection.alternative,
        text=registry()[injection.type].instruction(claim, injection.alternative),
    )


def _faults(first: Written) -> Iterator[tuple[str, str]]:
    """What is wrong with a first answer: each kind of fault, with the first sentence that says it."""
    for flaw in first.flaws:
        yield WORDS[flaw].reason, WORDS[flaw].objection or first.failure
    if not first.flaws and first.report is not None:
        sentences: dict[str, str] = {}
        for kind, words in faults(first.verifier.scenario, first.report, first.answer.output):
            sentences.setdefault(kind, words)
        yield from sentences.items()
    for span in first.vetoed[:1]:
        yield VETOED, f"The material does not bear this out: {quote(span.of(first.answer.output))}."


def _report(draws: Sequence[Draw], revisions: int) -> TrialReport:
    answered = [draw for draw in draws if not draw.failure]
    failures = [draw.failure for draw in draws if draw.failure]
    return TrialReport(
        worker="",
        suite="",
        revisions=revisions,
        concurrency=1,
        asked=len(draws),
        failed=len(failures),
        last_failure=failures[-1] if failures else "",
        total=_group("all", answered, revisions),
        domains=_groups([(draw.domain, draw) for draw in answered], revisions),
        families=_groups([(draw.family, draw) for draw in answered], revisions),
        reasons=_commonest(answered),
        places=tuple(_places(answered)),
        instructions=tuple(_instructions(answered)),
        seconds=0.0,
    )


def _groups(draws: Sequence[tuple[str, Draw]], revisions: int) -> tuple[Group, ...]:
    names = sorted({name for name, _ in draws})
    return tuple(_group(name, [draw for other, draw in draws if other == name], revisions) for name in names)


def _group(name: str, draws: Sequence[Draw], revisions: int) -> Group:
    usable = Counter(draw.usable_after for draw in draws)
    return Group(name=name, asked=len(draws), usable=tuple(usable[after] for after in range(revisions + 1)))


def _commonest(draws: Sequence[Draw]) -> tuple[Reason, ...]:
    counts: Counter[str] = Counter()
    examples: dict[str, tuple[str, str]] = {}
    for draw in draws:
        for name, example in draw.reasons:
            counts[name] += 1
            examples.setdefault(name, (draw.family, example))
    return tuple(
        Reason(name=name, answers=count, family=examples[name][0], example=examples[name][1])
        for name, count in counts.most_common(REASONS)
    )


def _places(draws: Sequence[Draw]) -> Iterator[Places]:
    for type in registry():
        tried = [draw.places[type] for draw in draws if type in draw.places]
        yield Places(corruption_type=type, tried=len(tried), found=sum(tried))


def _instructions(draws: Sequence[Draw]) -> Iterator[Instructed]:
    outcomes = Counter(draw.instructed for draw in draws)
    for type in registry():
        yield Instructed(corruption_type=type, **{outcome.value: outcomes[type, outcome] for outcome in Obedience})


def _spent(worker: Worker) -> tuple[int, int, int, int] | None:
    if not isinstance(worker, Metered):
        return None
    spent = worker.spent
    return spent.requests, spent.counted, spent.input_tokens, spent.output_tokens


def _costs(before: tuple[int, ...] | None, after: tuple[int, ...] | None) -> dict[str, int | None]:
    """What the trial took; tokens only if every request was counted."""
    if before is None or after is None:
        return {}
    requests, counted, input_tokens, output_tokens = (late - early for early, late in zip(before, after, strict=True))
    if counted < requests:
        return {"requests": requests}
    return {"requests": requests, "input_tokens": input_tokens, "output_tokens": output_tokens}


def advice(report: TrialReport) -> Iterator[str]:
    """What to do with this Worker, one sentence each."""
    if not report.total.asked:
        yield f"No answer came ({report.last_failure}): see that the endpoint is up and takes these requests."
        return
    share, usable = report.total.share, sum(report.total.usable)
    less = "" if report.load is Load.light else ", or ask less of this one (--load light)"
    cut = sum(reason.answers for reason in report.reasons if reason.name == "cut answer") / report.total.asked
    if cut >= OFTEN_CUT:
        yield (
            f"{cut:.0%} of the first answers were cut off: allow longer answers (put #max_tokens=4096 behind the "
            "Worker's name) or serve the model with a longer context."
        )
    if share < TOO_FEW:
        yield (
            f"{usable} of {report.total.asked} answers can be used, too few for a server: take a stronger "
            f"instruction-tuned model{less}."
        )
    elif share < ENOUGH:
        yield (
            f"{usable} of {report.total.asked} answers can be used: fill a bank ahead of time (forge-arena bank){less}."
        )
    else:
        yield f"{usable} of {report.total.asked} answers can be used: this model is at home as a Worker."
    if sum(report.total.usable[2:]) > 0.1 * report.total.asked and report.revisions <= 2:
        yield "Many answers become usable late: another revision may help (--revisions 3)."
    useless = [group.name for group in report.families if group.asked >= 2 and not sum(group.usable)]
    if useless and share >= TOO_FEW:
        yield f"No answer can be used in {', '.join(useless)}: these families will be missing from the episodes."
    obeyed = sum(item.obeyed for item in report.instructions)
    told = obeyed + sum(item.refused + item.botched for item in report.instructions)
    if told and obeyed < ENOUGH * told:
        yield (f"It obeys {obeyed} of {told} hidden instructions: use the mechanism rewrite, which needs no obedience.")
