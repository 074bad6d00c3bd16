"""Overseers behind one protocol: the protocol, the names of overseers, and the review of observations."""

from forge_agents.overseers.base import (
    Completion,
    NoSuchOverseer,
    Overseer,
    OverseerFailed,
    OverseerWithTools,
    Reply,
    ToolAccess,
    WrongReview,
    conditions,
    details,
    wants_tools,
)
from forge_agents.overseers.registry import (
    BUILT_IN,
    every_setting,
    names,
    open_overseer,
    runs_code,
    settings_with_tools,
    use_overseer,
)
from forge_agents.overseers.reviewer import Reviewer

__all__ = [
    "BUILT_IN",
    "Completion",
    "NoSuchOverseer",
    "Overseer",
    "OverseerFailed",
    "OverseerWithTools",
    "Reply",
    "Reviewer",
    "ToolAccess",
    "WrongReview",
    "conditions",
    "details",
    "every_setting",
    "names",
    "open_overseer",
    "runs_code",
    "settings_with_tools",
    "use_overseer",
    "wants_tools",
]
