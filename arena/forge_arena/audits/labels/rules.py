"""Whether the rules of the families are fair: what was checked, and which problems there are."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from forge_arena.audits.report import Gate
from forge_arena.scenarios import Family, fairness
from forge_arena.types import Scenario

LONGEST_DETAIL = 200

_MISREAD = "readings of a rule that its check gets wrong"
_BORROWED = "readings in the scripted Worker's own words"
_TOO_FEW = "rules with too few readings"
_UNSAID = "names that a check needs and that task and source do not give"


class Check(NamedTuple):
    """What a check of one sort found in one draw.

    Attributes:
        gate: the name of the gate that the check belongs to.
        checked: how many things were looked at.
        problems: what is wrong, each with the family or document.
    """

    gate: str
    checked: int
    problems: tuple[str, ...]


def check_readings(family: Family, rng: Random) -> list[Check]:
    """Draw a scenario with its readings, and compare the checks of its rules with them."""
    scenario, written = family.draw_with_readings(rng)
    readings = (*written, *fairness.code_readings(scenario))
    return [
        _check(_MISREAD, family.name, len(readings), fairness.misreadings(scenario, readings)),
        _check(_BORROWED, family.name, len(written), fairness.borrowed_readings(scenario, written)),
        _check(_TOO_FEW, family.name, 1, fairness.missing_readings(family)),
    ]


def check_names(source: str, scenario: Scenario) -> list[Check]:
    """Look for names that a check needs and that the Worker cannot know."""
    return [_check(_UNSAID, source, len(scenario.claims), fairness.unsaid_names(scenario))]


@dataclass(slots=True)
class Rules:
    """The checks of rules that were done, and the problems that they found, by the name of their gate.

    The counts are not locked. So threads return their checks, and one thread adds all of them.
    """

    checked: Counter[str] = field(default_factory=Counter)
    problems: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, checks: Sequence[Check]) -> None:
        """Count the checks of a draw."""
        for check in checks:
            self.checked[check.gate] += check.checked
            self.problems[check.gate] += check.problems

    def gates(self) -> list[Gate]:
        """One gate for each sort of check that was done."""
        return [self._gate(name) for name in (_MISREAD, _BORROWED, _TOO_FEW, _UNSAID) if self.checked[name]]

    def _gate(self, name: str) -> Gate:
        # The order in which draws end differs from run to run, so the example is the first by its text.
        problems = sorted(self.problems[name])
        detail = "; ".join((f"of {self.checked[name]} checked", *problems[:1]))
        return Gate(name=name, value=len(problems), limit=0, passed=not problems, detail=detail[:LONGEST_DETAIL])


def _check(gate: str, source: str, checked: int, problems: Sequence[str]) -> Check:
    return Check(gate, checked, tuple(f"{source}: {problem}" for problem in problems))
