"""Fill the templates that lie in this package, as pages and cards, and cut texts where a place in them is to be marked."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import jinja2

from forge_arena.types import Span
from forge_arena.visible import visible_value

Piece: TypeAlias = tuple[str, bool]


def filled(name: str, **values: Any) -> str:
    """The template of that name with values; in a page what is markup in a value is escaped, in a card it is not. In both
    a hidden character is shown by its number."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("forge_agents", ""),
        autoescape=name.endswith(".html.jinja"),
        undefined=jinja2.StrictUndefined,
        finalize=visible_value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name).render(**values)


def pieces(text: str, spans: Sequence[Span]) -> list[Piece]:
    """A text cut at the ends of spans, each piece with whether it lies in one. An empty span, where something is missing,
    is an empty piece."""
    found: list[Piece] = []
    done = 0
    for span in sorted(spans, key=lambda span: (span.start, span.end)):
        start, end = max(done, span.start), max(done, span.end)
        if start == end and span.start != span.end:
            continue
        found += [(text[done:start], False), (text[start:end], True)]
        done = end
    found.append((text[done:], False))
    return [piece for piece in found if piece[0] or piece[1]]
