"""Invent the title of a section that a document does not have, from the document's own words.

A list of usual titles ("General provisions") would tell the invented ones without the document. So the title is a thing
of which the document speaks, without a section of its own: "the pick-up slip has to be signed" gives "Pick-up Slip".
The thing is in no title and in no fact, so that nobody takes the invented section for a section of the document.
"""

import re
from collections.abc import Iterator, Sequence, Set

from forge_arena.documents.headings.titles import is_name
from forge_arena.texts.words import content

_DETERMINER = r"\b(?i:the|an?|your|our|their|its|his|her|any|each|every|this|no)"
# Two words behind a determiner and before something that ends the name of a thing.
_THING = re.compile(
    rf"{_DETERMINER} (?P<name>[a-z][a-z-]{{2,}}(?: [a-z][a-z-]{{2,}})?)"
    r"(?=[.,;:)]| (?:is|are|was|were|will|must|may|shall|can|cannot|should|has|have|of|for|on|in|at|to|from|with|and|or"
    r"|if|when|that|which|before|after|until|within|under)\b)"
)
# Words that name no thing of their own.
_VAGUE = re.compile(
    r"\b(?:following|same|other|certain|such|first|second|third|last|next|new|own|whole|full|case|way|time|times|day|days"
    r"|week|weeks|month|months|year|years|hour|hours|number|amount|part|kind|type|thing|example|order|basis|end|right"
    r"|open|available|section|clause|article|chapter|document|page|\w+ly|\w+ing)\b"
)


def invented_titles(text: str, titles: Sequence[str], avoided: Set[str]) -> Iterator[str]:
    """Titles of no section of a text, in order: those of two words first, if the titles of the text have several words.

    Args:
        titles: the titles of the text. The invented ones are written like these.
        avoided: the stems of words that no invented title has.
    """
    known = content(" ".join(titles)) | avoided
    names: dict[str, None] = {}
    for match in _THING.finditer(text):
        name = match["name"]
        words = content(name)
        if len(words) >= len(name.split()) and words.isdisjoint(known) and not _VAGUE.search(name):
            names[name] = None
    wanted = [name for name in names if " " in name or all(len(title.split()) == 1 for title in titles)]
    yield from (_like(name, titles) for name in wanted or names)


def _like(name: str, titles: Sequence[str]) -> str:
    """A name written like some titles: in capitals, with capitals, or with one capital."""
    longer = [title for title in titles if len(title.split()) > 1] or titles
    if longer and all(map(str.isupper, longer)):
        return name.upper()
    return name.title() if any(map(is_name, longer)) else f"{name[:1].upper()}{name[1:]}"
