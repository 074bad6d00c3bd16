"""What the answer recommends, against the limits and exclusions of the source."""

import re
from collections.abc import Iterable, Iterator

from forge_agents.overseers.consistency.case import BIAS, MONEY_LIKE, NEGATED, Case, Suspicion, same_unit
from forge_agents.overseers.consistency.passages import Sentence, Value, stems
from forge_arena.types import ClaimKind

_RECOMMENDS = re.compile(
    r"\b(?:recommend\w*|suggest\w*|choose|pick|go (?:with|for)|best (?:fit|choice|option|match)|should (?:buy|take|order|get|use)"
    r"|right (?:choice|one)|fits? best|my advice|opt for|settl\w+|making this good|put .{2,40} in hand|arrang\w+|advise\w*)\b",
    re.IGNORECASE,
)
_UPPER = re.compile(
    r"\b(?:at most|no more than|not more than|not exceed|not above|not over|up to|maximum(?: of)?|budget(?: of| is)?|under|below|"
    r"within|capped at|less than|ceiling(?: of| is)?|limit(?:ed to| of| is))\s*$",
    re.IGNORECASE,
)
_UPPER_AFTER = re.compile(
    r"\s*(?:\w+ ){0,2}(?:at (?:the )?most|or less|or under|or lighter|maximum|is the limit)\b", re.IGNORECASE
)
_LOWER = re.compile(
    r"\b(?:at least|minimum(?: of)?|no less than|not less than|not below|no fewer than|needs?|"
    r"(?:has to|have to|must) (?:last|hold|give|offer|have|seat|take|make|store)(?: \w+){0,4})\s*$",
    re.IGNORECASE,
)
_LOWER_AFTER = re.compile(r"\s*(?:\w+ ){0,2}(?:or more|or better|or longer|at least|minimum)\b", re.IGNORECASE)
_PRICE = re.compile(r"\b(?:cost|price|budget|spend|pay|each|afford|dear)", re.IGNORECASE)
_UNFIT = re.compile(
    r"\b(?:never|not|no longer|excluded?|except|discontinued|only where|only if|unsuitable|out of stock|withdrawn|cannot|without|"
    r"lacks?|kept for|reserved for)\b",
    re.IGNORECASE,
)


def options(case: Case) -> Iterator[Suspicion]:
    """A recommendation that a requirement or an exclusion of the source speaks against."""
    yield from _over_limits(case)
    for sentence in case.answer.sentences:
        if not sentence.code and _RECOMMENDS.search(sentence.text) and not NEGATED.search(sentence.text):
            yield from _ruled_out(case, sentence)


def _offered(case: Case) -> dict[str, list[Value]]:
    """The options of the source, by name, with what it says of each: table rows, list items and headed sections."""
    found: dict[str, list[Value]] = {}
    for sentence in case.source.sentences:
        match = _ITEM_NAME.match(sentence.text)
        if match is not None and sentence.values and not sentence.code:
            found.setdefault(match["name"], [])
        if sentence.heading and _HEADING_NAME.fullmatch(sentence.heading):
            found.setdefault(sentence.heading, [])
    for name, told in found.items():
        told.extend(v for v in case.source.values if name in v.sentence.text or name in v.sentence.heading)
    # One name with values is a heading; options come in several, of which the same things are told.
    options = {name: told for name, told in found.items() if len(told) > 1}
    if len(options) < 2:
        return {}
    return {name: told for name, told in options.items() if name in case.answer.text}


def _chosen(case: Case, names: Iterable[str]) -> str | None:
    """The option that the answer goes for: the one it speaks of most, mentions as the lesser one aside."""
    counts = {}
    for name in names:
        places = re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", case.answer.text)
        counts[name] = sum(not _LESSER.search(case.answer.text[: place.start()]) for place in places)
    best = max(counts, key=lambda name: counts[name], default=None)
    return best if best is not None and counts[best] and list(counts.values()).count(counts[best]) == 1 else None


_ITEM_NAME = re.compile(
    r"[|*\u2022\s-]*(?:\d{1,2}[.)]\s+)?\**(?P<name>[A-Z][\w+'-]*(?: [A-Z0-9][\w+'-]*){0,3})\**\s*(?:\||:|,|\u2014|\u2013| - |\()"
)
_HEADING_NAME = re.compile(r"[A-Z][\w+'-]*(?: [A-Z0-9][\w+'-]*){1,3}")
_LESSER = re.compile(r"\b(?:rather than|ahead of|instead of|not|over|than|unlike|beats)\s+(?:the\s+)?$", re.IGNORECASE)


def _over_limits(case: Case) -> Iterator[Suspicion]:
    offered = _offered(case)
    name = _chosen(case, offered)
    if name is None or not _RECOMMENDS.search(case.answer.text):
        return
    rules = [(v, sense) for v in (*case.task.values, *case.source.values) if (sense := _sense(v)) != 0]
    for rule, sense in rules:
        alike = [v for v in offered[name] if v.kind is rule.kind and same_unit(v, rule) and not _sense(v)]
        for value in alike:
            if _breaks(case, rule, sense, value, alone=len(alike) == 1):
                fit = [
                    other
                    for other, told in offered.items()
                    if other != name and not any(_breaks(case, r, s, v, alone=False) for r, s in rules for v in told)
                ]
                why = f"{value.text} does not keep to {rule.text}"
                repair = case.answer.text.replace(name, fit[0]) if len(fit) == 1 else None
                yield Suspicion(BIAS, 0.6, name, rule.sentence.text, why, repair)


def _sense(value: Value) -> int:
    """-1 for a value that is an upper limit, 1 for a lower one, 0 for none."""
    if value.kind not in (*MONEY_LIKE, ClaimKind.duration) or value.pastness > 0.25:
        return 0
    before = value.sentence.text[max(0, value.mention.start - 28) : value.mention.start]
    after = value.sentence.text[value.mention.end : value.mention.end + 20]
    if _UPPER.search(before) or _UPPER_AFTER.match(after):
        return -1
    return 1 if _LOWER.search(before) or _LOWER_AFTER.match(after) else 0


def _breaks(case: Case, rule: Value, sense: int, value: Value, *, alone: bool) -> bool:
    limit, have = _magnitude(rule), _magnitude(value)
    if value.sentence is rule.sentence or value.kind is not rule.kind or not same_unit(value, rule):
        return False
    if value.pastness > 0.25 or limit is None or have is None or _sense(value):
        return False
    if rule.kind is ClaimKind.money and not _PRICE.search(rule.sentence.text):
        return False
    if not alone and case.source.likeness(rule.context, value.context) <= 0.15:
        return False
    return have > limit if sense < 0 else have < limit


def _magnitude(value: Value) -> float | None:
    parts = value.mention.value
    return float(parts[0]) if isinstance(parts, tuple) and parts and not isinstance(parts[0], str | None) else None


def _ruled_out(case: Case, sentence: Sentence) -> Iterator[Suspicion]:
    """What the answer goes for is what the source only speaks of to deny or to restrict it."""
    for match in _RECOMMENDS.finditer(sentence.text):
        object = re.match(r"\W*(?:[\w'-]+\W+){0,5}[\w'-]+", sentence.text[match.end() :])
        if object is None:
            continue
        for word in dict.fromkeys(stems(object[0])):
            against, told_for = _told_of(case, word)
            if against is None:
                continue
            quote = re.search(
                rf"(?:\b(?:a|the|an)\s+)?(?:[\w'-]+\s+)?\b{re.escape(word)}[\w'-]*", object[0], re.IGNORECASE
            )
            yield Suspicion(
                BIAS,
                0.2 if told_for else 0.6,
                quote[0] if quote else object[0].strip(),
                against.text,
                "the source speaks against it",
            )
            break


def _told_of(case: Case, word: str) -> tuple[Sentence | None, bool]:
    """The sentence of the source that denies something, and whether another one speaks of it without denying it."""
    against: Sentence | None = None
    told_for = False
    for told in case.source.sentences:
        if word not in told.words or told.code or told.text.startswith("|"):
            continue
        mark = _UNFIT.search(told.text)
        subject = stems(told.text[: mark.start()])[:5] if mark else []
        if word in subject:
            against = against or told
        else:
            told_for = True
    return against, told_for
