"""Turn a scenario's statements into sentences: choose an alternative for each claim, and spell it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from forge_arena.types import Alternative, Check, Claim, ClaimKind, Scenario, Statement

# How many of a value's spellings a Worker chooses from.
SPELLINGS = 3

# How far a sentence may stand from its rank among the sentences of its topic.
JITTER = 0.9

_WORDED_KINDS = frozenset({ClaimKind.citation, ClaimKind.option, ClaimKind.term})
_SLOT = re.compile(r"\{([a-z_][a-z0-9_]*)(?:\.([a-z0-9_]+))?\}")


@dataclass(frozen=True)
class Voice:
    """What an answer says and how it spells it.

    Attributes:
        choice: the name of the alternative for each claim. A claim that it lacks has its right alternative.
        spelling: the number of the spelling for each kind of value. A kind that it lacks has its first spelling.
    """

    choice: Mapping[str, str]
    spelling: Mapping[ClaimKind, int]

    def alternative(self, claim: Claim) -> str:
        """The name of the alternative that is chosen for a claim."""
        return self.choice.get(claim.of or claim.id, claim.right.name)


@dataclass(frozen=True)
class Order:
    """The order of the topics of a scenario: that in which the statements of the body first name them."""

    places: Mapping[str, int]

    def topic(self, statement: Statement) -> int:
        """The place of the topic of a statement, from 0."""
        return self.places.get(statement.topic, 0)

    def place(self, statement: Statement) -> tuple[int, int]:
        """The usual place of a statement in an answer: by topic, and in its topic by rank."""
        return self.topic(statement), statement.rank


def order_of(scenario: Scenario) -> Order:
    """The order of the topics of a scenario. It has no places if the statements name no topics."""
    topics = dict.fromkeys(s.topic for s in scenario.statements if s.part == "body" and s.topic)
    return Order({topic: place for place, topic in enumerate(topics)})


def slots_of(text: str) -> list[tuple[str, str | None]]:
    """The slots of a statement's text: the claim of each, and the alternative that it names, if it names one."""
    return [(slot[1], slot[2]) for slot in _SLOT.finditer(text)]


class Speaker:
    """Says the statements of one scenario in one voice."""

    def __init__(self, scenario: Scenario, voice: Voice) -> None:
        self.scenario = scenario
        self.voice = voice
        self._claim_by_id = {claim.id: claim for claim in scenario.claims}
        # By slot, because many statements have the same one.
        self._spelled: dict[tuple[str, str | None], str] = {}

    def sentence(self, statement: Statement) -> str:
        """The statement in this voice.

        `{claim.other}` names another alternative. If the voice chooses that other alternative, the two trade places.

        Example: "It takes {window}, formerly {window.superseded}." is "It takes 5 days, formerly 3 days." With the
        choice `{"window": "superseded"}` it is "It takes 3 days, formerly 5 days."

        Raises:
            KeyError: the statement has a slot for a claim that the scenario lacks.
        """
        pattern = _pattern(statement.text)
        if not pattern.slots:
            return statement.text
        spelled = [self._spelled.get(slot) or self._spell(slot) for slot in pattern.slots]
        if not pattern.words[0] and self._claim(pattern.slots[0][0]).kind in _WORDED_KINDS:
            spelled[0] = _capitalised(spelled[0])
        pieces = [pattern.words[0]]
        for value, words in zip(spelled, pattern.words[1:], strict=True):
            pieces += (value, words)
        return "".join(pieces)

    def place_in(self, text: str, statement: Statement) -> tuple[int, int] | None:
        """The (start, end) of the statement in a text that has it word for word; None if the text has it nowhere."""
        # Most statements stand nowhere in a text, and a part of them is enough to tell.
        if _pattern(statement.text).longest not in text:
            return None
        words = self.sentence(statement)
        at = text.find(words)
        return None if at < 0 else (at, at + len(words))

    def fits(self, statement: Statement) -> bool:
        """Whether a statement makes sense under the alternatives that the voice chooses."""
        return not statement.when or all(
            self.voice.alternative(self._claim(claim)) == option for claim, option in statement.when.items()
        )

    def check_of(self, claim: Claim) -> Check | None:
        """What the alternative that the voice chooses demands of an answer."""
        name = self.voice.alternative(claim)
        return next((a.check for a in claim.alternatives if a.name == name), None)

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """What all the chosen alternatives demand of an answer."""
        return tuple(check for claim in self.scenario.claims if (check := self.check_of(claim)) is not None)

    def _claim(self, claim_id: str) -> Claim:
        return self._claim_by_id.get(claim_id) or self.scenario.claim(claim_id)

    def _spell(self, slot: tuple[str, str | None]) -> str:
        claim, other = self._claim(slot[0]), slot[1]
        choice = self.voice.alternative(claim)
        name = choice if other is None else claim.right.name if other == choice else other
        spelled = spelling_of(claim, alternative_or_right(claim, name), self.voice)
        self._spelled[slot] = spelled
        return spelled


def sentence(statement: Statement, scenario: Scenario, voice: Voice) -> str:
    """One statement in a voice; see `Speaker.sentence`."""
    return Speaker(scenario, voice).sentence(statement)


@dataclass(frozen=True, slots=True)
class _Pattern:
    """The text of a statement: the slots, and the words before, between and behind them."""

    words: tuple[str, ...]
    slots: tuple[tuple[str, str | None], ...]
    longest: str


@lru_cache(maxsize=16_384)
def _pattern(text: str) -> _Pattern:
    words, at = [], 0
    for slot in _SLOT.finditer(text):
        words.append(text[at : slot.start()])
        at = slot.end()
    words.append(text[at:])
    return _Pattern(tuple(words), tuple(slots_of(text)), max(words, key=len))


def _capitalised(words: str) -> str:
    """Words as they begin a sentence. A single word may be a name of program code, which keeps its case."""
    return words[0].upper() + words[1:] if " " in words else words


def spelling_of(claim: Claim, alternative: Alternative, voice: Voice) -> str:
    """The alternative in the spelling of this voice."""
    return alternative.forms[min(voice.spelling.get(claim.kind, 0), len(alternative.forms) - 1)]


def alternative_or_right(claim: Claim, name: str) -> Alternative:
    """The alternative of that name, or the right one if this draw has none of that name.

    A draw may lack an alternative that its family names: a former value that is equal to the right one, or a property
    of an option that has no such property. If a missing alternative is a defect, take `Claim.alternative`.
    """
    return next((a for a in claim.alternatives if a.name == name), claim.right)


def fits(statement: Statement, scenario: Scenario, voice: Voice) -> bool:
    """Whether one statement makes sense under the alternatives that a voice chooses; see `Speaker.fits`."""
    return Speaker(scenario, voice).fits(statement)
