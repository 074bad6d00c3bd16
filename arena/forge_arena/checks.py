"""The checks that a constraint can demand of an answer; each one registered under its name.

A check says where an answer violates it, or None where it is kept. All are linear in the text.

Phrases are found whatever their case, their typographic quotes and dashes, their line breaks and the Markdown emphasis
around their words: "**Severity:** major" holds the phrase "Severity: major".
"""

import ast
import re
from bisect import bisect
from collections.abc import Callable, Iterable
from functools import lru_cache
from textwrap import dedent
from typing import TypeAlias

from forge_arena.code import code_blocks
from forge_arena.suggest import did_you_mean
from forge_arena.text import is_whole, lower, sentences
from forge_arena.types import Check, ClaimKind, Span
from forge_arena.values import mentions

Violation: TypeAlias = tuple[Span, ...] | None
VIOLATED: tuple[Span, ...] = ()

# The patterns begin with what is rare, which is what makes them fast; what stands before a match is looked at after.
_ITEM = re.compile(r"\n[ \t]*(?:[-*\u2022]|\d{1,2}[.)])[ \t]+(?=\S)")
_SINGULAR = re.compile(r"[IMm](?:(?<=I)(?![/]|\.\w)|(?<=[Mm])(?:y(?:self)?|e|Y|E)|(?<=m)ine)(?!\w)")
_PLURAL = re.compile(r"[OUWouw](?:(?<=[Ww])(?:e|E)|(?<=[Oo])(?:urs?|urselves|URS?)|(?<=[Uu])s)(?!\w)")
_NUMBERED = re.compile(
    r"\b(?:annex|appendix|article|category|chapter|class|exhibit|level|part|phase|schedule|section|tier|title|type|volume)"
    r"\s$",
    re.IGNORECASE,
)
_ORDINAL = re.compile(
    r"\d{1,2}(?:st|nd|rd|th)\b(?! (?:attempt|anniversary|century|day|month|percentile|time|week|year)\b)", re.IGNORECASE
)
_BEFORE_A_DAY = re.compile(
    r"\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day,? (?:the )?|(?:on|by|before|after|until|till|from) the )$",
    re.IGNORECASE,
)
_SECOND = re.compile(r"[Yy](?:ou(?:rs?|rself|rselves)?|OU(?:RS?)?)(?!\w)")
# What Markdown and quotation marks may put around the first and the last words of an answer.
_BEFORE_WORDS = re.compile(r"[\s>#*_`\"'\[(-]*")
_AFTER_WORDS = " \t\r\n.!*_`\"')]"
_SUBJECT_LINE = re.compile(r"\s*[*_]{0,3}(?:re|subject):[^\n]{0,200}\n", re.IGNORECASE)
_EMPHASIS = r"[*`]{0,3}"
_GAP = r"[*_`]{0,3}\s{1,3}[*_`]{0,3}"
_PIECE = re.compile(r"\s+|\w+|[^\w\s]")
_TITLES = r"mr|mrs|ms|miss|mx|dr|prof|sir|madam"
_A_TITLE_BEFORE = re.compile(rf"\b(?:{_TITLES})\.? $", re.IGNORECASE)
_GREETING_WORDS = 8
_SIGNATURE_LINES, _SIGNATURE_WORDS = 4, 16
_SAME_SIGN = str.maketrans({"\u2019": "'", "\u2018": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "-"})

_IMPORT_LINE = re.compile(r"^[+ \t]*(?:from[ \t]+(\w+)[\w.]*[ \t]+import\b|import[ \t]+(\w+))", re.MULTILINE)

_NEEDS = {int: "a whole number, 0 or more", str: "a text", tuple: "a list of texts"}

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
        raise ValueError(f"no check {check.name!r}.{did_you_mean(check.name, _checks)}")
    wanted, function = _checks[check.name]
    argument = check.argument
    if wanted is type(None):
        if argument != ():
            raise ValueError(f"check {check.name} needs no argument, got {argument!r}")
        return function(text)
    if not isinstance(argument, wanted) or (isinstance(argument, int) and argument < 0):
        raise ValueError(f"check {check.name} needs {_NEEDS[wanted]}, got {argument!r}")
    if isinstance(argument, tuple) and not (all(map(str.strip, argument)) and (argument or function is imports_only)):
        raise ValueError(f"check {check.name} needs {_NEEDS[tuple]}, none of them empty, got {argument!r}")
    return function(text, argument)


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
    return None if _begins(text, phrases) else VIOLATED


@_check(tuple)
def greets_by(text: str, names: tuple[str, ...]) -> Violation:
    """The first words greet somebody by one of these names and by nothing more.

    "Dear Ana", "Good morning, Ana" and "Ana," greet by "Ana"; "Dear Ana Roe", "Dear Ms Ana" and "Ana's parcel" do not.
    "Dear Ms. Roe" and "Dear Ms Ana Roe" greet by "Ms Roe". A line with the subject may stand before the greeting.
    """
    start = _SUBJECT_LINE.sub("", text[:1_000], count=1)
    first = _BEFORE_WORDS.sub("", start, count=1).translate(_SAME_SIGN).partition("\n")[0]
    greeting = " ".join(first.split()[:_GREETING_WORDS])
    return None if any(_is_greeted(greeting, name) for name in names) else VIOLATED


@_check(tuple)
def closes_with(text: str, phrases: tuple[str, ...]) -> Violation:
    """The last sentence begins with one of the phrases, or the text ends with one."""
    return None if _begins(_last_sentence(text), phrases) or _ends(text, phrases) else VIOLATED


@_check(tuple)
def last_line_begins(text: str, phrases: tuple[str, ...]) -> Violation:
    return None if _begins(_last_line(text), phrases) else VIOLATED


@_check(tuple)
def signs_with(text: str, phrases: tuple[str, ...]) -> Violation:
    """One of the last lines begins with one of the phrases; a name and a function may follow it."""
    lines = [line for line in text.splitlines() if line.strip()][-_SIGNATURE_LINES:]
    for place, line in enumerate(lines):
        if _begins(line, phrases) and len(" ".join(lines[place:]).split()) <= _SIGNATURE_WORDS:
            return None
    return None if _begins(_last_sentence(text), phrases) else VIOLATED


@_check(type(None))
def no_calendar_date(text: str) -> Violation:
    return tuple(_days(text)) or None


@_check(type(None))
def has_calendar_date(text: str) -> Violation:
    return None if _days(text) else VIOLATED


@_check(int)
def bullets(text: str, least: int) -> Violation:
    return None if len(_items(text)) >= least else VIOLATED


@_check(type(None))
def no_bullets(text: str) -> Violation:
    return _items(text) or None


@_check(int)
def list_items(text: str, count: int) -> Violation:
    found = _items(text)
    return None if len(found) == count else found[count:]


@_check(type(None))
def first_person_singular(text: str) -> Violation:
    """Speaks as "I" and never as "we"."""
    return _own(_PLURAL, text) or (None if _own(_SINGULAR, text) else VIOLATED)


@_check(type(None))
def first_person_plural(text: str) -> Violation:
    """Speaks as "we" and never as "I"."""
    return _own(_SINGULAR, text) or (None if _own(_PLURAL, text) else VIOLATED)


@_check(type(None))
def no_first_person_singular(text: str) -> Violation:
    return _own(_SINGULAR, text) or None


@_check(type(None))
def no_first_person_plural(text: str) -> Violation:
    return _own(_PLURAL, text) or None


@_check(type(None))
def no_second_person(text: str) -> Violation:
    return _own(_SECOND, text) or None


@_check(int)
def max_code_lines(text: str, limit: int) -> Violation:
    blocks = code_blocks(text)
    lines = sum(1 for block in blocks for line in block.of(text).splitlines() if line.strip())
    return None if lines <= limit else blocks


@_check(str)
def keeps_signature(text: str, signature: str) -> Violation:
    """The last fenced block that defines the function does so with just this signature; annotations and defaults count.
    A block before it may quote the code under review."""
    name, wanted = _signature(signature)
    for block in reversed(code_blocks(text)):
        given = [found for defines, found in _signatures(block.of(text)) if defines == name]
        if given:
            return None if all(found == wanted for found in given) else (block,)
    return VIOLATED


@_check(tuple)
def imports_only(text: str, modules: tuple[str, ...]) -> Violation:
    """The fenced code imports nothing but these top-level modules; code that does not parse is read by its lines."""
    allowed = set(modules)
    return tuple(block for block in code_blocks(text) if not _imports(block.of(text)) <= allowed) or None


@_check(tuple)
def code_includes(text: str, phrases: tuple[str, ...]) -> Violation:
    return None if any(_found(block.of(text), phrases) for block in code_blocks(text)) else VIOLATED


@_check(tuple)
def code_excludes(text: str, phrases: tuple[str, ...]) -> Violation:
    return (
        tuple(
            Span(start=block.start + span.start, end=block.start + span.end)
            for block in code_blocks(text)
            for span in _found(block.of(text), phrases)
        )
        or None
    )


@_check(type(None))
def has_docstring(text: str) -> Violation:
    """A function in the last fenced block that defines one has a docstring."""
    proposal = _proposal(text)
    return None if proposal is not None and _documents(proposal.of(text)) else VIOLATED


@_check(type(None))
def no_docstring(text: str) -> Violation:
    """No function in the last fenced block that defines one has a docstring."""
    proposal = _proposal(text)
    return (proposal,) if proposal is not None and _documents(proposal.of(text)) else None


@_check(type(None))
def no_code(text: str) -> Violation:
    return code_blocks(text) or None


@_check(type(None))
def has_code(text: str) -> Violation:
    return None if code_blocks(text) else VIOLATED


def _found(text: str, phrases: tuple[str, ...]) -> tuple[Span, ...]:
    """Where any of the phrases stands, not inside a longer word."""
    low = _sign(text)
    found = []
    for phrase in phrases:
        word, pattern = _pattern(phrase)
        if word in low:
            found += [Span(start=m.start(), end=m.end()) for m in pattern.finditer(low) if is_whole(low, *m.span())]
    return tuple(sorted(found, key=lambda span: span.start))


def _begins(text: str, phrases: tuple[str, ...]) -> bool:
    low = _sign(text)
    marks = _BEFORE_WORDS.match(low)
    starts = {len(low) - len(low.lstrip()), marks.end() if marks else 0}
    for phrase in phrases:
        # A phrase may begin with a mark itself, as "# note" does.
        for at in starts:
            match = _pattern(phrase)[1].match(low, at)
            if match is not None and is_whole(low, *match.span()):
                return True
    return False


def _ends(text: str, phrases: tuple[str, ...]) -> bool:
    end = _sign(text).rstrip(_AFTER_WORDS)
    for phrase in phrases:
        wanted = _sign(phrase).rstrip(_AFTER_WORDS)
        start = len(end) - len(wanted)
        if wanted and end.endswith(wanted) and is_whole(end, start, len(end)):
            return True
    return False


def _is_greeted(greeting: str, name: str) -> bool:
    for match in _name_pattern(name).finditer(greeting):
        before, after = greeting[: match.start()], greeting[match.end() :]
        inside_a_word = before[-1:].isalnum() or after[:1].isalnum() or after.startswith("'s")
        inside_a_name = _A_TITLE_BEFORE.search(before) or (after[:1] == " " and after[1:2].isupper())
        if not inside_a_word and not inside_a_name:
            return True
    return False


@lru_cache(maxsize=4_096)
def _name_pattern(name: str) -> re.Pattern[str]:
    """A name as it may be written: with a dot after the title, and with a given name between title and surname."""
    title, *others = name.translate(_SAME_SIGN).split()
    rest = " ".join(others)
    between = r"\.? (?:[^\W\d_][\w'.-]{0,30} )?" if re.fullmatch(_TITLES, title, re.IGNORECASE) else " "
    return re.compile(re.escape(title) + (between + re.escape(rest) if rest else ""), re.IGNORECASE)


@lru_cache(maxsize=16_384)
def _pattern(phrase: str) -> tuple[str, re.Pattern[str]]:
    """The first word of a phrase, which is quickly looked for, and the phrase with room for Markdown and line breaks."""
    pieces = _PIECE.findall(_sign(phrase).strip())
    pattern = ""
    for before, piece in zip(["", *pieces], pieces, strict=False):
        if piece.isspace():
            pattern += _GAP
        else:
            pattern += (_EMPHASIS if before and not before.isspace() else "") + re.escape(piece)
    return pieces[0], re.compile(pattern)


@lru_cache(maxsize=256)
def _sign(text: str) -> str:
    """In lower case and with plain quotes and dashes; as long as before, so that positions stay valid."""
    return lower(text.translate(_SAME_SIGN))


def _last_line(text: str) -> str:
    return text.rstrip().rpartition("\n")[2]


def _last_sentence(text: str) -> str:
    found = sentences(text)
    return text[found[-1][0] : found[-1][1]] if found else ""


def _items(text: str) -> tuple[Span, ...]:
    """The marks of the list items: not in fenced code, where a dash is a sign or a line of a diff."""
    return _in_prose(text, (Span(start=m.start(), end=m.end() - 1) for m in _ITEM.finditer(f"\n{text}")))


def _own(person: re.Pattern[str], text: str) -> tuple[Span, ...]:
    """Where the text speaks of itself; "Section I" and "I/O" are nobody speaking, and neither is "US"."""
    return _in_prose(
        text, (Span(start=m.start(), end=m.end()) for m in person.finditer(text) if _is_own(text, m.start(), m.end()))
    )


def _is_own(text: str, start: int, end: int) -> bool:
    before = text[start - 1 : start]
    if before.isalnum() or before == "_":
        return False
    if text[start:end] != "I":
        return True
    return before not in ("/", ".") and not _NUMBERED.search(text, max(0, start - 12), start)


def _in_prose(text: str, spans: Iterable[Span]) -> tuple[Span, ...]:
    found = tuple(spans)
    if not found:
        return found
    blocks = code_blocks(text)
    starts = [block.start for block in blocks]
    return tuple(span for span in found if not (at := bisect(starts, span.start)) or blocks[at - 1].end <= span.start)


def _days(text: str) -> list[Span]:
    named = [
        Span(start=start + m.start, end=start + m.end)
        for start, end in sentences(text)
        for m in mentions(text[start:end])
        if m.kind is ClaimKind.date
    ]
    return named or [
        Span(start=m.start() - len(before[0]), end=m.end())
        for m in _ORDINAL.finditer(text)
        if (before := _BEFORE_A_DAY.search(text, max(0, m.start() - 16), m.start()))
    ]


def _signature(line: str) -> tuple[str, str]:
    head = line.strip().rstrip(":")
    found = _signatures(f"{head}: ...")
    if not found:
        raise ValueError(f"check keeps_signature needs a line such as 'def f(x: int) -> int', got {line!r}")
    return found[0]


@lru_cache(maxsize=1_024)
def _signatures(code: str) -> tuple[tuple[str, str], ...]:
    defined = [node for node in _nodes(code) or () if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return tuple((node.name, _written(node)) for node in defined)


def _proposal(text: str) -> Span | None:
    """The last fenced block that defines a function: a block before it may quote the code under review."""
    return next((block for block in reversed(code_blocks(text)) if _signatures(block.of(text))), None)


@lru_cache(maxsize=1_024)
def _documents(code: str) -> bool:
    defined = [node for node in _nodes(code) or () if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return any(ast.get_docstring(node, clean=False) is not None for node in defined)


def _written(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """The signature as Python would write it; empty where a default or an annotation is nested beyond reading."""
    try:
        returns = ast.unparse(node.returns) if node.returns else ""
        return f"{type(node).__name__}({ast.unparse(node.args)}) -> {returns}"
    except RecursionError:
        return ""


@lru_cache(maxsize=1_024)
def _imports(code: str) -> frozenset[str]:
    nodes = _nodes(code)
    if nodes is None:
        return frozenset(m[1] or m[2] for m in _IMPORT_LINE.finditer(code))
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
            found.add(node.module)
        elif isinstance(node, ast.Call) and _importing(node.func):
            found.update(
                arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
            )
    return frozenset(name.partition(".")[0] for name in found)


def _importing(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", None)
    return name in ("__import__", "import_module")


def _nodes(code: str) -> list[ast.AST] | None:
    """What the code consists of; None where it is no Python."""
    try:
        return list(ast.walk(ast.parse(dedent(code))))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
