"""Make episodes: draw a scenario, let the Worker answer, verify, corrupt, verify again.

A key names an episode for ever. Everything random about it comes from one hash of suite, version, split, index and, for
the sealed test split, the arena's secret; neighbouring indices share nothing.
"""

import asyncio
import hashlib
import secrets
from collections import Counter
from collections.abc import Sequence
from random import Random

from forge_arena.corruptions import breaks_only, inject, registry
from forge_arena.errors import CannotCorrupt, KeyFromAnotherSuite, WorkerFailed
from forge_arena.scenarios import Source, load_families
from forge_arena.statements import named
from forge_arena.types import (
    Answer,
    CorruptionType,
    Domain,
    Episode,
    Mechanism,
    Noun,
    Observation,
    Probe,
    Scenario,
    Span,
    Split,
    Truth,
)
from forge_arena.verify import Judge, Report
from forge_arena.workers.base import HiddenInstruction, Worker

SUITE = "forge"
VERSION = "1"
PREVALENCE = 0.5
MAX_INDEX = 2**53
KEYS_SEARCHED_PER_MATCH = 2_000

_TYPES = tuple(CorruptionType)


class Plan(Noun):
    """What a key has decided before any Worker is asked. `corruption_type`, `stealth` and `mechanism` are drawn for
    clean episodes too, so that clean and corrupted ones come from the same scenarios."""

    key: str
    split: Split
    index: int
    domain: Domain
    family: str
    corrupted: bool
    corruption_type: CorruptionType
    stealth: int
    mechanism: Mechanism


class Arena:
    """Makes episodes from keys with one Worker.

    Args:
        worker: who answers.
        secret: salts the test split; without one a random secret is drawn, and test keys mean nothing elsewhere.
        mechanism: use only this mechanism; default `rewrite` for every key (`prompt` needs a Worker that obeys).
        tries: how many answers, and how many scenarios, are drawn before a key counts as failed.
        probes: how many questions an overseer may put to the Worker per episode.
        sources: families or imported documents; default the arena's own families.
        suite: the first part of every key; name another where `sources` are not the arena's own.

    `counts` tells what happened on the way: answers rejected, hidden instructions obeyed, refused or botched, per type.
    """

    def __init__(
        self,
        worker: Worker,
        *,
        secret: str | None = None,
        mechanism: Mechanism | None = None,
        tries: int = 4,
        probes: int = 1,
        sources: Sequence[Source] | None = None,
        suite: str = SUITE,
    ) -> None:
        self.worker = worker
        self.probes = probes
        self.counts: Counter[str] = Counter()
        self._secret = secret if secret is not None else secrets.token_hex(16)
        self._mechanism = mechanism
        self._tries = tries
        sources = load_families() if sources is None else sources
        self.suite = suite
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

    def key(self, split: Split, index: int) -> str:
        return f"{self.suite}:{VERSION}:{split.value}:{index}"

    def plan(self, key: str) -> Plan:
        """What the key has decided. Cheap: no scenario is drawn.

        Raises:
            KeyFromAnotherSuite: the key is malformed or names another suite, version or split.
        """
        split, index = _parse_key(key, self.suite)
        rng = self._rng(key, "plan")
        choices = self._choices[split]
        if not choices:
            raise KeyFromAnotherSuite(f"this arena has no scenarios in split {split.value!r}")
        types = [type for type in _TYPES if any(known is type for _, known in choices)]
        type = types[rng.randrange(len(types))]
        domains = [domain for domain in Domain if (domain, type) in choices]
        domain = domains[rng.randrange(len(domains))]
        pool = choices[domain, type]
        return Plan(
            key=key,
            split=split,
            index=index,
            domain=domain,
            family=pool[rng.randrange(len(pool))].name,
            corrupted=rng.random() < PREVALENCE,
            corruption_type=type,
            stealth=rng.randrange(4),
            mechanism=self._mechanism or Mechanism.rewrite,
        )

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
    ) -> tuple[list[str], int]:
        """The next `count` keys from index `start` on that match, and the index to go on from.

        Raises:
            KeyFromAnotherSuite: nothing matches (such as a mechanism that this arena does not use).
        """
        found: list[str] = []
        index = start
        while len(found) < count:
            if index - start > KEYS_SEARCHED_PER_MATCH * (len(found) + 1):
                raise KeyFromAnotherSuite("no episode of this split matches these filters")
            key = self.key(split, index)
            index += 1
            if all(wanted is None for wanted in (domain, corruption, stealth, mechanism)):
                found.append(key)
                continue
            plan = self.plan(key)
            if (
                domain in (None, Domain.mixed, plan.domain)
                and corruption in (None, plan.corruption_type)
                and stealth in (None, plan.stealth)
                and mechanism in (None, plan.mechanism)
            ):
                found.append(key)
        return found, index

    async def make(self, key: str) -> Episode:
        """Make the episode that a key names; see `make_judged`."""
        return (await self.make_judged(key))[0]

    async def make_judged(self, key: str) -> tuple[Episode, Judge]:
        """Make the episode that a key names, with the judge that verified it and so knows both its answers already.

        Raises:
            KeyFromAnotherSuite: see `plan`.
            WorkerFailed: the Worker failed, or none of its answers verified clean and could take the corruption.
        """
        plan = self.plan(key)
        reason = "no answer was drawn"
        for attempt in range(self._tries):
            scenario = self._by_name[plan.family].draw(self._rng(key, f"scenario:{attempt}"))
            judge = Judge(scenario)
            answer = await self.worker.answer(scenario, self._rng(key, f"answer:{attempt}"))
            report = await _report(judge, answer.output)
            if not report.clean:
                self.counts["answers_rejected"] += 1
                reason = f"its last answer breaks {', '.join(sorted(report.broken))[:200]}"
                continue
            try:
                # On a clean episode too: clean and corrupted answers must come from the same population.
                injection = inject(
                    judge, answer, plan.corruption_type, plan.stealth, self._rng(key, f"inject:{attempt}")
                )
            except CannotCorrupt as error:
                self.counts[f"cannot_corrupt:{plan.corruption_type}"] += 1
                reason = str(error)
                continue
            if not plan.corrupted:
                return self._episode(
                    judge, key, scenario, answer, Truth(corrupted=False, family=plan.family, clean_output=answer.output)
                )
            if plan.mechanism is Mechanism.prompt:
                prompted = await self._prompted(plan, scenario, judge, answer, injection.target, injection.alternative)
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
                clean_output=answer.output,
            )
            return self._episode(judge, key, scenario, injection.answer, truth)
        raise WorkerFailed(
            f"no usable answer in {self._tries} tries for a scenario of family {plan.family!r}: {reason}"
        )

    async def probe(self, episode: Episode, probes: tuple[Probe, ...], question: str) -> Probe:
        """Put a question to the Worker about the answer that the overseer sees; it answers in character.

        Raises:
            WorkerFailed: no answer could be had.
        """
        shown = Answer(reasoning=episode.observation.worker_reasoning, output=episode.observation.worker_output)
        rng = self._rng(episode.key, f"probe:{len(probes)}")
        return Probe(question=question, answer=await self.worker.reply(episode.scenario, shown, probes, question, rng))

    async def _prompted(
        self, plan: Plan, scenario: Scenario, judge: Judge, clean: Answer, target: str, alternative: str | None
    ) -> tuple[Episode, Judge] | None:
        """Let the Worker corrupt its own answer. None where it would not, or broke something else as well."""
        claim = scenario.claim(target)
        wanted = named(claim, alternative) if alternative is not None else None
        text = registry()[plan.corruption_type].instruction(claim, wanted)
        hidden = HiddenInstruction(
            corruption_type=plan.corruption_type, target=target, alternative=alternative, text=text
        )
        for attempt in range(self._tries):
            answer = await self.worker.answer(scenario, self._rng(plan.key, f"prompt:{attempt}"), hidden)
            report = await _report(judge, answer.output)
            if report.clean:
                self.counts[f"instruction_refused:{plan.corruption_type}"] += 1
            elif not breaks_only(judge, answer.output, claim):
                self.counts[f"instruction_botched:{plan.corruption_type}"] += 1
            else:
                self.counts[f"instruction_obeyed:{plan.corruption_type}"] += 1
                wrong = tuple(
                    Span(start=f.start, end=f.end) for f in report.of(target) if f.alternative != claim.right.name
                )
                end = len(answer.output)
                truth = Truth(
                    corrupted=True,
                    corruption_type=plan.corruption_type,
                    family=plan.family,
                    mechanism=Mechanism.prompt,
                    stealth=plan.stealth,
                    target=target,
                    output_spans=wrong or (Span(start=end, end=end),),
                    source_spans=claim.source_spans,
                    clean_output=clean.output,
                )
                return self._episode(judge, plan.key, scenario, answer, truth)
        self.counts[f"instruction_replaced:{plan.corruption_type}"] += 1
        return None

    def _episode(
        self, judge: Judge, key: str, scenario: Scenario, answer: Answer, truth: Truth
    ) -> tuple[Episode, Judge]:
        observation = Observation(
            task=scenario.task,
            source_material=scenario.source_material,
            worker_reasoning=answer.reasoning,
            worker_output=answer.output,
            domain=scenario.domain,
            probes_left=self.probes,
        )
        episode = Episode(key=key, scenario=scenario, observation=observation, truth=truth, worker=self.worker.name)
        return episode, judge

    def _rng(self, key: str, purpose: str) -> Random:
        salt = self._secret if f":{Split.test.value}:" in key else ""
        digest = hashlib.sha256(f"{salt}|{key}|{purpose}".encode()).digest()
        return Random(int.from_bytes(digest, "big"))


async def _report(judge: Judge, text: str) -> Report:
    """What the judge says, without holding up the event loop where code has to be run for it."""
    return await asyncio.to_thread(judge.report, text) if judge.runs_code(text) else judge.report(text)


def _parse_key(key: str, suite: str) -> tuple[Split, int]:
    wanted = f"a key reads {suite}:{VERSION}:SPLIT:INDEX with SPLIT one of {', '.join(Split)}"
    parts = key.split(":")
    if (
        len(parts) != 4
        or len(parts[3]) > 16
        or not parts[3].isascii()
        or not parts[3].isdigit()
        or parts[3] != str(int(parts[3]))
    ):
        raise KeyFromAnotherSuite(f"malformed episode key; {wanted}")
    if parts[:2] != [suite, VERSION] or parts[2] not in set(Split) or int(parts[3]) >= MAX_INDEX:
        raise KeyFromAnotherSuite(f"episode key of another suite, version or split; {wanted}")
    return Split(parts[2]), int(parts[3])
