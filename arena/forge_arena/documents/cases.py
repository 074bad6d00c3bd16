"""Say whether a task is of another case than the one to which the document gives a value.

Two things can be read without understanding the text. A bound: "bought before 1 September 2024" is not the case of a
task whose only date is 3 October 2024. And a name: if a fact is for the "Basic plan" and another value for the "Premium
plan", a task that speaks of the Premium plan alone is the other case.

A task that denies a case does not speak of it: "She is not on the Premium plan" is the case of the Basic plan. A denial
counts only if it stands right before the name, with nothing between but small words and words such as "a case of".
Otherwise "She has not got her order as a Premium customer" would deny the plan.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from forge_arena.texts.emphasis import without_emphasis
from forge_arena.texts.sentences import sentences
from forge_arena.texts.values import Mention, mentions, same_amount
from forge_arena.texts.words import content, placed_stems, stem
from forge_arena.types import ClaimKind

_LOWER = re.compile(
    r"\b(?:on or after|not before|no earlier than|no less than|not less than|at least|more than|over|above"
    r"|exceed(?:s|ing)?|greater than|longer than|after|since|from|minimum(?: of)?) (?:the )?$",
    re.IGNORECASE,
)
_UPPER = re.compile(
    r"\b(?:on or before|not after|no later than|no more than|not more than|not exceed(?:ing)?|at most|up to|less than"
    r"|fewer than|shorter than|under|below|before|prior to|until|by|maximum(?: of)?) (?:the )?$",
    re.IGNORECASE,
)
_BEFORE = 24
_DENIAL = re.compile(
    r"\b(?:not|never|no|nor|neither|without|instead of|rather than|other than|cannot)\b|n['\u2019]t\b|\bnon-",
    re.IGNORECASE,
)
_MOST_BETWEEN = 6
# Words that may stand between a denial and what it denies: "is not a case of ...", "does not hold a ...".
_LIGHT = frozenset(
    stem(word)
    for word in """
    case matter question instance kind sort type member part belong fall count qualify cover hold own use buy bought
    take took taken make made come came yet longer any
    """.split()  # noqa: SIM905
)
_ONLY = re.compile(r"\W*(?:only|just|merely|simply)\b", re.IGNORECASE)
# What is only supposed, wherever in the sentence this is said, and what is only thought or wished, in its clause.
_SUPPOSED = re.compile(r"\b(?:if|whether|unless|suppos\w+)\b", re.IGNORECASE)
_THOUGHT = re.compile(
    r"\b(?:were|would|could|should|wish\w*|thinks?|thought|believ\w+|claim(?:s|ed)?|says?|said|wonder\w*|asks?|asked)\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"[;:]|\b(?:and|but)\b", re.IGNORECASE)
_TWICE = re.compile(r"(?:\b(?:not|never|nobody|nothing|hardly)|n['\u2019]t)(?: \w+){0,3} $", re.IGNORECASE)
_OR_MORE = re.compile(r"^ (?:or (?:more|over|above|longer|later|after)|and (?:over|above|later))\b")
_OR_LESS = re.compile(r"^ (?:or (?:less|under|below|fewer|earlier|before)|and (?:under|earlier))\b")


@dataclass(frozen=True, slots=True)
class Bound:
    """An end of what a case allows: values of a kind and unit that are at least, or at most, so much."""

    kind: ClaimKind
    unit: str
    at_least: bool
    limit: Decimal


def contradicts(task: str, passage: str) -> bool:
    """Whether every value of the task that a bound of the passage could be about lies on the other side of it."""
    amounts = list(_amounts(task))
    for bound in _bounds(passage):
        comparable = [amount for kind, unit, amount in amounts if (kind, unit) == (bound.kind, bound.unit)]
        if comparable and not any(
            high >= bound.limit if bound.at_least else low <= bound.limit for low, high in comparable
        ):
            return True
    return False


def speaks_of_another(task: str, case: str, other: str) -> bool:
    """Whether a task names the words of another case, and none of the words that set the fact's own case apart."""
    own, others = _words_apart(case, other), _words_apart(other, case)
    return bool(own) and bool(others) and others <= _given(task, others) and not _given(task, own)


def denies(task: str, case: str, others: Iterable[str] = ()) -> bool:
    """Whether a task denies the words that set a case apart from the other ones, and gives none of them."""
    own = content(case)
    for other in others:
        own &= _words_apart(case, other)
    own = frozenset(word for word in own if not word[0].isdigit())
    # "Not a member" is a case of its own, and nothing is denied by saying so.
    if not own or _DENIAL.search(case):
        return False
    return own <= content(task) and not _given(task, own)


def _words_apart(case: str, other: str) -> frozenset[str]:
    """The words of a case that another case lacks, without numbers."""
    return frozenset(word for word in content(case) - content(other) if not word[0].isdigit())


def _given(task: str, words: frozenset[str]) -> frozenset[str]:
    """Those of some words that a task says and does not deny."""
    given = set()
    for start, end in sentences(task):
        sentence = task[start:end]
        for word, at, _ in placed_stems(sentence):
            if word in words and not _is_denied(sentence[:at], words, is_question=sentence.endswith("?")):
                given.add(word)
    return frozenset(given)


def _is_denied(before: str, words: frozenset[str], *, is_question: bool) -> bool:
    """Whether what stands before a word denies it: "is not a case of", "has no", "non-"."""
    denials = list(_DENIAL.finditer(before))
    if not denials or is_question:
        return False
    last = denials[-1]
    between = before[last.end() :]
    if len(between.split()) > _MOST_BETWEEN or re.search(r"[,;:()\u2013\u2014]", between):
        return False
    if any(word not in words and word not in _LIGHT for word in content(between)):
        return False
    # "She would pay more if she were not a member", "not only a member", "not a non-member".
    around = before[: last.start()]
    clause = _CLAUSE.split(around)[-1]
    is_so = _SUPPOSED.search(around) is None and _THOUGHT.search(clause) is None
    return is_so and not (_ONLY.match(between) or _TWICE.search(around))


def _bounds(passage: str) -> Iterator[Bound]:
    passage = without_emphasis(passage)
    for start, end in sentences(passage):
        sentence = passage[start:end]
        for mention in mentions(sentence):
            before, behind = sentence[max(0, mention.start - _BEFORE) : mention.start], sentence[mention.end :]
            at_least = bool(_LOWER.search(before) or _OR_MORE.match(behind))
            at_most = bool(_UPPER.search(before) or _OR_LESS.match(behind))
            amount = _amount(mention)
            if amount is not None and at_least is not at_most:
                unit, low, high = amount
                yield Bound(mention.kind, unit, at_least, low if at_least else high)


def _amounts(text: str) -> Iterator[tuple[ClaimKind, str, tuple[Decimal, Decimal]]]:
    for start, end in sentences(text):
        for mention in mentions(text[start:end]):
            amount = _amount(mention)
            if amount is not None:
                yield mention.kind, amount[0], (amount[1], amount[2])


def _amount(mention: Mention) -> tuple[str, Decimal, Decimal] | None:
    """(unit, least, greatest) of a value; a month is all of its days."""
    value: Any = same_amount(mention.value)
    if not isinstance(value, tuple):
        return None
    if mention.kind is ClaimKind.date:
        if len(value) != 3 or value[0] is None:
            return None
        year, month, day = value
        first, last = (date(year, month, day or 1), date(year, month, day or 28))
        return "day", Decimal(first.toordinal()), Decimal(last.toordinal() + (0 if day else 3))
    if not isinstance(value[0], Decimal):
        return None
    return str(value[-1]), value[0], value[-2] if len(value) == 3 else value[0]
