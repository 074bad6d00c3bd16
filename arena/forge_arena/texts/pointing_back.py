"""Say whether a sentence has words that have a sense only behind what stands before them.

"We process such requests", "there is no fee on top of that", "for anything longer", "you keep both of them", "each half
is paid": a reader asks which requests, on top of what, longer than what. Pronouns at the start of a sentence are the
matter of `leaning`.
"""

import re
from collections.abc import Sequence
from itertools import takewhile

from forge_arena.texts.words import SMALL_WORDS, content, stem

_POINTS = (
    r"\bsuch (?!as\b|that\b)",
    r"\b(?:both|each|all|any|none|neither|either|one|two|three|some|most|many|half|part) "
    r"of (?:them|these|those|it|this|that)\b",
    r"\b(?:on top of|beyond|besides|apart from|in addition to|instead of|because of|in spite of|after|before|until|"
    r"since|from|for|by|with|without|like|to|than) (?:that|this)(?=[.,;:!?)]|$)",
    r"\b(?:the (?:rest|remainder|latter|former|others?)(?! of\b)|the (?:first|second|third|last|other) (?:one|half|"
    r"part)|"
    r"(?:each|every|either|neither) (?:one|half|part|side|of (?:the|its)))\b",
    # "Just change the name" says how something is done that was named before.
    r"^\W*(?:just|simply) (?!(?:as|at|after|before|by|for|if|in|of|on|over|past|to|under|when|with)\b)[a-z]+ "
    r"(?:the|your|us|it)\b",
)
_POINTS_BACK = re.compile("|".join(_POINTS), re.IGNORECASE)
# What is compared with something. "No longer" compares nothing, and "longer than a day" says with what.
_COMPARES = re.compile(
    r"(?<!\bno )(?<!\bany )(?<!\bor )(?<!\bnot )(?<!\bthe )(?<!\bat )\b(?:(?:longer|higher|lower|cheaper|dearer|"
    r"shorter|larger|smaller|bigger|stricter|better|worse)\b|(?:more|less|fewer|sooner|earlier|later)(?=[.,;:!?)]|$|"
    r" of\b))"
    r"(?![^.;]*\bthan\b)",
    re.IGNORECASE,
)
_DEFINITE = re.compile(r"\b(?:[Tt]he|[Tt]h[oe]se|[Tt]his|[Tt]hat|[Ss]aid) (?P<noun>[a-z][a-z-]+(?: [a-z][a-z-]+)?)")
# "The date of your order" says itself which date. "The request must list" does not.
_SAID_WHICH = re.compile(r" (?:of|that|which|who|whose|in|on|for|to|from|with|under|at|by|you|we|he|she|they|it|I)\b")
# "Submitted" introduces "the submission".
SAME_LETTERS = 4
_MODAL = re.compile(
    r"(?:is|are|was|were|has|have|had|will|would|must|may|can|could|should|shall|does|do|did|need|needs|cannot)$"
)


def points_back(text: str) -> bool:
    """Whether a sentence or a clause has words that have a sense only behind what stands before it."""
    return _POINTS_BACK.search(text) is not None or _COMPARES.search(text) is not None


def leaves_unknown(text: str, gone: Sequence[tuple[int, int]], known: str) -> bool:
    """Whether what stays of a text has a definite thing that only the parts that are gone have introduced.

    Args:
        gone: the characters that go, each part as its start and end.
        known: what the reader knows without the text.
    """
    if not gone:
        return False
    start = min(a for a, _ in gone)
    cut = frozenset[str]().union(*(content(text[a:b]) for a, b in gone))
    for match in _DEFINITE.finditer(text, start):
        if any(a < match.end() and match.start() < b for a, b in gone):
            continue
        words = list(takewhile(lambda word: word not in SMALL_WORDS and not _MODAL.match(word), match["noun"].split()))
        end = match.start("noun") + len(" ".join(words))
        nouns = {stem(word) for word in words}
        if nouns and nouns <= cut and not _SAID_WHICH.match(text, end):
            left = "".join(" " if any(a <= at < b for a, b in gone) else text[at] for at in range(match.start()))
            before = {word[:SAME_LETTERS] for word in content(left) | content(known)}
            if not any(noun[:SAME_LETTERS] in before for noun in nouns):
                return True
    return False
