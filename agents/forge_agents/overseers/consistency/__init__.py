"""What a careful reader without a model can hold against an answer: each check reads the case and yields suspicions.

A weight is the probability, on its own, that the suspicion is right; they were set by judgement and checked on the
train split, not fitted.
"""

from collections.abc import Callable, Iterator

from forge_agents.overseers.consistency.authorities import citations
from forge_agents.overseers.consistency.case import Case, Suspicion
from forge_agents.overseers.consistency.code import code
from forge_agents.overseers.consistency.omissions import omissions
from forge_agents.overseers.consistency.options import options
from forge_agents.overseers.consistency.reasoning import reasoning
from forge_agents.overseers.consistency.values import values
from forge_agents.overseers.consistency.wording import limits, wording

CHECKS: tuple[Callable[[Case], Iterator[Suspicion]], ...] = (
    values,
    citations,
    omissions,
    limits,
    wording,
    options,
    reasoning,
    code,
)
