"""Say whether the subject of a verb is surely one thing, so that "has to" agrees with it.

"The loan of two ladders must be returned" has one loan. "Ladders on a wall must be tied" has many ladders, although a
single wall stands before the verb. Where the words leave it open, the subject is not surely one.
"""

import re

from forge_arena.texts.leaning import has_verb

# Where a clause begins: behind a sign, and behind a word that joins two clauses and no two things.
_BEGINS = re.compile(
    r"[.!?:;,()\u2013\u2014*_]+|\b(?:but|if|when|whenever|because|since|so|where|while|whereas|unless|until|although|"
    r"though|once|then)\b",
    re.IGNORECASE,
)
_JOINS = re.compile(r"^(?:and|or|that|as|before|after)?$", re.IGNORECASE)
_ONE = re.compile(
    r"(?:and )?(?:a|an|the|each|every|this|another|any|no|your|our|its|their|his|her|my) (?P<head>[a-z][a-z' -]*?)"
    r"(?: (?:of|for|in|on|with|from|at|by|to|over|under|within|about|against|between|without) (?P<more>[^,;:]+))?",
    re.IGNORECASE,
)
_MANY = frozenset("people children men women feet teeth mice police data media criteria phenomena".split())  # noqa: SIM905
# "A lot of ladders are", "the rest are": the number is that of what follows, or of what was named before.
_SHARES = frozenset("lot lots number couple majority minority rest half variety range few remainder others".split())  # noqa: SIM905


def is_one(before: str) -> bool:
    """Whether the words in front of a verb end with a subject that is surely one thing."""
    clause = _clause_before(before)
    subject = _ONE.fullmatch(clause)
    if subject is None or has_verb(clause) or re.search(r"\b(?:or|who|which|that)\b|\w and ", clause):
        return False
    noun = subject["head"].rpartition(" ")[2].lower()
    is_plural = noun.endswith("s") and not noun.endswith(("ss", "us", "is"))
    return not is_plural and noun not in _MANY | _SHARES


def begins_clause(before: str) -> bool:
    """Whether nothing but a joining word stands between the beginning of a clause and the words behind `before`."""
    return _JOINS.fullmatch(_clause_before(before)) is not None


def _clause_before(before: str) -> str:
    line = before.rpartition("\n")[2]
    start = max((match.end() for match in _BEGINS.finditer(line)), default=0)
    return re.sub(r"^(?:[-\u2022]|\d{1,2}[.)])\s", "", line[start:].strip()).strip("\"' ")
