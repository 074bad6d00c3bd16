"""Find the tools: every module of this package that defines `tool` is one. There is no list to edit."""

import importlib
import pkgutil
from functools import cache

from forge_arena.additions import BadAddition
from forge_arena.tools.base import Tool


@cache
def registry() -> dict[str, Tool]:
    """All tools, by name, in the order of their names.

    Raises:
        BadAddition: a module's `tool` is no `Tool`, or has not the name of its module.
    """
    package = importlib.import_module(__name__.rpartition(".")[0])
    tools: dict[str, Tool] = {}
    for module in pkgutil.iter_modules(package.__path__):
        found = getattr(importlib.import_module(f"{package.__name__}.{module.name}"), "tool", None)
        if found is None:
            continue
        if not isinstance(found, Tool) or found.name != module.name:
            raise BadAddition(
                f"tool {module.name!r}: {package.__name__}.{module.name}.tool must be a Tool of this name"
            )
        tools[module.name] = found
    return dict(sorted(tools.items()))
