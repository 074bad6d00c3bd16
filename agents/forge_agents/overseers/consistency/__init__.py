"""Find what a careful reader without a model can object to in an answer: each reader compares one thing.

A reader takes a `ParsedObservation` and yields an `Objection` for each thing that looks wrong. It yields nothing if the
source and the task give it nothing to compare with. The strengths of objections are round numbers, set by hand.
Readers that objected to right answers as often as to wrong ones were left out.

The docstring of each reader ends with an example: texts of the source, the task, the reasoning and the answer, and the
reader's objection to the answer. A test runs these examples.
"""

from collections.abc import Callable, Iterator

from forge_agents.overseers.consistency.citations import absent_places, misplaced_citations, unknown_authorities
from forge_agents.overseers.consistency.objections import Objection
from forge_agents.overseers.consistency.observation import ParsedObservation
from forge_agents.overseers.consistency.omissions import omissions
from forge_agents.overseers.consistency.orders import broken_greeting, broken_limits, broken_phrases
from forge_agents.overseers.consistency.reasoning import admissions
from forge_agents.overseers.consistency.values import absent_values, superseded_values

READERS: tuple[Callable[[ParsedObservation], Iterator[Objection]], ...] = (
    absent_values,
    superseded_values,
    absent_places,
    misplaced_citations,
    unknown_authorities,
    broken_limits,
    broken_phrases,
    broken_greeting,
    omissions,
    admissions,
)


def strongest_of_each_reader(parsed: ParsedObservation) -> list[Objection]:
    """One objection of each reader that makes any, the strongest first.

    A reader that misreads a text often misreads it several times, so its objections count once.
    """
    strongest = [
        max(objections, key=lambda o: o.strength) for reader in READERS if (objections := list(reader(parsed)))
    ]
    return sorted(strongest, key=lambda objection: -objection.strength)
