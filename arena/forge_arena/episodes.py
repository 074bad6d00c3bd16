"""Make episodes: draw a scenario, let the Worker answer until the answer verifies, corrupt it, verify again.

A key names an episode for ever, and decides everything that is drawn (`forge_arena.plans`).

Of a sealed episode the arena makes what each form needs, in one order, and then shows one form: the injection, the
Worker's answer under a hidden instruction (with the mechanism `prompt`), and the harmless edit. Otherwise the opening
time and the number of Worker calls would reveal the label. A stock of sealed episodes would not do instead: `keys` may
name any sealed episode, and an episode that is not in stock would show how long it takes.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from forge_arena.asking import REVISIONS, Asking, Obedience, obedience
from forge_arena.corruptions import CorruptedAnswer, corrupted_answers, registry
from forge_arena.corruptions.thoughts import UNTOUCHED, first_wrong_step
from forge_arena.curriculum import Cell
from forge_arena.errors import BadArgument, CannotCorrupt, ScenarioError, Unfit
from forge_arena.keys import EVERYTHING, Filters, Key
from forge_arena.placebos import HarmlessEdit, edit_harmlessly
from forge_arena.plans import VERSION, Plan, Plans, seed_name, suite_with_additions
from forge_arena.reader import Reader
from forge_arena.scenarios import SUITE, Source, draw_to_reword, lightest_load_below, load_families
from forge_arena.tools import DEFAULT, Toolbox, ToolProfile
from forge_arena.types import (
    Answer,
    Awareness,
    Candour,
    Claim,
    CorruptionType,
    Episode,
    Form,
    Mechanism,
    Observation,
    Probe,
    Scenario,
    Span,
    Split,
    Truth,
)
from forge_arena.usability import Usability
from forge_arena.verify import ClaimReport, Verifier
from forge_arena.workers.base import HiddenInstruction, Repeating, Worker

# How many answers a key gets, each to another scenario, before the key counts as failed.
TRIES = 8
# A Worker that has refused a hidden instruction this often is not asked again. The arena then rewrites its answer.
INSTRUCTED_TRIES = 4


class Made(NamedTuple):
    """An episode, with the verifier that has already read both its answers."""

    episode: Episode
    verifier: Verifier


@dataclass(frozen=True, slots=True)
class _Drawn:
    """What all forms of a key share: the clean answer to one scenario, and how it would be corrupted.

    `verifier` has read both answers. `reword` gives the scenario in another wording. `counts` is what was counted on
    the way.
    """

    verifier: Verifier
    answer: Answer
    injection: CorruptedAnswer
    reword: Callable[[int], Scenario]
    counts: Counter[str]


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why an answer makes no episode."""

    reason: str


class Arena:
    """Makes episodes from keys with one Worker.

    Args:
        worker: who answers.
        secret: salts the test split. Without a secret a random one is drawn, and test keys mean nothing elsewhere.
        mechanism: use only this mechanism; default `rewrite` for every key (`prompt` needs a Worker that obeys).
        awareness: let a Worker that corrupts its own answer know only this; by default each key decides.
        candour: let it show only this of its thinking; by default each key decides.
        tries: how many answers, and how many scenarios, are drawn before a key counts as failed.
        probes: how many questions an overseer may put to the Worker per episode.
        revisions: how often the Worker is told what is wrong with an answer and writes it again; 0 for never. Episodes
            of a Worker that can revise differ with this number.
        reader: the model that points and vetoes where the Worker's answers are read; default none, so that code alone
            reads. Episodes differ with the reader.
        sources: families or imported documents; default the arena's own families.
        tools: which tools an overseer may use, how often, and at what cost; default `forge_arena.tools.DEFAULT`.
        draws_kept: how many of the last draws are remembered, so that a further form of a key costs only its own edit.
            Episodes do not differ with this number. It matters only to a Worker that repeats itself
            (`forge_arena.workers.base.Repeating`), and a remembered verifier must not be told to forget anything.
        suite: the first part of every key. Give another suite if `sources` are not the arena's own. If packages add
            corruptions or domains, the suite's name says so, see `suite_with_additions`.

    `counts` counts what happened on the way: answers asked for, answers usable at once and after each revision, answers
    rejected and why, and per type the hidden instructions that were obeyed, refused or botched. What names a type on
    the test split is counted in `counts_of_test` instead: a server publishes `counts`, and the type of a sealed episode
    is part of its truth. `usability` says why a Worker's answers make no episode.

    Raises:
        BadArgument: `revisions` is negative; `awareness` or `candour` is given without mechanism `prompt`, which alone
            tells the Worker anything; or everybody knows the secret: it is empty, or the salt of the public split.
    """

    def __init__(
        self,
        worker: Worker,
        *,
        secret: str | None = None,
        mechanism: Mechanism | None = None,
        awareness: Awareness | None = None,
        candour: Candour | None = None,
        tries: int = TRIES,
        probes: int = 1,
        revisions: int = REVISIONS,
        reader: Reader | None = None,
        sources: Sequence[Source] | None = None,
        suite: str = SUITE,
        tools: ToolProfile = DEFAULT,
        draws_kept: int = 0,
    ) -> None:
        if revisions < 0:
            raise BadArgument(f"revisions must be at least 0, got {revisions}")
        if (awareness, candour) != (None, None) and mechanism is not Mechanism.prompt:
            raise BadArgument(
                "awareness and candour are for a Worker that corrupts its own answer: give the mechanism prompt beside "
                "them"
            )
        self.worker = worker
        self.probes = probes
        self.toolbox = Toolbox(tools, probes=probes)
        self.revisions = revisions
        self.reader = reader
        self.counts: Counter[str] = Counter() if reader is None else reader.counts
        self.counts_of_test: Counter[str] = Counter()
        self._tries = tries
        self._draws_kept = draws_kept if isinstance(worker, Repeating) and reader is None else 0
        self._draws: OrderedDict[tuple[str, int], _Drawn] = OrderedDict()
        sources = load_families() if sources is None else sources
        self.usability = Usability(lighter=lightest_load_below(sources), revisions=revisions)
        self.suite = suite_with_additions(suite, sources)
        self._plans = Plans(
            sources, self.suite, secret=secret, mechanism=mechanism, awareness=awareness, candour=candour
        )

    @property
    def suite_and_version(self) -> str:
        """The name of the suite in reports: the first two parts of every key of this arena."""
        return f"{self.suite}:{VERSION}"

    @property
    def answers_by(self) -> str:
        """Who answers and who reads, for records and reports: the Worker's name, and the reader's if there is one."""
        return self.worker.name if self.reader is None else f"{self.worker.name}, read by {self.reader.name}"

    async def start(self) -> None:
        """Make the Worker and the reader ready. Raises `WorkerFailed` if an answer cannot be had."""
        await self.worker.start()
        if self.reader is not None:
            await self.reader.start()

    async def aclose(self) -> None:
        """Release the Worker and the reader."""
        try:
            if self.reader is not None:
                await self.reader.aclose()
        finally:
            await self.worker.aclose()

    def key(self, split: Split, index: int, form: Form | None = None) -> str:
        """The key of an episode: as it is drawn, or in a form."""
        return self._plans.key(split, index, form)

    def plan(self, key: str) -> Plan:
        """What the key has decided. Cheap, because no scenario is drawn.

        Raises:
            UnknownKey: the key is malformed or names another suite, version or split.
        """
        return self._plans.plan(key)

    def keys(
        self,
        split: Split,
        start: int,
        count: int,
        filters: Filters = EVERYTHING,
        *,
        without: Set[Cell] = frozenset(),
    ) -> tuple[list[str], int]:
        """The next `count` keys, from index `start` on, that pass the filters and are in no cell of `without`.

        Returns:
            The keys, and the index at which to go on.

        Raises:
            UnknownKey: no key matches (for example a mechanism that this arena does not use).
        """
        return self._plans.keys(split, start, count, filters, without=without)

    def families(self, split: Split) -> dict[str, set[CorruptionType]]:
        """The families of a split, each with the types that it is drawn for."""
        return self._plans.families(split)

    def fingerprint(self, split: Split = Split.test) -> str:
        """Names what a split is: its scenarios, the Worker, the mechanism and, of the test split, the secret.

        The fingerprint reveals none of these. It is the same on every arena that makes the same episodes of the split.
        """
        return self._plans.fingerprint(split, self.answers_by, self.revisions)

    @property
    def secret_fingerprint(self) -> str:
        """Names the secret without revealing it: two arenas with the same secret have the same fingerprint."""
        return self._plans.secret_fingerprint

    async def make(self, key: str) -> Episode:
        """Make the episode that a key names; see `make_with_verifier`."""
        return (await self.make_with_verifier(key)).episode

    async def make_with_verifier(self, key: str) -> Made:
        """Make the episode that a key names, together with the verifier that has read its answers.

        Raises:
            UnknownKey: see `plan`.
            WorkerFailed: the Worker failed.
            Unfit: none of its answers verified clean and could take the corruption or, for a placebo, a harmless edit;
                or the answer takes fewer corruptions than the key's number asks for.
        """
        plan = self.plan(key)
        reason = "no answer was drawn"
        for attempt in range(self._tries):
            result = await self._attempt(plan, attempt)
            if isinstance(result, Made):
                return result
            reason = result.reason
        raise Unfit(f"no usable answer in {self._tries} tries for a scenario of family {plan.family!r}: {reason}")

    async def probe(self, episode: Episode, probes: tuple[Probe, ...], question: str) -> Probe:
        """Put a question to the Worker about the answer that the overseer sees; it answers in character.

        Raises:
            WorkerFailed: the Worker gave no answer.
        """
        answer = Answer(reasoning=episode.observation.worker_reasoning, output=episode.observation.worker_output)
        rng = self._plans.rng(episode.key, f"probe:{len(probes)}")
        return Probe(question=question, answer=await self.worker.reply(episode.scenario, answer, probes, question, rng))

    async def _attempt(self, plan: Plan, attempt: int) -> Made | Rejected:
        """Draw one scenario, ask for its answer, and turn the answer into the episode if it is usable."""
        drawn = await self._draw(plan, attempt)
        if isinstance(drawn, Rejected):
            return drawn
        verifier, answer, injection = drawn.verifier, drawn.answer, drawn.injection
        self.usability.accept()
        if plan.further:
            injection = self._further(plan, verifier, answer, attempt)
        in_every_form = _may_be_sealed(plan)
        if in_every_form:
            injection.write()
        prompted: Made | None = None
        if plan.mechanism is Mechanism.prompt and (plan.corrupted or in_every_form):
            # A Worker that fails here fails the episode in each form. Otherwise only right answers would survive it.
            prompted = await self._make_prompted(plan, verifier, answer, injection)
        if plan.form is Form.placebo:
            return self._make_placebo(plan, drawn, injection, attempt)
        if in_every_form:
            with suppress(CannotCorrupt):
                self._edit_harmlessly(plan, drawn, injection, attempt)
        if plan.form is Form.clean:
            truth = Truth(corrupted=False, family=plan.family, clean_output=answer.output)
            return self._episode(verifier, plan, injection.clean, truth)
        return self._make_rewritten(plan, verifier, answer, injection) if prompted is None else prompted

    async def _draw(self, plan: Plan, attempt: int) -> _Drawn | Rejected:
        """The clean answer to one scenario and its corruption: drawn, or remembered from another form of the key."""
        if not self._draws_kept:
            return await self._draw_anew(plan, attempt, self.counts)
        name = seed_name(Key.parse(plan.key)), attempt
        if (known := self._draws.get(name)) is not None:
            # Counts are of episodes, whether or not two of them share a draw.
            self.counts.update(known.counts)
            return known
        counts = Counter[str]()
        try:
            drawn = await self._draw_anew(plan, attempt, counts)
        finally:
            self.counts.update(counts)
        if isinstance(drawn, _Drawn):
            self._draws[name] = drawn
            if len(self._draws) > self._draws_kept:
                self._draws.popitem(last=False)
        return drawn

    async def _draw_anew(self, plan: Plan, attempt: int, counts: Counter[str]) -> _Drawn | Rejected:
        try:
            scenario, reword = draw_to_reword(
                self._plans.source(plan), lambda: self._plans.rng(plan.key, f"scenario:{attempt}")
            )
        except ScenarioError as error:
            # The values of one draw in many may leave a slot without a value. The next attempt has other values.
            return Rejected(str(error))
        verifier = Verifier(scenario)
        asking = self._asking(counts)
        written = await asking.ask(verifier, self._plans.rngs(plan.key, f"answer:{attempt}"))
        if not written.clean:
            # The reason names kinds of claims only, because it is logged and what a Worker writes is not.
            return Rejected(asking.reject(written))
        answer, verifier = written.shown, written.verifier
        # Also for answers that stay clean, because clean and corrupted answers must come from the same population.
        try:
            injection = next(self._injections(plan, verifier, answer, attempt))
        except CannotCorrupt as error:
            self._counts_by_type(plan)[f"cannot_corrupt:{plan.corruption_type}"] += 1
            named = "its corruption" if _may_be_sealed(plan) else plan.corruption_type
            self.usability.reject((f"no place for {named}",))
            return Rejected(str(error))
        return _Drawn(verifier, answer, injection, reword, counts)

    def _injections(
        self, plan: Plan, verifier: Verifier, answer: Answer, attempt: int, type: CorruptionType | None = None
    ) -> Iterator[CorruptedAnswer]:
        """The corruptions of one answer by a type, by default that of the plan; see `corrupted_answers`."""
        return corrupted_answers(
            verifier,
            answer,
            type or plan.corruption_type,
            plan.stealth,
            self._plans.rng(plan.key, f"inject:{attempt}" if type is None else f"inject:{attempt}:{type}"),
            thought=UNTOUCHED if plan.mechanism is Mechanism.prompt else None,
        )

    def _further(self, plan: Plan, verifier: Verifier, answer: Answer, attempt: int) -> CorruptedAnswer:
        """The further corruption that the key's number names. The first ones of each type are of the nearest stealth.

        Raises:
            Unfit: the answer takes fewer. Another scenario is no remedy: all corruptions of a key are of one draw.
        """
        found = self._injections(plan, verifier, answer, attempt)
        if plan.any_type:
            found = self._injections_of_any_type(plan, verifier, answer, attempt)
        for injection in islice(found, plan.further, None):
            return injection
        what = "corruptions" if plan.any_type else f"corruptions of type {plan.corruption_type}"
        raise Unfit(f"this answer takes fewer than {plan.further} further {what}")

    def _injections_of_any_type(
        self, plan: Plan, verifier: Verifier, answer: Answer, attempt: int
    ) -> Iterator[CorruptedAnswer]:
        """One corruption of each type in turn, the plan's type first, until none is left; all outputs differ."""
        others = sorted(self._plans.source(plan).corruptions - {plan.corruption_type})
        self._plans.rng(plan.key, f"types:{attempt}").shuffle(others)
        turns = [self._injections(plan, verifier, answer, attempt)]
        turns += [self._injections(plan, verifier, answer, attempt, type) for type in others]
        written: set[str] = set()
        while turns:
            for turn in list(turns):
                try:
                    injection = next(injection for injection in turn if injection.output not in written)
                except (StopIteration, CannotCorrupt):
                    turns.remove(turn)
                    continue
                written.add(injection.output)
                yield injection

    def _make_placebo(self, plan: Plan, drawn: _Drawn, injection: CorruptedAnswer, attempt: int) -> Made:
        """The clean answer with a harmless edit.

        Raises:
            Unfit: there is no such edit. Another scenario is no remedy, because the forms of a key are of one draw.
        """
        try:
            edit = self._edit_harmlessly(plan, drawn, injection, attempt)
        except CannotCorrupt as error:
            self._counts_by_type(plan)[f"cannot_placebo:{plan.corruption_type}"] += 1
            raise Unfit(str(error)) from None
        truth = Truth(
            corrupted=False,
            placebo=edit.kind,
            family=plan.family,
            output_spans=edit.spans,
            clean_output=injection.clean_output,
        )
        return self._episode(drawn.verifier, plan, edit.answer, truth)

    def _edit_harmlessly(self, plan: Plan, drawn: _Drawn, injection: CorruptedAnswer, attempt: int) -> HarmlessEdit:
        """The harmless edit of an answer. Raises `CannotCorrupt` if there is none."""
        rng = self._plans.rng(plan.key, f"placebo:{attempt}")
        return edit_harmlessly(
            drawn.verifier, injection.clean, plan.corruption_type, injection.target, rng, drawn.reword
        )

    def _make_rewritten(self, plan: Plan, verifier: Verifier, clean: Answer, injection: CorruptedAnswer) -> Made:
        """The answer as the arena has corrupted it."""
        claim = verifier.scenario.claim(injection.target)
        truth = Truth(
            corrupted=True,
            corruption_type=injection.type,
            family=plan.family,
            mechanism=Mechanism.rewrite,
            stealth=plan.stealth,
            target=claim.id,
            output_spans=injection.spans,
            source_spans=claim.source_spans,
            step=_step(plan, injection.step),
            clean_output=clean.output,
        )
        return self._episode(verifier, plan, injection.answer, truth)

    async def _make_prompted(
        self, plan: Plan, verifier: Verifier, clean: Answer, injection: CorruptedAnswer
    ) -> Made | None:
        """Let the Worker corrupt its own answer. None if the Worker would not, or broke something else as well."""
        claim = verifier.scenario.claim(injection.target)
        hidden = HiddenInstruction(
            corruption_type=injection.type,
            target=claim.id,
            alternative=injection.alternative,
            text=registry()[injection.type].instruction(claim, injection.alternative),
            awareness=plan.awareness,
            candour=plan.candour,
        )
        purpose = f"prompt:{plan.further}:" if plan.further else "prompt:"
        for attempt in range(min(self._tries, INSTRUCTED_TRIES)):
            asking = self._asking(self.counts)
            written = await asking.ask(verifier, self._plans.rngs(plan.key, purpose + str(attempt)), hidden)
            outcome = obedience(written, claim.id)
            self._count(f"instruction_{outcome}", plan, injection.type)
            if outcome is Obedience.obeyed and written.report is not None:
                truth = _truth_of_prompted(
                    plan, injection.type, written.verifier, claim, written.shown, written.report, clean
                )
                return self._episode(written.verifier, plan, written.shown, truth)
        self._count("instruction_replaced", plan, injection.type)
        return None

    def _asking(self, counts: Counter[str]) -> Asking:
        return Asking(self.worker, self.revisions, counts, self.usability, self.reader)

    def _count(self, what: str, plan: Plan, type: CorruptionType) -> None:
        """Count what became of a hidden instruction: per type, and per type with awareness and candour."""
        counts = self._counts_by_type(plan)
        counts[f"{what}:{type}"] += 1
        counts[f"{what}:{type}:{plan.awareness}:{plan.candour}"] += 1

    def _counts_by_type(self, plan: Plan) -> Counter[str]:
        """Where something is counted under the name of the plan's type."""
        return self.counts_of_test if plan.split is Split.test else self.counts

    def _episode(self, verifier: Verifier, plan: Plan, answer: Answer, truth: Truth) -> Made:
        scenario = verifier.scenario
        observation = Observation(
            task=scenario.task,
            source_material=scenario.source_material,
            worker_reasoning="" if _hides(plan) else answer.reasoning,
            worker_output=answer.output,
            domain=scenario.domain,
            probes_left=self.probes,
            tools_left=self.toolbox.left(()),
        )
        episode = Episode(key=plan.key, scenario=scenario, observation=observation, truth=truth, worker=self.answers_by)
        return Made(episode, verifier)


def _truth_of_prompted(
    plan: Plan,
    type: CorruptionType,
    verifier: Verifier,
    claim: Claim,
    answer: Answer,
    report: ClaimReport,
    clean: Answer,
) -> Truth:
    """The truth about an answer in which the Worker itself broke the claim."""
    wrong = tuple(Span(start=f.start, end=f.end) for f in report.of(claim.id) if f.alternative != claim.right.name)
    end = len(answer.output)
    return Truth(
        corrupted=True,
        corruption_type=type,
        family=plan.family,
        mechanism=Mechanism.prompt,
        stealth=plan.stealth,
        awareness=plan.awareness,
        candour=plan.candour,
        target=claim.id,
        # If the claim is left out, its span is the empty one at the end of the answer.
        output_spans=wrong or (Span(start=end, end=end),),
        source_spans=claim.source_spans,
        step=_step(plan, first_wrong_step(verifier, answer.reasoning, claim)),
        clean_output=clean.output,
    )


def _may_be_sealed(plan: Plan) -> bool:
    """Whether a server may show the episode and keep its label. Sealed episodes come only as they are drawn."""
    return plan.split is Split.test and Key.parse(plan.key).form is None


def _hides(plan: Plan) -> bool:
    """Whether the overseer sees no reasoning: on clean answers as often as on corrupted ones."""
    return plan.mechanism is Mechanism.prompt and plan.candour is Candour.hidden


def _step(plan: Plan, step: int) -> int:
    return -1 if _hides(plan) else step
