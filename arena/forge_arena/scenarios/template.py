"""Texts with slots, choices and marks: the small grammar in which scenario files are written.

`${name}` is a slot, `$[one|two|three]` one of several wordings (choices nest, an empty one is allowed), and
`<<claim: text>>` marks the passage of the source that states a claim. `$<claim claim: text||otherwise>` is the text if all
of these claims are in play, and otherwise the other text (which may be left out). `$?[one|two]` is an aside in one of
several wordings: it stands, with the space before it, only if asides are in play. Everything else is plain text, braces
too, so that program code needs no escaping.

Example: if `fee` is in play, `Notice is ${notice}$<fee: , and the fee is ${fee}>.` reads "Notice is 5 days, and the fee is
$4." If `fee` is not in play, the text reads "Notice is 5 days."
"""

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class Condition:
    claims: tuple[str, ...]
    then: "Nodes"
    otherwise: "Nodes"


Nodes: TypeAlias = "tuple[str | Slot | Choice | Mark | Condition, ...]"


class _Everything(Container[str]):
    """Holds every claim."""

    def __contains__(self, claim: object) -> bool:
        return True


EVERY_CLAIM: Container[str] = _Everything()
# What must be in play, beside the claims, for an aside to stand.
ASIDES = "asides"

_IN_CHOICE = ("|", "]")
_IN_MARK = (">>",)
_IN_CONDITION = ("||", ">")
# All that is no plain text begins and ends with one of these.
_SIGN = re.compile(r"[$<|>\]]")


@lru_cache(maxsize=65_536)
def parse(text: str) -> Nodes:
    """Read a template.

    Raises:
        ValueError: a slot, a choice, a mark or a condition is not closed, or a condition names no claim; the message says
            where.
    """
    nodes, end = _parse(text, 0, ())
    if end != len(text):
        raise ValueError(f"unexpected {text[end : end + 2]!r} at character {end} of {text!r}")
    return nodes


def _parse(text: str, at: int, stops: tuple[str, ...]) -> tuple[Nodes, int]:
    nodes: list[str | Slot | Choice | Mark | Condition] = []
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
            choice, at = _parse_choice(text, at, at + 2)
            nodes.append(choice)
            literal = at
        elif text.startswith("$?[", at):
            choice, close = _parse_choice(text, at, at + 3)
            # The space that parts the aside from its neighbours goes with the aside.
            before, behind = text[literal:at], text[close : close + 1]
            start = at - len(before) + len(before.rstrip(" "))
            if start == at and behind == " ":
                close += 1
                aside: Nodes = (choice, " ")
            else:
                start -= before.endswith("\n") and behind in ("", "\n")
                aside = (text[start:at], choice)
            flush(start)
            nodes.append(Condition((ASIDES,), aside, ()))
            at = literal = close
        elif two == "$<":
            flush(at)
            condition, at = _parse_condition(text, at)
            nodes.append(condition)
            literal = at
        elif two == "<<" and (colon := text.find(":", at)) > 0 and text[at + 2 : colon].isidentifier():
            flush(at)
            inner, close = _parse(text, colon + 1, _IN_MARK)
            if text[close : close + 2] != ">>":
                raise ValueError(f"'<<' at character {at} is not closed in {text!r}")
            nodes.append(Mark(text[at + 2 : colon], _strip_start(inner)))
            at = literal = close + 2
        elif text.startswith(stops, at):
            break
        else:
            sign = _SIGN.search(text, at + 1)
            at = len(text) if sign is None else sign.start()
    flush(at)
    return tuple(nodes), at


def _parse_choice(text: str, start: int, at: int) -> tuple[Choice, int]:
    """The choice that starts at a place, and the place behind it. Its first wording stands at `at`."""
    options = []
    while True:
        inner, at = _parse(text, at, _IN_CHOICE)
        options.append(inner)
        if at >= len(text):
            raise ValueError(f"'$[' at character {start} is not closed in {text!r}")
        if text[at] == "]":
            return Choice(tuple(options)), at + 1
        at += 1


def _parse_condition(text: str, start: int) -> tuple[Condition, int]:
    """The condition that starts at a place, and the place behind it."""
    colon = text.find(":", start)
    claims = tuple(text[start + 2 : colon].split()) if colon > 0 else ()
    if not claims or not all(claim.isidentifier() for claim in claims):
        raise ValueError(f"'$<' at character {start} names no claims and a colon, such as '$<fee: ', in {text!r}")
    then, at = _parse(text, colon + 1, _IN_CONDITION)
    otherwise: Nodes = ()
    if text[at : at + 2] == "||":
        otherwise, at = _parse(text, at + 2, _IN_CONDITION)
    if text[at : at + 1] != ">":
        raise ValueError(f"'$<' at character {start} is not closed in {text!r}")
    if then and isinstance(then[0], str):
        then = (then[0].removeprefix(" "), *then[1:])
    return Condition(claims, then, otherwise), at + 1


def _strip_start(nodes: Nodes) -> Nodes:
    head = nodes[0] if nodes else ""
    return (head.lstrip(), *nodes[1:]) if isinstance(head, str) and nodes else nodes


def slots_of(nodes: Nodes) -> set[str]:
    """The names of all slots in a template, whichever choices are taken."""
    return {node.name for node, _ in _walk(nodes) if isinstance(node, Slot)}


def marks_of(nodes: Nodes) -> set[str]:
    """The claims that a template marks, whichever choices are taken."""
    return {node.claim for node, _ in _walk(nodes) if isinstance(node, Mark)}


def conditions_of(nodes: Nodes) -> set[str]:
    """The claims on which passages of a template depend."""
    return {claim for node, _ in _walk(nodes) if isinstance(node, Condition) for claim in node.claims}


def has_choices(nodes: Nodes) -> bool:
    """Whether a template has several wordings."""
    return any(isinstance(node, Choice) for node, _ in _walk(nodes))


def is_plain(nodes: Nodes) -> bool:
    """Whether a template is the same text in every draw."""
    return all(isinstance(node, str) for node in nodes)


def slots_under(nodes: Nodes) -> Iterator[tuple[str, frozenset[str]]]:
    """Each slot of a template, with the claims that must be in play for the slot to stand."""
    return ((node.name, claims) for node, claims in _walk(nodes) if isinstance(node, Slot))


def marks_under(nodes: Nodes) -> Iterator[tuple[str, frozenset[str]]]:
    """Each marked claim of a template, with the claims that must be in play for the mark to stand."""
    return ((node.claim, claims) for node, claims in _walk(nodes) if isinstance(node, Mark))


def _walk(
    nodes: Nodes, claims: frozenset[str] = frozenset()
) -> Iterator[tuple["Slot | Choice | Mark | Condition", frozenset[str]]]:
    """All nodes but plain text, whichever choices are taken, each with the claims on which it depends."""
    for node in nodes:
        if isinstance(node, str):
            continue
        yield node, claims
        if isinstance(node, Choice):
            for option in node.options:
                yield from _walk(option, claims)
        elif isinstance(node, Mark):
            yield from _walk(node.inner, claims)
        elif isinstance(node, Condition):
            yield from _walk(node.then, claims | set(node.claims))
            yield from _walk(node.otherwise, claims)


def render(nodes: Nodes, values: Mapping[str, str], rng: Random, in_play: Container[str] = EVERY_CLAIM) -> str:
    """The text with every slot filled, every choice taken and every condition decided.

    Raises:
        KeyError: a slot has no value.
    """
    if len(nodes) == 1 and type(nodes[0]) is str:
        return nodes[0]
    writer = _Writer(values, rng, in_play)
    writer.write(nodes)
    return "".join(writer.parts)


def render_marked(
    nodes: Nodes, values: Mapping[str, str], rng: Random, in_play: Container[str] = EVERY_CLAIM, start: int = 0
) -> tuple[str, list[tuple[str, Span]]]:
    """Like `render`, with the span of every marked passage in a text in which this text begins at `start`."""
    writer = _Writer(values, rng, in_play, length=start)
    writer.write(nodes)
    return "".join(writer.parts), writer.marks


@dataclass(slots=True)
class _Writer:
    """The text of a template, as far as it is written."""

    values: Mapping[str, str]
    rng: Random
    in_play: Container[str]
    parts: list[str] = field(default_factory=list)
    marks: list[tuple[str, Span]] = field(default_factory=list)
    # Where the first `measured` parts end.
    length: int = 0
    measured: int = 0

    def write(self, nodes: Nodes) -> None:
        for node in nodes:
            if isinstance(node, str):
                self.parts.append(node)
            elif isinstance(node, Slot):
                self.parts.append(self.values[node.name])
            elif isinstance(node, Choice):
                self.write(node.options[int(self.rng.random() * len(node.options))])
            elif isinstance(node, Condition):
                self.write(node.then if all(claim in self.in_play for claim in node.claims) else node.otherwise)
            else:
                start = self._measure()
                self.write(node.inner)
                self.marks.append((node.claim, Span(start=start, end=self._measure())))

    def _measure(self) -> int:
        """Where the text ends that is written so far."""
        self.length += sum(map(len, self.parts[self.measured :]))
        self.measured = len(self.parts)
        return self.length
