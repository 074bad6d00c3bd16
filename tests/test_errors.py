"""The tree of errors: every error that a user can mend has one root; the docstring of `errors.py` shows the tree."""

import ast
import builtins
from pathlib import Path

from forge_arena import errors

PACKAGES = ("arena/forge_arena", "server/forge_server", "agents/forge_agents", "agents/forge_command")
ROOT = "ForgeArenaError"
# These never leave the server: what it answers over HTTP, and a write that is tried again.
WITHIN_THE_SERVER = ("Refused", "ContestedError")
# These become the reasons for which a part of an author's proposal is dropped.
WITHIN_KEEPING = ("NotKept", "NoValue")
# These end a thread of a command that was stopped.
WITHIN_A_COMMAND = ("_Stopped",)
# This carries the results of code that ended too late past the memory of results.
WITHIN_RUNNING_CODE = ("_Late",)
# What the checkers of `forge_arena.testing` raise: an assertion, as a test's own.
ASSERTIONS = ("PromiseBroken",)


def error_classes() -> dict[str, tuple[str, list[str]]]:
    """Every class of an exception, with the package that defines it and the names of its bases."""
    classes: dict[str, tuple[str, list[str]]] = {}
    for package in PACKAGES:
        folder = Path(__file__).parents[1] / package
        for file in sorted(folder.rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef):
                    classes[node.name] = (
                        "" if file == Path(errors.__file__) else folder.name,
                        [base.id for base in node.bases if isinstance(base, ast.Name)],
                    )

    def is_error(name: str) -> bool:
        known = getattr(builtins, name, None)
        if isinstance(known, type):
            return issubclass(known, BaseException)
        return name in classes and any(is_error(base) for base in classes[name][1])

    return {name: place for name, place in classes.items() if is_error(name)}


def tree(name: str, classes: dict[str, tuple[str, list[str]]], depth: int = 0) -> list[str]:
    """The lines of the docstring for an error and the errors under it."""
    package = classes[name][0]
    place = f" ({package})" if package else ""
    below = sorted(other for other, (_, bases) in classes.items() if name in bases)
    return [f"{'  ' * depth}* {name}{place}", *(line for other in below for line in tree(other, classes, depth + 1))]


def test_every_error_has_the_one_root() -> None:
    classes = error_classes()
    known = {
        line.split()[1]
        for root in (ROOT, *WITHIN_THE_SERVER, *WITHIN_KEEPING, *WITHIN_A_COMMAND, *WITHIN_RUNNING_CODE, *ASSERTIONS)
        for line in tree(root, classes)
    }
    assert set(classes) - known == set()


def test_the_docstring_shows_the_tree() -> None:
    shown = [line for line in (errors.__doc__ or "").splitlines() if line.lstrip().startswith("* ")]
    assert shown == tree(ROOT, error_classes())
