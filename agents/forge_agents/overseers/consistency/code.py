"""Code in the answer against the signature that a rule keeps."""

import ast
import re
from collections.abc import Iterator

from forge_agents.overseers.consistency.case import (
    OVERRIDE,
    Case,
    Suspicion,
)

_FENCE = re.compile(r"^```[^\n]*\n(?P<body>.*?)^```", re.MULTILINE | re.DOTALL)


def code(case: Case) -> Iterator[Suspicion]:
    """Code that does not parse, or that changes the signature of a function of the source though a rule keeps it."""
    keeps = next((o for o in case.orders if re.search(r"\bsignature\b", o.text, re.IGNORECASE)), None)
    known = _signatures(case.source.text) if keeps else {}
    for block in _FENCE.finditer(case.answer.text):
        for name, signature in _signatures(block["body"]).items():
            if keeps is not None and name in known and known[name] != signature:
                yield Suspicion(
                    OVERRIDE, 0.8, f"def {name}({signature})", keeps.text, "the signature is not the one to be kept"
                )


def _signatures(text: str) -> dict[str, str]:
    """Functions by name with their parameters; of equal names the first counts."""
    found: dict[str, str] = {}
    for match in re.finditer(r"^[ \t]*(?:async )?def (\w+)\(([^()]{0,400})\)", text, re.MULTILINE):
        try:
            tree = ast.parse(f"def f({match[2]}): ...")
        except SyntaxError:
            continue
        function = tree.body[0]
        if isinstance(function, ast.FunctionDef):
            found.setdefault(match[1], ast.unparse(function.args))
    return found
