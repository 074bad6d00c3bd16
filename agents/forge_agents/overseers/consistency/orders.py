"""Rules that the task or the source lays down for the text of the answer, against that text: length, phrases, greeting.

A sentence of the source counts as a rule only where it orders something about a text that is to be written. In the task
every sentence may be one.
"""

import re
from collections.abc import Callable, Iterator
from operator import eq, ge, gt, le, lt

from forge_agents.overseers.consistency.case import STRONG, Case, Finding
from forge_agents.overseers.consistency.passages import Sentence
from forge_arena.types import CorruptionType

OVERRIDE = CorruptionType.instruction_override
_TEXT = (
    r"(?:reply|replies|answers?|responses?|notes?|memos?|letters?|messages?|reviews?|comments?|summary|summaries|reports?|mails?"
    r"|e-?mails?|briefs?|findings?|words?|sentences?|paragraphs?|expressions?|phrases?|style|form|wording)"
)
_ABOUT_A_TEXT = re.compile(rf"\b{_TEXT}\b", re.IGNORECASE)
_ORDERS = re.compile(
    r"\b(?:must|shall|should|has to|have to|needs? to|always|never|do not|don't|no|without|avoid|at most|at least|no more than"
    r"|exactly|within|open|opens|begin|begins|start|starts|close|closes|end|ends|finish|sign|write|use|say|address|greet)\b",
    re.IGNORECASE,
)
# What somebody said or did is a tale, not an order. A task speaks of the past as well, and orders all the same.
_SPEECH = re.compile(r"\b(?:said|says|told|asked|replied|wrote)\b", re.IGNORECASE)
_PAST = re.compile(r"\b(?:was|were|had|did|thought|felt|became)\b", re.IGNORECASE)
# "Begin with ...", also behind the number of a section; but not "State Street".
_IMPERATIVE = re.compile(
    r"(?:^\W*|\d\W+)(?:Begin|Start|Open|End|Close|Finish|Sign|Write|Use|State|Give|Include|Name|Mention|Specify|Address|Greet"
    r"|Keep|Avoid|Never|Always|Do not) (?=[a-z\"\u201c])"
)
_CONDITION = re.compile(r"\b(?:if|unless|when|whenever|while|as long as|in case|in which)\b|^\W*where\b", re.IGNORECASE)

_NUMBER_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NUMBERS = {word: n for n, word in enumerate(_NUMBER_WORDS, start=1)}
_N = rf"(\d{{1,4}}|{'|'.join(_NUMBERS)})"
_UNIT = r"(words|sentences|paragraphs|bullet points|bullets)"
# What is held against the limit, and the ways to say so.
_LIMITS: tuple[tuple[Callable[[int, int], bool], re.Pattern[str]], ...] = (
    (
        le,
        re.compile(
            rf"\b(?:at most|no more than|not more than|not exceed|maximum of|up to|within|no longer than|limited to) {_N} {_UNIT}"
            rf"|{_N} {_UNIT} (?:or (?:fewer|less)|at (?:the )?most)",
            re.IGNORECASE,
        ),
    ),
    (lt, re.compile(rf"(?<!no )(?<!not )\b(?:fewer than|less than|under|below) {_N} {_UNIT}", re.IGNORECASE)),
    (
        ge,
        re.compile(
            rf"\b(?:at least|no fewer than|no less than|minimum of) {_N} {_UNIT}|{_N} {_UNIT} or more", re.IGNORECASE
        ),
    ),
    (gt, re.compile(rf"(?<!no )(?<!not )\bmore than {_N} {_UNIT}", re.IGNORECASE)),
    (eq, re.compile(rf"\b(?:exactly|precisely) {_N} {_UNIT}", re.IGNORECASE)),
)
# A limit on a part of the text, before or behind it: "each sentence has at most 20 words", "3 sentences per paragraph".
_PART_BEFORE = re.compile(
    r"\b(?:each|every|subject|title|headline|heading|first|last|second|third|introduction|conclusion)\b[^.;:]{0,40}$",
    re.IGNORECASE,
)
_PART_BEHIND = re.compile(r"\s*(?:per|a|in (?:each|every|the)|for (?:each|every|the)) \w+", re.IGNORECASE)
_BULLET = re.compile(r"^[ \t]*(?:[-*\u2022\u2013]|\d{1,2}[.)])[ \t]+\S", re.MULTILINE)

_QUOTED = re.compile(r"[\"\u201c]([^\"\u201c\u201d]{2,80})[\"\u201d]|(?<!\w)'([^']{2,80})'(?!\w)")
_WANTED = re.compile(
    r"\b(?:open|begin|start|lead off|close|end|finish|conclude|sign|sign off|include|contain|first words?|last words?)"
    r"s?\b[^\"'.;:]{0,60}$",
    re.IGNORECASE,
)
_NEXT_OF_SEVERAL = re.compile(r"[\"\u201d'],? (?:or|and|nor|of|than) (?:of )?$|[\"\u201d'], $")
_UNWANTED = re.compile(
    r"(?:\b(?:never|do not|don't|must not|may not|avoid|neither|nor)\b[^\"'.;:]{0,40}|\b(?:no|without)\s+)$",
    re.IGNORECASE,
)

_GREETS = re.compile(r"\b(?:greet|address)\w*\b[^.;]{0,30}\b(?:by|with)\b(?P<how>[^.;,]{0,50})", re.IGNORECASE)
_FIRST_NAME = re.compile(r"\b(?:first|given) name", re.IGNORECASE)
_SURNAME = re.compile(r"\b(?:title|surname|last name|family name)\b", re.IGNORECASE)
_GREETING = re.compile(r"\s*(?P<greeting>(?:Hi|Hello|Dear|Good (?:day|morning|afternoon|evening)) [A-Z][^,!\n]{0,60})")
_TITLE = re.compile(r"\b(?:Ms|Mrs|Mr|Miss|Dr|Prof|Professor)\b")


def orders(case: Case) -> list[Sentence]:
    """The sentences that lay down something for the text of the answer."""
    laid_down = [
        s
        for s in case.source.sentences
        if (_IMPERATIVE.search(s.text) or (_ABOUT_A_TEXT.search(s.text) and _ORDERS.search(s.text)))
        and not _PAST.search(s.text)
    ]
    return [s for s in (*case.task.sentences, *laid_down) if not s.code and not _SPEECH.search(s.text)]


def broken_limits(case: Case) -> Iterator[Finding]:
    """More or fewer words, sentences, paragraphs or bullet points than a rule allows."""
    for order in orders(case):
        for is_kept, pattern in () if _CONDITION.search(order.text) else _LIMITS:
            for match in pattern.finditer(order.text):
                number, unit = (group.lower() for group in match.groups() if group)
                limit = int(number) if number.isdigit() else _NUMBERS[number]
                have = _counted(case, unit)
                of_a_part = _PART_BEFORE.search(order.text[: match.start()]) or _PART_BEHIND.match(
                    order.text[match.end() :]
                )
                if not is_kept(have, limit) and not of_a_part:
                    yield Finding(
                        OVERRIDE,
                        STRONG,
                        max((s.text for s in case.answer.sentences), key=len, default=""),
                        order.text,
                        f"it has {have} {unit} where the rule says {match[0]}",
                        _shortened(case, limit) if is_kept in (le, lt) and unit == "words" else None,
                    )


def broken_phrases(case: Case) -> Iterator[Finding]:
    """Phrases in quotation marks that a rule demands and the answer lacks, or that it forbids and the answer has."""
    for order in orders(case):
        missing: list[str] = []
        wanted = unwanted = False
        for match in _QUOTED.finditer(order.text):
            phrase = (match[1] or match[2]).rstrip(".,")
            before = order.text[: match.start()]
            if not _NEXT_OF_SEVERAL.search(before):
                unwanted = _UNWANTED.search(before) is not None
                wanted = not unwanted and _WANTED.search(before) is not None and not _CONDITION.search(order.text)
            place = re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", case.answer.text, re.IGNORECASE)
            inside = next((s for s in case.answer.sentences if place and s.start <= place.start() < s.end), None)
            if unwanted and inside is not None:
                quote = inside.text if len(phrase) < 12 else phrase
                yield Finding(
                    OVERRIDE, STRONG, quote, order.text, "it says what must not be said", case.without(inside)
                )
            elif wanted:
                missing.append("" if place else phrase)
        # Several phrases in one rule are mostly alternatives ("with 'ahead of' or 'rather than'").
        if missing and all(missing):
            at_end = re.search(r"\b(?:end|close|sign|finish|last)", order.text, re.IGNORECASE)
            text = case.answer.text.strip()
            repair = f"{text} {missing[0]}" if at_end else f"{missing[0]}: {text}"
            quote = case.answer.sentences[-1 if at_end else 0].text if case.answer.sentences else text[:80]
            yield Finding(OVERRIDE, STRONG, quote, order.text, "a phrase laid down is missing", repair)


def broken_greeting(case: Case) -> Iterator[Finding]:
    """A greeting by title where a rule says by first name, or the other way round."""
    greeting = _GREETING.match(case.answer.text)
    if greeting is None:
        return
    for order in orders(case):
        match = _GREETS.search(order.text)
        if match is None:
            continue
        first, surname = _FIRST_NAME.search(match["how"]), _SURNAME.search(match["how"])
        titled = _TITLE.search(greeting["greeting"]) is not None
        if bool(first) != bool(surname) and titled == bool(first):
            why = "the greeting is not the one laid down"
            yield Finding(OVERRIDE, STRONG, greeting["greeting"], order.text, why)


def _counted(case: Case, unit: str) -> int:
    text = case.answer.text
    if unit == "words":
        return len(text.split())
    if unit == "sentences":
        return len(case.answer.sentences)
    if unit == "paragraphs":
        return len([part for part in re.split(r"\n\s*\n", text) if part.strip()])
    return len(_BULLET.findall(text))


def _shortened(case: Case, words: int) -> str:
    """The answer without its emptiest sentences, those with no value and few words of the source, until it fits."""
    inner = list(case.answer.sentences)[1:-1]
    spare = sorted(inner, key=lambda s: (len(s.values), case.source.cover(s.words, case.source.rarity)))
    text = case.answer.text
    for sentence in spare:
        if len(text.split()) <= words:
            break
        text = text.replace(sentence.text, "", 1)
    return re.sub(r"[ \t]{2,}", " ", text)
