"""Find a quotation in a text: to the letter, spacing, quotation marks, dashes and emphasis apart."""

from collections.abc import Iterator
from functools import lru_cache

from forge_arena.texts.emphasis import pairs_of_marks
from forge_arena.types import Span

# Longer quotations bear out everything and nothing.
MOST_WORDS = 150

_SAME_SIGN = str.maketrans(
    {
        **dict.fromkeys("\u2019\u2018\u201b\u02bc\u2032", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
    }
)
# Marks that a reader does not see: emphasis, code marks, escapes, soft hyphens, and spaces without width. A quotation
# may begin or end within emphasis, so a star counts without its twin. An underscore may belong to a name.
_UNSEEN = frozenset("*`\\\u00ad\u200b\u200c\u200d\u2060\ufeff")
_EMPHASIS = frozenset("*_`")
_ENDS = " .,;:"


def locate(text: str, quotation: str) -> Span | None:
    """The first place of a quotation in a text; None if the text does not hold it."""
    return next(places(text, quotation), None)


def places(text: str, quotation: str) -> Iterator[Span]:
    """The places of a quotation in a text, in order. A quotation begins and ends between words.

    A full stop or a comma at the end of the quotation need not stand in the text.
    """
    plain, origins = _plain(text)
    wanted = _plain(quotation)[0].strip().rstrip(_ENDS).strip('"')
    at = plain.find(wanted) if wanted else -1
    while at >= 0:
        end = at + len(wanted)
        if _is_between_words(plain, at, end):
            yield Span(start=origins[at], end=origins[end - 1] + 1)
        at = plain.find(wanted, at + 1)


def with_marks(text: str, start: int, end: int) -> tuple[int, int]:
    """The place of a passage, with the marks of emphasis that stand at its edges."""
    while start and text[start - 1] in _EMPHASIS:
        start -= 1
    while end < len(text) and text[end] in _EMPHASIS:
        end += 1
    return start, end


def _is_between_words(text: str, start: int, end: int) -> bool:
    before, after, beyond = text[start - 1 : start], text[end : end + 1], text[end + 1 : end + 2]
    if (before.isalnum() and text[start].isalnum()) or (after.isalnum() and text[end - 1].isalnum()):
        return False
    # "2" is no quotation of "2.5" or "2,000".
    if text[end - 1].isdigit() and after in (".", ",") and beyond.isdigit():
        return False
    return not (text[start].isdigit() and before in (".", ",") and text[start - 2 : start - 1].isdigit())


@lru_cache(maxsize=256)
def _plain(text: str) -> tuple[str, tuple[int, ...]]:
    """The text with plain signs and single spaces, and the place in the text of each of its characters."""
    characters: list[str] = []
    origins: list[int] = []
    pairs = pairs_of_marks(text) if "_" in text else ()
    marks = {place for pair in pairs if text[pair.before] == "_" for place in pair.places}
    for place, character in enumerate(text.translate(_SAME_SIGN)):
        if character in _UNSEEN or place in marks:
            continue
        if character.isspace():
            if characters and characters[-1] == " ":
                continue
            character = " "
        characters.append(character)
        origins.append(place)
    return "".join(characters), tuple(origins)
