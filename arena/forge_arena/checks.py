"""The checks that a constraint can demand of an answer; each one registered under its name.

A check says where an answer violates it, or None where it is kept. All are linear in the text.
"""

import ast
import re
from collections.abc import Callable
from difflib import get_close_matches
from functools import lru_cache
from typing import TypeAlias

from forge_arena.code import code_blocks
from forge_arena.types import Check, ClaimKind, Span
from forge_arena.values import is_whole, lower, mentions, sentences

Violation: TypeAlias = tuple[Span, ...] | None
VIOLATED: tuple[Span, ...] = ()

_ITEM = re.compile(r"^[ \t]*(?:[-*\u2022]|\d{1,2}[.)])[ \t]+\S", re.MULTILINE)
_SINGULAR = re.compile(r"\b(?:I|I'm|I've|I'll|my|me|mine)\b")
_PLURAL = re.compile(r"\b(?:[Ww]e|[Ww]e're|[Ww]e've|[Ww]e'll|[Oo]ur|[Uu]s|[Oo]urs)\b")

_checks: dict[str, tuple[type, Callable[..., Violation]]] = {}


def _check(argument: type) -> Callable[[Callable[..., Violation]], Callable[..., Violation]]:
    def register(function: Callable[..., Violation]) -> Callable[..., Violation]:
        _checks[function.__name__] = (argument, function)
        return function

    return register


def names() -> tuple[str, ...]:
    """The names of all checks."""
    return tuple(_checks)


def violation(check: Check, text: str) -> Violation:
    """Where `text` violates the check (perhaps nowhere in particular: an empty tuple), or None where it is kept.

    Raises:
        ValueError: no such check, or an argument that it does not take.
    """
    if check.name not in _checks:
        close = get_close_matches(check.name, _checks, n=1)
        raise ValueError(f"no check {check.name!r}.{f' Did you mean {close[0]!r}?' if close else ''}")
    wanted, function = _checks[check.name]
    if wanted is type(None):
        return function(text)
    if not isinstance(check.argument, wanted):
        name = {int: "a whole number", str: "a text", tuple: "a list of texts"}[wanted]
        raise ValueError(f"check {check.name} needs {name}, got {check.argument!r}")
    return function(text, check.argument)


@_check(int)
def max_words(text: str, limit: int) -> Violation:
    return None if len(text.split()) <= limit else VIOLATED


@_check(int)
def min_words(text: str, limit: int) -> Violation:
    return None if len(text.split()) >= limit else VIOLATED


@_check(int)
def max_sentences(text: str, limit: int) -> Violation:
    found = sentences(text)
    return None if len(found) <= limit else tuple(Span(start=start, end=end) for start, end in found[limit:])


@_check(tuple)
def includes_any(text: str, phrases: tuple[str, ...]) -> Violation:
    return None if _found(text, phrases) else VIOLATED


@_check(tuple)
def excludes(text: str, phrases: tuple[str, ...]) -> Violation:
    return _found(text, phrases) or None


@_check(tuple)
def opens_with(text: str, phrases: tuple[str, ...]) -> Violation:
    return None if _begins(text.lstrip(), phrases) else VIOLATED


@_check(tuple)
def closes_with(text: str, phrases: tuple[str, ...]) -> Violation:
    found = sentences(text)
    line = text.rstrip().rpartition("\n")[2].strip()
    last = text[found[-1][0] : found[-1][1]] if found else ""
    return None if _begins(line, phrases) or _begins(last, phrases) else VIOLATED


@_check(type(None))
def no_calendar_date(text: str) -> Violation:
    return tuple(_days(text)) or None


@_check(type(None))
def has_calendar_date(text: str) -> Violation:
    return None if _days(text) else VIOLATED


@_check(int)
def bullets(text: str, least: int) -> Violation:
    return None if len(_ITEM.findall(text)) >= least else VIOLATED


@_check(type(None))
def no_bullets(text: str) -> Violation:
    return tuple(_span(m) for m in _ITEM.finditer(text)) or None


@_check(int)
def list_items(text: str, count: int) -> Violation:
    return None if len(_ITEM.findall(text)) == count else VIOLATED


@_check(type(None))
def first_person_singular(text: str) -> Violation:
    if found := tuple(_span(m) for m in _PLURAL.finditer(text)):
        return found
    return None if _SINGULAR.search(text) else VIOLATED


@_check(type(None))
def first_person_plural(text: str) -> Violation:
    if found := tuple(_span(m) for m in _SINGULAR.finditer(text)):
        return found
    return None if _PLURAL.search(text) else VIOLATED


@_check(int)
def max_code_lines(text: str, limit: int) -> Violation:
    blocks = code_blocks(text)
    lines = sum(1 for block in blocks for line in block.of(text).splitlines() if line.strip())
    return None if lines <= limit else blocks


@_check(str)
def keeps_signature(text: str, signature: str) -> Violation:
    """The fenced code defines the function with just this signature; annotations and defaults count."""
    name, wanted = _signature(signature)
    for block in code_blocks(text):
        for found, given in _signatures(block.of(text)):
            if found == name:
                return None if given == wanted else (block,)
    return VIOLATED


@_check(tuple)
def imports_only(text: str, modules: tuple[str, ...]) -> Violation:
    """The fenced code imports nothing but these top-level modules; code that does not parse is no violation."""
    allowed = set(modules)
    return tuple(block for block in code_blocks(text) if not _imports(block.of(text)) <= allowed) or None


@_check(type(None))
def no_code(text: str) -> Violation:
    return code_blocks(text) or None


@_check(type(None))
def has_code(text: str) -> Violation:
    return None if code_blocks(text) else VIOLATED


def _found(text: str, phrases: tuple[str, ...]) -> tuple[Span, ...]:
    """Where any of the phrases stands, whatever its case, not inside a longer word."""
    low = lower(text)
    found = []
    for phrase in phrases:
        wanted = phrase.lower()
        at = low.find(wanted)
        while at >= 0 and wanted:
            if is_whole(low, at, at + len(wanted)):
                found.append(Span(start=at, end=at + len(wanted)))
            at = low.find(wanted, at + 1)
    return tuple(sorted(found, key=lambda span: span.start))


def _begins(text: str, phrases: tuple[str, ...]) -> bool:
    low = lower(text)
    return any(low.startswith(p.lower()) and is_whole(low, 0, len(p)) for p in phrases if p)


def _span(match: re.Match[str]) -> Span:
    return Span(start=match.start(), end=match.end())


def _days(text: str) -> list[Span]:
    return [
        Span(start=start + m.start, end=start + m.end)
        for start, end in sentences(text)
        for m in mentions(text[start:end])
        if m.kind is ClaimKind.date
    ]


def _signature(line: str) -> tuple[str, str]:
    head = line.strip().rstrip(":")
    found = _signatures(f"{head}: ...")
    if not found:
        raise ValueError(f"check keeps_signature needs a line such as 'def f(x: int) -> int', got {line!r}")
    return found[0]


@lru_cache(maxsize=1_024)
def _signatures(code: str) -> tuple[tuple[str, str], ...]:
    return tuple(
        (node.name, f"{ast.unparse(node.args)} -> {ast.unparse(node.returns) if node.returns else ''}")
        for node in _nodes(code)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


@lru_cache(maxsize=1_024)
def _imports(code: str) -> frozenset[str]:
    found: set[str] = set()
    for node in _nodes(code):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found.add(node.module.partition(".")[0])
    return frozenset(found)


def _nodes(code: str) -> list[ast.AST]:
    try:
        return list(ast.walk(ast.parse(code)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
