"""Find what code can check in prose, beside its values: rules, counted things, and headings that can be cited.

A rule is recognised by its modal verb and the verb that follows, or by the imperative with which it begins. "Members may
cancel" can also be said as "members can cancel", and it is contradicted by "members must not cancel". Nothing beyond that is
understood: a sentence that is not surely a rule is no rule.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from forge_arena.texts.number_words import SMALL, TENS
from forge_arena.texts.values import mentions


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase of a sentence that can be checked.

    Attributes:
        gist: the verb or the noun that it is about: `cancel`. If two phrases of one gist have different senses, an answer
            cannot be read for either.
        sense: what it says of its gist: `duty`, `ban`, or a number.
        right: its accepted spellings, its own first.
        wrong: (stealth, spellings) of what contradicts it.
    """

    start: int
    end: int
    gist: str
    sense: str
    right: tuple[str, ...]
    wrong: tuple[tuple[int, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A section: the place of its body, and the number or title by which it is cited."""

    number: int | None
    title: str
    start: int
    end: int


_SAYS: dict[str, tuple[str, ...]] = {
    "duty": ("must", "shall", "has to", "have to", "needs to", "need to", "is required to", "are required to", "will"),
    "ban": (
        *("must not", "shall not", "may not", "cannot", "can not", "can't", "mustn't", "will not", "won't", "will never"),
        *("must never", "may never", "is not allowed to", "are not allowed to"),
    ),
    "leave": ("may", "can", "is allowed to", "are allowed to", "is free to", "are free to"),
    "advice": ("should", "ought to"),
    "warning": ("should not", "shouldn't", "should never", "ought not to"),
}  # fmt: skip
_CONTRARY: dict[str, tuple[tuple[int, str], ...]] = {
    "duty": ((0, "ban"), (2, "leave")),
    "ban": ((0, "duty"), (1, "leave")),
    "leave": ((1, "ban"), (2, "duty")),
    "advice": ((0, "warning"), (1, "ban")),
    "warning": ((0, "advice"), (1, "duty")),
}
_SENSE = {modal: sense for sense, modals in _SAYS.items() for modal in modals}
_MODAL = re.compile(
    rf"(?<![\w'-])(?P<modal>{'|'.join(sorted(map(re.escape, _SENSE), key=len, reverse=True))}) "
    r"(?P<adverb>(?:[a-z]{3,14}ly|also|first|then|always) )?"
    r"(?P<verb>be (?:(?:in|at|on|of|under|by|an?|the) ){0,2}[a-z]{3,20}|[a-z]{2,20})(?![\w'-])"
)
# A modal before one of these words makes no rule: "this may vary" is no permission.
_NO_RULE = frozenset(
    ["not", "never", "only", "also", "you", "we", "they", "it", "he", "she", "the", "this", "that", "there", "or", "and",
     "have", "cause", "vary", "result", "occur", "contain", "arise", "exist", "seem", "appear", "become", "differ", "lead",
     "affect", "depend", "contribute", "need", "want", "help", "mean", "find", "feel", "know", "think", "do", "get", "so", "no", "take", "still", "a",
     "an", "our", "your", "their", "my", "his", "her", "its", "to", "in", "on", "at", "if", "as", "all", "any", "some", "very",
     "already", "likely", "more", "less", "most", "such"]
)  # fmt: skip

# "No party may assign" forbids, and "may not assign unless" means the same as "may assign if". In such sentences the verb
# alone does not show what the contrary is.
_NEGATION = re.compile(r"\b(?:no|not|none|nobody|nothing|neither|nor|never|only|without)\b|n't\b", re.IGNORECASE)
_CONDITION = re.compile(
    r"\b(?:unless|except(?:ing)?|only|until|without|other than|if|when|where|provided|before|so long as|subject to)\b",
    re.IGNORECASE,
)

_IMPERATIVE = re.compile(
    r"^\W{0,6}(?:(?P<lead>Always|Never|Do not|Don't|Please) )?"
    r"(?P<verb>(?i:use|follow|provide|create|ensure|keep|give|choose|consider|make|add|include|test|document|share|limit"
    r"|surround|put|place|write|check|contact|send|offer|publish|catalog|automate|monitor|assess|assign|structure|build"
    r"|deploy|define|conduct|establish|identify|track|measure|treat|prefer|compare|separate|submit|complete|return|store"
    r"|remove|update|sign|pay|wash|wear|apply|request|encrypt|verify|explain|describe|allow|prepare|evaluate|adopt"
    r"|maintain|catch|derive|indent|avoid|leave))"
    r" (?P<object>(?!of )[a-z0-9'`_-]{1,20}(?: [A-Za-z0-9'`_-]{2,20})?)(?![\w'`-])"
)

_SMALL = (*SMALL, TENS[0])
_COUNT = re.compile(
    rf"(?<![\w.,/$€£#&-])(?P<n>\d{{1,3}}|{'|'.join(_SMALL[2:])}) (?P<noun>(?:[a-z]{{3,15}} )?[a-z]{{3,18}}s)(?![\w'/-])"
)
_NO_NOUN = re.compile(
    r"(?:^|.* )(?:is|was|has|does|this|its|his|plus|less|unless|thus|always|others|ways|kinds|types|parts|times|things|who"
    r"|supports|offers|includes|requires|provides|earns|makes|gives|takes|applies|allows|covers|cases|reasons|towards|across|perhaps|whereas|besides|yours|ours|process|business|address|access|days|weeks|months"
    r"|years|hours|minutes|seconds|[a-z]*ss|[a-z]*ous|the|and|for|from|with|that|which|are|were|will|may)(?: .*)?$"
)

_MARKDOWN = re.compile(r"^#{1,6}[ \t]+(?P<title>[^\n]{2,90})$", re.MULTILINE)
_UNDERLINED = re.compile(r"^(?P<title>[A-Z][^\n]{1,90})\n(?:={3,}|-{3,}|~{3,}|\^{3,})[ \t]*$", re.MULTILINE)
_NUMBERED = re.compile(r"^(?P<n>\d{1,3})\.[ \t]+(?P<title>[A-Z][A-Za-z,;&' -]{2,60})\.[ \t]", re.MULTILINE)
MAX_TITLE = 60


def rules(sentence: str) -> Iterator[Phrase]:
    """The rules of a sentence: what must, must not, may, will or should be done."""
    straight = sentence.replace("\u2019", "'")
    for m in _MODAL.finditer(straight):
        modal, adverb, verb = m["modal"], m["adverb"] or "", m["verb"]
        sense = _SENSE[modal]
        if verb.split()[-1] in _NO_RULE or _NEGATION.search(straight, 0, m.start()) is not None:
            continue
        if sense in ("ban", "leave") and _CONDITION.search(straight) is not None:
            continue
        if verb == "be" or (verb.startswith("be") and sense == "leave" and not verb.endswith("ed")):
            continue
        contrary = tuple(
            (stealth, _distinct(_modal_phrases(verb, adverb, (said for said in _SAYS[other] if said != "will"))))
            for stealth, other in _CONTRARY[sense]
        )
        right = (sentence[m.start() : m.end()], *_modal_phrases(verb, adverb, _SAYS[sense]))
        yield Phrase(m.start(), m.end(), verb, sense, _distinct(right), contrary)
    order = _IMPERATIVE.match(straight)
    if order is not None:
        lead, act = (order["lead"] or "").lower(), f"{order['verb']} {order['object']}"
        low = act[0].lower() + act[1:]
        for_it = (low, f"always {low}", f"must {low}", f"should {low}")
        against = (f"not {low}", f"don't {low}", f"never {low}")
        banned = lead in ("never", "do not", "don't")
        if banned:
            # A bare imperative is no contrary, because "do not use it" also holds "use it".
            right, wrong = against, (f"always {low}", f"must {low}", f"should {low}")
        else:
            right, wrong = for_it, against
        start = order.start("lead") if banned else order.start("verb")
        own = sentence[start : order.end()]
        sense = "ban" if banned else "duty"
        yield Phrase(start, order.end(), low, sense, _distinct((own, *right)), ((0, _distinct(wrong)),))


def _modal_phrases(verb: str, adverb: str, modals: Iterable[str]) -> Iterator[str]:
    for modal in modals:
        yield f"{modal} {verb}"
        if adverb:
            yield f"{modal} {adverb}{verb}"


def _distinct(forms: Iterable[str]) -> tuple[str, ...]:
    """Each form once, whatever its case, and with either apostrophe."""
    first: dict[str, str] = {}
    for form in forms:
        for text in (form, form.replace("\u2019", "'"), form.replace("'", "\u2019")):
            first.setdefault(text.lower(), text)
    return tuple(first.values())


def counts(sentence: str) -> Iterator[Phrase]:
    """The counts of a sentence, such as "three rooms", that are no values."""
    known = mentions(sentence)
    for m in _COUNT.finditer(sentence):
        if _NO_NOUN.match(m["noun"]) or any(k.start < m.end() and m.start() < k.end for k in known):
            continue
        number = int(m["n"]) if m["n"].isdigit() else _SMALL.index(m["n"])
        if number < 2:
            continue
        wrong = tuple((stealth, _count_spellings(n, m["noun"])) for stealth, n in ((0, number * 4), (1, number + 1)))
        right = _distinct((m[0], *_count_spellings(number, m["noun"])))
        yield Phrase(m.start(), m.end(), m["noun"], str(number), right, wrong)


def _count_spellings(number: int, noun: str) -> tuple[str, ...]:
    return (f"{number} {noun}", *((f"{_SMALL[number]} {noun}",) if number < len(_SMALL) else ()))


def headings(source: str) -> tuple[Heading, ...]:
    """The sections of a document, in order, without those whose title comes twice."""
    found: dict[int, tuple[int, str, int | None]] = {}
    for pattern in (_MARKDOWN, _UNDERLINED, _NUMBERED):
        for m in pattern.finditer(source):
            title = re.sub(r"[*_`#]+|\[|\]\([^)]*\)|:$|\.$", "", m["title"].strip()).strip().rstrip(".:")
            number = int(m["n"]) if pattern is _NUMBERED else None
            if 2 < len(title) <= MAX_TITLE and '"' not in title:
                found.setdefault(m.start(), (m.end(), title, number))
    starts = sorted(found)
    titles = [found[start][1].lower() for start in starts]
    return tuple(
        Heading(found[at][2], found[at][1], found[at][0], starts[i + 1] if i + 1 < len(starts) else len(source))
        for i, at in enumerate(starts)
        if titles.count(found[at][1].lower()) == 1
    )


def citation_forms(title: str, number: int | None = None) -> tuple[str, ...]:
    """The ways to cite a section, the way that a task asks for first."""
    if number is not None:
        return (f"section {number}", f"clause {number}", f"\u00a7 {number}", f"\u00a7{number}")
    bare = title.rstrip("?!")
    return _distinct(
        (
            *(f'section "{name}"' for name in (title, bare)),
            *(f"section \u201c{name}\u201d" for name in (title, bare)),
            *(f'"{name}" section' for name in (title, bare)),
            *(f"\u201c{name}\u201d section" for name in (title, bare)),
            *(f"section {name}" for name in (title, bare)),
        )
    )
