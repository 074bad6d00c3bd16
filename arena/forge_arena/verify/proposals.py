"""Say which behaviour the code of an answer has: that of the right alternative, of a wrong one, or of none."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from textwrap import dedent

from forge_arena.types import Case, Claim
from forge_arena.verify.code import code_blocks, run_cases
from forge_arena.verify.report import Finding


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
        if name is None and all(result.ok for result in run_cases(_flush_left(code), claim.cases)):
            name = claim.right.name
        yield Finding(claim.id, name, span.start, span.end)


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
