"""Say which behaviour the code of an answer has: that of the right alternative, of a wrong one, or of none."""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from textwrap import dedent

from forge_arena.types import Case, Claim
from forge_arena.verify.code import MODULES, code_blocks, run_cases
from forge_arena.verify.report import Finding

_IMPORT = re.compile(r"\bimport(?:s|ing)?:? `?(?P<module>[a-z_]\w*)")


def runs_code(behaviours: Iterable[Claim], text: str) -> bool:
    """Whether the code of a text has to be run in a subprocess. This takes tens of milliseconds and up to seconds."""
    claims = tuple(behaviours)
    blocks = code_blocks(text) if claims else ()
    return any(_known_snippet(claim, span.of(text)) is None for claim in claims for span in blocks)


def findings_in_code(claim: Claim, text: str) -> Iterator[Finding]:
    """What the answer's code does.

    The last block that defines what the cases call is the proposal. A block before it may quote the code under
    review, and a block without the definition only shows how the code is called. If no block has the definition,
    the last block is the proposal, and is wrong.
    """
    blocks = code_blocks(text)
    for span in [span for span in blocks if _defines(claim, span.of(text))][-1:] or blocks[-1:]:
        code = span.of(text)
        name = _known_snippet(claim, code)
        if name is None and all(
            result.ok for result in run_cases(_with_named_imports(_flush_left(code), text), claim.cases)
        ):
            name = claim.right.name
        yield Finding(claim.id, name, span.start, span.end)


def modules_not_imported(code: str) -> tuple[str, ...]:
    """The standard modules whose members code uses, although nothing in the code gives them their names."""
    try:
        tree = ast.parse(_flush_left(code))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    bound = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    bound |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    used = {
        node.value.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and isinstance(node.value.ctx, ast.Load)
    }
    return tuple(sorted((used - bound) & MODULES))


def _with_named_imports(code: str, text: str) -> str:
    """The code with the imports that the answer's prose puts at the top of the module: "with `import statistics`"."""
    if not _IMPORT.search(text):
        return code
    named = {match["module"] for match in _IMPORT.finditer(text)}
    missing = [module for module in modules_not_imported(code) if module in named]
    return "".join(f"import {module}\n" for module in missing) + code


def _known_snippet(claim: Claim, code: str) -> str | None:
    """The alternative whose code this is to the letter. What each alternative does was proven with its family."""
    code = _flush_left(code)
    return next((a.name for a in claim.alternatives if any(code == form.strip() for form in a.forms)), None)


def _defines(claim: Claim, code: str) -> bool:
    return _known_snippet(claim, code) is not None or _definition(claim.cases).search(code) is not None


@lru_cache(maxsize=4_096)
def _definition(cases: tuple[Case, ...]) -> re.Pattern[str]:
    """A line that defines one of the functions or classes that the cases call by name."""
    names = {match[0] for case in cases for match in re.finditer(r"\b[^\W\d]\w*(?=\()", case.call)}
    return re.compile(
        rf"^[ \t]*(?:async[ \t]+def|def|class)[ \t]+(?:{'|'.join(map(re.escape, sorted(names)))})\b", re.MULTILINE
    )


def _flush_left(code: str) -> str:
    """Code without the indentation that a block has in a list item."""
    return dedent(code).strip()
