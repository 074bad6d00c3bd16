"""Exchange a function in an answer's code for the proven code of another approach, and keep the rest of the code."""

import ast
import re
from itertools import takewhile
from textwrap import dedent

from forge_arena.corruptions.draft import Draft, Edit
from forge_arena.types import Alternative, Claim, ClaimKind
from forge_arena.verify.code import code_blocks

_FENCED = re.compile(r"```[^\n]*\n(.*?)```", re.DOTALL)
_QUOTED = re.compile(r"`([^`\n]+)`")


def exchange_code(draft: Draft, claim: Claim, alternative: Alternative) -> tuple[Edit, ...] | None:
    """Put the code of another approach in the place of the answer's function, with the author's docstring.

    Returns: the edits, none if the answer's code does not depend on the choice; None if the scenario has no code for
        the choice, if the code cannot be read, or if the text quotes the code that goes.
    """
    behaviours = [c for c in draft.scenario.claims if c.kind is ClaimKind.behaviour]
    depends = any(claim.id in s.when and "```" in s.text for s in draft.scenario.statements)
    if not behaviours or not depends:
        return ()
    place = next((f for c in behaviours for f in draft.report.of(c.id)), None)
    code = _proven_code(draft, claim, alternative, behaviours[0])
    if place is None or code is None:
        return None
    block = draft.text[place.start : place.end]
    if any(place.start != span.start and span.start < place.start for span in code_blocks(draft.text)):
        return None
    new = _with_function(block, code)
    if new is None or new == block:
        return None
    prose = draft.text[: place.start] + draft.text[place.end :]
    for quoted in _QUOTED.findall(prose):
        if quoted in block and quoted not in new and quoted not in draft.scenario.source_material:
            return None
    return (_changed_lines(place.start, block.rstrip("\n"), new.rstrip("\n")),)


def _changed_lines(start: int, old: str, new: str) -> Edit:
    """The edit from the first to the last line that differs."""
    before, after = old.split("\n"), new.split("\n")
    same = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False))))
    room = min(len(before), len(after)) - same
    alike = len(
        list(takewhile(lambda pair: pair[0] == pair[1], zip(before[::-1][:room], after[::-1][:room], strict=True)))
    )
    first = start + sum(len(line) + 1 for line in before[:same])
    gone, text = "\n".join(before[same : len(before) - alike]), "\n".join(after[same : len(after) - alike])
    return Edit(first, first + len(gone), text)


def _proven_code(draft: Draft, claim: Claim, alternative: Alternative, behaviour: Claim) -> str | None:
    """The right code in the form of the alternative."""
    speaker = draft.speaker(**{claim.id: alternative.name})
    for statement in draft.scenario.statements:
        if behaviour.id in statement.says and claim.id in statement.when and speaker.fits(statement):
            match = _FENCED.search(speaker.sentence(statement))
            if match is not None:
                return match[1].strip("\n")
    return None


def _with_function(block: str, code: str) -> str | None:
    """A block with one function exchanged for its namesake in `code`, and with the imports that the new one needs."""
    try:
        old, new = ast.parse(block), ast.parse(dedent(code))
    except (SyntaxError, ValueError, RecursionError):
        return None
    function = next((n for n in new.body if isinstance(n, ast.FunctionDef)), None)
    place = next((n for n in old.body if isinstance(n, ast.FunctionDef) and function and n.name == function.name), None)
    if function is None or place is None or block[:1].isspace():
        return None
    lines, fresh = block.split("\n"), code.split("\n")
    body = fresh[function.lineno - 1 : function.end_lineno]
    docstring = _docstring_lines(lines, place)
    own = _docstring_lines(fresh, function)
    if own:
        at = _first_line(function) - function.lineno
        del body[at : at + len(own)]
    if docstring:
        at = _first_line(function) - function.lineno
        body[at:at] = docstring
    rest = [n for n in old.body if n is not place]
    used = {
        n.id
        for node in rest
        if not isinstance(node, ast.Import | ast.ImportFrom)
        for n in ast.walk(node)
        if isinstance(n, ast.Name)
    }
    needed = [ast.unparse(n) for n in new.body if isinstance(n, ast.Import | ast.ImportFrom)]
    kept = [
        "\n".join(lines[n.lineno - 1 : n.end_lineno])
        for n in rest
        if isinstance(n, ast.Import | ast.ImportFrom)
        and {(a.asname or a.name).partition(".")[0] for a in n.names} & used
    ]
    imports = [*kept, *(line for line in needed if line not in kept)]
    remaining = [n for n in old.body if not isinstance(n, ast.Import | ast.ImportFrom)]
    head = min(min([n.lineno, *(d.lineno for d in getattr(n, "decorator_list", ()))]) for n in remaining) - 1
    # A comment right above a function belongs to the function.
    while head and lines[head - 1].startswith("#"):
        head -= 1
    text = "\n".join([*lines[head : place.lineno - 1], *body, *lines[place.end_lineno :]]).strip("\n")
    before = [line for line in lines[:head] if line.strip().startswith("#")]
    if before:
        return None
    return "\n".join(imports) + "\n\n\n" + text if imports else text


def _docstring_lines(lines: list[str], function: ast.FunctionDef) -> list[str]:
    if ast.get_docstring(function) is None:
        return []
    node = function.body[0]
    return lines[node.lineno - 1 : node.end_lineno]


def _first_line(function: ast.FunctionDef) -> int:
    """The line where the body begins."""
    return function.body[0].lineno
