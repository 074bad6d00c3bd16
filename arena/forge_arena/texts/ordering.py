"""Let two parts of a sentence change places without a change of meaning: main clauses, and items of an enumeration.

"The rent is £70, and the deposit is £90." becomes "The deposit is £90, and the rent is £70.". Every word stays, so the
change shows in no word.
"""

import re
from collections.abc import Iterator

from forge_arena.texts.fitting import Replacement
from forge_arena.texts.leaning import goes_on, has_verb, leans, refers_back
from forge_arena.texts.pointing_back import points_back
from forge_arena.texts.sentences import sentences

_JOINT = re.compile(r"(?P<joint>, and |; )")
_STARTS = re.compile(r"(?:the|a|an|each|every|our|your|no) [a-z]|[a-z]+s ")
_SUBORDINATE = re.compile(
    r"\b(?:if|when|where|whereas|while|because|since|although|though|unless|after|before|once|so|but|then|both|which|who|"
    r"first|second|also|only|likewise)\b",
    re.IGNORECASE,
)
_ITEM = r"an? [a-z]+ of [^\s,;:.()]+(?: [a-z]+)?"
_TWO_ITEMS = re.compile(rf"(?P<a>\b{_ITEM}) and (?P<b>{_ITEM})(?=[.;]| \()")


def reorderings(text: str) -> Iterator[Replacement]:
    """The places where two clauses, or two items of one form, can change places."""
    for start, end in sentences(text):
        own = text[start:end]
        if "```" in own or not own.endswith("."):
            continue
        yield from _clauses(own, start)
        yield from _items(own, start)


def _clauses(own: str, start: int) -> Iterator[Replacement]:
    joints = list(_JOINT.finditer(own))
    if len(joints) != 1 or ":" in own or "*" in own or _SUBORDINATE.search(own):
        return
    joint = joints[0]
    first, second = own[: joint.start()], own[joint.end() : -1]
    simple = all(has_verb(clause) and ", " not in clause and not refers_back(clause) for clause in (first, second))
    if (
        not simple
        or leans(own)
        or goes_on(own)
        or points_back(second)
        or not _STARTS.match(second)
        or not re.match(r"(?:The|A|An|Each|Every|Our|Your|No) ", first)
    ):
        return
    text = f"{second[0].upper()}{second[1:]}{joint['joint']}{first[0].lower()}{first[1:]}."
    yield Replacement(start, start + len(own), text)


def _items(own: str, start: int) -> Iterator[Replacement]:
    """Two items with a preposition of their own: "a timeout of 5 seconds and a buffer of 9 rows"."""
    for match in _TWO_ITEMS.finditer(own):
        # "of 5 seconds and a buffer": three items would need their comma moved.
        if re.search(r", $", own[: match.start()]) is None:
            yield Replacement(start + match.start(), start + match.end(), f"{match['b']} and {match['a']}")
