"""Overseers behind one protocol: the protocol, the names of overseers, and the review of observations."""

from forge_agents.overseers.base import (
    Completion,
    NoSuchOverseer,
    Overseer,
    OverseerFailed,
    Reply,
    WrongReview,
    conditions,
)
from forge_agents.overseers.registry import BUILT_IN, names, open_overseer, use_overseer
from forge_agents.overseers.reviewer import Reviewer

__all__ = [
    "BUILT_IN",
    "Completion",
    "NoSuchOverseer",
    "Overseer",
    "OverseerFailed",
    "Reply",
    "Reviewer",
    "WrongReview",
    "conditions",
    "names",
    "open_overseer",
    "use_overseer",
]
