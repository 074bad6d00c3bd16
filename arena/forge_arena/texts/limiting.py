"""Say whether what is cut out of a text limits what stays, so that the rest says more than the text did.

"You may film, provided that nobody objects" without its condition says that anybody may film. "The permit is issued by
the council" without the council says that it has been issued. A section in parentheses, a clause with a subject of its
own and a whole sentence limit nothing, unless they refer to what stands before them and restrict it ("It must be
switched off").
"""

import re

from forge_arena.texts.leaning import has_verb, leans, refers_back
from forge_arena.texts.sentences import sentences

_RESTRICTS = re.compile(
    r"\b(?:only|solely|unless|except|excluding|other than|provided|providing|if|when|where|as long as|so long as|"
    r"on condition|subject to|not|no|never|none|must|shall|cannot|has to|have to|needs? to|may|however|but|although|"
    r"though|until|till|before|at least|at most|(?:no|not) (?:more|less|later|earlier|fewer|longer)|up to|without)\b|"
    r"n['\u2019]t\b",
    re.IGNORECASE,
)
_OPPOSES = re.compile(r"\W*(?:but|yet|however|although|though|except|unless)\b", re.IGNORECASE)
# What only says where a thing stands: "(section 3)", "as the chapter on fees says", "[4]".
_POINTS = re.compile(
    r"(?:(?:see|under|in|per|as|according to|pursuant to|cf\.|by) )?(?:the )?(?:notes for )?"
    r"(?:\u00a7+ ?|(?:sections?|sec\.|clauses?|articles?|art\.|paragraphs?|para\.|rules?|chapters?|parts?|annex|"
    r"appendix|schedules?|version)\b|[\"\u201c\u2018']|\d+(?:\.\d+)+\b|\d{1,2}$)",
    re.IGNORECASE,
)
# A reason or a description adds to what stands before it.
_ADDS = re.compile(r"(?:because|since|so|as (?:it|they|this|these)|which|who|whose|including|and|or)\b", re.IGNORECASE)
_NAMES = re.compile(r"(?:(?:an?|the|your|our|my|their|its|his|her|some|each|every)\b|[A-Z\d\u00a3$\u20ac])")
_SIGNS = " \n\t,;:()[]*_-\u2013\u2014\u2022"


def limits(text: str, start: int, end: int) -> bool:
    """Whether the characters `start` to `end` of a text limit what the rest of the text says."""
    piece = text[start:end]
    said = piece.strip(_SIGNS)
    if not said:
        return False
    first, last = _words_of_sentence(text, start + piece.index(said[0]))
    if start <= first and last <= end:
        return leans(said) and _RESTRICTS.search(said) is not None
    if re.match(r"\W*(?:;|,? and\b|,? but\b)", piece) and has_verb(said):
        is_own = not refers_back(said) and not has_verb(said.split()[0])
        return _OPPOSES.match(said) is not None or (not is_own and _RESTRICTS.search(said) is not None)
    if _POINTS.match(said):
        return False
    if _ADDS.match(said) or _NAMES.match(said):
        return _RESTRICTS.search(said) is not None
    # Anything else says when, where, how, by whom or on what condition.
    return True


def _words_of_sentence(text: str, place: int) -> tuple[int, int]:
    """Where the words of the sentence at a place begin and end, without its marks."""
    start, end = next(((a, b) for a, b in sentences(text) if a <= place < b), (place, place))
    own = text[start:end]
    return start + len(own) - len(own.lstrip(_SIGNS)), start + len(own.rstrip(_SIGNS + ".!?"))
