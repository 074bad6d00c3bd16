"""Which statements of a scenario can say an option in an answer that somebody else wrote, and how they begin there."""

import re
from collections.abc import Iterator

from forge_arena.corruptions.draft import Draft
from forge_arena.texts.leaning import leans
from forge_arena.types import Alternative, Claim, Statement

IS = re.compile(
    r"^(?!(?:If|When|Where|Should|For|As|In|On|At|By|To|After|Before)\b)"
    r"(?P<subject>[^,;:]+?) (?:is|are)(?: to be)? (?P<said>.+)$"
)
_EXTRA = re.compile(r", (?:which|and it|and an?|and the) [^{},]*(?=\.$)")
_POINTS_BACK = re.compile(r"\b(?:it|its|they|them|their|this|these|those|one|ones)\b|[:;]|```", re.IGNORECASE)
_FORMER = re.compile(r"\.\w+\}")
_SINGULAR = re.compile(r"\b(?:I|my|me|mine|myself)\b")
_PLURAL = re.compile(r"\b(?:we|our|us|ours|ourselves)\b", re.IGNORECASE)
_OPENS_SMALL = re.compile(
    r"^(?:The|A|An|Any|Each|Every|All|Your|Our|For|In|On|At|By|As|After|Before|Should|Where|When|If|To|Of|Under)\b"
)
MARK = re.compile(r"^[ \t]*(?:[-*\u2022]|\d{1,2}[.)])[ \t]+")
LABEL = re.compile(r"^(?:\*\*[^*\n]{1,60}\*\*[:.]?|__[^_\n]{1,60}__[:.]?|[^.,;:\n*]{1,40}:) ")


def statements_of(draft: Draft, claim: Claim, alternative: Alternative) -> Iterator[tuple[Statement, str]]:
    """The statements of a choice that any sentence could stand before, without what they add to the choice."""
    speaker = draft.speaker(**{claim.id: alternative.name})
    for statement in draft.scenario.statements:
        if statement.part != "body" or set(statement.says) != {claim.id} or not speaker.fits(statement):
            continue
        bare = statement.model_copy(update={"text": _EXTRA.sub("", statement.text)})
        text = speaker.sentence(bare)
        if _POINTS_BACK.search(text) or leans(text) or _FORMER.search(bare.text) or not text.endswith("."):
            continue
        if any(words.search(text) and not words.search(draft.text) for words in (_SINGULAR, _PLURAL)):
            continue
        if not _strange_names(draft, text):
            yield statement, text


def _strange_names(draft: Draft, text: str) -> set[str]:
    """The capitalised words of a statement that the answer does not use: an author who writes "Roe" has no "Buyer"."""
    return {word for word in re.findall(r"(?<=[a-z,] )[A-Z][a-z]+\b", text) if word not in draft.text}


def small(draft: Draft, text: str) -> str:
    """A sentence as it goes on behind a comma: the first word keeps its capital only if it is a name."""
    first = re.split(r"\W", text, maxsplit=1)[0]
    known = draft.text + draft.scenario.source_material + " ".join(s.text for s in draft.scenario.statements)
    is_name = not _OPENS_SMALL.match(text) and not re.search(rf"(?<![.!?:] )\b{re.escape(first.lower())}\b", known)
    return text if is_name else text[:1].lower() + text[1:]
