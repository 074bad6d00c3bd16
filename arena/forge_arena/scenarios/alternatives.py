"""Say what else could stand in the place of a value or a citation of a document: its spellings, and wrong ones."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from random import Random

from forge_arena.respell import respell
from forge_arena.scenarios.prose import number_in_digits
from forge_arena.types import ClaimKind
from forge_arena.values import Mention

_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")


def spellings(kind: ClaimKind, surface: str) -> tuple[str, ...]:
    """The spellings of what is known by its letters, its own first: "#R-12" is "R-12", "Sec. 3" is "section 3"."""
    forms = [surface]
    if kind is ClaimKind.identifier:
        bare = re.sub(r"^(?:#|v(?=\d)|version )", "", surface, flags=re.IGNORECASE)
        if re.fullmatch(r"\d+(?:\.\d+)*", bare):
            forms += [f"v{bare}", f"version {bare}", *((bare,) if "." in bare else ())]
        else:
            forms += [bare, f"#{bare}"]
    if kind is ClaimKind.citation:
        numbered = re.fullmatch(r"(?i:sections?|sec\.|§§?) ?(\d.*)", surface)
        if numbered is not None:
            forms += [f"{word}{numbered[1]}" for word in ("section ", "sec. ", "§ ", "§")]
        forms += [surface.replace(" v. ", " v "), surface.replace(" v ", " v. ")]
    first: dict[str, str] = {}
    for form in forms:
        first.setdefault(form.lower(), form)
    return tuple(first.values())


def comparable(a: Mention, b: Mention) -> bool:
    """Whether two values of a kind could be mistaken for each other: same unit or currency."""
    if isinstance(a.value, tuple) and isinstance(b.value, tuple) and a.kind is not ClaimKind.date:
        return bool(a.value[-1] == b.value[-1])
    return True


def shifted(kind: ClaimKind, mention: Mention, surface: str, rng: Random) -> Iterator[tuple[int, str]]:
    """(stealth, wrong value): far away at 0, near at 1, in the spelling of the right one."""
    value = mention.value
    if kind is ClaimKind.date and isinstance(value, tuple) and len(value) == 3:
        year, month, day = value
        for stealth, years, days in ((0, rng.choice((-9, -7, -5)), 0), (1, rng.choice((-1, 1)), rng.randint(5, 40))):
            if day is None:
                yield stealth, surface.replace(str(year), str(year + years))
                continue
            try:
                moved = date(year + years, month, min(day, 28)) + timedelta(days=days)
            except (ValueError, OverflowError):
                continue
            yield stealth, respell(moved.isoformat(), surface, kind)
        return
    surface = number_in_digits(surface)
    for stealth, factors in ((0, ("3", "4", "0.25")), (1, ("1.5", "2", "0.5"))):
        # Scaled down and rounded, the ends of a range could change places.
        is_range = len(_NUMBER.findall(surface)) > 1
        factor = Decimal(rng.choice([f for f in factors if not (is_range and f.startswith("0"))]))
        text = _NUMBER.sub(partial(_scaled, factor=factor), surface)
        if re.match(r"1 [a-z ]*[a-rt-z]$", surface):
            text += "s"
        if text != surface:
            yield stealth, text
    if kind is ClaimKind.identifier:
        digits = [i for i, c in enumerate(surface) if c.isdigit()]
        if digits:
            at = rng.choice(digits)
            yield 1, surface[:at] + str((int(surface[at]) + rng.randint(1, 9)) % 10) + surface[at + 1 :]


def _scaled(match: re.Match[str], factor: Decimal) -> str:
    number = match[0]
    value = Decimal(number.replace(",", ""))
    places = max(0, -int(value.as_tuple().exponent))
    scaled = (value * factor).quantize(Decimal(1).scaleb(-places))
    if scaled in (value, 0, 1):
        scaled = value + Decimal(1).scaleb(-places)
    return f"{scaled:,}" if "," in number else f"{scaled}"


def renumbered(citation: str, known: set[str], rng: Random) -> list[str]:
    """Citations of the same form with numbers that the document does not have."""
    numbers = list(re.finditer(r"\d+", citation))
    if not numbers:
        return []
    last = numbers[-1]
    found = []
    for step in (rng.randint(11, 30), rng.randint(1, 9)):
        text = f"{citation[: last.start()]}{int(last[0]) + step}{citation[last.end() :]}"
        if text not in known:
            found.append(text)
    return found
