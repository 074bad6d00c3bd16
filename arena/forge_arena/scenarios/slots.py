"""The slots of a scenario file: how a name, an amount or a date is drawn, and the spellings under which it may appear."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from random import Random
from typing import Annotated, Self, TypeVar

from pydantic import Field, StringConstraints, field_validator, model_validator

from forge_arena.scenarios import template
from forge_arena.texts.values import MONTHS
from forge_arena.types import Noun

T = TypeVar("T")

Number = float | Annotated[str, StringConstraints(pattern=r"^\s*[a-z_][a-z0-9_.]*\s*([-+*]\s*\d+(\.\d+)?)?\s*$")]
Step = Annotated[float, Field(gt=0, allow_inf_nan=False)]
# How often a further value is drawn, of those that a claim may have and of those that a slot must have. With so many
# tries a slot of two values fails once in 10^30 draws.
TRIES, MANY_TRIES = 8, 100
CURRENCY_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£"}


class Money(Noun):
    """An amount between `low` and `high` in steps of `step`; bounds may be `slot * 1.2`, `slot - 5` and the like."""

    low: Number
    high: Number
    step: Step = 0.01
    currency: str = "USD"

    @field_validator("currency")
    @classmethod
    def _has_a_sign(cls, currency: str) -> str:
        if currency not in CURRENCY_SIGNS:
            raise ValueError(f"wanted one of {', '.join(CURRENCY_SIGNS)}")
        return currency


class Measure(Noun):
    """A number with a unit: `quantity`, `percent` or bare `integer`."""

    low: Number
    high: Number
    step: Step = 1
    unit: str = ""


class Length(Noun):
    """A duration: single `values` or `ranges` (low, high) of a `unit`, named in the plural ("business days")."""

    unit: str
    values: tuple[int, ...] = ()
    ranges: tuple[tuple[int, int], ...] = ()

    @model_validator(mode="after")
    def _has_some(self) -> Self:
        if not self.values and not self.ranges:
            raise ValueError("a duration needs values or ranges")
        return self


class Day(Noun):
    """A calendar day between `first` and `last`, or `after` another date slot by `days` (low, high)."""

    first: date | None = None
    last: date | None = None
    after: str | None = None
    days: tuple[int, int] = (1, 365)


class SlotSpec(Noun):
    """One slot. Exactly one way of drawing; `draws` distinct values, the first as `${name}`, further ones `${name.2}`.

    `choice` picks a text (itself a template), `words` a word from `vocabulary.yaml` (`words: company`), `pattern`
    writes an identifier (`#` a digit, `@` a capital letter), `map` looks another slot's value up, `sum` adds numbers.
    `unlike` names slots that are drawn before, whose values this slot must not have.
    """

    choice: tuple[str, ...] | None = Field(default=None, min_length=1)
    words: str | None = None
    pattern: str | None = None
    money: Money | None = None
    quantity: Measure | None = None
    percent: Measure | None = None
    integer: Measure | None = None
    duration: Length | None = None
    date: Day | None = None
    map: str | None = None
    to: dict[str, str] | None = None
    sum: tuple[str, ...] | None = Field(default=None, min_length=1)
    draws: int = Field(default=1, ge=1, le=8)
    unlike: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _is_drawn_in_one_way(self) -> Self:
        ways = {name for name in SlotSpec.model_fields if getattr(self, name) is not None} - {"to", "draws", "unlike"}
        if len(ways) != 1:
            raise ValueError(f"a slot is drawn in one way, got {' and '.join(sorted(ways)) or 'none'}")
        if (self.map is None) != (self.to is None):
            raise ValueError("map and to belong together")
        return self

    @property
    def texts(self) -> tuple[str, ...]:
        """The templates of the slot."""
        return (*(self.choice or ()), self.pattern or "", *(self.to or {}).values())


@dataclass(frozen=True, slots=True)
class Drawn:
    """A value that was drawn: its spellings, the canonical one first, and its number or day if it has one."""

    forms: tuple[str, ...]
    number: Decimal | None = None
    day: date | None = None


@dataclass(slots=True)
class Draws:
    """The values drawn so far, by slot name, and their texts for templates."""

    drawn: dict[str, Drawn]
    texts: dict[str, str]

    def add(self, name: str, value: Drawn) -> None:
        self.drawn[name] = value
        self.texts[name] = value.forms[0]

    def fill(self, text: str, rng: Random) -> str:
        """A template with the drawn values in its slots, and one of its wordings."""
        return template.render(template.parse(text), self.texts, rng)


def choose(items: Sequence[T], rng: Random) -> T:
    return items[int(rng.random() * len(items))]


def draw(spec: SlotSpec, draws: Draws, vocabulary: Mapping[str, tuple[str, ...]], rng: Random) -> Drawn:
    """Draw one value.

    Raises:
        KeyError: the slot refers to a slot or to words that are not there.
        ValueError: a bound, a map or a date does not fit.
    """
    if spec.choice is not None:
        return Drawn((draws.fill(choose(spec.choice, rng), rng),))
    if spec.words is not None:
        return Drawn((choose(vocabulary[spec.words], rng),))
    if spec.pattern is not None:
        return Drawn(("".join(_pattern_character(c, rng) for c in draws.fill(spec.pattern, rng)),))
    if spec.money is not None:
        amount = _between(spec.money.low, spec.money.high, spec.money.step, draws, rng)
        return Drawn(_money_forms(amount, spec.money.currency), number=amount)
    if spec.quantity is not None:
        number = _between(spec.quantity.low, spec.quantity.high, spec.quantity.step, draws, rng)
        return Drawn((f"{number:,} {spec.quantity.unit}",), number=number)
    if spec.percent is not None:
        number = _between(spec.percent.low, spec.percent.high, spec.percent.step, draws, rng)
        return Drawn((f"{number}%", f"{number} percent"), number=number)
    if spec.integer is not None:
        number = _between(spec.integer.low, spec.integer.high, spec.integer.step, draws, rng)
        return Drawn((f"{number}",), number=number)
    if spec.duration is not None:
        return _draw_duration(spec.duration, rng)
    if spec.date is not None:
        return _draw_day(spec.date, draws, rng)
    if spec.map is not None and spec.to is not None:
        value = draws.texts[spec.map]
        if value not in spec.to:
            raise ValueError(f"map has no entry for {value!r}; it has {', '.join(map(repr, spec.to))}")
        return Drawn((draws.fill(spec.to[value], rng),))
    if spec.sum is not None:
        total = sum((_number(name, draws) for name in spec.sum), Decimal(0))
        first = draws.drawn[spec.sum[0]].forms[0]
        currency = next((code for code, sign in CURRENCY_SIGNS.items() if first.startswith(sign)), None)
        return Drawn(_money_forms(total, currency) if currency else (f"{total}",), number=total)
    raise ValueError("a slot needs one of choice, words, pattern, money, quantity, percent, integer, duration, date")


def draw_unlike(
    taken: tuple[Drawn, ...], spec: SlotSpec, draws: Draws, vocabulary: Mapping[str, tuple[str, ...]], rng: Random
) -> Drawn:
    """Draw one value whose canonical spelling differs from those of `taken`, in at most `MANY_TRIES` tries.

    Raises:
        KeyError, ValueError: see `draw`. Or there is no such value.
    """
    spellings = [value.forms[0] for value in taken]
    for _ in range(MANY_TRIES):
        value = draw(spec, draws, vocabulary, rng)
        if value.forms[0] not in spellings:
            return value
    raise ValueError(f"no value was drawn that is unlike {', '.join(spellings)}")


def draw_distinct(
    spec: SlotSpec,
    count: int,
    taken: tuple[Drawn, ...],
    draws: Draws,
    vocabulary: Mapping[str, tuple[str, ...]],
    rng: Random,
    tries: int = TRIES,
) -> list[Drawn]:
    """Up to `count` further values whose canonical spelling differs from each other's and from `taken`'s.

    They are drawn until there are enough, at most `tries` times for each.
    """
    seen = {value.forms[0] for value in taken}
    found: list[Drawn] = []
    if spec.words is not None or (spec.choice is not None and not any("$" in text for text in spec.choice)):
        free = [w for w in dict.fromkeys(spec.choice or vocabulary[spec.words or ""]) if w not in seen]
        return [Drawn((word,)) for word in rng.sample(free, min(count, len(free)))]
    for _ in range(count * tries):
        if len(found) == count:
            break
        value = draw(spec, draws, vocabulary, rng)
        if value.forms[0] not in seen:
            seen.add(value.forms[0])
            found.append(value)
    return found


def _pattern_character(character: str, rng: Random) -> str:
    if character == "#":
        return choose("0123456789", rng)
    if character == "@":
        return choose("ABCDEFGHJKLMNPQRSTUVWXYZ", rng)
    return character


def _number(name: str, draws: Draws) -> Decimal:
    number = draws.drawn[name].number
    if number is None:
        raise ValueError(f"slot {name!r} is not a number")
    return number


def bound_value(bound: Number, draws: Draws) -> float:
    """The number of a bound such as `slot * 1.2`, from the values drawn so far."""
    if not isinstance(bound, str):
        return bound
    for sign in "*+-":
        name, found, amount = bound.partition(sign)
        if found:
            base, by = float(_number(name.strip(), draws)), float(amount)
            return base * by if sign == "*" else base + by if sign == "+" else base - by
    return float(_number(bound.strip(), draws))


def _between(low: Number, high: Number, step: float, draws: Draws, rng: Random) -> Decimal:
    lowest, highest = bound_value(low, draws), bound_value(high, draws)
    first, steps, grain = _steps_between(lowest, highest, step)
    return (first + int(rng.random() * steps)) * grain


@lru_cache(maxsize=4_096)
def _steps_between(lowest: float, highest: float, step: float) -> tuple[Decimal, int, Decimal]:
    """The first multiple of a step that is not below `lowest`, the number of multiples up to `highest`, and the step."""
    if highest < lowest:
        raise ValueError(f"low must not exceed high, got {lowest:g} and {highest:g}")
    grain = Decimal(f"{step:g}")  # 5.0 is written 5, or amounts in whole steps would read 100.0.
    first = -(-Decimal(str(round(lowest, 6))) // grain)
    steps = int((Decimal(str(round(highest, 6))) - first * grain) / grain) + 1
    return first, max(steps, 1), grain


def _money_forms(amount: Decimal, currency: str) -> tuple[str, ...]:
    sign, cents = CURRENCY_SIGNS[currency], f"{amount:,.2f}"
    return (f"{sign}{amount:,.0f}", f"{sign}{cents}") if cents.endswith(".00") else (f"{sign}{cents}",)


def _draw_duration(spec: Length, rng: Random) -> Drawn:
    if spec.ranges:
        low, high = choose(spec.ranges, rng)
        return Drawn((f"{low} to {high} {spec.unit}", f"{low}–{high} {spec.unit}"), number=Decimal(high))  # noqa: RUF001
    value = choose(spec.values, rng)
    unit = spec.unit[:-1] if value == 1 and spec.unit.endswith("s") else spec.unit
    return Drawn((f"{value} {unit}",), number=Decimal(value))


def _draw_day(spec: Day, draws: Draws, rng: Random) -> Drawn:
    if spec.after is not None:
        start = draws.drawn[spec.after].day
        if start is None:
            raise ValueError(f"slot {spec.after!r} is not a date")
        low, high = spec.days
        day = start + timedelta(days=low + int(rng.random() * (high - low + 1)))
    elif spec.first is not None and spec.last is not None:
        day = spec.first + timedelta(days=int(rng.random() * ((spec.last - spec.first).days + 1)))
    else:
        raise ValueError("a date needs first and last, or after")
    month = MONTHS[day.month - 1]
    return Drawn((f"{day.day} {month} {day.year}", f"{month} {day.day}, {day.year}"), day=day)
