"""Tell a citation that can be cut out of its sentence from one that is the subject or the object of a verb.

"The fee is $4 under section 2" is whole without its section. "Take one pill, as section 2 says" is not: the clause goes
as a whole, with its commas, or nothing goes. "You can read this in section 2" and
"if you look at section 2, you will see" have no such clause.
"""

import re
from collections.abc import Iterator

_CLAUSE_ENDS = re.compile(r"[,;:(]\s|\s(?:and|but|or|so|that)\s")
# "as the section [...] says", "as section [...] has it".
_AS = re.compile(
    r"(?P<lead>(?:^|,? ))as (?:(?:the|our|your|its|this) )?(?:[a-z]+ ){0,2}[\"\u201c'\u2018]?$", re.IGNORECASE
)
_SAYS = re.compile(r"[\"\u201d'\u2019]? [a-z]+s(?: (?:it|so|out|down|us|you|to))?(?=[,.;:)]|$)")
_JOINS = re.compile(r", (?:and|but|or|so|yet|nor|which|who|whose|where|while|whereas|because|since|unless|although)\b")
# What stands behind a citation and describes it, or what it does.
_DESCRIBES = re.compile(r"[\"\u201d'\u2019)]*,? (?:which|where|that|who|whose)\b", re.IGNORECASE)
# Verbs that say nothing without the place where something stands: "look at", "read this in", "is laid down in".
_WANTS_A_PLACE = re.compile(
    r"\b(?:(?:look|looks|looking|looked|refer|refers|referred|turn|go|point|points|consult|appears?|stands?|lies|"
    r"put|puts|note)(?: [a-z]+){0,2}|(?:see|read|reads|find|finds|found|check)(?: [a-z]+){0,5}|"
    r"(?:is|are|was|were|be|been|being) (?:[a-z]+ ){0,2}(?:laid down|set out|set down|set|stated|explained|"
    r"described|given|"
    r"listed|covered|regulated|governed|named|shown|contained|mentioned|defined|fixed|written)(?: [a-z]+){0,2})$",
    re.IGNORECASE,
)


def clause_cuts(text: str, span: tuple[int, int], start: int, end: int) -> Iterator[tuple[int, int, str]]:
    """The clause that says nothing but where something stands: ", as section 2 says".

    Returns: the characters to cut, and what stands in their place, a capital at most.
    """
    before, behind = text[span[0] : start], text[end : span[1]]
    opening, says = _AS.search(before), _SAYS.match(behind)
    if opening is None or says is None:
        return
    low, high = span[0] + opening.start(), end + says.end()
    if not opening["lead"]:
        if text[high : high + 2] == ", ":
            yield low, high + 3, text[high + 2].upper()
    elif text[high] != "," or _JOINS.match(text, high):
        yield low, high, ""
    elif opening["lead"] == ", ":
        yield low, high + 1, ""


def is_governed(text: str, span: tuple[int, int], start: int, end: int) -> bool:
    """Whether a sentence without the citation from `start` to `end`, and its preposition, would lack a verb's object.

    So would a clause that begins with "as" and lacks its subject, and a description of the citation that stays.
    """
    piece, behind = text[start:end], text[end : span[1]]
    if re.match(r",? as\b", piece, re.IGNORECASE) and re.match(r"[\"\u201d'\u2019]? [a-z]", behind):
        return True
    clause = _CLAUSE_ENDS.split(text[span[0] : start])[-1].strip()
    return _DESCRIBES.match(behind) is not None or _WANTS_A_PLACE.search(clause) is not None
