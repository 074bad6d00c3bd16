"""Cite a section: the ways in which an answer names one, the one that an author means, and what would be wrong."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from random import Random

from forge_arena.documents.headings.numbers import LABEL
from forge_arena.documents.invented_titles import invented_titles
from forge_arena.documents.sections import Section
from forge_arena.texts.leaning import has_verb
from forge_arena.types import Alternative, Span, Standing

MOST_ELSEWHERE = 4
MOST_TITLE_WORDS = 14

_LEAD = re.compile(
    r"^(?:the )?(?:section|sec\.|article|art\.|clause|paragraph|para\.?|part|chapter|schedule|appendix|annex|rule"
    r"|\u00a7+)\s*",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    rf"^(?P<number>{LABEL}|\d{{1,3}}(?:\.\d{{1,3}}){{0,4}}|[IVXLC]{{1,7}}|[A-Za-z])(?=[.):\s\u2013\u2014-]|$)[.):]?\s*"
)
_LETTERS = 26
_ROMAN = re.compile(r"[IVXLC]+")
_QUOTES = "\"'\u201c\u201d\u2018\u2019*_`#:.-\u2013\u2014 "
_WORDS = ("section", "clause")
# A title that nobody takes for the place of a rule: a question, a call, a sentence, a remark.
MOST_NAME_WORDS = 6


def find_section(sections: Sequence[Section], named: str, quotation: Span) -> tuple[Section | None, str]:
    """The section that an author names for a quotation.

    Returns: the section; or None, and why the author's section cannot be cited for the quotation.
    """
    meant = [section for section in sections if _is_meant(section, named)]
    if not meant:
        return None, f"the document has no section \u201c{named}\u201d"
    holding = [section for section in meant if section.start <= quotation.start and quotation.end <= section.end]
    if not holding:
        return None, f"the section \u201c{named}\u201d does not hold the quotation"
    section = max(holding, key=lambda section: section.start)
    if section.number is None and len(sections) == 1:
        return None, "the document has no other section"
    if not is_citable(section, sections):
        return None, f"the section \u201c{named}\u201d has no number or title that no other section has"
    return section, ""


def is_citable(section: Section, sections: Sequence[Section]) -> bool:
    """Whether a section has a number or a title of its own, and is not the whole document."""
    if section.number is not None:
        return sum(other.number == section.number for other in sections) == 1
    titles = Counter(_plain(other.title) for other in sections)
    has_title = 0 < len(section.title.split()) <= MOST_TITLE_WORDS and titles[_plain(section.title)] == 1
    return has_title and len(sections) > 1


def citation_forms(section: Section) -> tuple[str, ...]:
    """The ways to cite a section, the usual one first. The n-th ways of two sections are the same way.

    A title alone is no citation, because its words may stand in an answer by chance.
    """
    forms: list[str] = []
    if section.number is not None:
        forms += [f"{word} {section.number}" for word in dict.fromkeys((section.word, *_WORDS))]
        forms += [f"\u00a7 {section.number}", f"\u00a7{section.number}"]
    if section.title and (section.number is None or len(section.title.split()) > 1):
        forms += _title_forms(section.title)
    return tuple(dict.fromkeys(forms))


_QUOTATION_MARKS = (('"', '"'), ("\u201c", "\u201d"), ("'", "'"), ("\u2018", "\u2019"))
_MARKS = (("\u201c", "\u201d"), ("'", "'"), ("\u2018", "\u2019"), ("**", "**"), ("*", "*"), ('"', '"'))


# Other signs for the quotation marks and the apostrophes of a title, as writers exchange them.
_STRAIGHT = str.maketrans({"\u201c": '"', "\u201d": '"', "\u2018": "'", "\u2019": "'"})
_SINGLE = str.maketrans({"\u201c": "'", "\u201d": "'", '"': "'", "\u2018": "'", "\u2019": "'"})
_CURLY = str.maketrans({"'": "\u2019"})


def _spellings(title: str) -> Iterator[str]:
    """A title with other quotation marks: straight ones, or single ones because the title itself is quoted."""
    yield title
    for signs in (_STRAIGHT, _SINGLE, _CURLY):
        yield title.translate(signs)


def _title_forms(title: str) -> list[str]:
    names = (title, title.rstrip("?!"))
    return [
        form
        for name in dict.fromkeys(spelling for name in names for spelling in _spellings(name))
        for form in (
            *(f"section {_quoted(name, opening, closing)}" for opening, closing in _QUOTATION_MARKS),
            f"section **{name}**",
            f"section {name}",
            f"section: {name}",
            f"section on {name}",
            f"section titled {name}",
            f"section headed {name}",
            f"under {name}",
            f"see {name}",
            f"({name})",
            f"{name} section",
            *(_quoted(name, opening, closing) for opening, closing in _MARKS),
        )
    ]


def _quoted(title: str, opening: str, closing: str) -> str:
    """A title in quotation marks. Marks around the whole title go, and those inside it become others.

    Example: the title "What is "free"?" with its own marks is quoted as "What is 'free'?".
    """
    whole = re.fullmatch(r"[\"\u201c](?P<title>[^\"\u201c\u201d]+)[\"\u201d]|\u2018(?P<single>[^\u2018]+)\u2019", title)
    if whole is not None:
        title = whole["title"] or whole["single"]
    if opening in '"\u201c':
        title = re.sub(r"[\"\u201c\u201d]", "'", title)
    return f"{opening}{title}{closing}"


def wrong_sections(
    section: Section,
    sections: Sequence[Section],
    not_wrong: Sequence[Section],
    text: str,
    rng: Random,
    avoided: Set[str] = frozenset(),
) -> list[Alternative]:
    """What an answer could cite instead: other sections of the document, and a section that it does not have.

    Args:
        not_wrong: the sections that may be cited too, or that a reader could take for the right one.
        avoided: the stems of words that the title of no invented section has, such as those of the facts.
    """
    others = [
        other
        for other in sections
        if is_citable(other, sections)
        and (other.number is None) == (section.number is None)
        and other not in not_wrong
        # A line of large letters with nothing under it is cited by nobody.
        and text[other.body : other.end].strip()
        and not (other.start < section.end and section.start < other.end)
    ]
    alike = [other for other in others if _depth(other) == _depth(section)]
    others = alike or others
    if _is_name_of_section(section):
        others = [other for other in others if _is_name_of_section(other)]
    chosen = rng.sample(others, min(MOST_ELSEWHERE, len(others)))
    wrong = [
        Alternative(
            name=f"elsewhere_{place}",
            standing=Standing.elsewhere,
            forms=citation_forms(other),
            stealth=3 - place % 2,
        )
        for place, other in enumerate(chosen)
    ]
    return [*wrong, *_absent_sections(section, sections, text, rng, avoided)]


def _depth(section: Section) -> int:
    """How many parts the number of a section has: 2 for "3.1" and for "3b"."""
    return 0 if section.number is None else len(re.findall(r"\d+|[A-Za-z]+", section.number))


def _absent_sections(
    section: Section, sections: Sequence[Section], text: str, rng: Random, avoided: Set[str]
) -> list[Alternative]:
    """Sections that the document does not have: a far one at stealth 0, a near one at 1."""
    if section.number is None:
        title = _invented_title(section, sections, text, rng, avoided)
        if title is None:
            return []
        return [Alternative(name="absent_0", standing=Standing.absent, forms=tuple(_title_forms(title)), stealth=0)]
    match = re.search(r"\d+$|(?<=\d)[a-z]$", section.number)
    if match is None:
        return []
    known = {other.number for other in sections}
    kind = r"\d+$" if match[0].isdigit() else r"(?<=\d)[a-z]$"
    lasts = [found[0] for other in sections if (found := re.search(kind, other.number or "")) is not None]
    top = max(int(last) if last.isdigit() else ord(last) - ord("a") + 1 for last in lasts)
    wrong = []
    # Far from three sections is the seventh, and no reader believes in a twenty-eighth.
    near = top + rng.randint(1, 1 + top // 8)
    for stealth, number in ((0, near + rng.randint(2, 2 + top)), (1, near)):
        if not match[0].isdigit() and number > _LETTERS:
            continue
        last = f"{number}" if match[0].isdigit() else chr(ord("a") + number - 1)
        shown = f"{section.number[: match.start()]}{last}"
        cited = re.search(rf"(?<![\w.]){re.escape(shown)}(?![\w]|\.\d)", text) is not None
        if shown not in known and not cited:
            forms = tuple(f"{word} {shown}" for word in dict.fromkeys((section.word, *_WORDS)))
            wrong.append(Alternative(name=f"absent_{stealth}", standing=Standing.absent, forms=forms, stealth=stealth))
            known.add(shown)
    return wrong


def _invented_title(
    section: Section, sections: Sequence[Section], text: str, rng: Random, avoided: Set[str]
) -> str | None:
    """A title that the document could have and does not have, written as the others are.

    Beside "Version 4.1" that is "Version 4.3".
    """
    low = text.lower()
    counted = re.search(r"(?<!\d)\d{1,2}$", section.title)
    if counted is not None:
        further = [f"{section.title[: counted.start()]}{int(counted[0]) + step}" for step in range(1, 6)]
        absent = [title for title in further if title.lower() not in low]
        return absent[rng.randrange(len(absent))] if absent else None
    titles = list(invented_titles(text, [other.title for other in sections if other.title], avoided))
    return titles[rng.randrange(len(titles))] if titles else None


def _is_name_of_section(section: Section) -> bool:
    """Whether a section has a number, or a title by which people refer to it. "Any questions?" is no such title."""
    title = section.title.strip()
    return section.number is not None or (
        len(title.split()) <= MOST_NAME_WORDS
        and not re.search(r"[?!;:,]", title)
        and not has_verb(title)
        and not re.match(
            r"(?:here|how|what|when|where|who|why|don['\u2019]t|do|please|if|tl;?dr)\b", title, re.IGNORECASE
        )
    )


def _is_meant(section: Section, named: str) -> bool:
    bare = _LEAD.sub("", named.strip(_QUOTES)).strip(_QUOTES)
    title = _plain(section.title)
    if title and _plain(bare) == title:
        return True
    if section.number is None:
        return bool(title) and _plain(named) == title
    number = _NUMBER.match(bare)
    if number is None or number["number"].casefold() != section.number.casefold():
        return False
    rest = _plain(bare[number.end() :])
    return not rest or rest == title or title.startswith(rest) or rest.startswith(title)


def _plain(title: str) -> str:
    return " ".join(re.findall(r"\w+", title.casefold()))
