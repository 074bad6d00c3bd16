"""Texts with slots, choices and marks: the small grammar in which scenario files are written.

`${name}` is a slot, `$[one|two|three]` one of several wordings (choices nest, an empty one is allowed), and
`<<claim: text>>` marks the passage of the source that states a claim. Everything else is plain text, braces too, so that
program code needs no escaping.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import TypeAlias

from forge_arena.types import Span


@dataclass(frozen=True, slots=True)
class Slot:
    name: str


@dataclass(frozen=True, slots=True)
class Choice:
    options: tuple["Nodes", ...]


@dataclass(frozen=True, slots=True)
class Mark:
    claim: str
    inner: "Nodes"


Nodes: TypeAlias = "tuple[str | Slot | Choice | Mark, ...]"


@lru_cache(maxsize=65_536)
def parse(text: str) -> Nodes:
    """Read a template.

    Raises:
        ValueError: a slot, a choice or a mark is not closed; the message says where.
    """
    nodes, end = _parse(text, 0, "")
    if end != len(text):
        raise ValueError(f"unexpected {text[end : end + 2]!r} at character {end} of {text!r}")
    return nodes


def _parse(text: str, at: int, stops: str) -> tuple[Nodes, int]:
    nodes: list[str | Slot | Choice | Mark] = []
    literal = at

    def flush(end: int) -> None:
        if end > literal:
            nodes.append(text[literal:end])

    while at < len(text):
        two = text[at : at + 2]
        if two == "${":
            flush(at)
            close = text.find("}", at)
            if close < 0:
                raise ValueError(f"'${{' at character {at} is not closed in {text!r}")
            nodes.append(Slot(text[at + 2 : close]))
            at = literal = close + 1
        elif two == "$[":
            flush(at)
            start, options = at, []
            while True:
                inner, at = _parse(text, at + (2 if at == start else 1), "|]")
                options.append(inner)
                if at >= len(text):
                    raise ValueError(f"'$[' at character {start} is not closed in {text!r}")
                if text[at] == "]":
                    break
            nodes.append(Choice(tuple(options)))
            at = literal = at + 1
        elif two == "<<" and (colon := text.find(":", at)) > 0 and text[at + 2 : colon].isidentifier():
            flush(at)
            inner, close = _parse(text, colon + 1, ">")
            if text[close : close + 2] != ">>":
                raise ValueError(f"'<<' at character {at} is not closed in {text!r}")
            nodes.append(Mark(text[at + 2 : colon], _strip_start(inner)))
            at = literal = close + 2
        elif text[at] in stops and (stops != ">" or two == ">>"):
            break
        else:
            at += 1
    flush(at)
    return tuple(nodes), at


def _strip_start(nodes: Nodes) -> Nodes:
    head = nodes[0] if nodes else ""
    return (head.lstrip(), *nodes[1:]) if isinstance(head, str) and nodes else nodes


def slots_of(nodes: Nodes) -> set[str]:
    """The names of all slots in a template, whichever choices are taken."""
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, Slot):
            names.add(node.name)
        elif isinstance(node, Choice):
            names.update(*(slots_of(option) for option in node.options))
        elif isinstance(node, Mark):
            names |= slots_of(node.inner)
    return names


def marks_of(nodes: Nodes) -> set[str]:
    """The claims that a template marks, whichever choices are taken."""
    claims: set[str] = set()
    for node in nodes:
        if isinstance(node, Choice):
            claims.update(*(marks_of(option) for option in node.options))
        elif isinstance(node, Mark):
            claims |= {node.claim} | marks_of(node.inner)
    return claims


def render(nodes: Nodes, values: Mapping[str, str], rng: Random) -> str:
    """The text with every slot filled and every choice taken.

    Raises:
        KeyError: a slot has no value.
    """
    if len(nodes) == 1 and type(nodes[0]) is str:
        return nodes[0]
    parts: list[str] = []
    _render(nodes, values, rng, parts, None, 0)
    return "".join(parts)


def render_marked(nodes: Nodes, values: Mapping[str, str], rng: Random) -> tuple[str, list[tuple[str, Span]]]:
    """Like `render`, with the span of every marked passage in the text."""
    parts: list[str] = []
    marks: list[tuple[str, Span]] = []
    _render(nodes, values, rng, parts, marks, 0)
    return "".join(parts), marks


def _render(
    nodes: Nodes,
    values: Mapping[str, str],
    rng: Random,
    parts: list[str],
    marks: list[tuple[str, Span]] | None,
    length: int,
) -> int:
    for node in nodes:
        if isinstance(node, str):
            parts.append(node)
            length += len(node)
        elif isinstance(node, Slot):
            text = values[node.name]
            parts.append(text)
            length += len(text)
        elif isinstance(node, Choice):
            option = node.options[int(rng.random() * len(node.options))]
            length = _render(option, values, rng, parts, marks, length)
        else:
            start = length
            length = _render(node.inner, values, rng, parts, marks, length)
            if marks is not None:
                marks.append((node.claim, Span(start=start, end=length)))
    return length
