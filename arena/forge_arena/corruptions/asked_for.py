"""Say whether a part of an answer may be what the task asks for in its own words.

The task of a document ends with a list of what the answer should state. What stands before the list asks, too: "whether
she can hand the ticket on, and how". An answer without "just change the name in your registration" then lacks something
that its reader wanted, although the list does not name it. So a harmless edit must not leave it out. Nothing here is
sure: a part that may answer a question stays.
"""

import re
from collections.abc import Callable

from forge_arena.corruptions.choices.speaking import are_related
from forge_arena.texts.sentences import sentences
from forge_arena.texts.values import mentions
from forge_arena.texts.words import content
from forge_arena.types import ClaimKind, Scenario

_MANNER = re.compile(
    r"\bhow(?! (?:much|many|long|large|big|high|low|old|early|late|soon|often|far|fast|small)\b)|\bwhere\b|"
    r"\bwhom?\b|\bwhat (?:(?:else|exactly) )?(?:to|[a-z]+ (?:has|have|needs?|must|should)|(?:he|she|they|we|you|"
    r"i) [a-z]+ to|"
    r"must)\b|\bnext steps?\b|\bsteps\b",
    re.IGNORECASE,
)
_COST = re.compile(
    r"\bhow much (?:he|she|they|we|you|it|i|each|this|that|the|does|do|is|are|will|would)\b|"
    r"\bwhat\b[^.;?]{0,60}\b(?:costs?|pay|owes?|charged?|spend)\b|\b(?:costs?|fees?|price)\b",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"\bhow (?:long|early|late|soon|often)\b|\b(?:by|until|since|from|for) when\b|\bwhen\b", re.IGNORECASE
)
_LEAVE = re.compile(r"\bwhether\b|\bif (?:he|she|they|we|you|it) (?:can|may|could)\b|\?", re.IGNORECASE)
_DIRECTS = re.compile(
    r"\b(?:must|has to|have to|needs? to|should|shall|please)\b|"
    # "Just change the name", "to switch it, email us": a verb that opens a clause and has an object.
    r"(?:^|[.;:,] |\b(?:and|or|then|just|simply) )(?!(?:and|or|but|as|at|by|for|from|if|in|of|on|to|with|within|"
    r"is|are|was|has|had|it|this|that|which|who|there)\b)[a-z]+ (?:the|your|our|a|an|us|it|them|him|her)\b",
    re.IGNORECASE,
)
_PERMITS = re.compile(r"\b(?:can|cannot|may|must|could|allowed|possible|able|will|won['\u2019]t)\b|n['\u2019]t\b", re.I)
_PAID = re.compile(
    r"\b(?:costs?|charged?|charges|charging|fees?|fines?|prices?|pay|pays|paid|payments?|owe[sd]?|refund\w*)\b",
    re.IGNORECASE,
)


def _has(*kinds: ClaimKind) -> Callable[[str], bool]:
    return lambda text: any(mention.kind in kinds for mention in mentions(text))


# What the task asks, and what a sentence that answers it has.
_ANSWERS: tuple[tuple[re.Pattern[str], Callable[[str], bool]], ...] = (
    (_COST, _has(ClaimKind.money, ClaimKind.percent)),
    (_TIME, _has(ClaimKind.date, ClaimKind.duration)),
    (_LEAVE, lambda text: _PERMITS.search(text) is not None),
    (_MANNER, lambda text: True),
)


def may_be_asked_for(scenario: Scenario, text: str) -> bool:
    """Whether a part of an answer may answer a question that the task asks in its own words.

    It does if it tells somebody what to do and a question asks how something is done, or if it names a payment and
    a question asks for costs. Otherwise it must have what a question asks for (a time, a permission) and a word of the
    task.
    """
    own = _own_words(scenario)
    if _MANNER.search(own) and any(_DIRECTS.search(text[start:end]) for start, end in sentences(text)):
        return True
    if _COST.search(own) and _PAID.search(text):
        return True
    is_related = any(are_related(word, other) for word in content(text) for other in content(own))
    return is_related and any(asks.search(own) and answers(text) for asks, answers in _ANSWERS)


def _own_words(scenario: Scenario) -> str:
    """The task without the list of what the answer to a document should state, which is its last paragraph."""
    own, _, _ = scenario.task.rpartition("\n\n")
    return own if own and scenario.is_of_document else scenario.task
