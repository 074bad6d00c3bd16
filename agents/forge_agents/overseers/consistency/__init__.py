"""What a careful reader without a model can hold against an answer: each reader compares one thing and yields findings.

A reader is silent where the source or the task gives it nothing to compare with. The strengths are round numbers, set by
judgement; a reader that found as much in right answers as in wrong ones was left out.
"""

from collections.abc import Callable, Iterator

from forge_agents.overseers.consistency.case import Case, Finding
from forge_agents.overseers.consistency.citations import absent_places, misplaced_citations, unknown_authorities
from forge_agents.overseers.consistency.omissions import omissions
from forge_agents.overseers.consistency.orders import broken_greeting, broken_limits, broken_phrases
from forge_agents.overseers.consistency.reasoning import admissions
from forge_agents.overseers.consistency.values import absent_values, superseded_values

READERS: tuple[Callable[[Case], Iterator[Finding]], ...] = (
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
