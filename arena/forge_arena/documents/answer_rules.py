"""Keep of an author's rules what can be checked and contradicts nothing. The words of a rule come from the menu."""

import re
from collections.abc import Sequence
from typing import TypeAlias

from forge_arena.documents.facts import Dropped, KeptFact, NotKept
from forge_arena.documents.proposal import Rule
from forge_arena.documents.quotations import locate
from forge_arena.documents.rules import MENU, Entry
from forge_arena.documents.values import has_values
from forge_arena.types import Alternative, Check, Claim, ClaimKind, Standing
from forge_arena.verify.checks import violation

MOST_PHRASE = 60
# An answer needs more words than the statements of what it must state.
ROOM, FRAME = 1.6, 20
MORE_POINTS = 2

# What takes the place of a rule that has no phrase.
_CONTRARY = {"first_person_plural": "first_person_singular", "first_person_singular": "first_person_plural"}
# What a rule of each group is called.
_LABELS = {
    "length": "the limit on length",
    "lists": "the rule on lists",
    "opening": "the opening",
    "closing": "the closing",
    "person": "the person in which the writer speaks",
    "address": "the way in which the reader is addressed",
    "dates": "the rule on dates",
}
_SAMPLE = "The matter is settled."

KeptRule: TypeAlias = tuple[Claim, str]


def keep_rules(
    text: str, task: str, rules: Sequence[Rule], facts: Sequence[KeptFact]
) -> tuple[list[KeptRule], list[Dropped]]:
    """The constraints, each with its words for the task, and what was dropped."""
    kept: dict[str, tuple[KeptRule, bool]] = {}
    dropped: list[Dropped] = []
    # A rule of the document comes first in its group, because nothing may be set against it.
    for rule in sorted(rules, key=lambda rule: rule.quotation is None):
        what = f"rule {rule.rule}"
        try:
            entry = _entry(rule)
            argument = _argument(entry, rule, f"{task}\n{text}")
            if rule.quotation is not None and locate(text, rule.quotation) is None:
                raise NotKept("the document does not hold its quotation")
            _check_facts(entry, argument, facts, f"{task}\n{text}")
            if entry.group in kept:
                raise NotKept(f"it contradicts or repeats {kept[entry.group][0][0].label}")
            kept[entry.group] = _constraint(entry, argument, rule, text), rule.quotation is not None
        except NotKept as error:
            dropped.append(Dropped(what, str(error)))
    if "address" in kept and any(rule.id == "rule_greets_by" for (rule, _), _ in kept.values()):
        del kept["address"]
        dropped.append(Dropped("rule no_second_person", "an answer that greets its reader addresses somebody"))
    return [rule for rule, _ in kept.values()], dropped


def _entry(rule: Rule) -> Entry:
    entry = MENU.get(rule.rule)
    if entry is None:
        raise NotKept("the menu has no such rule")
    return entry


def _argument(entry: Entry, rule: Rule, known: str) -> str | int:
    """The argument of a rule: a number in its limits, a phrase, or nothing."""
    argument = rule.argument
    if entry.limits is not None:
        least, most = entry.limits
        number = int(argument) if isinstance(argument, str) and argument.strip().isdigit() else argument
        if not isinstance(number, int) or not least <= number <= most:
            raise NotKept(f"its argument must be a number from {least} to {most}, got {argument!r}")
        return number
    if not entry.takes_phrase:
        return ""
    if isinstance(argument, tuple):
        argument = argument[0] if len(argument) == 1 else None
    phrase, instead = _phrase(argument, "argument"), _phrase(rule.instead, "replacement")
    if entry.check == "greets_by" and not _is_named(phrase, known):
        raise NotKept(f"neither the task nor the document speaks of \u201c{phrase}\u201d")
    if violation(_check(entry, phrase), _sample(entry, phrase)) is not None:
        raise NotKept(f"no answer with \u201c{phrase}\u201d would keep it")
    if violation(_check(entry, phrase), _sample(entry, instead)) is None:
        raise NotKept(f"\u201c{instead}\u201d does not break it")
    return phrase


def _phrase(phrase: object, name: str) -> str:
    if not isinstance(phrase, str) or not phrase.strip():
        raise NotKept(f"it needs a phrase as its {name}")
    phrase = " ".join(phrase.split()).rstrip(".")
    if len(phrase) > MOST_PHRASE:
        raise NotKept(f"its {name} has more than {MOST_PHRASE} characters")
    if has_values(phrase):
        raise NotKept(f"its {name} holds a value")
    return phrase


def _is_named(name: str, known: str) -> bool:
    """Whether a text has the last word of a name: the surname of "Ms Roe"."""
    return re.search(rf"(?<!\w){re.escape(name.split()[-1])}(?!\w)", known) is not None


def _sample(entry: Entry, phrase: str) -> str:
    """A short answer with a phrase at the place of the rule."""
    if entry.check == "greets_by":
        return f"Dear {phrase},\n\n{_SAMPLE}"
    if entry.group == "opening":
        return f"{phrase} {_SAMPLE}"
    if entry.check == "last_line_begins":
        return f"{_SAMPLE}\n\n{phrase} {_SAMPLE}"
    return f"{_SAMPLE}\n\n{phrase}"


def _check_facts(entry: Entry, argument: str | int, facts: Sequence[KeptFact], known: str) -> None:
    """A rule leaves room for the facts, does not give them away, and could be broken."""
    required = [fact for fact in facts if fact.claim.required]
    if entry.check == "no_calendar_date":
        if any(fact.claim.kind is ClaimKind.date for fact in facts):
            raise NotKept("a fact is a date")
        if violation(Check(name=entry.check), known) is None:
            raise NotKept("neither the task nor the document has a date")
    if entry.check == "max_words" and isinstance(argument, int):
        needed = sum(len(fact.statement.split()) for fact in required)
        if argument < ROOM * needed + FRAME:
            raise NotKept(f"{argument} words are too few for what the answer must state")
    if entry.check == "bullets" and isinstance(argument, int) and argument > len(required) + MORE_POINTS:
        raise NotKept(f"{argument} points are too many for what the answer must state")
    if isinstance(argument, str) and argument:
        for fact in facts:
            if fact.value is not None and fact.claim.kind is ClaimKind.term and locate(argument, fact.value.surface):
                raise NotKept(f"its phrase gives away {fact.claim.label}")


def _check(entry: Entry, argument: str | int) -> Check:
    if entry.takes_phrase:
        return Check(name=entry.check, argument=(str(argument),))
    return Check(name=entry.check, argument=argument) if entry.limits is not None else Check(name=entry.check)


def _constraint(entry: Entry, argument: str | int, rule: Rule, text: str) -> KeptRule:
    words = entry.words(argument)
    right = Alternative(name="kept", standing=Standing.right, check=_check(entry, argument))
    wrong: tuple[Alternative, ...] = ()
    if entry.takes_phrase:
        broken = _check(entry, _phrase(rule.instead, "replacement"))
        wrong = (Alternative(name="broken", standing=Standing.unfit, check=broken),)
    elif entry.check in _CONTRARY:
        wrong = (Alternative(name="broken", standing=Standing.unfit, check=Check(name=_CONTRARY[entry.check])),)
    span = None if rule.quotation is None else locate(text, rule.quotation)
    claim = Claim(
        id=f"rule_{entry.check}",
        kind=ClaimKind.constraint,
        label=_LABELS[entry.group],
        alternatives=(right, *wrong),
        source_spans=() if span is None else (span,),
    )
    return claim, words
