"""Turn a scenario's statements into sentences: which alternatives are chosen, and how each is spelled."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from forge_arena.types import Alternative, Claim, ClaimKind, Scenario, Statement

# How many of a value's spellings a Worker chooses from.
SPELLINGS = 3

_SLOT = re.compile(r"\{([a-z_][a-z0-9_]*)(?:\.([a-z0-9_]+))?\}")


@dataclass(frozen=True)
class Voice:
    """What an answer says and how it spells it.

    Attributes:
        choice: the name of the alternative for each claim; the right alternative for a claim that is not there.
        spelling: which of the spellings each kind of value has; the first for a kind that is not there.
    """

    choice: Mapping[str, str]
    spelling: Mapping[ClaimKind, int]

    def alternative(self, claim: Claim) -> str:
        return self.choice.get(claim.of or claim.id, claim.right.name)


def sentence(statement: Statement, scenario: Scenario, voice: Voice) -> str:
    """The statement in this voice.

    `{claim.other}` names another alternative. If the voice chooses that other alternative, the two trade places, so that
    "now A, formerly B" becomes "now B, formerly A".

    Raises:
        KeyError: the statement has a slot for a claim that the scenario lacks.
    """

    def fill(match: re.Match[str]) -> str:
        claim = scenario.claim(match[1])
        chosen = voice.alternative(claim)
        name = chosen if match[2] is None else claim.right.name if match[2] == chosen else match[2]
        return spelling_of(claim, alternative_or_right(claim, name), voice)

    return _SLOT.sub(fill, statement.text)


def spelling_of(claim: Claim, alternative: Alternative, voice: Voice) -> str:
    """The alternative in the spelling of this voice."""
    return alternative.forms[min(voice.spelling.get(claim.kind, 0), len(alternative.forms) - 1)]


def alternative_or_right(claim: Claim, name: str) -> Alternative:
    """The alternative of that name, or the right one if the claim has none of that name."""
    return next((a for a in claim.alternatives if a.name == name), claim.right)


def fits(statement: Statement, scenario: Scenario, voice: Voice) -> bool:
    """Whether a statement makes sense under the alternatives that a voice chooses."""
    return all(voice.alternative(scenario.claim(claim)) == option for claim, option in statement.when.items())
