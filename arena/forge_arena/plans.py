"""Decide what a key means before any Worker is asked: its family, its corruption, its form, and its random numbers.

Every random choice of an episode comes from one hash of its key and of the salt of its split: the arena's secret in
the sealed test split, `PUBLISHED_SALT` in the public one, nothing in the others. Neighbouring indices share nothing.
The key decides the form of the answer: `PREVALENCE` of the answers are corrupted, and `PLACEBOS` of the others get a
harmless edit. A key with `:clean`, `:corrupted` or `:placebo` at its end names the same draw in that form. A number
behind `:corrupted` names a further corruption of the same answer.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import replace
from itertools import product
from random import Random

from forge_arena.curriculum import STEALTH_LEVELS, Cell
from forge_arena.errors import UnknownKey
from forge_arena.keys import EVERYTHING, Filters, Key, key_pattern
from forge_arena.salts import PUBLISHED_SALT, check_secret
from forge_arena.scenarios import Mixed, Source
from forge_arena.types import Awareness, Candour, CorruptionType, Domain, Form, Mechanism, Noun, Split

VERSION = "5"
# Suite 5 gave val and test more families and changed nothing else. Therefore a key has the random numbers that it had
# in suite 4: train and the other sets draw what they drew, under a new name.
SEED_VERSION = "4"
PREVALENCE = 0.5
PLACEBOS = 0.5
BLOCKS_KEPT = 4_096

_AWARENESS = tuple(Awareness)
_CANDOUR = tuple(Candour)

# What the plans of a split choose from: the sources of each pair of domain and corruption type that has any.
_Choices = dict[tuple[Domain, CorruptionType], tuple[Source, ...]]


class Plan(Noun):
    """What a key decides before any Worker is asked.

    Everything but `form` is drawn alike for all forms, so that clean and corrupted answers come from the same
    scenarios. `awareness` and `candour` matter only to the `prompt` mechanism. `further` and `any_type` are those of
    the key (`forge_arena.keys.Key`).
    """

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
    further: int = 0
    any_type: bool = False

    @property
    def corrupted(self) -> bool:
        return self.form is Form.corrupted

    @property
    def cell(self) -> Cell:
        return Cell(self.family, self.corruption_type, self.stealth)

    @property
    def filtered(self) -> tuple[Domain, CorruptionType, int, Mechanism, Awareness, Candour]:
        """What `Filters.allow` takes."""
        return self.domain, self.corruption_type, self.stealth, self.mechanism, self.awareness, self.candour


class Plans:
    """The plans of all keys of one suite. Safe to ask from several threads.

    Args:
        sources: families and imported documents.
        suite: the first part of every key.
        secret: salts the test split; a random one if None.
        mechanism, awareness, candour: see `forge_arena.episodes.Arena`.

    The public test split has the families of the test split, but no imported documents: a document has few scenarios,
    so the published truth about one of them would be the truth about a sealed episode too.

    Raises:
        BadArgument: everybody knows the secret: it is empty, or the salt of the public split.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        suite: str,
        *,
        secret: str | None = None,
        mechanism: Mechanism | None = None,
        awareness: Awareness | None = None,
        candour: Candour | None = None,
    ) -> None:
        if secret is not None:
            check_secret(secret)
        self.suite = suite
        self._secret = secret if secret is not None else secrets.token_hex(16)
        self._mechanism = mechanism or Mechanism.rewrite
        # No mechanism and `rewrite` make the same episodes, but the fingerprints in stores tell the two apart.
        self._mechanism_as_given = mechanism
        self._awareness = awareness
        self._candour = candour
        self._by_name = {source.name: source for source in sources}
        self._mixed = {source.name: source for source in sources if isinstance(source, Mixed)}
        self._choices = {split: _choices(self._sources_of(split)) for split in Split}
        self._strata: dict[tuple[Split, int], list[tuple[Domain, CorruptionType]]] = {}

    def key(self, split: Split, index: int, form: Form | None = None) -> str:
        """The key of an episode: as it is drawn, or in a form."""
        return str(Key(self.suite, VERSION, split, index, form))

    def fingerprint(self, split: Split, answers_by: str, revisions: int) -> str:
        """Names what a split is; see `forge_arena.episodes.Arena.fingerprint`.

        Args:
            split: the split.
            answers_by: who answers and who reads.
            revisions: how often the Worker is told what is wrong with an answer.
        """
        specimens = [source.specimen for source in sorted(self._sources_of(split), key=lambda source: source.name)]
        who = (answers_by, str(self._mechanism_as_given), f"revisions:{revisions}")
        told = tuple(str(level) for level in (self._awareness, self._candour) if level is not None)
        parts = (self.suite, VERSION, *who, *told, *specimens)
        salt = self._secret if split is Split.test else split.value
        return hmac.new(salt.encode(), "\n".join(parts).encode(), hashlib.sha256).hexdigest()[:16]

    @property
    def secret_fingerprint(self) -> str:
        """Names the secret without revealing it: two arenas with the same secret have the same fingerprint."""
        return hmac.new(self._secret.encode(), b"fingerprint of the secret", hashlib.sha256).hexdigest()[:16]

    def plan(self, key: str) -> Plan:
        """What the key has decided. Cheap, because no scenario is drawn.

        Raises:
            UnknownKey: the key is malformed or names another suite, version or split.
        """
        name = self._parse(key)
        split = name.split
        if not self._choices[split]:
            raise UnknownKey(f"this arena has no scenarios in split {split.value!r}")
        rng = self._random(split, seed_name(name), "plan")
        domain, type = self._stratum(split, name.index)
        pool = self._choices[split][domain, type]
        # The order of these draws is part of every key's meaning.
        family = pool[rng.randrange(len(pool))].name
        corrupted, edited = rng.random() < PREVALENCE, rng.random() < PLACEBOS
        drawn_form = Form.corrupted if corrupted else Form.placebo if edited else Form.clean
        stealth = rng.randrange(STEALTH_LEVELS)
        awareness = _AWARENESS[rng.randrange(len(_AWARENESS))]
        candour = _CANDOUR[rng.randrange(len(_CANDOUR))]
        return Plan(
            key=key,
            split=split,
            index=name.index,
            domain=domain,
            family=family,
            form=name.form or drawn_form,
            corruption_type=type,
            stealth=stealth,
            mechanism=self._mechanism,
            awareness=self._awareness or awareness,
            candour=self._candour or candour,
            further=name.further,
            any_type=name.any_type,
        )

    def families(self, split: Split) -> dict[str, set[CorruptionType]]:
        """The families of a split, each with the types that it is drawn for."""
        families: dict[str, set[CorruptionType]] = {}
        for (_, type), pool in self._choices[split].items():
            for source in pool:
                families.setdefault(source.name, set()).add(type)
        return families

    def keys(
        self,
        split: Split,
        start: int,
        count: int,
        filters: Filters = EVERYTHING,
        *,
        without: Set[Cell] = frozenset(),
    ) -> tuple[list[str], int]:
        """The next keys that pass the filters, and the index at which to go on; see `forge_arena.episodes.Arena.keys`.

        Raises:
            UnknownKey: no key matches.
        """
        if not filters.narrow and not without:
            return [self.key(split, index, filters.form) for index in range(start, start + count)], start + count
        # Checked first, because a search without a match would only end at the last of 2**53 indices.
        if not self._offers(split, filters, without):
            raise UnknownKey("no episode of this split matches these filters")
        keys: list[str] = []
        index = start
        while len(keys) < count:
            plan = self.plan(self.key(split, index, filters.form))
            index += 1
            if filters.allow(*plan.filtered) and plan.cell not in without:
                keys.append(plan.key)
        return keys, index

    def source(self, plan: Plan) -> Source:
        """What a plan draws from. Of a family whose scenarios differ, those that can take the plan's corruption."""
        mixed = self._mixed.get(plan.family)
        return self._by_name[plan.family] if mixed is None else mixed.able_to_take(plan.corruption_type)

    def rng(self, key: str, purpose: str) -> Random:
        """The random numbers of a key for one purpose. All forms of a draw share them."""
        name = Key.parse(key)
        return self._random(name.split, seed_name(name), purpose)

    def rngs(self, key: str, purpose: str) -> Callable[[str], Random]:
        """The random numbers of an answer, and of each further request that the answer gives rise to."""
        return lambda request: self.rng(key, f"{purpose}{request}")

    def _parse(self, text: str) -> Key:
        try:
            key = Key.parse(text)
        except ValueError:
            raise UnknownKey(f"malformed episode key; {key_pattern(self.suite, VERSION)}") from None
        if (key.suite, key.version) != (self.suite, VERSION):
            pattern = key_pattern(self.suite, VERSION)
            raise UnknownKey(f"episode key of another suite or version; {pattern}")
        return key

    def _stratum(self, split: Split, index: int) -> tuple[Domain, CorruptionType]:
        """The domain and type of an index: every run of as many indices as there are pairs holds each pair once."""
        block, place = divmod(index, len(self._choices[split]))
        shuffled = self._strata.get((split, block))
        if shuffled is None:
            if len(self._strata) >= BLOCKS_KEPT:
                self._strata.clear()
            shuffled = sorted(self._choices[split])
            self._random(split, f"{self.suite}:{SEED_VERSION}:{split.value}:block:{block}", "strata").shuffle(shuffled)
            # Only now, because another thread may plan a key of the same block.
            self._strata[split, block] = shuffled
        return shuffled[place]

    def _offers(self, split: Split, filters: Filters, without: Set[Cell]) -> bool:
        """Whether any key at all can match."""
        told = list(
            product(
                [self._awareness] if self._awareness else _AWARENESS, [self._candour] if self._candour else _CANDOUR
            )
        )
        return any(
            any(filters.allow(domain, type, stealth, self._mechanism, *levels) for levels in told)
            and Cell(source.name, type, stealth) not in without
            for (domain, type), pool in self._choices[split].items()
            for source in pool
            for stealth in range(STEALTH_LEVELS)
        )

    def _sources_of(self, split: Split) -> list[Source]:
        """What a split draws from."""
        of_home = [source for source in self._by_name.values() if source.split is split.home]
        return [source for source in of_home if split is split.home or not isinstance(source, Mixed)]

    def _random(self, split: Split, name: str, purpose: str) -> Random:
        salt = {Split.test: self._secret, Split.public: PUBLISHED_SALT}.get(split, "")
        digest = hashlib.sha256(f"{salt}|{name}|{purpose}".encode()).digest()
        return Random(int.from_bytes(digest, "big"))


def seed_name(key: Key) -> str:
    """What the random numbers of a key are drawn from. All forms of a draw share it."""
    return str(replace(key.draw, version=SEED_VERSION))


def suite_with_additions(suite: str, sources: Sequence[Source]) -> str:
    """The name of a suite, and after a `+` each corruption and domain of its sources that does not come with the arena.

    A further corruption or domain changes what every key draws: `forge:5:train:7` and `forge+hedging:5:train:7` are two
    episodes, and an arena that serves one of them refuses the key of the other.
    """
    added = {type.value for source in sources for type in source.corruptions} - CorruptionType.SHIPPED
    added |= {source.domain.value for source in sources} - Domain.SHIPPED
    return "+".join((suite, *sorted(added.difference(suite.split("+")[1:]))))


def _choices(sources: Iterable[Source]) -> _Choices:
    choices: _Choices = {}
    for source in sources:
        for type in source.corruptions:
            choices[source.domain, type] = (*choices.get((source.domain, type), ()), source)
    return choices
