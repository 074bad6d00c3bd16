"""Overseers that try to earn the reward without the work: what `forge-arena audit exploits` plays.

A degenerate is a function of an observation and of chance. It returns a verdict, or raw text if it attacks the parser
of verdicts. No degenerate compares the answer with the source.

Every module of this package may hold degenerates; there is no list to edit. A function with `@degenerate` is a
degenerate: its name is the overseer's name, and its docstring says what it tries. A module that makes degenerates from
data, or degenerates that remember, has a function `make_degenerates(commonest)` that yields them.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from types import ModuleType

from forge_arena.audits.degenerates.base import Degenerate, Review, clear, degenerate, flag
from forge_arena.types import CorruptionType, Domain

__all__ = ["Degenerate", "Review", "clear", "degenerate", "degenerates", "flag"]

# Reports list degenerates in this order of modules. Further modules follow in order of their names.
ORDER = ("constants", "surfaces", "types", "explanations", "corrections", "parser", "code", "knowledge")


def degenerates(commonest: Mapping[Domain, CorruptionType] | None = None) -> tuple[Degenerate, ...]:
    """All degenerates: first the functions, then those that modules make.

    They are made anew by every call, because some remember what they saw.

    Args:
        commonest: the most frequent type of each domain, which an overseer that counts may know.
    """
    modules = _modules()
    functions = [value for module in modules for value in vars(module).values() if isinstance(value, Degenerate)]
    makers = [module.make_degenerates for module in modules if hasattr(module, "make_degenerates")]
    return (*functions, *(made for make in makers for made in make(commonest or {})))


def _modules() -> list[ModuleType]:
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    names.sort(key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))
    return [importlib.import_module(f"{__name__}.{name}") for name in names]
