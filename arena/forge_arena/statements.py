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
    """What an answer says and how it spells it: the alternative chosen for each claim (default: the right one) and,
    for each kind of value, which of the spellings."""

    choice: Mapping[str, str]
    spelling: Mapping[ClaimKind, int]

    def alternative(self, claim: Claim) -> str:
        return self.choice.get(claim.of or claim.id, claim.right.name)


def sentence(statement: Statement, scenario: Scenario, voice: Voice) -> str:
    """The statement in this voice. `{claim.other}` names another alternative; where that one is chosen itself, the two
    trade places, so that "now A, formerly B" becomes "now B, formerly A".

    Raises:
        KeyError: the statement has a slot for a claim that the scenario lacks.
    """

    def fill(match: re.Match[str]) -> str:
        claim = scenario.claim(match[1])
        chosen = voice.alternative(claim)
        name = chosen if match[2] is None else claim.right.name if match[2] == chosen else match[2]
        return spelled(claim, named(claim, name), voice)

    return _SLOT.sub(fill, statement.text)


def spelled(claim: Claim, alternative: Alternative, voice: Voice) -> str:
    return alternative.forms[min(voice.spelling.get(claim.kind, 0), len(alternative.forms) - 1)]


def named(claim: Claim, name: str) -> Alternative:
    """The alternative of that name, or the right one where a claim has none of that name."""
    return next((a for a in claim.alternatives if a.name == name), claim.right)


def fits(statement: Statement, scenario: Scenario, voice: Voice) -> bool:
    """Whether a statement makes sense under the alternatives that are chosen."""
    return all(voice.alternative(scenario.claim(claim)) == option for claim, option in statement.when.items())
