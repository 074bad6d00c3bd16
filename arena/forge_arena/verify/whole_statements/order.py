"""What comes first in a text, beside what comes first in a statement."""

import re

from forge_arena.texts.turning import EARLY, LATE, Sense, Statement, read_statement
from forge_arena.verify.whole_statements.profiles import Agreement, Profile
from forge_arena.verify.whole_statements.words import count_words, has_alike, has_any, is_content

# How far behind an order or a bound its object may stand.
REACH = 5
# Words that put an event first or last, and govern no other event: "First the kiln cools."
_ADVERBS = frozenset({"first", "last"})
_GOVERNED_END = re.compile(r"[,;:.()\n]|\band\b|\bbut\b")
_BACK = re.compile(
    r"\b(?:then|after (?:that|this|which|it)|afterwards|thereafter|next|subsequently|later|followed by|only then)\b",
    re.IGNORECASE,
)
_BEFORE_THAT = re.compile(r"\b(?:before (?:that|this|which)|beforehand)\b", re.IGNORECASE)
_BEFORE = re.compile(r"\b(?:before|prior to|ahead of|in advance of|earlier than|until|till)\b", re.IGNORECASE)
_AFTER = re.compile(r"\b(?:after|once|following|as soon as|when|upon|later than|since)\b", re.IGNORECASE)


def agreement_of_order(read: Statement, profile: Profile) -> Agreement | None:
    """Whether what comes first in a statement comes first in a text."""
    is_sense = profile.sense is Sense.time
    own = _orders(profile.statement)
    if is_sense and profile.turned is not None:
        own = [(at, side) for at, side in own if _name_at(profile.statement, at) == profile.turned.before] or own
    if len(own) != 1:
        return Agreement.unknown if is_sense else None
    at, side = own[0]
    objects = _objects(profile.statement, at)
    told = set()
    for place, other in _orders(read):
        if (_name_at(read, place) in _ADVERBS) is not (_name_at(profile.statement, at) in _ADVERBS):
            told.add("other")
            continue
        theirs = _objects(read, place)
        if bool(objects) == bool(theirs) and (not objects or any(has_alike(word, objects[:2]) for word in theirs[:2])):
            told.add(other)
    if len(told) != 1 or "other" in told:
        return Agreement.unknown if is_sense else None
    return Agreement.same if told == {side} else Agreement.turned


def _orders(statement: Statement) -> list[tuple[int, str]]:
    """Where a statement says what comes first, and whether it says "early" or "late" of what stands behind."""
    return [
        (at, side) for at, word in enumerate(statement.roots) if word[0] == "<" and (side := _side(word)) is not None
    ]


def _name_at(statement: Statement, at: int) -> str:
    return statement.roots[at].strip("<>")


def _side(name: str) -> str | None:
    name = name.strip("<>")
    return "early" if name in EARLY else "late" if name in LATE else None


def _objects(statement: Statement, at: int) -> list[str]:
    """The content words behind an order or a bound."""
    number = statement.clauses[at]
    behind: list[str] = []
    for token, clause in zip(statement.words[at + 1 :], statement.clauses[at + 1 :], strict=True):
        if clause != number or len(behind) == REACH or _side(token.word) is not None:
            break
        if is_content(token.word):
            behind.append(token.word)
    return behind


def has_order_of(text: str, profile: Profile) -> bool | None:
    """Whether a text that speaks freely puts first what a statement puts first; None if it cannot be told."""
    first, second = _sides(profile)
    own = _order_in(profile.statement.text, first, second)
    other = _order_in(text, first, second)
    return None if own is None or other is None else own is other


def _sides(profile: Profile) -> tuple[frozenset[str], frozenset[str]]:
    """The words of what a statement puts on each side of its "before" or "after", without those on both sides."""
    text = profile.statement.text
    marks = [match for pattern in (_BEFORE, _AFTER) for match in pattern.finditer(text)]
    if len(marks) != 1:
        return frozenset(), frozenset()
    stop = _GOVERNED_END.search(text, marks[0].end())
    end = len(text) if stop is None or marks[0].start() else stop.start()
    governed = _content_of(text[marks[0].end() : end])
    rest = _content_of(text[: marks[0].start()]) | _content_of(text[end:])
    return rest - governed, governed - rest


def _content_of(text: str) -> frozenset[str]:
    return frozenset(word for word in read_statement(text).roots if is_content(word) and word[0] != "<")


def _order_in(text: str, first: frozenset[str], second: frozenset[str]) -> bool | None:
    """Whether a text puts what the words `first` name before what the words `second` name; None if it cannot be told.

    "Before", "after" and their like govern the words behind them. "Then" and "after that" part what comes before from
    what comes after.
    """
    told: set[bool] = set()
    taken: list[tuple[int, int]] = []
    for pattern, is_reversed in ((_BEFORE_THAT, True), (_BACK, False)):
        for mark in pattern.finditer(text):
            taken.append(mark.span())
            left = _names_first(text[: mark.start()], first, second)
            right = _names_first(text[mark.end() :], first, second)
            side = left if left is not None else None if right is None else not right
            if left is not None and right is not None and left is right:
                continue
            if side is not None:
                told.add(side is not is_reversed)
    for pattern, is_before in ((_BEFORE, True), (_AFTER, False)):
        for mark in pattern.finditer(text):
            if any(start <= mark.start() < end for start, end in taken):
                continue
            stop = _GOVERNED_END.search(text, mark.end())
            governed = text[mark.end() : stop.start() if stop else len(text)]
            rest = text[: mark.start()] + " " + text[mark.end() + len(governed) :]
            inner, outer = _names_first(governed, first, second), _names_first(rest, first, second)
            if inner is None:
                if outer is None or not governed.strip() or not has_any(rest, first):
                    continue
                # "Before it ended": other words for what the statement names there.
                inner = not outer
            told.add(inner is not is_before)
    return told.pop() if len(told) == 1 else None


def _names_first(text: str, first: frozenset[str], second: frozenset[str]) -> bool | None:
    """Whether a text names the first thing rather than the second; None if it names both or neither."""
    one, other = count_words(text, first), count_words(text, second)
    return None if one == other else one > other
