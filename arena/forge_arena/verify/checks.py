"""The checks that a constraint can demand of an answer, each registered under its name.

A check says where an answer violates it, or None if the answer keeps it. All checks are linear in the text.

The search for phrases ignores case, typographic quotes and dashes, line breaks, and Markdown emphasis around words:
"**Severity:** major" holds the phrase "Severity: major".
"""

import ast
import re
from bisect import bisect
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from textwrap import dedent
from typing import TypeAlias

from forge_arena.suggest import did_you_mean
from forge_arena.texts.sentences import is_whole, lower, sentences
from forge_arena.texts.spacing import exchanged
from forge_arena.texts.values import mentions
from forge_arena.texts.words import word_count
from forge_arena.types import Check, ClaimKind, Span
from forge_arena.verify.code import code_blocks

Violation: TypeAlias = tuple[Span, ...] | None
VIOLATED: tuple[Span, ...] = ()

# The patterns begin with a rare character, which makes them fast. Functions look at the characters before a match.
_ITEM = re.compile(r"\n[ \t]*(?:[-*\u2022]|\d{1,2}[.)])[ \t]+(?=\S)")
_SINGULAR = re.compile(r"[IMm](?:(?<=I)(?![/]|\.\w)|(?<=[Mm])(?:y(?:self)?|e|Y|E)|(?<=m)ine)(?!\w)")
_PLURAL = re.compile(r"[OUWouw](?:(?<=[Ww])(?:e|E)|(?<=[Oo])(?:urs?|urselves|URS?)|(?<=[Uu])s)(?!\w)")
_DETERMINER = re.compile(r"\b(?:the|an?|this|that|its|your|each) $", re.IGNORECASE)
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
_SAME_SIGN = {"\u2019": "'", "\u2018": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "-"}

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
    """Where `text` violates the check; None if the text keeps it.

    The tuple is empty if the violation is at no place in particular.

    Raises:
        ValueError: no such check, or an argument that it does not take.
    """
    if (why := refusal(check)) is not None:
        raise ValueError(why)
    wanted, function = _checks[check.name]
    return function(text) if wanted is type(None) else function(text, check.argument)


def refusal(check: Check) -> str | None:
    """Why there is no such check, or why it does not take its argument; None if all is well."""
    if check.name not in _checks:
        return f"no check {check.name!r}.{did_you_mean(check.name, _checks)}"
    wanted, function = _checks[check.name]
    argument = check.argument
    if wanted is type(None):
        return f"check {check.name} needs no argument, got {argument!r}" if argument != () else None
    if not isinstance(argument, wanted) or (isinstance(argument, int) and argument < 0):
        return f"check {check.name} needs {_NEEDS[wanted]}, got {argument!r}"
    if isinstance(argument, tuple) and not (all(map(str.strip, argument)) and (argument or function is imports_only)):
        return f"check {check.name} needs {_NEEDS[tuple]}, none of them empty, got {argument!r}"
    return None


@_check(int)
def max_words(text: str, limit: int) -> Violation:
    """The marks of a list and of code, and lone dashes, are no words; `min_words` counts in the same way."""
    return None if word_count(text) <= limit else VIOLATED


@_check(int)
def min_words(text: str, limit: int) -> Violation:
    return None if word_count(text) >= limit else VIOLATED


@_check(int)
def max_sentences(text: str, limit: int) -> Violation:
    spans = sentences(text)
    return None if len(spans) <= limit else tuple(Span(start=start, end=end) for start, end in spans[limit:])


@_check(tuple)
def includes_any(text: str, phrases: tuple[str, ...]) -> Violation:
    return None if _places(text, phrases) else VIOLATED


@_check(tuple)
def excludes(text: str, phrases: tuple[str, ...]) -> Violation:
    return _places(text, phrases) or None


@_check(tuple)
def opens_with(text: str, phrases: tuple[str, ...]) -> Violation:
    """The text begins with one of the phrases. A line with the subject of a mail may come before."""
    return None if _begins(text, phrases) or _begins(_without_subject(text), phrases) else VIOLATED


@_check(tuple)
def greets_by(text: str, names: tuple[str, ...]) -> Violation:
    """The first words greet somebody by one of these names and by nothing else.

    "Dear Ana", "Good morning, Ana" and "Ana," greet by "Ana"; "Dear Ana Roe", "Dear Ms Ana" and "Ana's parcel" do not.
    "Dear Ms. Roe" and "Dear Ms Ana Roe" greet by "Ms Roe". A line with the subject may come before the greeting.
    """
    start = _without_subject(text[:1_000])
    first = exchanged(_BEFORE_WORDS.sub("", start, count=1), _SAME_SIGN).partition("\n")[0]
    greeting = " ".join(first.split()[:_GREETING_WORDS])
    return None if any(_is_greeted(greeting, name) for name in names) else VIOLATED


@_check(tuple)
def closes_with(text: str, phrases: tuple[str, ...]) -> Violation:
    """The last sentence begins with one of the phrases, or the text ends with one.

    Under a phrase with a comma, such as "Yours faithfully,", a name may stand.
    """
    return (
        None
        if any(_begins(_last_sentence(end), phrases) or _ends(end, phrases) for end in _ends_of(text))
        else VIOLATED
    )


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
    items = _items(text)
    return None if len(items) == count else items[count:]


@_check(type(None))
def first_person_singular(text: str) -> Violation:
    """Speaks as "I" and never as "we"."""
    return _places_of_person(_PLURAL, text) or (None if _places_of_person(_SINGULAR, text) else VIOLATED)


@_check(type(None))
def first_person_plural(text: str) -> Violation:
    """Speaks as "we" and never as "I"."""
    return _places_of_person(_SINGULAR, text) or (None if _places_of_person(_PLURAL, text) else VIOLATED)


@_check(type(None))
def no_first_person_singular(text: str) -> Violation:
    return _places_of_person(_SINGULAR, text) or None


@_check(type(None))
def no_first_person_plural(text: str) -> Violation:
    return _places_of_person(_PLURAL, text) or None


@_check(type(None))
def no_second_person(text: str) -> Violation:
    return _places_of_person(_SECOND, text) or None


@_check(int)
def max_code_lines(text: str, limit: int) -> Violation:
    blocks = code_blocks(text)
    lines = sum(1 for block in blocks for line in block.of(text).splitlines() if line.strip())
    return None if lines <= limit else blocks


@_check(str)
def keeps_signature(text: str, signature: str) -> Violation:
    """The last fenced block that defines the function gives it just this signature, with annotations and defaults.

    A block before it may quote the code under review.
    """
    name, wanted = _signature(signature)
    for block in reversed(code_blocks(text)):
        signatures = [signature for defined, signature in _signatures(block.of(text)) if defined == name]
        if signatures:
            return None if all(signature == wanted for signature in signatures) else (block,)
    return VIOLATED


@_check(tuple)
def imports_only(text: str, modules: tuple[str, ...]) -> Violation:
    """The fenced code imports only these top-level modules. Code that does not parse is read by its lines."""
    allowed = set(modules)
    return tuple(block for block in code_blocks(text) if not _imports(block.of(text)) <= allowed) or None


@_check(tuple)
def code_includes(text: str, phrases: tuple[str, ...]) -> Violation:
    return None if any(_places(block.of(text), phrases) for block in code_blocks(text)) else VIOLATED


@_check(tuple)
def code_excludes(text: str, phrases: tuple[str, ...]) -> Violation:
    return (
        tuple(
            Span(start=block.start + span.start, end=block.start + span.end)
            for block in code_blocks(text)
            for span in _places(block.of(text), phrases)
        )
        or None
    )


@_check(type(None))
def has_docstring(text: str) -> Violation:
    """A function in the last fenced block that defines one has a docstring."""
    proposal = _proposal(text)
    return None if proposal is not None and _has_docstring(proposal.of(text)) else VIOLATED


@_check(type(None))
def no_docstring(text: str) -> Violation:
    """No function in the last fenced block that defines one has a docstring."""
    proposal = _proposal(text)
    return (proposal,) if proposal is not None and _has_docstring(proposal.of(text)) else None


@_check(type(None))
def no_code(text: str) -> Violation:
    return code_blocks(text) or None


@_check(type(None))
def has_code(text: str) -> Violation:
    return None if code_blocks(text) else VIOLATED


def _places(text: str, phrases: tuple[str, ...]) -> tuple[Span, ...]:
    """The places of the phrases, except inside longer words."""
    low = _plain(text)
    spans: list[Span] = []
    for phrase in phrases:
        word, pattern = _pattern(phrase)
        if word in low:
            spans += [Span(start=m.start(), end=m.end()) for m in pattern.finditer(low) if is_whole(low, *m.span())]
    return tuple(sorted(spans, key=lambda span: span.start))


def _begins(text: str, phrases: tuple[str, ...]) -> bool:
    low = _plain(text)
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
    end = _plain(text).rstrip(_AFTER_WORDS)
    for phrase in phrases:
        wanted = _plain(phrase).rstrip(_AFTER_WORDS)
        start = len(end) - len(wanted)
        if wanted and end.endswith(wanted) and is_whole(end, start, len(end)):
            return True
    return False


def _without_subject(text: str) -> str:
    """The text without a first line such as "Subject: your refund"."""
    subject = _SUBJECT_LINE.match(text)
    return text if subject is None else text[subject.end() :]


def _ends_of(text: str) -> Iterator[str]:
    """The text, and the text without a signature under a line that ends with a comma."""
    yield text
    lines = [line for line in text.rstrip().split("\n") if line.strip()]
    for place in range(max(0, len(lines) - _SIGNATURE_LINES), len(lines) - 1):
        under = lines[place + 1 :]
        if lines[place].rstrip(" *_").endswith(",") and len(" ".join(under).split()) <= _SIGNATURE_WORDS // 2:
            yield "\n".join(lines[: place + 1]).rstrip(" *_,")
            return


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
    title, *others = exchanged(name, _SAME_SIGN).split()
    rest = " ".join(others)
    between = r"\.? (?:[^\W\d_][\w'.-]{0,30} )?" if re.fullmatch(_TITLES, title, re.IGNORECASE) else " "
    return re.compile(re.escape(title) + (between + re.escape(rest) if rest else ""), re.IGNORECASE)


@lru_cache(maxsize=16_384)
def _pattern(phrase: str) -> tuple[str, re.Pattern[str]]:
    """The first word of a phrase, for a quick search, and the phrase with room for Markdown and line breaks."""
    pieces = _PIECE.findall(_plain(phrase).strip())
    pattern = ""
    for before, piece in zip(["", *pieces], pieces, strict=False):
        if piece.isspace():
            pattern += _GAP
        else:
            pattern += (_EMPHASIS if before and not before.isspace() else "") + re.escape(piece)
    return pieces[0], re.compile(pattern)


@lru_cache(maxsize=256)
def _plain(text: str) -> str:
    """The text in lower case, with plain quotes and dashes. Its length stays the same, so positions stay valid."""
    return lower(exchanged(text, _SAME_SIGN))


def _last_line(text: str) -> str:
    return text.rstrip().rpartition("\n")[2]


def _last_sentence(text: str) -> str:
    spans = sentences(text)
    return text[slice(*spans[-1])] if spans else ""


def _items(text: str) -> tuple[Span, ...]:
    """The marks of the list items, except in fenced code, where a dash is a sign or begins a line of a diff."""
    return _in_prose(text, (Span(start=m.start(), end=m.end() - 1) for m in _ITEM.finditer(f"\n{text}")))


def _places_of_person(person: re.Pattern[str], text: str) -> tuple[Span, ...]:
    """Where the text speaks of its author. Nobody speaks in "Section I", "I/O" and "US"."""
    return _in_prose(
        text,
        (Span(start=m.start(), end=m.end()) for m in person.finditer(text) if _is_person(text, m.start(), m.end())),
    )


def _is_person(text: str, start: int, end: int) -> bool:
    before = text[start - 1 : start]
    if before.isalnum() or before == "_":
        return False
    if text[start:end] != "I":
        # "The My page" names a page.
        return not (text[start].isupper() and _DETERMINER.search(text, max(0, start - 8), start))
    return before not in ("/", ".") and not _NUMBERED.search(text, max(0, start - 12), start)


def _in_prose(text: str, spans: Iterable[Span]) -> tuple[Span, ...]:
    """The spans that lie outside fenced code."""
    spans = tuple(spans)
    if not spans:
        return spans
    blocks = code_blocks(text)
    starts = [block.start for block in blocks]
    return tuple(span for span in spans if not (at := bisect(starts, span.start)) or blocks[at - 1].end <= span.start)


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
    signatures = _signatures(f"{head}: ...")
    if not signatures:
        raise ValueError(f"check keeps_signature needs a line such as 'def f(x: int) -> int', got {line!r}")
    return signatures[0]


@lru_cache(maxsize=1_024)
def _signatures(code: str) -> tuple[tuple[str, str], ...]:
    defined = [node for node in _nodes(code) or () if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return tuple((node.name, _signature_text(node)) for node in defined)


def _proposal(text: str) -> Span | None:
    """The last fenced block that defines a function: a block before it may quote the code under review."""
    return next((block for block in reversed(code_blocks(text)) if _signatures(block.of(text))), None)


@lru_cache(maxsize=1_024)
def _has_docstring(code: str) -> bool:
    defined = [node for node in _nodes(code) or () if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return any(ast.get_docstring(node, clean=False) is not None for node in defined)


def _signature_text(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """The signature as Python would write it; empty if a default or an annotation is nested too deeply to be read."""
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
    modules: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
            modules.add(node.module)
        elif isinstance(node, ast.Call) and _is_import(node.func):
            modules.update(
                arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
            )
    return frozenset(name.partition(".")[0] for name in modules)


def _is_import(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", None)
    return name in ("__import__", "import_module")


def _nodes(code: str) -> list[ast.AST] | None:
    """The nodes of the code's syntax tree; None if it is no Python."""
    try:
        return list(ast.walk(ast.parse(dedent(code))))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
