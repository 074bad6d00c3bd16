"""Say a sentence more plainly before it is read, where a frame or a turn of English hides what it allows or denies.

"Remember that no dog is let in."          ->  "no dog is let in."
"As a member, you may enter."              ->  "you may enter."
"No dogs or cats may enter."               ->  "dogs or cats may not enter."
"Wait until the paint has dried, and then" ->  "After the paint has dried, then"
"""

import re
from collections.abc import Collection

from forge_arena.verify.whole_statements.words import has_any

_FRAME = re.compile(
    r"^(?P<mark>\W*(?:\d+[.)] )?)(?:please |also |but |and )*(?:remember|note|bear in mind|keep in mind|be aware|mind"
    r"|know|understand)(?: (?:also|please|however))?,? that ",
    re.IGNORECASE,
)
# "As a member, you may ..." says it of "you".
_AS_SOMEBODY = re.compile(
    r"^(?P<mark>\W*(?:\d+[.)] )?)as (?:an?|the|our) (?:[\w'-]+ ){0,4}?[\w'-]+,? (?=(?:you|we|they|he|she|i)\b)",
    re.IGNORECASE,
)
_NO_LIST = re.compile(
    r"(?P<before>^\W*(?:\d+[.)] )?|[.;:] )no (?P<things>(?:(?!but\b|except\b|other than\b|one\b)[\w'-]+ ){1,6}?"
    r"(?:or|and|nor) (?:[\w'-]+ ){1,4}?)(?P<verb>may|can|could|must|shall|should|will|is|are|was|were)\b(?! not\b)",
    re.IGNORECASE,
)
_WAIT_UNTIL = re.compile(
    r"\bwait(?: \w+){0,2}? (?:until|till) (?P<event>[^.;]{3,120}?),? and (?=then\b)", re.IGNORECASE
)
# What somebody shall do besides is another sentence: "Lock the door, and do not prop it open".
_BESIDES = re.compile(
    r",? (?:and|but) (?=(?:please |also |always )?(?:refrain|avoid|do not|don['\u2019]t|never|make sure|be sure)\b)",
    re.IGNORECASE,
)


def plainly(text: str, kept: Collection[str] = ()) -> str:
    """A sentence without its frame, and with the denial where the verb is.

    Args:
        kept: the words that count, each by its root. "As the customer you pay" says who pays.
    """
    text = _FRAME.sub(lambda match: match["mark"], text)
    role = _AS_SOMEBODY.match(text)
    if role is not None and not has_any(role[0], kept):
        text = f"{role['mark']}{text[role.end() :]}"
    text = _NO_LIST.sub(lambda match: f"{match['before']}{match['things']}{match['verb']} not", text)
    return _WAIT_UNTIL.sub(lambda match: f"After {match['event']}, ", text)


def parts_of(text: str) -> list[str]:
    """The parts of a sentence that demand something each of its own."""
    return [part for part in _BESIDES.split(text) if part.strip()]
