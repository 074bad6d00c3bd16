"""What a clause does, beside what a statement does: does it allow, demand, ban, exempt, assert or deny?"""

import re

from forge_arena.texts.clauses import has_pronoun
from forge_arena.texts.modality import Modality, Sign, modality, signs
from forge_arena.texts.turning import Sense, Statement, read_statement
from forge_arena.verify.whole_statements.profiles import Agreement, Profile, as_possible, governed
from forge_arena.verify.whole_statements.words import has_alike, has_any, is_content, with_denied

_WITHOUT = re.compile(r"\bwithout (?:an?|any|the|such an?)? ?", re.IGNORECASE)
IMPERATIVE = re.compile(r"^\W*(?:please |always |never |do not |don['\u2019]t )", re.IGNORECASE)
# "No wire fees and a personal banker": what "no" denies ends where the next thing has an article of its own.
_NO_OF_A_LIST = re.compile(r"no (?P<denied>[\w'-]+(?: [\w'-]+){0,5}?),? (?:and|but|plus) (?:an?|the) ", re.IGNORECASE)
# "Dispute any charge you did not make" denies something of the charge alone. "In the app you do not pay" denies more.
_PREPOSITIONS = (
    "in",
    "on",
    "at",
    "to",
    "of",
    "for",
    "by",
    "with",
    "from",
    "under",
    "after",
    "before",
    "during",
    "as",
    "like",
)
_OF_A_NOUN = re.compile(
    "".join(rf"(?<!\b{word} )" for word in _PREPOSITIONS)
    + r"\b(?:any|every|each|all|an?|the|those) (?:[\w-]+ ){1,3}(?:you|they|we|he|she|i) $",
    re.IGNORECASE,
)
_ONLY = re.compile(r"\b(?:only|solely|exclusively)\b", re.IGNORECASE)
# What a clause does if one of its words is denied, or is not denied any more.
_DENIED = {
    Modality.yes: Modality.no,
    Modality.no: Modality.yes,
    Modality.may: Modality.ban,
    Modality.ban: Modality.may,
}
DENYING = frozenset({Modality.ban, Modality.no})
ALLOWING = frozenset({Modality.may, Modality.yes, Modality.must})
# What a clause may do if a statement does the first thing, and what it must not do. Anything else is in doubt.
_SAME_AS = {
    Modality.may: {Modality.may},
    Modality.must: {Modality.must, Modality.yes},
    Modality.ban: {Modality.ban, Modality.no},
    Modality.exempt: {Modality.exempt},
    Modality.yes: {Modality.yes, Modality.must},
    Modality.no: {Modality.no, Modality.ban, Modality.exempt},
}
_AGAINST = {
    Modality.may: {Modality.ban, Modality.no},
    Modality.must: {Modality.ban, Modality.exempt, Modality.no},
    Modality.ban: {Modality.may, Modality.must, Modality.yes},
    Modality.exempt: {Modality.must},
    Modality.yes: {Modality.no, Modality.ban, Modality.exempt},
    Modality.no: {Modality.yes, Modality.must, Modality.may},
}
NEEDING = frozenset({Modality.must, Modality.exempt})


def modality_of(text: str, profile: Profile) -> Modality | None:
    """What a clause does with the words of a statement; None if it cannot be told."""
    statement = read_statement(text)
    own = [
        sign
        for at, sign in statement.placed
        if (sign.signs, governed(statement, at)) not in profile.further
        and not _denies_another(sign, statement, profile)
    ]
    read = as_possible(modality(own), statement, profile.carrier)
    if read is not None and profile.denied is not None and profile.denied[0] in statement.roots:
        # "Is irrevocable" denies what "is revocable" asserts.
        read = _DENIED.get(read)
    without = _WITHOUT.search(text)
    if (
        without is not None
        and profile.modality in (Modality.must, Modality.exempt)
        and _object_follows(text[without.end() :], profile)
    ):
        # "Can be booked without a deposit" exempts from the deposit.
        return Modality.must if read in (Modality.ban, Modality.no) else Modality.exempt
    if re.search(r"\bexclud\w+\b", text, re.IGNORECASE) and not any("<" in w for w in profile.words):
        return {Modality.yes: Modality.no, Modality.no: Modality.yes}.get(read) if read is not None else None
    if read is Modality.no and IMPERATIVE.match(text) and not has_pronoun(text):
        return Modality.ban
    if _has_uncertain_prefix(text, profile):
        return None
    limited = _ONLY.search(text) is not None and _ONLY.search(profile.statement.text) is not None
    if limited and {read, profile.modality} == {Modality.may, Modality.must}:
        # "May be used for repairs only" and "must be used for repairs only" say the same.
        return profile.modality
    return read


def _denies_another(sign: Sign, statement: Statement, profile: Profile) -> bool:
    """Whether a sign denies another thing of a list than that of the statement, or only describes a thing."""
    if sign.signs == "N" and _OF_A_NOUN.search(statement.text, 0, sign.start):
        return True
    match = _NO_OF_A_LIST.match(statement.text, sign.start) if sign.words == "no" else None
    return match is not None and not has_any(match["denied"], profile.words)


def _object_follows(text: str, profile: Profile) -> bool:
    first = next((token.word for token in read_statement(text).words[:2] if is_content(token.word)), None)
    return first is not None and has_alike(first, profile.words)


def _has_uncertain_prefix(text: str, profile: Profile) -> bool:
    """Whether a word of the statement stands in a text with a prefix that denies it: "uncovered"."""
    if any(word.startswith(("un", "in", "dis", "non")) for word in profile.words):
        return False
    read = read_statement(text)
    denied = with_denied(read) - set(read.roots)
    return any(word in denied for word in profile.words)


def agreement_of_modality(read: Modality | None, profile: Profile) -> Agreement:
    """Whether what a clause does is what a statement does."""
    if read is None or profile.modality is None:
        return Agreement.unknown if read is not profile.modality else Agreement.same
    turned = profile.turned
    if turned is not None and turned.sense is Sense.duty and read.value == turned.after:
        return Agreement.turned
    if read in _SAME_AS[profile.modality]:
        return Agreement.same
    return Agreement.turned if read in _AGAINST[profile.modality] else Agreement.unknown


def opposite_of(profile: Profile) -> Modality | None:
    """What the opposite of a statement does, if the opposite differs in that."""
    turned = profile.turned
    return Modality(turned.after) if turned is not None and turned.sense is Sense.duty else None


def side_of(read: Modality | None, own: Modality, opposite: Modality | None) -> bool | None:
    """Whether what a clause does is on the side of a statement: True, False for its opposite, None if on neither."""
    if read is None:
        return None
    if own is Modality.exempt:
        return True if read is Modality.exempt else False if read in (Modality.must, Modality.yes) else None
    if own is Modality.must and opposite in (Modality.exempt, Modality.may):
        return True if read in (Modality.must, Modality.yes) else None if read is Modality.may else False
    if own in DENYING and opposite is Modality.must:
        return read in DENYING
    if own in DENYING:
        return True if read in DENYING else False if read in ALLOWING else None
    if read in DENYING:
        return False
    # What must be done is more than what may be done, and what may be done is less than what must.
    unlike = {Modality.may: Modality.must, Modality.must: Modality.may}.get(own)
    return True if read in ALLOWING and read is not unlike else None


def denies(text: str) -> bool:
    """Whether a text has a sign that denies."""
    return any("N" in sign.signs or "F" in sign.signs for sign in signs(text))
