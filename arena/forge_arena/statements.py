"""Turn a scenario's statements into sentences: choose an alternative for each claim, and spell it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from forge_arena.types import Alternative, Claim, ClaimKind, Scenario, Statement

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


def sentence(statement: Statement, scenario: Scenario, voice: Voice) -> str:
    """The statement in this voice.

    `{claim.other}` names another alternative. If the voice chooses that other alternative, the two trade places.

    Example: "It takes {window}, formerly {window.superseded}." is "It takes 5 days, formerly 3 days." With the choice
    `{"window": "superseded"}` it is "It takes 3 days, formerly 5 days."

    Raises:
        KeyError: the statement has a slot for a claim that the scenario lacks.
    """

    def fill(slot: re.Match[str]) -> str:
        claim, other = scenario.claim(slot[1]), slot[2]
        choice = voice.alternative(claim)
        name = choice if other is None else claim.right.name if other == choice else other
        spelled = spelling_of(claim, alternative_or_right(claim, name), voice)
        return _capitalised(spelled) if slot.start() == 0 and claim.kind in _WORDED_KINDS else spelled

    return _SLOT.sub(fill, statement.text)


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
    """Whether a statement makes sense under the alternatives that a voice chooses."""
    return all(voice.alternative(scenario.claim(claim)) == option for claim, option in statement.when.items())
