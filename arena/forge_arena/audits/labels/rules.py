"""Whether the rules of the families are fair: what was checked, and which problems there are."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from random import Random

from forge_arena.audits.report import Gate
from forge_arena.scenarios import Family, fairness
from forge_arena.types import Scenario

LONGEST_DETAIL = 200

_MISREAD = "readings of a rule that its check gets wrong"
_BORROWED = "readings in the scripted Worker's own words"
_TOO_FEW = "rules with too few readings"
_UNSAID = "names that a check needs and that task and source do not give"


@dataclass(slots=True)
class Rules:
    """The checks of rules that were done, and the problems that they found, by the name of their gate."""

    checked: Counter[str] = field(default_factory=Counter)
    problems: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def check_readings(self, family: Family, rng: Random) -> None:
        """Draw a scenario with its readings, and compare the checks of its rules with them."""
        scenario, written = family.draw_with_readings(rng)
        readings = (*written, *fairness.code_readings(scenario))
        self._add(_MISREAD, family.name, len(readings), fairness.misreadings(scenario, readings))
        self._add(_BORROWED, family.name, len(written), fairness.borrowed_readings(scenario, written))
        self._add(_TOO_FEW, family.name, 1, fairness.missing_readings(family))

    def check_names(self, source: str, scenario: Scenario) -> None:
        """Look for names that a check needs and that the Worker cannot know."""
        self._add(_UNSAID, source, len(scenario.claims), fairness.unsaid_names(scenario))

    def _add(self, gate: str, source: str, checked: int, problems: list[str]) -> None:
        self.checked[gate] += checked
        self.problems[gate] += [f"{source}: {problem}" for problem in problems]

    def gates(self) -> list[Gate]:
        """One gate for each sort of check that was done."""
        return [
            Gate(
                name=name,
                value=len(self.problems[name]),
                limit=0,
                passed=not self.problems[name],
                detail="; ".join((f"of {self.checked[name]} checked", *self.problems[name][:1]))[:LONGEST_DETAIL],
            )
            for name in (_MISREAD, _BORROWED, _TOO_FEW, _UNSAID)
            if self.checked[name]
        ]
