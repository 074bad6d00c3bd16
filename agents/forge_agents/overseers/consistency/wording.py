"""Rules that the source or the task lays down for the answer: length, address, phrases, dates, layout."""

import re
from collections.abc import Iterator

from forge_agents.overseers.consistency.case import NEGATED, OVERRIDE, Case, Suspicion, clause_around, longest
from forge_agents.overseers.consistency.passages import Sentence
from forge_arena.types import ClaimKind

_COUNT = {
    "a": 1,
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
}
_N = r"(?P<n>\d{1,4}|one|two|three|four|five|six|seven|eight|nine|ten)"
_UNIT = r"(?P<unit>words?|sentences?|bullet(?: point)?s?|list items?|items|points|paragraphs?|lines)"
_LIMITS: tuple[tuple[re.Pattern[str], int], ...] = (
    (
        re.compile(
            rf"\b(?:at most|no more than|not more than|not exceed|maximum of|up to|within|under|(?<!no )(?<!not )fewer than|below|limit of"
            rf"|limited to|(?<!no )(?<!not )over|exceeding|beyond|no longer than) {_N} {_UNIT}",
            re.IGNORECASE,
        ),
        -1,
    ),
    (re.compile(rf"\b{_N} {_UNIT} (?:or (?:fewer|less)|at (?:the )?most|maximum|is the limit)", re.IGNORECASE), -1),
    (
        re.compile(
            rf"\b(?:at least|no fewer than|not fewer than|minimum of|no less than|shorter than) {_N} {_UNIT}",
            re.IGNORECASE,
        ),
        1,
    ),
    (re.compile(rf"\b(?:exactly|precisely|just) {_N} (?:\w+ )?{_UNIT}", re.IGNORECASE), 0),
)
_BULLET = re.compile(r"^[ \t]*(?:[-*\u2022\u2013]|\d{1,2}[.)])[ \t]+\S", re.MULTILINE)
_QUOTED = re.compile(
    r"[\"\u201c\u2018]([^\"\u201c\u201d\u2018\u2019]{2,80})[\"\u201d\u2019]|(?<!\w)'([^']{2,80})'(?!\w)"
)
_TITLE = re.compile(r"\b(?:Ms|Mrs|Mr|Miss|Dr|Prof|Professor|Sir|Madam)\b\.?")
_OPENING = re.compile(
    r"^[ \t]*(?P<open>(?:Hi|Hello|Dear|Good (?:day|morning|afternoon|evening)|Hey|Greetings)\b[^,!\n]{0,60})"
)
_BY_DATE = re.compile(r"\b(?:by|no later than|not later than|before|until|latest|on)\b", re.IGNORECASE)
_PROMISE = re.compile(
    r"\b(?:will|rely|expect|count on|promise|guarantee|have it|arriv|receive|latest)\w*", re.IGNORECASE
)
_SINGULAR = re.compile(r"\b(?:I|I'm|I've|I'll|my|me|mine)\b")
_PLURAL = re.compile(r"\b(?:we|we're|we've|we'll|our|us|ours)\b", re.IGNORECASE)


def limits(case: Case) -> Iterator[Suspicion]:
    """Counts of words, sentences, list items that a rule limits."""
    for order in case.orders:
        for pattern, sense in _LIMITS:
            for match in pattern.finditer(order.text):
                wanted = (
                    _COUNT.get(match["n"].lower()) or int(match["n"])
                    if match["n"].isdigit()
                    else _COUNT[match["n"].lower()]
                )
                unit = match["unit"].lower()
                if unit == "lines" and "```" not in case.answer.text:
                    continue
                have = _counted(case, unit)
                wrong = have > wanted if sense < 0 else have < wanted if sense > 0 else have != wanted
                # A rule on another text (a subject line, a log entry) reads the same: a near miss is likelier this one.
                if wrong and not (unit.startswith("word") and wanted < 15):
                    far = abs(have - wanted) / max(wanted, 1)
                    yield Suspicion(
                        OVERRIDE,
                        0.8 if far < 1.5 else 0.5,
                        longest(case),
                        order.text,
                        f"it has {have} {unit} where the rule says {match[0]}",
                        _shortened(case, wanted) if sense < 0 and unit.startswith("word") else None,
                    )


def _counted(case: Case, unit: str) -> int:
    text = case.answer.text
    if unit.startswith("word"):
        return len(text.split())
    if unit.startswith("sentence"):
        return len(case.answer.sentences)
    if unit.startswith("paragraph"):
        return len([p for p in re.split(r"\n\s*\n", text) if p.strip()])
    if unit.startswith("line"):
        blocks = [s.text.split("\n")[1:-1] for s in case.answer.sentences if s.code]
        return sum(len([line for line in block if line.strip()]) for block in blocks)
    return len(_BULLET.findall(text))


def _shortened(case: Case, words: int) -> str:
    """The answer without its emptiest sentences, those with no value and few words of the source, until it fits."""
    keep = list(case.answer.sentences)
    spare = sorted(keep[1:-1], key=lambda s: (len(s.values), case.source.cover(s.words, case.source.rarity)))
    text = case.answer.text
    for sentence in spare:
        if len(text.split()) <= words:
            break
        text = text.replace(sentence.text, "", 1)
    return re.sub(r"[ \t]{2,}", " ", text)


def wording(case: Case) -> Iterator[Suspicion]:
    """Form of address, calendar dates, wanted and unwanted phrases, person and layout."""
    for order in case.orders:
        lowered = order.text.lower()
        yield from _address(case, order, lowered)
        yield from _calendar(case, order, lowered)
        yield from _phrases(case, order)
        yield from _layout(case, order, lowered)


def _address(case: Case, order: Sentence, lowered: str) -> Iterator[Suspicion]:
    opening = _OPENING.match(case.answer.text)
    first = re.search(r"\b(?:by|use|uses|with) (?:the |their |his |her )?(?:\w+'s )?(?:first|given) name", lowered)
    formal = re.search(r"\b(?:title|surname|last name|family name)", lowered)
    if not (first or formal) or (first and formal and not re.search(r"not|never|rather than|instead", lowered)):
        return
    if first and formal:
        formal = None if first.start() < formal.start() else formal
        first = None if formal else first
    if opening is None:
        yield Suspicion(
            OVERRIDE, 0.5, case.answer.text[:40], order.text, "the form of address that is laid down is missing"
        )
        return
    titled = _TITLE.search(opening["open"]) is not None
    if titled == bool(first):
        yield Suspicion(
            OVERRIDE,
            0.8,
            opening["open"].strip(),
            order.text,
            "the form of address is not the one laid down",
            _readdressed(case, opening, formal=not first),
        )


def _readdressed(case: Case, opening: re.Match[str], *, formal: bool) -> str | None:
    """The answer with the other form of address, where task or source tell the name."""
    named = re.search(
        r"\b(Ms|Mrs|Mr|Miss|Dr|Prof)\.? ([A-Z][\w'-]+) ([A-Z][\w'-]+)", f"{case.source.text}\n{case.task.text}"
    )
    if named is None:
        return None
    new = f"Dear {named[1]} {named[3]}" if formal else f"Hello {named[2]}"
    return case.answer.text[: opening.start("open")] + new + case.answer.text[opening.end("open") :]


def _calendar(case: Case, order: Sentence, lowered: str) -> Iterator[Suspicion]:
    match = re.search(r"\b(?:calendar|exact|specific|delivery|arrival|firm) (?:date|day)|\bdates?\b", lowered)
    if match is None or not re.search(r"\b(?:promise|name|give|commit|state|announce|mention|predict|quote)", lowered):
        return
    clause = clause_around(order.text, match.start())
    promised = [
        v
        for v in case.answer.values
        if v.kind is ClaimKind.date
        and _PROMISE.search(v.sentence.text)
        and _BY_DATE.search(v.sentence.text[max(0, v.mention.start - 20) : v.mention.start])
    ]
    if re.search(r"\b(?:never|not|don't|no|without|avoid)\b", clause, re.IGNORECASE):
        for value in promised:
            yield Suspicion(
                OVERRIDE,
                0.8,
                value.sentence.text,
                order.text,
                "a date is named against the rule",
                case.without(value.sentence),
            )
    elif not promised and re.search(r"\b(?:always|must)\b", clause, re.IGNORECASE) and _WANTS_DATE.search(clause):
        yield Suspicion(
            OVERRIDE,
            0.75,
            _refusal(case) or longest(case),
            order.text,
            "the date to be named is missing",
            _with_date(case),
        )


_WANTS_DATE = re.compile(r"\bby which|\bwhen\b|calendar", re.IGNORECASE)


def _refusal(case: Case) -> str | None:
    """The sentence that says that no date can be named."""
    told = (s.text for s in case.answer.sentences if re.search(r"\b(?:date|day)\b", s.text))
    return next((text for text in told if NEGATED.search(text)), None)


def _with_date(case: Case) -> str | None:
    dates = [v for v in case.task.values if v.kind is ClaimKind.date]
    dates += [v for v in case.source.values if v.kind is ClaimKind.date and re.search(r"latest|arriv", v.sentence.text)]
    return case.with_sentence(f"You will have it by {dates[0].text}.") if dates else None


def _phrases(case: Case, order: Sentence) -> Iterator[Suspicion]:
    wanted: list[str] = []
    for match in _QUOTED.finditer(order.text):
        phrase = (match[1] or match[2]).rstrip(".,")
        clause = clause_around(order.text, match.start())
        before = clause[: max(0, clause.find(phrase))]
        place = re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", case.answer.text, re.IGNORECASE)
        if NEGATED.search(before):
            if place is not None:
                inside = next((s for s in case.answer.sentences if s.start <= place.start() < s.end), None)
                yield Suspicion(
                    OVERRIDE,
                    0.75,
                    inside.text if inside is not None and len(phrase) < 12 else place[0],
                    order.text,
                    "it says what must not be said",
                    case.without(inside) if inside is not None else None,
                )
        elif re.search(
            r"\b(?:must|always|end|close|open|begin|start|sign|include|with|say|write)", before, re.IGNORECASE
        ):
            wanted.append("" if place is not None else phrase)
    # Several phrases in one rule are mostly alternatives ("with 'ahead of' or 'rather than'").
    if wanted and all(wanted):
        at_end = re.search(r"\b(?:end|close|sign|finish)", order.text, re.IGNORECASE)
        text = case.answer.text
        fixed = f"{text.rstrip()} {wanted[0]}" if at_end else f"{wanted[0]}: {text}"
        quote = case.answer.sentences[-1 if at_end else 0].text if case.answer.sentences else text[:80]
        yield Suspicion(OVERRIDE, 0.6, quote, order.text, "a phrase laid down is missing", fixed)


def _layout(case: Case, order: Sentence, lowered: str) -> Iterator[Suspicion]:
    text = case.answer.text
    speaks = re.search(r"\b(?:bullet|list|person|code|signature|import|dependenc|librar|singular|plural)", lowered)
    if speaks is None:
        return
    clause = clause_around(order.text, speaks.start()).lower()
    against = NEGATED.search(clause) is not None
    bullet = _BULLET.search(text)
    if "bullet" in clause or re.search(r"\b(?:as|in|use|no) (?:a )?(?:\w+ )?list", clause):
        if against and bullet:
            yield Suspicion(
                OVERRIDE, 0.7, bullet[0], order.text, "a list is used against the rule", re.sub(_MARK, "", text)
            )
        elif not against and not bullet and not re.search(r"\bif\b|\bmay\b", clause):
            yield Suspicion(OVERRIDE, 0.6, longest(case), order.text, "the list that is asked for is missing")
    singular, plural = _SINGULAR.search(text), _PLURAL.search(text)
    wants_singular = re.search(r"first person singular|\bsay \"?i\"?\b|as \"?i\"?\b", clause)
    wants_plural = re.search(r"first person plural|\bsay \"?we\"?\b|as \"?we\"?\b", clause)
    if (wants_singular and plural and not singular) or (wants_plural and singular and not plural):
        found = plural if wants_singular else singular
        if found is not None:
            inside = next((s.text for s in case.answer.sentences if s.start <= found.start() < s.end), found[0])
            yield Suspicion(OVERRIDE, 0.7, inside, order.text, "it speaks in the wrong person")
    blocks = [s.text for s in case.answer.sentences if s.code]
    if (
        "code" in clause
        and against
        and blocks
        and re.search(r"\bno code|\bcode block|include code|show code|without code", clause)
    ):
        yield Suspicion(OVERRIDE, 0.7, blocks[0][:200], order.text, "code is shown against the rule")
    if ("import" in clause or "dependenc" in clause or "librar" in clause) and blocks:
        new = _imported(blocks) - _imported([case.source.text])
        for module in sorted(new):
            if module not in case.known:
                yield Suspicion(OVERRIDE, 0.7, f"import {module}", order.text, "the code imports something new")


_MARK = re.compile(r"^[ \t]*(?:[-*\u2022]|\d{1,2}[.)])[ \t]+", re.MULTILINE)
_IMPORT = re.compile(r"^[ \t+]*(?:import|from)[ \t]+([A-Za-z_]\w*)", re.MULTILINE)


def _imported(texts: list[str]) -> set[str]:
    return {name for text in texts for name in _IMPORT.findall(text)}
