"""Fill the templates of this package, and cut a text where a page marks places in it. Needs the extra `report`."""

from collections.abc import Sequence
from typing import Any, TypeAlias

from forge_arena import templates
from forge_arena.types import Span

# A piece of a text, and whether the page marks it.
Piece: TypeAlias = tuple[str, bool]


def fill(name: str, **values: Any) -> str:
    """The template of that name in this package, with values; see `forge_arena.templates.fill`."""
    return templates.fill("forge_agents", name, **values)


def pieces(text: str, spans: Sequence[Span]) -> list[Piece]:
    """A text cut at the ends of spans. A piece is marked if it lies in a span.

    An empty span, where something is missing, becomes an empty marked piece. "the fee is 5" with the spans 4..7 and
    12..12 gives `[("the ", False), ("fee", True), (" is 5", False), ("", True)]`.
    """
    cut: list[Piece] = []
    done = 0
    for span in sorted(spans, key=lambda span: (span.start, span.end)):
        start, end = max(done, span.start), max(done, span.end)
        if start == end and span.start != span.end:
            # An earlier span holds all of this one.
            continue
        cut += [(text[done:start], False), (text[start:end], True)]
        done = end
    cut.append((text[done:], False))
    return [piece for piece in cut if piece[0] or piece[1]]
