"""Parse a text as the readers need it: sentences with their words and values, and the numbered section of each.

Nothing here knows a scenario. It works on any task, source and answer in English prose.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from math import fsum, log

from forge_arena.texts.sentences import sentences
from forge_arena.texts.values import Mention, mentions
from forge_arena.types import ClaimKind

WORD = re.compile(r"[A-Za-z][A-Za-z'\u2019]*|\d+(?:[.,]\d+)*")
_STOP_WORDS = (
    "a an and any are as at be been but by can could did do does for from had has have here how i if in into is it "
    "its may me my no not of on or our out own shall she he should so some such than that the their them then there "
    "these they this those to too under up us was we what when where which who will with would you your"
)
STOP_WORDS = frozenset(_STOP_WORDS.split())
# The length at which a stem is cut.
_STEM = 6
# Kinds of values that are a number and a unit.
_MEASURED = frozenset({ClaimKind.quantity, ClaimKind.money, ClaimKind.percent, ClaimKind.duration})
_HEADING = re.compile(
    r"[ \t]*(?:#{1,6}[ \t]*)?[\[(*_]*(?:(?:section|clause|article|paragraph|rule|chapter|part|schedule|\u00a7)[ \t]*)?"
    r"(?P<number>\d{1,3}(?:\.\d{1,3}){0,3}[a-z]?)[\])*_.:]*[ \t]+(?=\S)",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(
    r"[,;:()\u2014]|\s[-\u2013]\s|\b(?:and|but|while|whereas|though|although|where|since|now)\b", re.IGNORECASE
)
# What follows "until" if it means a time that has passed: "until September 2026", "up to then".
_DATED = r"(?=[^.;,]{0,30}\b(?:(?:19|20)\d\d|then|that (?:day|date)|recently|last (?:year|month|week))\b)"
# Words that say that a value is no longer valid. A past tense does not: "earnings were $4 million" is still true.
_NO_LONGER = re.compile(
    rf"\b(?:formerly|former|previous(?:ly)?|(?:until|till|up to) {_DATED}|used to|no longer(?! than)"
    r"|no further effect|superseded|outdated|obsolete|repealed|revoked|void|replaced by|originally|in force before"
    r"|last year's|of last year"
    r"|(?:earlier|older|prior) (?:\w+ )?(?:versions?|editions?|printings?|releases?|drafts?))\b",
    re.IGNORECASE,
)
# Words between two values that say that the second replaced the first: "10 days were replaced by 12 days".
_BECAME = re.compile(
    r"\b(?:(?:replaced|substituted|superseded) (?:by|with)|(?:amended|changed|raised|lowered|increased|reduced|cut) to"
    r"|becomes|became|gives way to|(?:is|are) now|now reads?|again reads?)\b",
    re.IGNORECASE,
)
# Words between two values that say that the first replaced the second: "12 days in place of 10 days".
_IN_PLACE_OF = re.compile(
    r",?\s+(?:(?:and )?not|in place of|instead of|rather than|replac(?:es|ing)|supersed(?:es|ing)"
    r"|in lieu of)\s+(?:the )?",
    re.IGNORECASE,
)
# Parts of all these words. Most sentences have none of them, and need no pattern.
_REPLACING = (
    *("former", "previous", "until", "till", "up to", "used to", "no longer", "no further", "supersed", "outdated"),
    *("obsolete", "repealed", "revoked", "void", "replac", "originally", "in force before", "last year", "earlier"),
    *("older", "prior", "substitut", "amended", "changed", "raised", "lowered", "increased", "reduced", "cut to"),
    *("become", "became", "gives way", "now", "read", "not", "in place of", "instead of", "rather than"),
    *("in lieu", "once"),
)
# "For X read Y", as deeds and errata have it.
_FOR = re.compile(r"\bfor\s+$", re.IGNORECASE)
_READ = re.compile(r",?\s+(?:read|substitute|there is substituted)\s+", re.IGNORECASE)
# Two values that are further apart do not replace each other.
_MAX_BETWEEN = 90
# The end of a line that was only wrapped: the line is long and ends in a word, and a small letter, or a number that
# opens no list, follows.
_WRAPPED = re.compile(
    r"\n(?<=[\w,;\u2019')-]\n)(?<=[^\n]{50}\n)"
    r"(?=[a-z0-9($\u00a3\u20ac][^\n|:]*(?:\n|$))(?!\d{1,3}[.)] )(?!\d+(?:\.\d+)+ )"
)

# The letters beside those from a to z that patterns take for one of them if case does not count.
_OTHER_LETTERS = str.maketrans({"\u017f": "s", "\u212a": "k", "\u0130": "i", "\u0131": "i"})

Weights = Mapping[str, float]


def stems(text: str) -> list[str]:
    """The stems of the words of a text, without stop words, so that the forms of a word are equal.

    "Duplicate charges are refunded to the card" gives `["duplic", "charg", "refund", "card"]`.
    """
    return [_stem(word) for word in WORD.findall(text.lower()) if word not in STOP_WORDS]


@lru_cache(maxsize=4_096)
def stems_of_heading(heading: str) -> frozenset[str]:
    """The stems of a heading. All sentences of its section ask for them."""
    return frozenset(stems(heading))


@lru_cache(maxsize=65_536)
def _stem(word: str) -> str:
    word = word.partition("'")[0].partition("\u2019")[0]
    if word[:1].isdigit():
        return word
    for ending in ("ing", "ed", "es", "ly", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    return word.rstrip("e")[:_STEM]


@dataclass(frozen=True)
class Value:
    """A mention of a value, in its sentence.

    Attributes:
        mention: the value and its place in the sentence.
        text: the words of the mention: "5 to 7 business days".
        sentence: the sentence of the mention.
    """

    mention: Mention
    text: str
    sentence: "Sentence"

    @property
    def kind(self) -> ClaimKind:
        return self.mention.kind

    @property
    def unit(self) -> object:
        """The unit of a measured value, such as "USD" or "%"; None for a date, an identifier and a citation."""
        value = self.mention.value
        return value[-1] if self.kind in _MEASURED and isinstance(value, tuple) else None

    # Few values are asked for these two, and they cost more than everything else about a value.
    @cached_property
    def context(self) -> Weights:
        """The stems around the mention, with weights.

        A word weighs `1 / (1 + gap / 25)`, `gap` characters away; a word of the section's heading 0.25.
        """
        return self.sentence.context_of(self.mention)

    @cached_property
    def replaced(self) -> bool | None:
        """True if the sentence says that the value is no longer valid, False if it says that the value replaced
        another, None if it says neither.

        "Until 2024 the fee was $31" is True; "$33 in place of $31" is False for $33 and True for $31.
        """
        return self.sentence.is_replaced(self.mention)


@dataclass(frozen=True)
class Sentence:
    """A sentence of a passage.

    Attributes:
        text: the sentence.
        start, end: its place in the passage.
        section: the number of its section, None if it is in none.
        heading: the heading of its section, "" if there is none.
        code: whether it is a block of code, in which no values are read.
    """

    text: str
    start: int
    end: int
    section: str | None = None
    heading: str = ""
    code: bool = False

    @cached_property
    def lower(self) -> str:
        """The sentence in lower case: a pattern of ASCII letters finds in it what it finds if case does not count."""
        return (self.text if self.text.isascii() else self.text.translate(_OTHER_LETTERS)).lower()

    def has_any(self, parts: Iterable[str]) -> bool:
        """Whether one of these parts of words, in small letters, is in the sentence. Cheaper than any pattern."""
        return any(map(self.lower.__contains__, parts))

    @cached_property
    def words(self) -> frozenset[str]:
        """The stems of its words."""
        return frozenset(stems(self.text))

    @cached_property
    def values(self) -> tuple[Value, ...]:
        return () if self.code else tuple(Value(m, self.text[m.start : m.end], self) for m in mentions(self.text))

    def context_of(self, mention: Mention) -> Weights:
        """See `Value.context`."""
        every = mentions(self.text)
        context: dict[str, float] = dict.fromkeys(stems(self.heading), 0.25)
        for match in WORD.finditer(self.text):
            if match[0].lower() in STOP_WORDS or any(m.start <= match.start() < m.end for m in every):
                continue
            gap = max(mention.start - match.end(), match.start() - mention.end)
            stem = _stem(match[0].lower())
            context[stem] = max(context.get(stem, 0.0), 1.0 / (1.0 + gap / 25.0))
        return context

    def is_replaced(self, mention: Mention) -> bool | None:
        """See `Value.replaced`."""
        if not self.has_any(_REPLACING):
            return None
        every = mentions(self.text)
        alike = [m for m in every if m.kind is mention.kind]
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
        clause = self._clause(mention, every)
        # "It costs $31, once $33": a clause of nothing else, unlike "once 30 days have passed".
        is_once = clause.strip(" .").lower() == f"once {self.text[mention.start : mention.end]}".lower()
        return True if is_once or _NO_LONGER.search(clause) else None

    def _clause(self, mention: Mention, every: tuple[Mention, ...]) -> str:
        """The part of the sentence around a mention, between commas, brackets and words such as "but"."""
        start, end = 0, len(self.text)
        for match in _CLAUSE_END.finditer(self.text):
            if any(m.start <= match.start() < m.end for m in every):
                continue
            if match.end() <= mention.start:
                start = match.end()
            elif match.start() >= mention.end:
                end = match.start()
                break
        return self.text[start:end]


@dataclass(frozen=True)
class Passage:
    """A text as sentences. A word that is rare in the text weighs more when sentences are compared."""

    text: str
    sentences: tuple[Sentence, ...]

    @cached_property
    def lower(self) -> str:
        return self.text.lower()

    @cached_property
    def values(self) -> tuple[Value, ...]:
        return tuple(value for sentence in self.sentences for value in sentence.values)

    @cached_property
    def words(self) -> frozenset[str]:
        """The stems of all its words."""
        return frozenset(word for sentence in self.sentences for word in sentence.words)

    @cached_property
    def rarity(self) -> Weights:
        """The weight of each stem: `log((sentences + 1) / sentences with the stem) + 0.1`."""
        counts = Counter(word for s in self.sentences for word in s.words | stems_of_heading(s.heading))
        total = len(self.sentences) + 1
        return {word: log(total / count) + 0.1 for word, count in counts.items()}

    @cached_property
    def sections(self) -> Mapping[str, tuple[Sentence, ...]]:
        """The sentences by the number of their section. Headings make sections; citations in sentences do not."""
        sections: dict[str, list[Sentence]] = {}
        for sentence in self.sentences:
            if sentence.section is not None:
                sections.setdefault(sentence.section, []).append(sentence)
        return {number: tuple(inside) for number, inside in sections.items()}

    def likeness(self, asked: Weights, given: Weights) -> float:
        """The share of the context `asked` that the context `given` has, 0 to 1.

        Words weigh by their rarity. Words that do not occur in this passage do not count.
        """
        known = {word: self.rarity[word] * weight for word, weight in asked.items() if word in self.rarity}
        shared = sum(self.rarity[word] * min(asked[word], 1.5 * given[word]) for word in known if word in given)
        return shared / sum(known.values()) if known else 0.0

    def cover(self, words: Iterable[str], given: Iterable[str]) -> float:
        """The share of `words` that is in `given`, 0 to 1. Words weigh by their rarity."""
        asked = set(words)
        # A plain sum depends on the order, and the order of a set is another one in every process.
        whole = fsum(self.rarity.get(word, 1.0) for word in asked)
        return fsum(self.rarity.get(word, 1.0) for word in asked & set(given)) / whole if whole else 0.0


def parse_passage(text: str) -> Passage:
    """A text as a passage. A numbered heading or paragraph opens a section, which ends where the next one begins."""
    parsed: list[Sentence] = []
    section: str | None = None
    heading = ""
    # Lines that were only wrapped belong together. One character replaces another, so all places stay valid.
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
            # A heading without a number ends the section.
            section, heading = None, piece
        parsed.append(Sentence(piece, start, end, section, heading, code))
    return Passage(text, tuple(parsed))


def _is_plain_heading(text: str, start: int, end: int) -> bool:
    """Whether a piece is a heading without a number: a short line after an empty line, with text right below it."""
    if end - start >= 60 or text[end - 1] in ".!?:;,":
        return False
    piece = text[start:end]
    alone = (start == 0 or text[start - 1] == "\n") and (end == len(text) or text[end] == "\n")
    after = text[end : end + 2]
    before = text[max(0, start - 2) : start]
    return (
        alone
        and ":" not in piece
        and not piece.startswith(("-", "*", "\u2022", "|"))
        and (before in ("\n\n", "") and after not in ("\n\n", ""))
    )
