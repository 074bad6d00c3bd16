"""Format numbers, counts, differences, intervals and settings for a reader."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from forge_arena.types import Estimate

MINUS = "\u2212"
# Characters of a text that is shown in a message or a table.
LONGEST_SHOWN = 80


def format_number(value: float | None) -> str:
    """A number to three places; a dash for None."""
    return "\u2013" if value is None else f"{value:.3f}"


def format_difference(value: float) -> str:
    """A difference with its sign, to three places."""
    return f"{'+' if value >= 0 else MINUS}{abs(value):.3f}"


def interval(estimate: Estimate, *, differs: bool = False) -> str:
    """The 95% interval in words; empty if there is none, or one without width.

    `differs` gives both ends their signs.
    """
    if estimate.low is None or estimate.high is None or not estimate.has_interval:
        return ""
    low, high = (format_difference(end) if differs else f"{end:.3f}" for end in (estimate.low, estimate.high))
    return f"{low} to {high}"


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """A number and its noun, in the plural unless the number is one: `1 verdict`, `0 verdicts`, `2 families`."""
    return f"{count} {noun if count == 1 else plural or f'{noun}s'}"


def shortened(text: str, longest: int = LONGEST_SHOWN) -> str:
    """A text that is longer than `longest` characters is cut, with an ellipsis behind it."""
    return text if len(text) <= longest else f"{text[:longest]}…"


def common_reasons(reasons: Iterable[str | None], most: int = 3) -> str:
    """The commonest reasons, each with its number: `the model is away (12), busy (1)`. Empty if no reason is known."""
    counts = Counter(reason for reason in reasons if reason)
    return ", ".join(f"{reason} ({count})" for reason, count in counts.most_common(most))


def setting(value: Any) -> str:
    """A setting in words: a number without digits that mean nothing to a reader, a list or a mapping in one line."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {setting(inner)}" for name, inner in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, bool) or value is None:
        return {None: "none", True: "yes", False: "no"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)
