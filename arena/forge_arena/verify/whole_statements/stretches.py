"""The stretches of a text that may state something: sentences, neighbours, and list items under their lead-in."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from forge_arena.texts.clauses import clauses, is_asserted
from forge_arena.texts.modality import signs
from forge_arena.types import Span

LONGEST_LEAD = 400
MOST_STRETCHES = 400
# The words of a title state nothing: "as the section “Cancel an order” says".
_TITLE = re.compile(
    r"(?P<before>\b(?:sections?|under|heading|headed|chapter|part|titled|entitled|see) )"
    r"[\"\u201c\u2018'][^\"\u201c\u201d\n]{2,100}[\"\u201d\u2019']"
    r"|[\"\u201c][^\"\u201c\u201d\n]{2,100}[\"\u201d](?P<behind>(?= (?:section|chapter|part|heading)\b))"
)
_QUOTES = ('"', "\u201c", "\u2018", "'")
_ITEM = re.compile(r"[ \t]*(?:[-*\u2022]|\d{1,2}[.)])[ \t]+(?=\S)")
_MARKS = re.compile(r"\*\*|__|(?m:^[ \t]*(?:[-*\u2022#]+|\d{1,2}[.)])[ \t]+)")
_WITH_NO = re.compile(r"\bwith no\b", re.IGNORECASE)
_NOTHING_ELSE = re.compile(r",? (?:and|but) (?:nothing|nobody|no one|none) else\b[^,.;:]*", re.IGNORECASE)
# Where a clause goes on with another predicate, or with another thing.
_JOINED = re.compile(r"[,;:]| (?:and|but|or) ")
_QUESTION = re.compile(r"[^.!?\n]*\?[\"'\u201d*)]*\s*")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a text: where it stands, and the words that are read there.

    Attributes:
        start: where the stretch begins. The line that introduces a list stands before it.
        end: where the stretch ends.
        text: the words that are read. A list item is read together with the line that introduces the list.
        alone: whether the words are one sentence.
    """

    start: int
    end: int
    text: str
    alone: bool


def stretches(text: str, spans: Sequence[tuple[int, int]]) -> Iterator[Stretch]:
    """The stretches of a text, whose sentences are `spans`: each sentence, two neighbours, an item with its lead-in."""
    spans = [(a, b) for a, b in spans if "```" not in text[a:b]][:MOST_STRETCHES]
    for start, end in spans:
        yield Stretch(start, end, _plain(text[start:end]), alone=True)
    for (start, before), (after, end) in pairwise(spans):
        if "\n" not in text[before:after] and not text[before:after].strip():
            yield Stretch(start, end, f"{_plain(text[start:before])} {_plain(text[after:end])}", alone=False)
    lead = ""
    for start, end in spans:
        line = text.rfind("\n", 0, start) + 1
        if _ITEM.match(text, line):
            if lead:
                yield Stretch(start, end, f"{lead} {_plain(text[start:end])}", alone=False)
        else:
            own = _plain(text[start:end])
            lead = own if own.endswith(":") and len(own) <= LONGEST_LEAD else ""


def quoted_stretch(text: str, spans: Sequence[tuple[int, int]], quoted: Span) -> Stretch | None:
    """A quotation of one sentence as a stretch of its own; None if what is left out may change its sense.

    Left out may be other clauses, and words of the same clause that deny nothing: of "Once it is paid, your card is
    sent in a day" the quotation "your card is sent" stands alone. "If your card is sent" does not.
    """
    sentence = next(((a, b) for a, b in spans if a <= quoted.start and quoted.end <= b), None)
    if sentence is None:
        return None
    whole, start, end = text[slice(*sentence)], quoted.start - sentence[0], quoted.end - sentence[0]
    own = [clause for clause in clauses(whole) if clause.start < end and start < clause.end]
    if not own or any(clause.subordinate for clause in own) or not is_asserted(whole):
        return None
    ahead, behind = whole[own[0].start : start], _JOINED.split(whole[end : own[-1].end], maxsplit=1)[0]
    if any(next(signs(left_out), None) is not None for left_out in (ahead, behind)):
        return None
    return Stretch(*sentence, _plain(whole[start:end]), alone=True)


def _plain(text: str) -> str:
    """A text without the marks of lists and of emphasis, and without the titles of what it cites."""
    text = without_titles(_MARKS.sub("", text))
    return _NOTHING_ELSE.sub("", _WITH_NO.sub("without", text)).strip()


def without_titles(text: str) -> str:
    """A text without the titles of the sections that it cites."""
    return _TITLE.sub(lambda match: match["before"] or "", text) if any(mark in text for mark in _QUOTES) else text


def without_questions(text: str) -> str:
    """A text without its questions, because a question asserts nothing."""
    return _QUESTION.sub("", text).strip()
