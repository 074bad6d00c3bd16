"""Read a text as a checker needs it: sentences with their words, the values in them, and what is marked as past.

Nothing here knows a scenario: it is made for any task, source and answer in English prose.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import log

from forge_arena.types import ClaimKind
from forge_arena.values import Mention, mentions, sentences

_WORD = re.compile(r"[A-Za-z][A-Za-z'\u2019]*|\d+(?:[.,]\d+)*")
_STOP_WORDS = (
    "a an and any are as at be been but by can could did do does for from had has have here how i if in into is it its "
    "may me my no not of on or our out own shall she he should so some such than that the their them then there these "
    "they this those to too under up us was we what when where which who will with would you your"
)
_STOP = frozenset(_STOP_WORDS.split())
_STEM = 6
MAX_BETWEEN = 90
_HEADING = re.compile(
    r"[ \t]*(?:#{1,6}[ \t]*)?[\[(*_]*(?:(?P<word>section|clause|article|paragraph|rule|chapter|part|schedule|\u00a7)[ \t]*)?"
    r"(?P<number>\d{1,3}(?:\.\d{1,3}){0,3}[a-z]?)[\])*_.:]*[ \t]+(?=\S)",
    re.IGNORECASE,
)
_BREAK = re.compile(r"[,;:()\u2014]|\s[-\u2013]\s|\b(?:and|but|while|whereas|though|although|where)\b")
_SUPERSEDED = re.compile(
    r"\b(?:formerly|former|previous(?:ly)?|until|till|used to|no longer|outdated|superseded|repealed|replaced by|withdrawn|"
    r"originally|stood at|discontinued|deprecated|obsolete|lapsed|ceased|last year(?:'s)?|archived|then in force|"
    r"historic(?:al)?ly?|retired|predecessor|(?:earlier|older?|prior|past) (?:\w+ )?(?:version|edition|rule|letter|figure|value|"
    r"price|rate|term|draft|limit|list|text|sheet|fee|threshold|catalogue|agreement)s?|in force before|before (?:that|then)|"
    r"cancelled|struck out|deleted|no further effect|revoked|rescinded|had been)\b",
    re.IGNORECASE,
)
_WAS_JUST_BEFORE = re.compile(
    r"\b(?:was|were|gave|had|required|once|the old|older|earlier)\s+(?:(?:a|an|the|still|only|at|set at)\s+){0,2}$"
    r"|\b(?:instead of|in place of|rather than|replac(?:es|ing)|and not|but not|up from|down from|used to be)\s+(?:the\s+)?$",
    re.IGNORECASE,
)
_BEFORE_JUST_AFTER = re.compile(r"\s*(?:\w+ ){0,3}(?:before|earlier|then)\b(?! \w)|\s+(?:could|had) ", re.IGNORECASE)
_PRESENT = re.compile(
    r"\b(?:since|now|currently?|today|as of|with effect from|effective|is|are|at present|these days|nowadays|"
    r"from now on|again reads|goes back to|reads as|amended to|changed to|raised to|lowered to|reduced to|increased to|takes?|stands at|applies|latest|"
    r"new|must|shall|will|may)\b",
    re.IGNORECASE,
)
_BOUNDARY = re.compile(r"\b(?:since|until|till|before|after|from|as of|changed on)\s+(?:the\s+)?$", re.IGNORECASE)
_FROM = re.compile(r"\bfrom\s+$", re.IGNORECASE)
_TO = re.compile(r"\s+to\s+", re.IGNORECASE)
# "For X read Y", as deeds and errata have it.
_FOR = re.compile(r"\bfor\s+$", re.IGNORECASE)
_READ = re.compile(r",?\s+(?:read|substitute|there is substituted)\s+", re.IGNORECASE)
_TURNED_INTO = re.compile(
    r"\b(?:(?:replaced|substituted|superseded) (?:by|with)|(?:amended|changed|raised|lowered|increased|reduced|cut|moved) to|"
    r"becomes|became|gives way to|in favour of|again reads|now reads|but (?:is )?now|is now|are now|goes back to|stands again)\b",
    re.IGNORECASE,
)
_TAKES_PLACE_OF = re.compile(
    r",?\s+(?:(?:and )?not|in place of|instead of|rather than|replac(?:es|ing)|supersed(?:es|ing)|in lieu of|up from|"
    r"down from)\s+(?:the )?",
    re.IGNORECASE,
)

_WRAPPED = re.compile(
    r"(?<=[\w,;\u2019')-])(?<=[^\n]{50})\n(?=[a-z0-9($\u00a3\u20ac][^\n|:]*(?:\n|$))(?!\d{1,3}[.)] )(?!\d+(?:\.\d+)+ )"
)

Weights = Mapping[str, float]


def stems(text: str) -> list[str]:
    """The content words of a text, cut so that forms of one word are equal."""
    return [_stem(word) for word in _WORD.findall(text.lower()) if word not in _STOP]


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
    """A mention in its sentence: near words weigh more. `pastness` is above 0 where it is told as no longer so.

    A `boundary` is a date that says since or until when something holds, and is not stated for its own sake.
    """

    mention: Mention
    text: str
    sentence: "Sentence"
    context: Weights
    pastness: float
    boundary: bool

    @property
    def kind(self) -> ClaimKind:
        return self.mention.kind


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
        return tuple(self._value(mention, found) for mention in found)

    def _value(self, mention: Mention, found: tuple[Mention, ...]) -> Value:
        context: dict[str, float] = dict.fromkeys(stems(self.heading), 0.25)
        bounds = [(m.start, m.end) for m in found]
        clause_start, clause_end = self._clause(mention, bounds)
        for match in _WORD.finditer(self.text):
            if any(start <= match.start() < end for start, end in bounds):
                continue
            word = match[0].lower()
            if word in _STOP:
                continue
            gap = mention.start - match.end() if match.end() <= mention.start else match.start() - mention.end
            near = 1.0 / (1.0 + gap / 25.0)
            inside = clause_start <= match.start() < clause_end
            weight = near if inside else 0.5 * near
            stem = _stem(word)
            context[stem] = max(context.get(stem, 0.0), weight)
        boundary = mention.kind is ClaimKind.date and _BOUNDARY.search(self.text[: mention.start]) is not None
        past = 0.0 if boundary else self._pastness(mention, found)
        return Value(mention, self.text[mention.start : mention.end], self, context, past, boundary)

    def _clause(self, mention: Mention, bounds: list[tuple[int, int]]) -> tuple[int, int]:
        start, end = 0, len(self.text)
        for match in _BREAK.finditer(self.text):
            if any(a <= match.start() < b for a, b in bounds):
                continue
            if match.end() <= mention.start:
                start = match.end()
            elif match.start() >= mention.end:
                end = match.start()
                break
        return start, end

    def _pastness(self, mention: Mention, found: tuple[Mention, ...]) -> float:
        """1 where the clause says so outright, less where only its tense does, below 0 where it says it holds now."""
        for other in found:
            if other is mention or other.kind is not mention.kind:
                continue
            first, second = (mention, other) if mention.start < other.start else (other, mention)
            between = self.text[first.end : second.start]
            if len(between) > MAX_BETWEEN or any(
                m.kind is mention.kind and first.end <= m.start < second.start for m in found
            ):
                continue
            if _TURNED_INTO.search(between) or (_TO.fullmatch(between) and _FROM.search(self.text[: first.start])):
                return 1.0 if first is mention else -1.0
            if _FOR.search(self.text[: first.start]) and _READ.fullmatch(between):
                return 1.0 if first is mention else -1.0
            if _TAKES_PLACE_OF.fullmatch(between):
                return -1.0 if first is mention else 1.0
        if mention.kind in TIMELESS:
            tense = 0.0
        elif _WAS_JUST_BEFORE.search(self.text[: mention.start]) or _BEFORE_JUST_AFTER.match(self.text[mention.end :]):
            tense = 0.75
        else:
            tense = 0.0
        start, end = self._clause(mention, [(m.start, m.end) for m in found])
        around = _pastness_of(self.text[:start] + self.text[end:])
        return max(tense, _pastness_of(self.text[start:end]) + 0.2 * around)


# What happened to these in the past is still so: a report of 2020 was written then and exists now.
TIMELESS = frozenset({ClaimKind.date, ClaimKind.identifier, ClaimKind.citation})


def _pastness_of(text: str) -> float:
    if _SUPERSEDED.search(text):
        return 1.0
    return -0.5 if _PRESENT.search(text) else 0.0


@dataclass(frozen=True)
class Passage:
    """A text as sentences, with what is rare in it weighing more."""

    text: str
    sentences: tuple[Sentence, ...]

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

    @cached_property
    def lower(self) -> str:
        return self.text.lower()

    def likeness(self, asked: Weights, given: Weights) -> float:
        """How much of the `asked` context the `given` one has, 0..1, by rarity; words unknown here do not count."""
        whole = shared = 0.0
        for word, weight in asked.items():
            rare = self.rarity.get(word)
            if rare is None:
                continue
            whole += rare * weight
            if word in given:
                shared += rare * min(weight, given[word] * 1.5)
        return shared / whole if whole else 0.0

    def cover(self, words: Iterable[str], given: Iterable[str]) -> float:
        """The share of `words`, by rarity, that is in `given`."""
        asked = set(words)
        have = set(given)
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
