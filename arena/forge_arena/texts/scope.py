"""Say whether a place of a text stands in the scope of a denial.

"A reason has to be given" says the same as "a reason must be given". Behind a denial these are opposites: "no reason
has to be given" leaves it free, and "no reason must be given" forbids it. So a word that demands, allows or counts has
other words of the same meaning only where nothing denies.
"""

import re

_BEGINS = re.compile(r"[.!?;:()\n]|, (?:and|but|or|so|yet)\b")
_DENIES = re.compile(
    r"\b(?:(?:no|not)(?! (?:later|earlier|sooner|more|less|fewer|longer|shorter) than\b)|none|nothing|nobody|nowhere|"
    r"nor|neither|never|cannot|without|hardly|barely|scarcely|seldom|rarely|unless)\b|n['\u2019]t\b",
    re.IGNORECASE,
)


def is_denied(text: str, start: int, end: int) -> bool:
    """Whether a denial stands in the clause around the words from `start` to `end`, beside them."""
    low = max((match.end() for match in _BEGINS.finditer(text, 0, start)), default=0)
    joint = _BEGINS.search(text, end)
    high = joint.start() if joint else len(text)
    return _DENIES.search(text, low, start) is not None or _DENIES.search(text, end, high) is not None
