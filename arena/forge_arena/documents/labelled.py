"""Propose a scenario without an author, from labels that a person would use. (Not there yet: everything is refused.)"""

from forge_arena.documents.proposal import Proposal
from forge_arena.documents.sections import Stretch

ASK_AN_AUTHOR = "name a model that may read the document with --author"


def propose(stretch: Stretch) -> Proposal | str:
    """A proposal, or the reason why there is none."""
    return f"no labels that a person would use: {ASK_AN_AUTHOR}"
