"""Cut a text into sentences, lower its case without moving a character, and find whole words in it."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

_FENCE = re.compile(r"^[ \t]*```.*?(?:^[ \t]*```[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_ABBREVIATIONS = (
    *("e.g", "i.e", "E.g", "I.e", "Mr", "Mrs", "Ms", "Dr", "Prof", "St", "No", "Nos", "no", "nos", "v", "vs", "etc"),
    *("Inc", "Ltd", "Co", "Corp", "approx", "sec", "Sec", "art", "Art", "para", "Para", "paras", "cf", "al", "Jr"),
    *("Sr", "U.S", "a.m", "p.m"),
)
# A word of five small letters is no abbreviation. Most sentences end in such a word and need no further look.
_ENDS = (
    r"(?:(?<=[a-z]{5}\.)|(?<=[!?])|(?:"
    + "".join(rf"(?<!\b{re.escape(a)}\.)" for a in _ABBREVIATIONS)
    + r"(?<!\b[A-Z]\.)))"
)
_BOUNDARY = re.compile(
    rf"[.!?]{_ENDS}[\"')\]\u201d\u2019]{{0,3}}(?=[ \t]+[\"'(\[\u201c\u2018]{{0,2}}[A-Z0-9\u00c0-\u00de`§$€£])"
)
# The thousands of a long number: ",000" of "10,000".
_GROUP = re.compile(r",\d{3}(?!\d)")


@lru_cache(maxsize=4_096)
def sentences(text: str) -> tuple[tuple[int, int], ...]:
    """The (start, end) of each sentence. A line and a list item end a sentence; a fenced block is one sentence."""
    if "```" not in text:
        return tuple(_sentences_of_lines(text, 0, len(text)))
    spans: list[tuple[int, int]] = []
    at = 0
    for fence in _FENCE.finditer(text):
        spans.extend(_sentences_of_lines(text, at, fence.start()))
        spans.append(fence.span())
        at = fence.end()
    spans.extend(_sentences_of_lines(text, at, len(text)))
    return tuple(spans)


def _sentences_of_lines(text: str, start: int, stop: int) -> list[tuple[int, int]]:
    # Line by line, because most lines of a repaired answer were split before and are in the cache.
    spans: list[tuple[int, int]] = []
    for line in text[start:stop].split("\n"):
        for at, end in _sentences_of_line(line):
            spans.append((start + at, start + end))
        start += len(line) + 1
    return spans


@lru_cache(maxsize=16_384)
def _sentences_of_line(line: str) -> tuple[tuple[int, int], ...]:
    stop = len(line.rstrip())
    at = len(line) - len(line.lstrip())
    spans: list[tuple[int, int]] = []
    for boundary in _BOUNDARY.finditer(line, at, stop):
        end = boundary.end()
        spans.append((at, end))
        at = end + 1
        while line[at] in " \t":
            at += 1
    if at < stop:
        spans.append((at, stop))
    return tuple(spans)


@lru_cache(maxsize=4_096)
def lower(text: str) -> str:
    """Lower case without changing the length, so that positions stay valid."""
    low = text.lower()
    return low if len(low) == len(text) else "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def starts_of(text: str, form: str) -> Iterator[int]:
    """The places where a form begins in a text, also as a part of a longer word."""
    at = text.find(form)
    while at >= 0:
        yield at
        at = text.find(form, at + 1)


def whole_starts_of(text: str, form: str) -> Iterator[int]:
    """The places where a form begins in a text and is no part of a longer word, number or citation."""
    size = len(form)
    at = text.find(form)
    while at >= 0:
        if is_whole(text, at, at + size):
            yield at
        at = text.find(form, at + 1)


def contains_whole(text: str, form: str) -> bool:
    """Whether a text contains a form that is no part of a longer word, number or citation."""
    return next(whole_starts_of(text, form), None) is not None


def is_whole(text: str, start: int, end: int) -> bool:
    """Whether the text from `start` to `end` is no part of a longer word, number or citation.

    "section 3.2" is not whole in "section 3.21", "section 3.2.1" and "section 3.2(b)". Neither "10" nor "000" is whole
    in "10,000".
    """
    before, after, beyond = text[start - 1 : start], text[end : end + 1], text[end + 1 : end + 2]
    if before.isalnum() and text[start].isalnum():
        return False
    if after.isalnum() and text[end - 1].isalnum():
        return False
    if after == "," and text[end - 1].isdigit() and _GROUP.match(text, end):
        return False
    if before == "," and text[start - 2 : start - 1].isdigit() and _GROUP.match(text, start - 1):
        return False
    return not (
        text[end - 1].isdigit()
        and (
            (after in ".-" and beyond.isdigit())
            or (after == "(" and beyond.isalpha() and text[end + 2 : end + 3] == ")")
        )
    )


def enumeration(items: Sequence[str]) -> str:
    """The items as a phrase: "the amount, the date and the case number"."""
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)
