"""Read a text as the readers need it: sentences with their words and values, and the numbered sections they stand in.

Nothing here knows a scenario: it is made for any task, source and answer in English prose.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import log

from forge_arena.text import sentences
from forge_arena.types import ClaimKind
from forge_arena.values import Mention, mentions

WORD = re.compile(r"[A-Za-z][A-Za-z'\u2019]*|\d+(?:[.,]\d+)*")
_STOP_WORDS = (
    "a an and any are as at be been but by can could did do does for from had has have here how i if in into is it "
    "its may me my no not of on or our out own shall she he should so some such than that the their them then there "
    "these they this those to too under up us was we what when where which who will with would you your"
)
STOP_WORDS = frozenset(_STOP_WORDS.split())
_STEM = 6
_MEASURED = frozenset({ClaimKind.quantity, ClaimKind.money, ClaimKind.percent, ClaimKind.duration})
_HEADING = re.compile(
    r"[ \t]*(?:#{1,6}[ \t]*)?[\[(*_]*(?:(?:section|clause|article|paragraph|rule|chapter|part|schedule|\u00a7)[ \t]*)?"
    r"(?P<number>\d{1,3}(?:\.\d{1,3}){0,3}[a-z]?)[\])*_.:]*[ \t]+(?=\S)",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(
    r"[,;:()\u2014]|\s[-\u2013]\s|\b(?:and|but|while|whereas|though|although|where|since|now)\b", re.IGNORECASE
)
_DATED = r"(?=[^.;,]{0,30}\b(?:(?:19|20)\d\d|then|that (?:day|date)|recently|last (?:year|month|week))\b)"
# Only words that say of a value that it holds no longer. A tense does not: "earnings were $4 million" is still so.
_NO_LONGER = re.compile(
    rf"\b(?:formerly|former|previous(?:ly)?|(?:until|till|up to) {_DATED}|used to|no longer(?! than)|no further effect|superseded|outdated"
    r"|obsolete|repealed|revoked|void|replaced by|originally|in force before|last year's|of last year"
    r"|(?:earlier|older|prior) (?:\w+ )?(?:versions?|editions?|printings?|releases?|drafts?))\b",
    re.IGNORECASE,
)
_BECAME = re.compile(
    r"\b(?:(?:replaced|substituted|superseded) (?:by|with)|(?:amended|changed|raised|lowered|increased|reduced|cut) to|becomes"
    r"|became|gives way to|(?:is|are) now|now reads?|again reads?)\b",
    re.IGNORECASE,
)
_IN_PLACE_OF = re.compile(
    r",?\s+(?:(?:and )?not|in place of|instead of|rather than|replac(?:es|ing)|supersed(?:es|ing)|in lieu of)\s+(?:the )?",
    re.IGNORECASE,
)
# "For X read Y", as deeds and errata have it.
_FOR = re.compile(r"\bfor\s+$", re.IGNORECASE)
_READ = re.compile(r",?\s+(?:read|substitute|there is substituted)\s+", re.IGNORECASE)
_MAX_BETWEEN = 90
# A line that was only wrapped: long, ended by a word, and followed by a small letter or a number that opens no list.
_WRAPPED = re.compile(
    r"(?<=[\w,;\u2019')-])(?<=[^\n]{50})\n(?=[a-z0-9($\u00a3\u20ac][^\n|:]*(?:\n|$))(?!\d{1,3}[.)] )(?!\d+(?:\.\d+)+ )"
)

Weights = Mapping[str, float]


def stems(text: str) -> list[str]:
    """The content words of a text, cut so that forms of one word are equal."""
    return [_stem(word) for word in WORD.findall(text.lower()) if word not in STOP_WORDS]


def _stem(word: str) -> str:
    word = word.partition("'")[0].partition("\u2019")[0]
    if word[:1].isdigit():
        return word
    for ending in ("ing", "ed", "es", "ly", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    return word.rstrip("e")[:_STEM]


@dataclass(frozen=True, slots=True)
class Value:
    """A mention in its sentence. `context` are the words around it, near ones weighing more.

    `replaced` is True where the sentence says that the value holds no longer, False where it says that the value took the
    place of another, and None where it says neither.
    """

    mention: Mention
    text: str
    sentence: "Sentence"
    context: Weights
    replaced: bool | None

    @property
    def kind(self) -> ClaimKind:
        return self.mention.kind

    @property
    def unit(self) -> object:
        """What the number of a measured value counts; None for a date, an identifier and a citation."""
        value = self.mention.value
        return value[-1] if self.kind in _MEASURED and isinstance(value, tuple) else None


@dataclass(frozen=True)
class Sentence:
    """A sentence of a passage, `start` to `end`; `section` is the number of the section it stands in, if any."""

    text: str
    start: int
    end: int
    section: str | None = None
    heading: str = ""
    code: bool = False

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(stems(self.text))

    @cached_property
    def values(self) -> tuple[Value, ...]:
        if self.code:
            return ()
        found = mentions(self.text)
        return tuple(
            Value(m, self.text[m.start : m.end], self, self._context(m, found), self._replaced(m, found)) for m in found
        )

    def _context(self, mention: Mention, found: tuple[Mention, ...]) -> Weights:
        context: dict[str, float] = dict.fromkeys(stems(self.heading), 0.25)
        for match in WORD.finditer(self.text):
            if match[0].lower() in STOP_WORDS or any(m.start <= match.start() < m.end for m in found):
                continue
            gap = max(mention.start - match.end(), match.start() - mention.end)
            stem = _stem(match[0].lower())
            context[stem] = max(context.get(stem, 0.0), 1.0 / (1.0 + gap / 25.0))
        return context

    def _replaced(self, mention: Mention, found: tuple[Mention, ...]) -> bool | None:
        alike = [m for m in found if m.kind is mention.kind]
        for first, second in pairwise(alike):
            if mention not in (first, second):
                continue
            between = self.text[first.end : second.start]
            if len(between) > _MAX_BETWEEN:
                continue
            if _BECAME.search(between) or (_FOR.search(self.text[: first.start]) and _READ.fullmatch(between)):
                return mention is first
            if _IN_PLACE_OF.fullmatch(between):
                return mention is second
        clause = self._clause(mention, found)
        # "It costs $31, once $33": a clause of its own, unlike "once 30 days have passed".
        is_once = clause.strip(" .").lower() == f"once {self.text[mention.start : mention.end]}".lower()
        return True if is_once or _NO_LONGER.search(clause) else None

    def _clause(self, mention: Mention, found: tuple[Mention, ...]) -> str:
        start, end = 0, len(self.text)
        for match in _CLAUSE_END.finditer(self.text):
            if any(m.start <= match.start() < m.end for m in found):
                continue
            if match.end() <= mention.start:
                start = match.end()
            elif match.start() >= mention.end:
                end = match.start()
                break
        return self.text[start:end]


@dataclass(frozen=True)
class Passage:
    """A text as sentences; a word that is rare in it weighs more."""

    text: str
    sentences: tuple[Sentence, ...]

    @cached_property
    def lower(self) -> str:
        return self.text.lower()

    @cached_property
    def values(self) -> tuple[Value, ...]:
        return tuple(value for sentence in self.sentences for value in sentence.values)

    @cached_property
    def rarity(self) -> Weights:
        """Inverse document frequency over sentences and their headings."""
        seen = Counter(word for s in self.sentences for word in s.words | set(stems(s.heading)))
        total = len(self.sentences) + 1
        return {word: log(total / count) + 0.1 for word, count in seen.items()}

    @cached_property
    def sections(self) -> Mapping[str, tuple[Sentence, ...]]:
        """Sentences by section number; what a heading numbers, not what a sentence cites."""
        found: dict[str, list[Sentence]] = {}
        for sentence in self.sentences:
            if sentence.section is not None:
                found.setdefault(sentence.section, []).append(sentence)
        return {number: tuple(inside) for number, inside in found.items()}

    def likeness(self, asked: Weights, given: Weights) -> float:
        """How much of the `asked` context the `given` one has, 0..1, by rarity; words unknown here do not count."""
        known = {word: self.rarity[word] * weight for word, weight in asked.items() if word in self.rarity}
        shared = sum(self.rarity[word] * min(asked[word], 1.5 * given[word]) for word in known if word in given)
        return shared / sum(known.values()) if known else 0.0

    def cover(self, words: Iterable[str], given: Iterable[str]) -> float:
        """The share of `words`, by rarity, that is in `given`."""
        asked, have = set(words), set(given)
        whole = sum(self.rarity.get(word, 1.0) for word in asked)
        return sum(self.rarity.get(word, 1.0) for word in asked & have) / whole if whole else 0.0


def read(text: str) -> Passage:
    """A text as a passage; a numbered heading (or numbered paragraph) opens a section that lasts until the next."""
    found: list[Sentence] = []
    section: str | None = None
    heading = ""
    # Lines that were only wrapped belong together; one character for another, so that all places stay.
    text = _WRAPPED.sub(" ", text)
    for start, end in sentences(text):
        piece = text[start:end]
        code = piece.startswith("```")
        first = not text[text.rfind("\n", 0, start) + 1 : start].strip()
        opened = _HEADING.match(text, start) if first and not code else None
        if opened is not None:
            section = opened["number"].lower()
            line_end = text.find("\n", start)
            rest = text[opened.end() : line_end if line_end >= 0 else len(text)]
            heading = rest if len(rest) < 90 else ""
        elif _is_plain_heading(text, start, end):
            # A heading without a number ends the section before it.
            section, heading = None, piece
        found.append(Sentence(piece, start, end, section, heading, code))
    return Passage(text, tuple(found))


def _is_plain_heading(text: str, start: int, end: int) -> bool:
    piece = text[start:end]
    alone = (start == 0 or text[start - 1] == "\n") and (end == len(text) or text[end] == "\n")
    after = text[end : end + 2]
    before = text[max(0, start - 2) : start]
    return (
        alone
        and len(piece) < 60
        and piece[-1] not in ".!?:;,"
        and ":" not in piece
        and not piece.startswith(("-", "*", "\u2022", "|"))
        and (before in ("\n\n", "") and after not in ("\n\n", ""))
    )
