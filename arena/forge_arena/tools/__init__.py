"""What an overseer may use before its verdict: look-ups in the source, arithmetic, code, and questions to the Worker.

Every module of this package that defines `tool` is a tool (`registry`); there is no list to edit. A `ToolProfile` says
how often the tools may be used and what a use costs, and a `Toolbox` keeps an attempt within that budget. A tool sees
the observation and nothing else of an episode, so that no tool can reveal the truth.
"""

from forge_arena.tools.base import Tool, ToolFailed
from forge_arena.tools.profile import DEFAULT, NONE, ToolProfile, ToolProfileError, tool_profile
from forge_arena.tools.registry import registry
from forge_arena.tools.toolbox import Toolbox, answered, read_arguments

__all__ = [
    "DEFAULT",
    "NONE",
    "Tool",
    "ToolFailed",
    "ToolProfile",
    "ToolProfileError",
    "Toolbox",
    "answered",
    "read_arguments",
    "registry",
    "tool_profile",
]
