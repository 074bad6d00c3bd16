"""Turn the sense of a statement, and say whether one statement is another with only its sense turned.

A sense is turned by words of closed classes, without a word about the subject:

* duty: what is allowed, demanded, banned, exempted, asserted or denied ("may", "may not");
* time: what comes first ("before", "after");
* bound: how far something reaches ("at least", "at most", "including", "excluding", "only if", "even if");
* party: who does it. Two parties change places around a verb ("the tenant pays the landlord", "the landlord pays the
  tenant"), or another party does it.
"""

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from forge_arena.texts.modality import Modality, Sign, are_opposed, modality, signs
from forge_arena.texts.verbs import base_form, root


class Sense(StrEnum):
    """What is turned in a statement."""

    time = "time"
    duty = "duty"
    bound = "bound"
    party = "party"


@dataclass(frozen=True, slots=True)
class Turned:
    """How the other statement differs.

    Attributes:
        before: what the statement has: a modality, or the words of an order or a bound. after: what the other has.
        parties: for a party, the two names as the statements write them. The first one has in the statement the place
            that the second one has in the other statement.
        exchanged: whether both parties stand in both statements.
        place: for a duty, the number of the word that the statement allows, demands, bans or denies. words: the word of
            the statement and the word of the other, if the one is the other with a prefix that denies it.
    """

    sense: Sense
    before: str = ""
    after: str = ""
    parties: tuple[str, ...] = ()
    exchanged: bool = False
    place: int | None = None
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Token:
    """A word or phrase of a statement as it is compared, and its place."""

    word: str
    start: int
    end: int

    @property
    def span(self) -> tuple[int, int]:
        return self.start, self.end


# "Since 5 May" says from when. "Since your teacher pays" gives a reason, and no order.
_TIME_BEHIND = (
    r"(?= (?:\w+ ){0,3}(?:\d|january|february|march|april|may \d|june|july|august|september|october|november|december|"
    r"monday|tuesday|wednesday|thursday|friday|saturday|sunday|spring|summer|autumn|winter|then|yesterday|last|start|"
    r"beginning|opening|birth|day|week|month|year)\b)"
)
# Phrases of one entry mean the same. (name, phrases)
_ORDERS = (
    ("before", r"(?:on or )?before|prior to|ahead of|in advance of|earlier than|(?:no|not) later than|preceding"),
    ("after", r"(?:on or )?after|(?<!the )following|later than|(?:no|not) (?:earlier|sooner) than|subsequent to|once"),
    ("until", r"up until|until|till|up to and including(?= the \w+ of\b)"),
    ("from", rf"from|since{_TIME_BEHIND}|as of|starting (?:on|from)"),
    ("by", r"by"),
    ("earliest", r"at the earliest|earliest"),
    ("latest", r"at the latest|latest"),
    ("beforehand", r"beforehand|in advance|previously"),
    ("afterwards", r"afterwards?|subsequently"),
    ("first", r"first"),
    ("last", r"last"),
    ("start", r"start(?:s|ed|ing)?|beg(?:ins?|an|un|inning)"),
    ("end", r"end(?:s|ed|ing)?"),
)
_BOUNDS = (
    ("at least", r"at least|(?:no|not) (?:less|fewer) than|a minimum of|minimum"),
    ("at most", r"at most|(?:no|not) more than|a maximum of|maximum|up to"),
    ("more", r"more than|over|above|longer than|exceed(?:s|ing)?|beyond"),
    ("less", r"(?:less|fewer) than|under|below|shorter than"),
    ("most", r"(?:the )?most"),
    ("least", r"(?:the )?least"),
    ("within", r"within|inside"),
    ("outside", r"outside(?: of)?"),
    ("in", r"in"),
    ("out of", r"out of"),
    ("with", r"with|together with"),
    ("without", r"without"),
    ("including", r"including|inclusive of"),
    ("excluding", r"excluding|exclusive of|not including|except(?: for)?|apart from|other than"),
    ("include", r"includes?|included"),
    ("exclude", r"excludes?|excluded"),
    ("only if", r"only (?:if|when|where|on condition that)|provided(?: that)?|on condition that"),
    ("even if", r"even (?:if|when|where|though)|regardless of whether|whether or not"),
    ("unless", r"unless"),
    ("if", r"if|when|where"),
)
OPPOSITES = {
    Sense.time: frozenset(
        frozenset(pair)
        for pair in (
            ("before", "after"), ("until", "from"), ("until", "after"), ("before", "from"), ("by", "after"),
            ("earliest", "latest"), ("beforehand", "afterwards"), ("first", "last"), ("start", "end"),
        )
    ),
    Sense.bound: frozenset(
        frozenset(pair)
        for pair in (
            ("at least", "at most"), ("more", "less"), ("at least", "less"), ("at most", "more"), ("within", "outside"),
            ("most", "least"), ("in", "out of"), ("in", "outside"),
            ("with", "without"), ("including", "excluding"), ("include", "exclude"), ("only if", "even if"),
            ("unless", "if"), ("unless", "only if"), ("unless", "even if"), ("if", "even if"),
        )
    ),
}  # fmt: skip
# The orders that put what they govern behind, and before. The bounds that take something in, and leave something out.
EARLY = frozenset({"before", "until", "by", "earliest", "beforehand", "first"})
LATE = frozenset({"after", "from", "latest", "afterwards", "last"})
WIDENING = frozenset({"with", "including", "include"})
LIMITING = frozenset({"without", "excluding", "exclude"})
_NAMES = tuple(name for name, _ in (*_ORDERS, *_BOUNDS))
_TOKEN = re.compile(
    "|".join(rf"(?P<t{place}>\b(?:{pattern})(?![\w-]))" for place, (_, pattern) in enumerate((*_ORDERS, *_BOUNDS)))
    + r"|(?P<word>\d+(?:[.,:/]\d+)*%?|[^\W_]+(?:[-&][^\W_]+)*)|(?P<own>'s?(?!\w))|(?P<mark>[,;:()])",
    re.IGNORECASE,
)
_ARTICLES = frozenset({"a", "an", "the", "any", "some", "all", "each", "every"})
# Small words that come and go with a turned verb.
_DROPPED = frozenset({"do", "does", "did", "will", "would", "also", "either", "too", "always", "sometimes", "ever"})
_SAME = {
    "anybody": "somebody", "nobody": "somebody", "everybody": "somebody", "someone": "somebody", "anyone": "somebody",
    "everyone": "somebody", "nothing": "something", "anything": "something", "everything": "something",
    "us": "we", "our": "we", "ours": "we", "me": "i", "my": "i", "them": "they", "their": "they", "him": "he",
    "your": "you", "yours": "you", "whom": "who", "solely": "only", "exclusively": "only",
}  # fmt: skip
_CLAUSE_STARTS = frozenset(
    {"who", "which", "that", "because", "while", "whereas", "although", "though", "<if>", "<unless>"}
)
_KEPT = frozenset({"is", "are", "was", "were", "am", "been", "has", "have", "had"})
_CONTRACTIONS = (
    (re.compile(r"\bcan't\b", re.IGNORECASE), "cannot"),
    (re.compile(r"\bwon't\b", re.IGNORECASE), "will not"),
    (re.compile(r"\bshan't\b", re.IGNORECASE), "shall not"),
    (re.compile(r"n't\b", re.IGNORECASE), " not"),
    (re.compile(r"(?<=\bis )non-|(?<=\bare )non-|(?<=\bbe )non-|(?<=\bwas )non-|(?<=\bwere )non-", re.I), "not "),
)
_DENYING_PREFIXES = ("non-", "un", "in", "im", "ir", "il", "dis")
_SUBJECT_FORMS = {"us": "we", "me": "I", "them": "they", "him": "he"}
LONGEST_NAME = 5
_BY_AGENT = "<by>"
# What a party is or does not do, so that another party in its place turns the sense: "is responsible for".
_CHARGED = frozenset(root(word) for word in ("responsible", "liable", "accountable", "answerable", "charge", "bound"))


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement as it is compared: its words without signs and articles, and the signs between them.

    Attributes:
        words: the words, each by its root, a phrase of an order or a bound by its name in angle brackets.
        placed: for each sign, before which word it stands, and the sign.
        clauses: the number of the clause of each word.
    """

    text: str
    words: tuple[Token, ...]
    placed: tuple[tuple[int, Sign], ...]
    clauses: tuple[int, ...]

    @property
    def roots(self) -> tuple[str, ...]:
        return tuple(token.word for token in self.words)

    def modalities(self) -> list[Modality | None]:
        """What each clause does."""
        count = (self.clauses[-1] if self.clauses else 0) + 1
        of_clause: list[list[Sign]] = [[] for _ in range(count)]
        for at, sign in self.placed:
            of_clause[self.clauses[min(at, len(self.clauses) - 1)] if self.clauses else 0].append(sign)
        return [modality(group) for group in of_clause]


@lru_cache(maxsize=4_096)
def read_statement(text: str) -> Statement:
    """A statement as it is compared."""
    text = _without_contractions(text.replace("\u2019", "'").strip())
    phrases = [match.span() for match in _TOKEN.finditer(text) if match.lastgroup and match.lastgroup[0] == "t"]
    # "No later than" denies nothing, but "from" in "is exempt from" is no order.
    own = [
        sign
        for sign in signs(text)
        if not any(
            start < sign.end and sign.start < end and end - start >= sign.end - sign.start for start, end in phrases
        )
    ]
    words: list[Token] = []
    placed: list[tuple[int, Sign]] = []
    clauses: list[int] = []
    number = 0
    waiting = list(own)
    for match in _TOKEN.finditer(text):
        while waiting and waiting[0].start <= match.start():
            placed.append((len(words), waiting.pop(0)))
        inside = next((sign for sign in own if sign.start <= match.start() < sign.end), None)
        low = match[0].lower()
        # "Is not" denies, and "is" stays as it is in the statement without the denial.
        if inside is not None and low not in _SAME and not (inside.signs == "N" and low in _KEPT):
            continue
        if match["mark"]:
            number += 1 if words and clauses[-1] == number else 0
            continue
        if match["own"]:
            continue
        if match["word"]:
            if low in _ARTICLES or low in _DROPPED:
                continue
            word = _SAME.get(low) or root(low)
        else:
            word = f"<{_NAMES[int((match.lastgroup or 't0')[1:])]}>"
        if word in _CLAUSE_STARTS and words and clauses[-1] == number:
            number += 1
        words.append(Token(word, *match.span()))
        clauses.append(number)
    placed += [(len(words), sign) for sign in waiting]
    return Statement(text, tuple(words), tuple(placed), tuple(clauses))


def _without_contractions(text: str) -> str:
    for pattern, words in _CONTRACTIONS:
        text = pattern.sub(words, text)
    return text


@lru_cache(maxsize=8_192)
def is_turned(statement: str, other: str) -> Turned | None:
    """How `other` is the statement with its sense turned; None if something else differs, or nothing does.

    Only one thing may be turned. The agreement of verbs, articles and the spelling of a modal verb may differ.
    """
    mine, others = read_statement(statement), read_statement(other)
    if not mine.words or not others.words:
        return None
    one, another = _modality_changed(mine, others)
    if mine.roots == others.roots:
        if one is None or another is None or not are_opposed(one, another):
            return None
        shared = set(_signs_at(mine)) & set(_signs_at(others))
        places = [at for at, sign in (*_signs_at(mine), *_signs_at(others)) if (at, sign) not in shared]
        return Turned(Sense.duty, one.value, another.value, place=max(places, default=None))
    for before, after, less, more in (
        (Modality.yes, Modality.no, mine, others),
        (Modality.no, Modality.yes, others, mine),
    ):
        at = _denied_by_prefix(less.roots, more.roots)
        if at is not None:
            words = tuple(statement.text[slice(*statement.words[at].span)] for statement in (mine, others))
            return Turned(Sense.duty, before.value, after.value, place=at, words=words)
    if (one, another) != (None, None) or not _have_equal_modalities(mine, others):
        return None
    return _word_turned(mine, others) or _passive_turned(mine, others) or _party_replaced(mine, others)


def _denied_by_prefix(one: Sequence[str], another: Sequence[str]) -> int | None:
    """The number of the only word that has in the other statement a prefix that denies it: "limited", "unlimited"."""
    if len(one) != len(another):
        return None
    changed = [at for at, (word, other) in enumerate(zip(one, another, strict=True)) if word != other]
    if len(changed) != 1:
        return None
    word, other = one[changed[0]], another[changed[0]]
    return changed[0] if any(other == f"{prefix}{word}" for prefix in _DENYING_PREFIXES) else None


def _have_equal_modalities(mine: Statement, others: Statement) -> bool:
    """Whether two statements allow, demand and deny the same, in the same order."""
    return [m for m in mine.modalities() if m is not Modality.yes] == [
        m for m in others.modalities() if m is not Modality.yes
    ] and len(mine.placed) == len(others.placed)


def _modality_changed(mine: Statement, others: Statement) -> tuple[Modality | None, Modality | None]:
    """The modalities of the only clause that has another one in the other statement; (None, None) otherwise."""
    shared = set(_signs_at(mine)) & set(_signs_at(others))
    own = [sign for sign in _signs_at(mine) if sign not in shared]
    other = [sign for sign in _signs_at(others) if sign not in shared]
    if {sign for _, sign in own} & {sign for _, sign in other}:
        # A denial that has moved to another word changes more than the sense.
        return None, None
    if any(sign in "PD" for _, signs_of in (*own, *other) for sign in signs_of):
        # The modal words that differ can be told without the rest: "a guest who has not paid may ..." allows.
        return _modality_without(mine, shared), _modality_without(others, shared)
    one, another = mine.modalities(), others.modalities()
    if len(one) == len(another):
        changed = [(m, o) for m, o in zip(one, another, strict=True) if m is not o]
        if len(changed) == 1 and None not in changed[0]:
            return changed[0]
    if not own and not other:
        return None, None
    # A clause with further signs cannot be told as a whole, but the signs that differ can.
    return _modality_without(mine, shared), _modality_without(others, shared)


def _modality_without(statement: Statement, shared: Set[tuple[int, str]]) -> Modality | None:
    return modality([sign for at, sign in statement.placed if (at, sign.signs) not in shared])


def _signs_at(statement: Statement) -> list[tuple[int, str]]:
    return [(at, sign.signs) for at, sign in statement.placed]


def _word_turned(mine: Statement, others: Statement) -> Turned | None:
    """An order or a bound that is turned, or two parties that have changed places."""
    start, end, other_end = _differing(mine.roots, others.roots)
    one, another = mine.roots[start:end], others.roots[start:other_end]
    if len(one) == 1 and len(another) == 1:
        pair = frozenset(word.strip("<>") for word in (*one, *another))
        for sense, opposites in OPPOSITES.items():
            if pair in opposites and one[0][0] == another[0][0] == "<":
                return Turned(sense, one[0].strip("<>"), another[0].strip("<>"))
    for left in range(1, min(LONGEST_NAME, len(one) - 1) + 1):
        for right in range(1, min(LONGEST_NAME, len(one) - left) + 1):
            first, between, last = one[:left], one[left : len(one) - right], one[len(one) - right :]
            if start and mine.roots[start - 1] == "be":
                # "Is read ... is written" are no parties.
                continue
            is_exchange = another == last + between + first and between and _are_names(first, last)
            if is_exchange and first != last:
                behind = mine.roots[start + left : start + left + 1]
                # "In new code ... in existing code": the noun belongs to the name.
                wider = 1 if behind and behind == mine.roots[end : end + 1] and behind[0][0] != "<" else 0
                names = (_name(mine, start, start + left + wider), _name(mine, end - right, end + wider))
                return Turned(Sense.party, parties=names, exchanged=True)
    return None


def _are_names(*groups: Sequence[str]) -> bool:
    """Whether each group of words may be the name of a party. A phrase of an order or a bound is no name alone."""
    return all(
        any(word[0] != "<" for word in group) and not any(word[0].isdigit() or word in ("be", "have") for word in group)
        for group in groups
    )


def _differing(one: Sequence[str], another: Sequence[str]) -> tuple[int, int, int]:
    """Where two sequences differ: the common start, and the two ends."""
    start = 0
    while start < min(len(one), len(another)) and one[start] == another[start]:
        start += 1
    end, other_end = len(one), len(another)
    while end > start and other_end > start and one[end - 1] == another[other_end - 1]:
        end, other_end = end - 1, other_end - 1
    return start, end, other_end


def _name(statement: Statement, first: int, last: int) -> str:
    """The words of a statement, with the article before them."""
    text = statement.text
    start, end = statement.words[first].start, statement.words[last - 1].end
    article = re.search(r"\b(?:an?|the|any|each|every|all) $", text[:start], re.IGNORECASE)
    name = text[article.start() if article else start : end]
    return _SUBJECT_FORMS.get(name.lower(), name)


def _passive_turned(mine: Statement, others: Statement) -> Turned | None:
    """Two parties that have changed places because one statement is active and the other one passive."""
    for active, passive in ((mine, others), (others, mine)):
        roots = passive.roots
        for by in (place for place, word in enumerate(roots) if word == _BY_AGENT):
            be = next((place for place in range(by - 1, -1, -1) if roots[place] == "be"), None)
            if be is None or be == 0:
                continue
            without = tuple(word for place, word in enumerate(roots) if place not in (be, by))
            if without == active.roots and by + 1 < len(roots):
                length = len(roots) - by - 1
                if be <= LONGEST_NAME and length <= LONGEST_NAME and _are_names(roots[:be], roots[by + 1 :]):
                    names = (_name(passive, 0, be), _name(passive, by + 1, len(roots)))
                    return Turned(Sense.party, parties=names, exchanged=True)
    return None


def _party_replaced(mine: Statement, others: Statement) -> Turned | None:
    """Another party in the place of one that does something or is responsible for something."""
    start, end, other_end = _differing(mine.roots, others.roots)
    first, last = mine.roots[start:end], others.roots[start:other_end]
    if not first or not last or max(len(first), len(last)) > LONGEST_NAME or not _are_names(first, last):
        return None
    is_agent = start > 0 and mine.roots[start - 1] == _BY_AGENT and "be" in mine.roots[:start]
    if not is_agent and not (start == 0 and _acts(mine, end) and _acts(others, other_end)):
        return None
    return Turned(Sense.party, parties=(_name(mine, start, end), _name(others, start, other_end)))


def _acts(statement: Statement, at: int) -> bool:
    """Whether the words from a place say that somebody does something: a modal verb, a verb, or "is responsible"."""
    if at >= len(statement.words):
        return False
    token = statement.words[at]
    follows_sign = any(place == at for place, _ in statement.placed)
    if token.word == "be":
        return any(word in _CHARGED for word in statement.roots[at + 1 : at + 4])
    if follows_sign or token.word in ("have",):
        return True
    surface = statement.text[token.start : token.end]
    before = statement.text[statement.words[at - 1].start : statement.words[at - 1].end].lower()
    is_plural = before.endswith("s") or before in ("we", "you", "they", "i")
    return base_form(surface) is not None or is_plural or surface.endswith("ed")
