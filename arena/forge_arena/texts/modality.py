"""Read whether a clause allows, demands, bans, exempts, asserts or denies.

English says these six things with a closed class of words: modal verbs ("may", "must"), phrases that stand for them
("is allowed to", "has to"), and denials ("not", "no", "nobody"). Each of these words is a sign: `P` allows, `D`
demands, `N` denies. The signs of a clause in their order say what the clause does. "Nobody is allowed to" is `NP`, a
ban. "Does not have to" is `ND`, an exemption. "Must not fail to" is `DNF`, a duty: `F` denies what it governs.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Modality(StrEnum):
    may = "may"
    must = "must"
    ban = "ban"
    exempt = "exempt"
    yes = "yes"
    no = "no"


@dataclass(frozen=True, slots=True)
class Sign:
    """A word or phrase that allows, demands or denies: its place, its signs, and the words of it."""

    start: int
    end: int
    signs: str
    words: str


_ALLOWED = (
    r"allowed|permitted|entitled|authori[sz]ed|free to|able|at liberty|eligible|welcome to|permissible|permission|"
    r"possible"
)
_DEMANDED = (
    r"required|obliged|obligated|bound to|mandatory|compulsory|obligatory|necessary|needed|expected to|supposed to|"
    r"essential|due to be"
)
_BANNED = (
    r"prohibited|forbidden|banned|barred|disallowed|impermissible|unable|impossible|ineligible|not allowed|off limits"
)
_EXEMPTED = r"exempt|exempted|optional|voluntary|unnecessary|discretionary|dispensed with"
_BE = r"(?:is|are|was|were|be|been|being|am)"
_ADVERB = r"(?:(?:also|always|strictly|fully|still|therefore|generally|normally|expressly|only|ever|even|legally) )?"
# "Not only" denies nothing.
_ONLY = r"(?! (?:only|just|merely)\b)"
_AFTER = r"(?: to\b| from\b)?"
# Phrases that hold a word of the class and say nothing of the kind.
_MASKED = (
    r"(?:no|not) (?:more|less|fewer|later|earlier|sooner|longer|shorter|higher|lower|greater|smaller) than",
    r"not (?:only|just|merely|simply)(?! (?:if|when|after|before|with)\b)",
    r"whether or not|or not|if not|no matter|no doubt|not least|last but not least|not to mention|as soon as possible",
    r"(?:as|if|where|when|wherever|whenever|unless|than|what is) (?:is )?(?:\w+ )?"
    r"(?:required|necessary|needed|permitted|allowed|possible)(?! (?:to|for|that)\b)",
    r"(?:the|a|an|all|any|its|their|your|our|each|every|such) (?:\w+ly )?"
    r"(?:required|necessary|needed|permitted|allowed|mandatory|compulsory|optional|voluntary|entitled|possible)"
    r"(?= [a-z])(?! (?:to|for|from|by|in|on|at|and|or)\b)",
    r"in need of|special needs|the needs of|needs of|if need be|(?:in|of) no time|and no (?:one|other) else",
    r"the (?:need|duty|obligation|permission|right|requirement)s? (?:in|of) (?:this|that|the) (?:section|clause|rule)",
    r"no\. ?\d+|nos?\.(?= \d)|at no (?:\w+ )?(?:charge|cost|expense)",
)
_PHRASES: tuple[tuple[str, str], ...] = (
    *((pattern, "") for pattern in _MASKED),
    # "Shall be entitled to" allows, and "shall not be required to" exempts.
    (rf"(?:shall|will|would) (?={_ADVERB}(?:not )?be {_ADVERB}(?:{_ALLOWED}|{_DEMANDED}|{_BANNED}|{_EXEMPTED})\b)", ""),
    (rf"(?:shall|will|would) not (?=be {_ADVERB}(?:{_ALLOWED}|{_DEMANDED}|{_BANNED}|{_EXEMPTED})\b)", "N"),
    (r"(?:may|can|could) (?:also )?(?:choose|decide|opt) not to", "PN"),
    (rf"(?:may|can|could) (?:not{_ONLY}|never)|cannot|can't|couldn't|mayn't", "NP"),
    (rf"(?:must|shall|should) (?:not{_ONLY}|never)|mustn't|shan't|shouldn't|ought not to", "DN"),
    (r"(?:need|needs) not|needn't", "ND"),
    (r"(?:do|does|did) not (?:have|need) to|(?:do|does|did)n't (?:have|need) to", "ND"),
    (rf"(?:will|would) (?:not{_ONLY}|never)|won't|wouldn't", "N"),
    (r"(?:do|does|did) not (?=need\b|require\b)|(?:do|does|did)n't (?=need\b|require\b)", "N"),
    (r"(?:is|are) to (?=[a-z]+)", "D"),
    (r"(?:has|have|had|having) to|(?:need|needs|needed) to|ought to|must|shall|should", "D"),
    (r"may|can|could|might", "P"),
    (
        rf"(?:{_BE} {_ADVERB})?(?:allowed|permitted|free|entitled|authori[sz]ed) not to|(?:choose|decide|opt) not to",
        "PN",
    ),
    (rf"(?:{_BE} {_ADVERB})?(?:required|obliged|obligated) not to", "DN"),
    (rf"(?:{_BE}|has|have) (?:not|never) {_ADVERB}(?:been )?(?:{_ALLOWED}){_AFTER}", "NP"),
    (rf"(?:{_BE}|has|have) (?:not|never) {_ADVERB}(?:been )?(?:{_DEMANDED}){_AFTER}", "ND"),
    (rf"(?:{_BE}|has|have) (?:not|never) {_ADVERB}(?:been )?(?:{_BANNED}){_AFTER}", "NNP"),
    (rf"(?:{_BE}|has|have) (?:not|never) {_ADVERB}(?:been )?(?:{_EXEMPTED}){_AFTER}", "NND"),
    (rf"(?:{_BE} {_ADVERB})?(?:{_ALLOWED}){_AFTER}", "P"),
    (rf"(?:{_BE} {_ADVERB})?(?:{_DEMANDED}){_AFTER}", "D"),
    (rf"(?:{_BE} {_ADVERB})?(?:{_BANNED}){_AFTER}", "NP"),
    (rf"(?:{_BE} {_ADVERB})?(?:{_EXEMPTED}){_AFTER}", "ND"),
    (r"(?:has|have|had) (?:the|a|every) (?:right|option|permission|freedom)(?: to| of)?", "P"),
    (r"(?:has|have|had) no (?:right|option|permission)(?: to| of)?", "NP"),
    (r"(?:(?:has|have|had|there is|there's) )?no (?:need|duty|obligation|requirement)(?: for| to| of)?", "ND"),
    (r"(?:(?:has|have|had|there is) )?(?:a|an|the) (?:duty|obligation|requirement)(?: for| to| of)?", "D"),
    (r"allows?|permits?|lets", "P"),
    (r"requires?|requiring|needs|need|demands?|obliges?", "D"),
    (r"prohibits?|forbids?|bans?|prevents?|disallows?", "NP"),
    (rf"{_BE} (?:not{_ONLY}|never)|(?:is|are|was|were)n't", "N"),
    (rf"(?:do|does|did) (?:not{_ONLY}|never)|(?:do|does|did)n't", "N"),
    (rf"(?:has|have|had) (?:not{_ONLY}|never)|(?:has|have|had)n't", "N"),
    (
        r"(?:fail|fails|failed|failing|omit|omits|neglect|neglects|refrain|refrains|refuse|refuses|refused|decline|"
        r"declines|declined)(?: to| from)|(?:stopped|prevented|hindered|kept) from|avoid(?:s|ed)?(?= [a-z]+ing\b)",
        "F",
    ),
    (r"neither(?=\b.*\bnor\b)|nor", "n"),
    (r"nobody|no one|none(?: of)?|nothing|nowhere|never|no longer|not|no|neither", "N"),
    # "Is non-refundable" denies, and "non-members" are somebody else.
    (r"(?:(?<=\bis )|(?<=\bare )|(?<=\bwas )|(?<=\bwere )|(?<=\bbe ))non-", "N"),
)
# A phrase ends with a whole word, unless it ends with a space or a hyphen.
_OPERATOR = re.compile(
    "|".join(rf"(?P<p{place}>\b(?:{pattern})(?:(?<=[ -])|(?![\w-])))" for place, (pattern, _) in enumerate(_PHRASES)),
    re.IGNORECASE,
)
_MONTH_BEFORE = re.compile(
    r"(?:\d(?:st|nd|rd|th)?|\b(?:in|of|by|on|until|since|from|before|after|and|to|early|late|mid))[ -]$", re.I
)
_ATTRIBUTE = re.compile(
    r"allowed|permitted|entitled|authori[sz]ed|able|eligible|permissible|possible|required|obliged|obligated|mandatory|"
    r"compulsory|obligatory|necessary|needed|essential|prohibited|forbidden|banned|barred|optional|voluntary|unnecessary",
    re.IGNORECASE,
)
_SIGN_BEFORE_NOUN = re.compile(r"^(?:must|shall|ought|has to|have to)$", re.IGNORECASE)


def signs(text: str) -> Iterator[Sign]:
    """Each word or phrase of a text that allows, demands or denies, in order."""
    for match in _OPERATOR.finditer(text.replace("\u2019", "'")):
        of_class = _PHRASES[int((match.lastgroup or "p0")[1:])][1]
        start, end = match.span()
        if match[0] == "May" and _is_month(text, start, end):
            continue
        if _ATTRIBUTE.fullmatch(match[0]) and not re.match(
            r"\s*(?:$|[.,;:)!?]|(?:for|by|on|in|at|and|or)\b)", text[end:]
        ):
            # "Authorised staff" says who, and allows nothing.
            continue
        if of_class:
            yield Sign(start, end, of_class, match[0].lower())


def _is_month(text: str, start: int, end: int) -> bool:
    return bool(start and _MONTH_BEFORE.search(text[:start])) or bool(re.match(r"[ ,]+\d|[.,;:)]|$", text[end:]))


def modality(of_clause: list[Sign]) -> Modality | None:
    """What the signs of one clause do together; None if they cannot be told."""
    joined = "".join(sign.signs for sign in of_clause)
    # "Neither ... nor" denies once.
    joined = re.sub(r"n+", "N", joined)
    modals = [sign for sign in joined if sign in "PD"]
    if not modals:
        if joined.count("F") == 1:
            return Modality.yes if joined.count("N") == 1 else Modality.no if joined == "F" else None
        return {0: Modality.yes, 1: Modality.no}.get(joined.count("N")) if "F" not in joined else None
    if len(modals) > 1:
        if set(joined) in ({"P"}, {"D"}):
            return Modality.may if modals[0] == "P" else Modality.must
        return None
    if modals[0] == "P" and "F" in joined:
        # "Cannot be stopped from" and "may fail to" allow and deny at once.
        return None
    outer, _, inner = joined.partition(modals[0])
    # "Not prohibited" denies a ban. Any other denial of a denial is too much for this reader.
    denied = outer.count("N")
    if denied > 2 or "F" in outer or len(inner) > 2 or (inner.count("N") == 2):
        return None
    within = (inner.count("N") + inner.count("F")) % 2
    if modals[0] == "P":
        if within and not any(sign.signs == "PN" for sign in of_clause):
            # "May bring no guest" bans.
            return Modality.ban if not denied % 2 else None
        return (Modality.exempt if not denied % 2 else Modality.must) if within else (
            Modality.may if not denied % 2 else Modality.ban
        )  # fmt: skip
    if denied % 2 and any(
        _SIGN_BEFORE_NOUN.match(sign.words) and "must shall".find(sign.words) >= 0 for sign in of_clause
    ):
        # "No person shall smoke" bans, and "no deposit is required" exempts.
        return Modality.ban if not within else None
    if within:
        return Modality.ban if not denied % 2 else Modality.may
    return Modality.must if not denied % 2 else Modality.exempt


# What a clause must not do at once. A plain assertion stands for a duty, and a plain denial for a ban or an exemption.
_OPPOSED = frozenset(
    frozenset(pair)
    for pair in (
        (Modality.may, Modality.ban), (Modality.may, Modality.must), (Modality.may, Modality.no),
        (Modality.must, Modality.ban), (Modality.must, Modality.exempt), (Modality.must, Modality.no),
        (Modality.yes, Modality.no), (Modality.yes, Modality.ban), (Modality.yes, Modality.exempt),
        (Modality.ban, Modality.exempt),
    )
)  # fmt: skip


def are_opposed(one: Modality, other: Modality) -> bool:
    """Whether a statement turns into another sense if its clause does the other thing."""
    return frozenset((one, other)) in _OPPOSED
