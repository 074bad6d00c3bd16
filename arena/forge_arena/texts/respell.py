"""Spell one value as another value of its kind is spelled."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from forge_arena.texts.values import DATE, IN_WORDS, MONEY, MONTHS, value_of
from forge_arena.types import ClaimKind


def respell(text: str, like: str, kind: ClaimKind) -> str:
    """The value of `text` in the spelling of `like`; `text` unchanged if that spelling is not understood."""
    writer = _WRITERS.get(kind)
    value = value_of(kind, text)
    if writer is None or not isinstance(value, tuple):
        return text
    respelled = writer(text, like.strip(), value)
    return respelled if respelled is not None and value_of(kind, respelled) == value else text


def _write_money(text: str, like: str, value: tuple[Decimal, str]) -> str | None:
    style, own = MONEY.fullmatch(like), MONEY.fullmatch(text.strip())
    if style is None or own is None or value_of(ClaimKind.money, like) is None:
        return None
    digits = own["a"] or own["b"]
    return like[: style.start("a")] + digits if style["a"] else digits + like[style.end("b") :]


def _write_percent(text: str, like: str, value: tuple[Decimal, str]) -> str | None:
    style = IN_WORDS.percent.fullmatch(like)
    return f"{value[0]}{like[style.end('n') :]}" if style else None


def _write_date(text: str, like: str, value: tuple[int | None, int, int | None]) -> str | None:
    year, month, day = value
    if year is None or day is None:
        return None
    style = DATE.fullmatch(like)
    if style is None:
        return None
    if style["iso"]:
        return f"{year:04}-{month:02}-{day:02}"
    word = re.search(r"[A-Z][a-z]+", like)
    name = MONTHS[month - 1]
    if word and len(word[0]) <= 4 and word[0] not in MONTHS:
        name = name[:3]
    if style["dmy"]:
        return f"{day} {name} {year}"
    if style["mdy"]:
        return f"{name} {day}{',' if ',' in like else ''} {year}"
    return None


def _write_duration(text: str, like: str, value: tuple[Decimal, Decimal, str]) -> str | None:
    style, own = IN_WORDS.measure.fullmatch(like), IN_WORDS.measure.fullmatch(text.strip())
    if style is None or own is None:
        return None
    if style["hi"] and own["hi"]:
        between = like[style.end("lo") : style.start("hi")]
        return f"{own['lo']}{between}{own['hi']}{text.strip()[own.end('hi') :]}"
    if not style["hi"] and not own["hi"] and like[style.end("lo") : style.end("lo") + 1] == "-":
        return f"{own['lo']}-{own['unit'].removesuffix('s')}" if not own["day"] else None
    return None


_WRITERS: dict[ClaimKind, Callable[[str, str, Any], str | None]] = {
    ClaimKind.money: _write_money,
    ClaimKind.percent: _write_percent,
    ClaimKind.date: _write_date,
    ClaimKind.duration: _write_duration,
}
