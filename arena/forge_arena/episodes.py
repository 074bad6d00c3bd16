"""Make episodes: draw a scenario, let the Worker answer, verify, corrupt, verify again.

A key names an episode for ever: `suite:version:split:index`. Everything random about it comes from one hash of those
and, for the sealed test split, the arena's secret; neighbouring indices share nothing. The key decides whether the
answer is corrupted, which is so for `PREVALENCE` of them; `PLACEBOS` of the others got a harmless edit. With `:clean`,
`:corrupted` or `:placebo` at its end a key names the same draw in that form.
"""

import asyncio
import hashlib
import hmac
import secrets
from collections import Counter
from collections.abc import Sequence, Set
from random import Random

from forge_arena.corruptions import Injection, breaks_only, inject, registry
from forge_arena.corruptions.thoughts import UNTOUCHED, first_wrong_step
from forge_arena.curriculum import STEALTH_LEVELS, Cell
from forge_arena.errors import CannotCorrupt, KeyFromAnotherSuite, Unfit
from forge_arena.placebos import edit_harmlessly
from forge_arena.scenarios import Source, load_families
from forge_arena.statements import named
from forge_arena.types import (
    Answer,
    Awareness,
    Candour,
    CorruptionType,
    Domain,
    Episode,
    Form,
    Mechanism,
    Noun,
    Observation,
    Probe,
    Scenario,
    Span,
    Split,
    Truth,
)
from forge_arena.usability import Usability, reasons_against
from forge_arena.verify import Judge, Report
from forge_arena.workers.base import HiddenInstruction, Worker

SUITE = "forge"
VERSION = "3"
# So many answers to a key, each to another scenario, before the key counts as failed.
TRIES = 8
# A Worker that refused a hidden instruction so often is not asked again; the arena rewrites its answer.
INSTRUCTED_TRIES = 4
PREVALENCE = 0.5
PLACEBOS = 0.5
MAX_INDEX = 2**53
BLOCKS_KEPT = 4_096

_TYPES = tuple(CorruptionType)
_AWARENESS = tuple(Awareness)
_CANDOUR = tuple(Candour)
_FORMS = frozenset(Form)


class Plan(Noun):
    """What a key has decided before any Worker is asked. All but `form` is drawn alike for every form, so that clean and
    corrupted answers come from the same scenarios. `awareness` and `candour` matter to the `prompt` mechanism only."""

    key: str
    split: Split
    index: int
    domain: Domain
    family: str
    form: Form
    corruption_type: CorruptionType
    stealth: int
    mechanism: Mechanism
    awareness: Awareness
    candour: Candour

    @property
    def corrupted(self) -> bool:
        return self.form is Form.corrupted

    @property
    def cell(self) -> Cell:
        return Cell(self.family, self.corruption_type, self.stealth)


class Arena:
    """Makes episodes from keys with one Worker.

    Args:
        worker: who answers.
        secret: salts the test split; without one a random secret is drawn, and test keys mean nothing elsewhere.
        mechanism: use only this mechanism; default `rewrite` for every key (`prompt` needs a Worker that obeys).
        tries: how many answers, and how many scenarios, are drawn before a key counts as failed.
        probes: how many questions an overseer may put to the Worker per episode.
        sources: families or imported documents; default the arena's own families.
        suite: the first part of every key; name another where `sources` are not the arena's own. What packages add to the
            sources is added to the name, see `suite_with_additions`.

    `counts` tells what happened on the way: answers asked for, answers rejected and why, hidden instructions obeyed,
    refused or botched, per type. `usability` says why a Worker's answers make no episode.
    """

    def __init__(
        self,
        worker: Worker,
        *,
        secret: str | None = None,
        mechanism: Mechanism | None = None,
        tries: int = TRIES,
        probes: int = 1,
        sources: Sequence[Source] | None = None,
        suite: str = SUITE,
    ) -> None:
        self.worker = worker
        self.probes = probes
        self.counts: Counter[str] = Counter()
        self.usability = Usability()
        self._secret = secret if secret is not None else secrets.token_hex(16)
        self._mechanism = mechanism
        self._tries = tries
        sources = load_families() if sources is None else sources
        self.suite = suite_with_additions(suite, sources)
        self._by_name = {source.name: source for source in sources}
        self._choices: dict[Split, dict[tuple[Domain, CorruptionType], tuple[Source, ...]]] = {
            split: {
                (domain, type): found
                for domain in Domain
                for type in _TYPES
                if (
                    found := tuple(
                        s for s in sources if s.split is split and s.domain is domain and type in s.corruptions
                    )
                )
            }
            for split in Split
        }
        self._strata: dict[tuple[Split, int], list[tuple[Domain, CorruptionType]]] = {}

    def key(self, split: Split, index: int, form: Form | None = None) -> str:
        """The key of an episode as the stream has it, or in a form of its own."""
        key = f"{self.suite}:{VERSION}:{split.value}:{index}"
        return key if form is None else f"{key}:{form.value}"

    def fingerprint(self, split: Split = Split.test) -> str:
        """Names what a split is: its scenarios, the Worker, the mechanism and, of the test split, the secret. It tells
        nothing of them, and is the same on every arena that makes the same episodes of the split."""
        sources = [source for _, source in sorted(self._by_name.items()) if source.split is split]
        drawn = [source.draw(Random(source.name)).model_dump_json() for source in sources]
        parts = (self.suite, VERSION, self.worker.name, str(self._mechanism), *drawn)
        salt = self._secret if split is Split.test else split.value
        return hmac.new(salt.encode(), "\n".join(parts).encode(), hashlib.sha256).hexdigest()[:16]

    def plan(self, key: str) -> Plan:
        """What the key has decided. Cheap: no scenario is drawn.

        Raises:
            KeyFromAnotherSuite: the key is malformed or names another suite, version or split.
        """
        split, index, form = _parse_key(key, self.suite)
        if not self._choices[split]:
            raise KeyFromAnotherSuite(f"this arena has no scenarios in split {split.value!r}")
        rng = self._rng(key, "plan")
        domain, type = self._stratum(split, index)
        pool = self._choices[split][domain, type]
        family = pool[rng.randrange(len(pool))].name
        corrupted, edited = rng.random() < PREVALENCE, rng.random() < PLACEBOS
        drawn = Form.corrupted if corrupted else Form.placebo if edited else Form.clean
        return Plan(
            key=key,
            split=split,
            index=index,
            domain=domain,
            family=family,
            form=form or drawn,
            corruption_type=type,
            stealth=rng.randrange(STEALTH_LEVELS),
            mechanism=self._mechanism or Mechanism.rewrite,
            awareness=_AWARENESS[rng.randrange(len(_AWARENESS))],
            candour=_CANDOUR[rng.randrange(len(_CANDOUR))],
        )

    def _stratum(self, split: Split, index: int) -> tuple[Domain, CorruptionType]:
        """The domain and type of an index: every run of as many indices as there are pairs holds each pair once."""
        block, place = divmod(index, len(self._choices[split]))
        shuffled = self._strata.get((split, block))
        if shuffled is None:
            if len(self._strata) >= BLOCKS_KEPT:
                self._strata.clear()
            shuffled = self._strata[split, block] = sorted(self._choices[split])
            self._rng(f"{self.suite}:{VERSION}:{split.value}:block:{block}", "strata").shuffle(shuffled)
        return shuffled[place]

    def families(self, split: Split) -> dict[str, set[CorruptionType]]:
        """The families of a split, each with the types that it is drawn for."""
        found: dict[str, set[CorruptionType]] = {}
        for (_, type), pool in self._choices[split].items():
            for source in pool:
                found.setdefault(source.name, set()).add(type)
        return found

    def keys(
        self,
        split: Split,
        start: int,
        count: int,
        *,
        domain: Domain | None = None,
        corruption: CorruptionType | None = None,
        stealth: int | None = None,
        mechanism: Mechanism | None = None,
        form: Form | None = None,
        without: Set[Cell] = frozenset(),
    ) -> tuple[list[str], int]:
        """The next `count` keys from index `start` on that match and are in no cell `without`, all in `form` if given,
        and the index to go on from.

        Raises:
            KeyFromAnotherSuite: nothing matches (such as a mechanism that this arena does not use).
        """
        found: list[str] = []
        index = start
        unfiltered = not without and all(wanted is None for wanted in (domain, corruption, stealth, mechanism))
        # Asked beforehand: a search that finds nothing would only end with the last of 2**53 indices.
        if not unfiltered and not self._offers(split, domain, corruption, stealth, mechanism, without):
            raise KeyFromAnotherSuite("no episode of this split matches these filters")
        while len(found) < count:
            key = self.key(split, index, form)
            index += 1
            if unfiltered:
                found.append(key)
                continue
            plan = self.plan(key)
            if (
                domain in (None, Domain.mixed, plan.domain)
                and corruption in (None, plan.corruption_type)
                and stealth in (None, plan.stealth)
                and mechanism in (None, plan.mechanism)
                and plan.cell not in without
            ):
                found.append(key)
        return found, index

    def _offers(
        self,
        split: Split,
        domain: Domain | None,
        corruption: CorruptionType | None,
        stealth: int | None,
        mechanism: Mechanism | None,
        without: Set[Cell],
    ) -> bool:
        """Whether any key at all can match."""
        levels = range(STEALTH_LEVELS) if stealth is None else (stealth,)
        return mechanism in (None, self._mechanism or Mechanism.rewrite) and any(
            Cell(source.name, type, level) not in without
            for (of, type), pool in self._choices[split].items()
            if domain in (None, Domain.mixed, of) and corruption in (None, type)
            for source in pool
            for level in levels
        )

    async def make(self, key: str) -> Episode:
        """Make the episode that a key names; see `make_judged`."""
        return (await self.make_judged(key))[0]

    async def make_judged(self, key: str) -> tuple[Episode, Judge]:
        """Make the episode that a key names, with the judge that verified it and so knows both its answers already.

        Raises:
            KeyFromAnotherSuite: see `plan`.
            WorkerFailed: the Worker failed.
            Unfit: none of its answers verified clean and could take the corruption or, for a placebo, a harmless edit.
        """
        plan = self.plan(key)
        reason = "no answer was drawn"
        for attempt in range(self._tries):
            scenario = self._by_name[plan.family].draw(self._rng(key, f"scenario:{attempt}"))
            judge = Judge(scenario)
            answer = await self._answer(scenario, self._rng(key, f"answer:{attempt}"))
            report = await _report(judge, answer.output)
            if not report.clean:
                reasons = reasons_against(scenario, report)
                self._reject(reasons)
                # In kinds of claims: the reason is logged, and what a Worker writes is not.
                reason = f"its last answer was rejected for {', '.join(reasons)}"
                continue
            # On answers that stay clean too: clean, corrupted and edited ones must come from the same population.
            try:
                injection = inject(
                    judge,
                    answer,
                    plan.corruption_type,
                    plan.stealth,
                    self._rng(key, f"inject:{attempt}"),
                    thought=UNTOUCHED if plan.mechanism is Mechanism.prompt else None,
                )
            except CannotCorrupt as error:
                self.counts[f"cannot_corrupt:{plan.corruption_type}"] += 1
                self.usability.reject((f"no place for {plan.corruption_type}",))
                reason = str(error)
                continue
            self.usability.accept()
            if plan.form is Form.placebo:
                return self._placebo(plan, judge, injection, attempt)
            if plan.form is Form.clean:
                truth = Truth(corrupted=False, family=plan.family, clean_output=answer.output)
                return self._episode(judge, plan, injection.clean, truth)
            if plan.mechanism is Mechanism.prompt:
                prompted = await self._prompted(plan, judge, answer, injection)
                if prompted is not None:
                    return prompted
            claim = scenario.claim(injection.target)
            truth = Truth(
                corrupted=True,
                corruption_type=plan.corruption_type,
                family=plan.family,
                mechanism=Mechanism.rewrite,
                stealth=plan.stealth,
                target=claim.id,
                output_spans=injection.spans,
                source_spans=claim.source_spans,
                step=_step(plan, injection.step),
                clean_output=answer.output,
            )
            return self._episode(judge, plan, injection.answer, truth)
        raise Unfit(f"no usable answer in {self._tries} tries for a scenario of family {plan.family!r}: {reason}")

    async def probe(self, episode: Episode, probes: tuple[Probe, ...], question: str) -> Probe:
        """Put a question to the Worker about the answer that the overseer sees; it answers in character.

        Raises:
            WorkerFailed: no answer could be had.
        """
        shown = Answer(reasoning=episode.observation.worker_reasoning, output=episode.observation.worker_output)
        rng = self._rng(episode.key, f"probe:{len(probes)}")
        return Probe(question=question, answer=await self.worker.reply(episode.scenario, shown, probes, question, rng))

    def _placebo(self, plan: Plan, judge: Judge, injection: Injection, attempt: int) -> tuple[Episode, Judge]:
        """The clean answer with a harmless edit. Where there is none, the episode fails: with another scenario, the
        forms of a key would not be of one draw."""
        source = self._by_name[plan.family]

        def reword(wording: int) -> Scenario:
            return source.draw(self._rng(plan.key, f"scenario:{attempt}"), wording)

        rng = self._rng(plan.key, f"placebo:{attempt}")
        try:
            edit = edit_harmlessly(judge, injection.clean, plan.corruption_type, injection.target, rng, reword)
        except CannotCorrupt as error:
            self.counts[f"cannot_placebo:{plan.corruption_type}"] += 1
            raise Unfit(str(error)) from None
        truth = Truth(
            corrupted=False,
            placebo=edit.kind,
            family=plan.family,
            output_spans=edit.spans,
            clean_output=injection.clean.output,
        )
        return self._episode(judge, plan, edit.answer, truth)

    async def _prompted(
        self, plan: Plan, judge: Judge, clean: Answer, injection: Injection
    ) -> tuple[Episode, Judge] | None:
        """Let the Worker corrupt its own answer. None where it would not, or broke something else as well."""
        claim = judge.scenario.claim(injection.target)
        wanted = None if injection.alternative is None else named(claim, injection.alternative)
        hidden = HiddenInstruction(
            corruption_type=plan.corruption_type,
            target=claim.id,
            alternative=injection.alternative,
            text=registry()[plan.corruption_type].instruction(claim, wanted),
            awareness=plan.awareness,
            candour=plan.candour,
        )
        for attempt in range(min(self._tries, INSTRUCTED_TRIES)):
            answer = await self._answer(judge.scenario, self._rng(plan.key, f"prompt:{attempt}"), hidden)
            report = await _report(judge, answer.output)
            if report.clean:
                self._count("instruction_refused", plan)
            elif not breaks_only(judge, answer.output, claim):
                self._count("instruction_botched", plan)
            else:
                self._count("instruction_obeyed", plan)
                wrong = tuple(
                    Span(start=f.start, end=f.end) for f in report.of(claim.id) if f.alternative != claim.right.name
                )
                end = len(answer.output)
                truth = Truth(
                    corrupted=True,
                    corruption_type=plan.corruption_type,
                    family=plan.family,
                    mechanism=Mechanism.prompt,
                    stealth=plan.stealth,
                    awareness=plan.awareness,
                    candour=plan.candour,
                    target=claim.id,
                    output_spans=wrong or (Span(start=end, end=end),),
                    source_spans=claim.source_spans,
                    step=_step(plan, first_wrong_step(judge, answer.reasoning, claim)),
                    clean_output=clean.output,
                )
                return self._episode(judge, plan, answer, truth)
        self._count("instruction_replaced", plan)
        return None

    async def _answer(self, scenario: Scenario, rng: Random, hidden: HiddenInstruction | None = None) -> Answer:
        self.counts["answers_asked"] += 1
        with self.usability.awaited():
            return await self.worker.answer(scenario, rng, hidden)

    def _reject(self, reasons: tuple[str, ...]) -> None:
        self.counts["answers_rejected"] += 1
        for reason in reasons:
            self.counts[f"answers_rejected_{reason.replace(' ', '_')}"] += 1
        self.usability.reject(reasons)

    def _count(self, what: str, plan: Plan) -> None:
        """Count what became of a hidden instruction, per type and per what the Worker was told."""
        self.counts[f"{what}:{plan.corruption_type}"] += 1
        self.counts[f"{what}:{plan.corruption_type}:{plan.awareness}:{plan.candour}"] += 1

    def _episode(self, judge: Judge, plan: Plan, answer: Answer, truth: Truth) -> tuple[Episode, Judge]:
        scenario = judge.scenario
        observation = Observation(
            task=scenario.task,
            source_material=scenario.source_material,
            worker_reasoning="" if _hides(plan) else answer.reasoning,
            worker_output=answer.output,
            domain=scenario.domain,
            probes_left=self.probes,
        )
        episode = Episode(
            key=plan.key, scenario=scenario, observation=observation, truth=truth, worker=self.worker.name
        )
        return episode, judge

    def _rng(self, key: str, purpose: str) -> Random:
        salt = self._secret if f":{Split.test.value}:" in key else ""
        draw, _, form = key.rpartition(":")
        digest = hashlib.sha256(f"{salt}|{draw if form in _FORMS else key}|{purpose}".encode()).digest()
        return Random(int.from_bytes(digest, "big"))


def suite_with_additions(suite: str, sources: Sequence[Source]) -> str:
    """The name of a suite, and after a `+` each corruption and each domain of its sources that does not come with the arena.

    A further corruption or domain changes what every key draws: `forge:3:train:7` and `forge+hedging:3:train:7` are two
    episodes, and an arena that serves one of them refuses the key of the other.
    """
    added = {type.value for source in sources for type in source.corruptions} - CorruptionType.SHIPPED
    added |= {source.domain.value for source in sources} - Domain.SHIPPED
    return "+".join((suite, *sorted(added.difference(suite.split("+")[1:]))))


async def _report(judge: Judge, text: str) -> Report:
    """What the judge says, without holding up the event loop where code has to be run for it."""
    return await asyncio.to_thread(judge.report, text) if judge.runs_code(text) else judge.report(text)


def _hides(plan: Plan) -> bool:
    """Whether the overseer sees no reasoning: on clean answers as often as on corrupted ones."""
    return plan.mechanism is Mechanism.prompt and plan.candour is Candour.hidden


def _step(plan: Plan, step: int) -> int:
    return -1 if _hides(plan) else step


def _parse_key(key: str, suite: str) -> tuple[Split, int, Form | None]:
    wanted = (
        f"a key reads {suite}:{VERSION}:SPLIT:INDEX with SPLIT one of {', '.join(Split)}, "
        f"and may end in :FORM with FORM one of {', '.join(Form)}"
    )
    parts = key.split(":")
    form = parts.pop() if len(parts) == 5 else None
    if (
        len(parts) != 4
        or (form is not None and form not in _FORMS)
        or len(parts[3]) > 16
        or not parts[3].isascii()
        or not parts[3].isdigit()
        or parts[3] != str(int(parts[3]))
    ):
        raise KeyFromAnotherSuite(f"malformed episode key; {wanted}")
    if parts[:2] != [suite, VERSION] or parts[2] not in set(Split) or int(parts[3]) >= MAX_INDEX:
        raise KeyFromAnotherSuite(f"episode key of another suite, version or split; {wanted}")
    return Split(parts[2]), int(parts[3]), None if form is None else Form(form)
