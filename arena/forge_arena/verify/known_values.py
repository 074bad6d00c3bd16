"""Know the values of one scenario: those of its claims, and those that the task and the source state.

A value is looked up by what the value means: 48 hours and 2 days are one value, and "21 May" is the only 21 May of
which the source speaks.
"""

import re
from collections.abc import Hashable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import product

from forge_arena.texts.number_words import SMALL
from forge_arena.texts.sentences import contains_whole, lower, whole_starts_of
from forge_arena.texts.values import COUNT_NOUNS, COUNTED, MONTHS, Mention, mentions, same_amount, value_of
from forge_arena.types import VALUE_KINDS, Claim, ClaimKind, Scenario, Standing
from forge_arena.verify.derived import is_left_of, numbers_of
from forge_arena.verify.passages import section_numbers, section_of_value
from forge_arena.verify.reading import SPELLED_KINDS, WHOLE_TEXT_KINDS
from forge_arena.verify.spoken import spoken_values, units_of
from forge_arena.verify.totals import whole_numbers_of

MOST_SUMMED = 8
LAST_YEAR = 9_999
_DAY_BESIDE = re.compile(r"\b(?:(?:the|a) day (?:after|before|later)|(?:next|following|previous) day)\b", re.IGNORECASE)
_BARE_AMOUNT = re.compile(r"(?<![\w.,$\u20ac\u00a3-])\d{1,9}\.\d{1,2}(?![\w.%]| ?%)")
_NUMBER_AND_UNIT = re.compile(r"([\d.,]+|[A-Za-z]+)[ -]([A-Za-z]{3,})")
_DIGITS_AND_UNIT = re.compile(r"(?<![\w.,])([\d.,]*\d)[ -]?([A-Za-z]{2,5})\b")


# "55 decibels (dBA)" says "55 dBA" too, and "October of 2025" says "October 2025".
_UNIT_IN_FULL = re.compile(r"\b(?P<number>\d[\d.,]*)[ -](?P<unit>[A-Za-z]+) \((?P<short>[A-Za-z\u00b0/]{1,6})\)")
_OTHER_SPELLINGS = (
    (_UNIT_IN_FULL, r"\g<number> \g<short>"),
    (re.compile(rf"\b(?P<month>{'|'.join(MONTHS)}) of (?P<year>(?:19|20)\d\d)\b"), r"\g<month> \g<year>"),
)


class KnownValues:
    """The values of one scenario. What belongs to one claim is worked out when the claim is first asked for."""

    def __init__(self, scenario: Scenario) -> None:
        # The parts and not the scenario, because the statements of a scenario are two thirds of its memory.
        self._task = scenario.task
        self._source = scenario.source_material
        self._authorities = scenario.authorities
        self._scenario_claims = scenario.claims
        # The claims that a text states by a value, however the value is spelled.
        self.claims = [claim for claim in scenario.claims if claim.kind not in SPELLED_KINDS | WHOLE_TEXT_KINDS]
        self._source_sections = frozenset(
            number for authority in scenario.authorities for number in section_numbers(authority.forms)
        )
        # Filled when a claim's values are first asked for. By claim: alternatives by value, and by spelling.
        self._names_by_value: dict[str, dict[Hashable, tuple[str, ...]]] = {}
        self._names_by_spelling: dict[str, dict[str, tuple[str, ...]]] = {}
        self._claims_by_value: dict[tuple[ClaimKind, Hashable], list[tuple[Claim, tuple[str, ...]]]] = {}

    def is_supported(self, kind: ClaimKind, value: Hashable, surface: str) -> bool:
        """Whether the task or the source states a value. If they contain its spelling, nothing is parsed."""
        if kind is ClaimKind.quantity and isinstance(value, tuple) and value[-1] in COUNTED:
            return True
        if kind is ClaimKind.citation and section_of_value(value) in self._source_sections:
            return True
        if contains_whole(self._source, surface) or contains_whole(self._task, surface):
            return True
        if (kind, value) in self.stated:
            return True
        if kind is ClaimKind.money and isinstance(value, tuple) and value[0] in self._bare_amounts:
            return True
        if isinstance(value, tuple) and len(value) == 3 and isinstance(value[0], Decimal) and value[0] != value[1]:
            # "28 and 35 mpg" gives two values of the source.
            ends = [(kind, (end, end, value[2])) for end in value[:2]]
            if all(end in self.stated for end in ends):
                return True
        if kind is ClaimKind.quantity and self._has_abbreviated(surface):
            return True
        if kind is not ClaimKind.date:
            return False
        return any(is_same_date(day, value) for day in self.dates) or value in self._days_beside

    def may_measure(self, claim: Claim, value: Mention) -> bool:
        """Whether a value of a claim's kind may be a value of the claim: a number of gears is no size of an engine."""
        if value.kind is not ClaimKind.quantity:
            return True
        unit = _unit_of(value.value)
        own = {_unit_of(known) for known in self._names_by_value_of(claim)}
        return unit is None or unit in own or bool(own & COUNT_NOUNS) or None in own

    def is_in_task_alone(self, value: Mention) -> bool:
        """Whether the task states a value, and the source does not."""
        own = (value.kind, value.value)
        return own in self._stated_by_task and own not in self._stated_by_source

    def is_left_of_task(self, value: Mention) -> bool:
        """Whether a value is what is left of a value of the task without the right value of a claim.

        If the task asks for a loan of 6 weeks, and 4 weeks of a loan are free, then 2 weeks are left.
        """
        wholes = [m for line in self._task.splitlines() for m in mentions(line)]
        parts = [
            Mention(claim.kind, value_of(claim.kind, claim.right.forms[0]), 0, 0)
            for claim in self.claims
            if claim.kind is value.kind and claim.of is None and claim.right.forms
        ]
        return is_left_of(value, wholes, parts)

    @cached_property
    def _stated_by_task(self) -> frozenset[tuple[ClaimKind, Hashable]]:
        return frozenset((m.kind, m.value) for line in self._task.splitlines() for m in mentions(line))

    @cached_property
    def _stated_by_source(self) -> frozenset[tuple[ClaimKind, Hashable]]:
        return frozenset((m.kind, m.value) for line in self._source.splitlines() for m in mentions(line))

    @cached_property
    def _days_beside(self) -> frozenset[Hashable]:
        """The days beside the days of the source, if the source speaks of "the day after" or the like."""
        if _DAY_BESIDE.search(self._source) is None:
            return frozenset()
        days = [date(*value) for value in self.dates if isinstance(value, tuple) and all(map(_is_whole, value))]
        beside = [day + timedelta(days=step) for day, step in product(days, (-1, 1)) if 1 < day.year < LAST_YEAR]
        return frozenset((day.year, day.month, day.day) for day in beside)

    @cached_property
    def _bare_amounts(self) -> frozenset[Decimal]:
        """The amounts that the source writes without a currency, and the sums of those side by side in a line."""
        amounts: set[Decimal] = set()
        for line in self._source.splitlines():
            own = [Decimal(number) for number in _BARE_AMOUNT.findall(line)]
            for first in range(len(own)):
                amounts |= {sum(own[first:last], Decimal(0)) for last in range(first + 1, first + 1 + MOST_SUMMED)}
        return frozenset(amounts)

    def _has_abbreviated(self, surface: str) -> bool:
        """Whether the source has a number with a shorter spelling of its unit: "8-spd" for "8-speed"."""
        match = _NUMBER_AND_UNIT.fullmatch(surface)
        if match is None:
            return False
        number, unit = match[1].lower(), match[2].lower()
        digits = str(SMALL.index(number)) if number in SMALL else number
        return any(is_abbreviation(short, unit) for short in self._units_by_number.get(digits, ()))

    @cached_property
    def _units_by_number(self) -> dict[str, set[str]]:
        units: dict[str, set[str]] = {}
        for number, unit in _DIGITS_AND_UNIT.findall(self._source):
            units.setdefault(number, set()).add(unit.lower())
        return units

    def says_in_words(self, value: Mention) -> bool:
        """Whether the source says a value without a number, as "yearly" says 12 months."""
        return (value.kind, same_amount(value.value)) in self._spoken

    def with_whole_date(self, value: Mention) -> Mention:
        """A value; if it is a date without its year or day, the date that it means.

        "21 May" means the only date with this day and month: one that a claim has rightly, otherwise one of the source,
        otherwise one that a claim has wrongly. A date of the source that has no year is meant by this day in any year.
        """
        if value.kind is not ClaimKind.date or not isinstance(value.value, tuple) or len(value.value) != 3:
            return value
        if None not in value.value and value.value in self._dates_of_claims[False]:
            return value
        for dates in (self._dates_of_claims[True], self.dates, self._dates_of_claims[False]):
            if value.value in dates:
                return value
            meant = [date for date in dates if is_same_date(date, value.value)]
            if len(meant) == 1:
                return value._replace(value=meant[0])
        return value

    @cached_property
    def _dates_of_claims(self) -> dict[bool, frozenset[Hashable]]:
        """By whether only the right ones are asked for: the dates that claims have."""
        return {
            only_right: frozenset(
                value_of(claim.kind, alternative.forms[0])
                for claim in self.claims
                if claim.kind is ClaimKind.date
                for alternative in ((claim.right,) if only_right else claim.alternatives)
            )
            for only_right in (True, False)
        }

    def owners_of(self, value: Mention) -> list[tuple[Claim, tuple[str, ...]]]:
        """The claims of which a value is an alternative, with the names of these alternatives."""
        if not self._claims_by_value:
            for claim in self.claims:
                for known, names in self._names_by_value_of(claim).items():
                    self._claims_by_value.setdefault((claim.kind, known), []).append((claim, names))
        return self._claims_by_value.get((value.kind, same_amount(value.value)), [])

    def right_owners(self, value: Mention, option: str | None) -> list[Claim]:
        """The claims of which a value is the right alternative, or the property of an option."""
        return [
            claim
            for claim, names in self.owners_of(value)
            if claim.right.name in names or (claim.of is not None and option in names)
        ]

    def names_of(self, claim: Claim, value: Hashable, surface: str) -> tuple[str, ...]:
        """The alternatives of a claim that a value means. If the spelling is known, no alternative is parsed."""
        names_by_spelling = self._names_by_spelling.get(claim.id)
        if names_by_spelling is None:
            names_by_spelling = self._names_by_spelling[claim.id] = {}
            for alternative in claim.alternatives:
                for form in map(lower, alternative.forms):
                    names_by_spelling[form] = (*names_by_spelling.get(form, ()), alternative.name)
        return names_by_spelling.get(surface) or self._names_by_value_of(claim).get(same_amount(value), ())

    def _names_by_value_of(self, claim: Claim) -> dict[Hashable, tuple[str, ...]]:
        names_by_value = self._names_by_value.get(claim.id)
        if names_by_value is None:
            names_by_value = self._names_by_value[claim.id] = {}
            for alternative in claim.alternatives:
                for form in alternative.forms[:1]:
                    value = same_amount(value_of(claim.kind, form))
                    names_by_value[value] = (*names_by_value.get(value, ()), alternative.name)
                    short = same_amount(self._abbreviated(claim.kind, form))
                    if short is not None and short != value:
                        names_by_value[short] = (*names_by_value.get(short, ()), alternative.name)
        return names_by_value

    def _abbreviated(self, kind: ClaimKind, form: str) -> Hashable:
        """The value of a form in the short unit that the source gives for its unit: "decibels (dBA)"."""
        number, _, unit = form.partition(" ")
        short = self._short_units.get(unit.lower()) if kind is ClaimKind.quantity else None
        return None if short is None else value_of(kind, f"{number} {short}")

    @cached_property
    def _short_units(self) -> dict[str, str]:
        """By unit: how the source abbreviates the unit beside a number."""
        return {match["unit"].lower(): match["short"] for match in _UNIT_IN_FULL.finditer(self._source)}

    @cached_property
    def states_what_is_wrong(self) -> bool:
        """Whether the source states a superseded value or an unfit option."""
        return any(
            alternative.standing in (Standing.superseded, Standing.unfit) and contains_whole(self._source, form)
            for claim in self._scenario_claims
            for alternative in claim.wrong
            for form in alternative.forms
        )

    @cached_property
    def numbers(self) -> frozenset[Decimal]:
        """The numbers of the source to which an answer may give the unit."""
        return numbers_of(self._source)

    @cached_property
    def whole_numbers(self) -> frozenset[Decimal]:
        """The whole numbers of the source that may count things."""
        return whole_numbers_of(self._source)

    @cached_property
    def _spoken(self) -> frozenset[tuple[ClaimKind, Hashable]]:
        """The values that the source says without a number."""
        return units_of(self._source) | {(value.kind, value.value) for value in spoken_values(self._source)}

    @cached_property
    def dates(self) -> frozenset[Hashable]:
        """The days that the source states."""
        return frozenset(value for kind, value in self.stated if kind is ClaimKind.date)

    @cached_property
    def stated(self) -> frozenset[tuple[ClaimKind, Hashable]]:
        """Every value that the task, the source or an alternative that is not absent from the source states."""
        texts = [self._task, *self._source.splitlines()]
        texts += [form for authority in self._authorities for form in authority.forms]
        for claim in self._scenario_claims:
            for alternative in claim.alternatives:
                if alternative.standing is not Standing.absent:
                    texts += alternative.forms
                    if alternative.check is not None and isinstance(alternative.check.argument, tuple):
                        texts += alternative.check.argument
        stated = {(m.kind, m.value) for text in texts for m in mentions(text)}
        for text in texts:
            for pattern, spelling in _OTHER_SPELLINGS:
                for match in pattern.finditer(text):
                    stated |= {(m.kind, m.value) for m in mentions(match.expand(spelling))}
        return frozenset(stated)


def _is_whole(part: object) -> bool:
    return isinstance(part, int)


def _unit_of(value: Hashable) -> str | None:
    return value[-1] if isinstance(value, tuple) and isinstance(value[-1], str) else None


def is_abbreviation(short: str, word: str) -> bool:
    """Whether a word is written shorter, with some of its letters in their order: "spd" for "speed"."""
    if not short or short[0] != word[:1] or len(short) >= len(word):
        return False
    letters = iter(word)
    return all(letter in letters for letter in short)


def is_same_date(one: Hashable, other: Hashable) -> bool:
    """Whether two dates may be the same day, if the parts that one of them lacks are left open."""
    if not (isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other) == 3):
        return False
    if None not in one and None not in other:
        return one == other
    shared = [
        (mine, others) for mine, others in zip(one, other, strict=True) if mine is not None and others is not None
    ]
    return len(shared) == 2 and all(mine == others for mine, others in shared)


def places_of(text: str, kind: ClaimKind, form: str, value: Hashable) -> Iterator[tuple[int, int]]:
    """Where a sentence has a value, however the value is spelled, or a name, in the spelling `form`.

    "21 May" is a place of 21 May 2025. `value` is None for a name.
    """
    if kind in VALUE_KINDS:
        for mention in mentions(text):
            meant = same_amount(mention.value)
            if mention.kind is kind and (meant == value or (kind is ClaimKind.date and is_same_date(meant, value))):
                yield mention.start, mention.end
        return
    for at in whole_starts_of(lower(text), lower(form)):
        yield at, at + len(form)
