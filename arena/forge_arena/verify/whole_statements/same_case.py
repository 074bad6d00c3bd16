"""Whether a text speaks of the case of a statement: of whom, of how many, when, and under which conditions."""

import re
from collections.abc import Iterator, Sequence

from forge_arena.texts.clauses import Clause, clauses, has_pronoun, is_passive
from forge_arena.texts.modality import modality, signs
from forge_arena.texts.turning import Sense, Statement, read_statement
from forge_arena.verify.terms import are_alike
from forge_arena.verify.whole_statements.bound import of_one_side
from forge_arena.verify.whole_statements.duty import IMPERATIVE, NEEDING
from forge_arena.verify.whole_statements.profiles import Agreement, Profile
from forge_arena.verify.whole_statements.words import LIGHT, has_alike, is_content, with_denied

_IF = re.compile(r"\W*(?:and |but |or )?(?:if|unless|once|provided)\b", re.IGNORECASE)
_WAS = re.compile(r"(?:was|were|had)\b")
_BY_SOMEBODY = re.compile(r"\bby (?!post\b|mail\b|e-?mail\b|phone\b|[a-z]+ing\b|\d)[a-z]", re.IGNORECASE)
_GERUND = re.compile(r"ing$")
_CALLED_FOR = re.compile(
    r"\b(?:is|are|was|were|be)(?: not|n['\u2019]t)? (?:\w+ly )?"
    r"(?:needed|required|necessary|allowed|permitted|prohibited|forbidden|optional|mandatory|possible|available)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"^\d")
_WORDS_OF_NUMBERS = frozenset(
    ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "both", "several"]
)
# Words that stand for something that was named, or for nothing.
_STANDING_IN = frozenset({"we", "you", "they", "he", "she", "i", "it", "yes", "no", "pleas", "even", "onli"})
_CASES = frozenset({"outside", "without", "excluding", "unless", "only if", "even if", "out of", "within"})


def lacks_subject(stretch: str, read: Statement, profile: Profile) -> bool:
    """Whether a text may leave out who is spoken of: a pronoun stands for it, or nobody is named at all."""
    if has_pronoun(stretch) or IMPERATIVE.match(stretch):
        return True
    if profile.carrier is None:
        return True
    first = read.text.split(" ", 1)[0].strip("\"'*_").lower()
    if read.words and are_alike(read.words[0].word, profile.carrier) and read.words[0].start == 0 and first:
        return True
    objects = set(profile.words) - profile.subject
    begins = next((token.word for token in read.words if is_content(token.word)), None)
    if begins is not None and has_alike(begins, objects) and _CALLED_FOR.search(stretch):
        return True
    if is_passive(stretch, profile.carrier) and not _BY_SOMEBODY.search(stretch):
        return True
    # "Bringing a guest is allowed" names nobody. "Bring" itself ends in "ing" and is no gerund.
    surfaces = [(token.word, read.text[slice(*token.span)].lower()) for token in read.words]
    return any(
        are_alike(word, profile.carrier) and surface != word and _GERUND.search(surface) is not None
        for word, surface in surfaces
    )


def agreement_of_numbers(read: Statement, profile: Profile) -> Agreement | None:
    """Whether a number that a statement gives with a noun stands there with another number."""
    theirs = set(_numbered(read))
    for noun, number in _numbered(profile.statement):
        for other_noun, other in theirs:
            if are_alike(noun, other_noun) and number != other and (other_noun, number) not in theirs:
                return Agreement.unknown
    return None


def _numbered(statement: Statement) -> Iterator[tuple[str, str]]:
    """The words behind numbers, each with its number."""
    for word, behind in zip(statement.roots, statement.roots[1:], strict=False):
        if (_NUMBER.match(word) or word in _WORDS_OF_NUMBERS or word == "one") and is_content(behind):
            yield behind, word


def agreement_of_places(stretch: str, read: Statement, profile: Profile) -> Agreement | None:
    """Whether who is spoken of and what is done to somebody have changed places: "a guest may bring a member"."""
    if not profile.subject or profile.carrier is None or is_passive(stretch, profile.carrier):
        return None
    if is_passive(profile.statement.text, profile.carrier):
        # "The fee is deducted from the bond" says the same as "from the bond we deduct the fee".
        return None
    verb = next((at for at, word in enumerate(read.roots) if are_alike(word, profile.carrier)), None)
    if verb is None:
        return None
    objects = set(profile.words) - profile.subject - {profile.carrier}
    before, behind = read.roots[:verb], read.roots[verb + 1 :]
    exchanged = (
        any(has_alike(word, behind) for word in profile.subject)
        and not any(has_alike(word, before) for word in profile.subject)
        and any(has_alike(word, before) for word in objects)
        and not any(has_alike(word, behind) for word in objects)
    )
    return Agreement.unknown if exchanged else None


def agreement_of_condition(stretch: str, profile: Profile) -> Agreement | None:
    """Whether a text sets another condition than a statement: "if the warden refuses" for "if the warden signs".

    Another condition has some words of the statement's condition and lacks one, and has a word that the statement has
    nowhere.
    """
    mine = _words_of_conditions(profile.statement.text)
    theirs = _words_of_conditions(stretch)
    if not mine or not theirs:
        return None
    shared = [has_alike(word, theirs) for word in mine]
    further = any(word not in LIGHT | _STANDING_IN and not has_alike(word, profile.words) for word in theirs)
    return Agreement.unknown if any(shared) and not all(shared) and further else None


def _words_of_conditions(text: str) -> list[str]:
    """The content words of the clauses that say under which condition the others hold."""
    return [
        word
        for clause in clauses(text)
        if clause.subordinate and _IF.match(clause.text)
        for word in read_statement(clause.text).roots
        if is_content(word) and word[0] != "<"
    ]


def agreement_of_tense(stretch: str, profile: Profile) -> Agreement | None:
    """Whether a text speaks of what was so: "members were allowed to bring a guest"."""
    was = any(_WAS.match(sign.words) for sign in signs(stretch))
    return Agreement.unknown if was and not any(_WAS.match(s.words) for s in signs(profile.statement.text)) else None


def is_same_case(read: Statement, own: Sequence[Clause], leading: Clause, profile: Profile) -> bool:
    """Whether a text speaks of the case of a statement, and not of another one that the same words border on.

    "Use outside the terms is prohibited" contradicts no statement about use under the terms.
    """
    if (
        profile.carrier is not None
        and "<exclude>" not in read.roots
        and not has_alike(profile.carrier, with_denied(read, profile.denied))
    ):
        return False
    for part in (read_statement(leading.text), read):
        said = {*filter(is_content, part.roots), *with_denied(part, profile.denied)}
        missing = [w for w in profile.words if w not in profile.subject | LIGHT and not has_alike(w, said)]
        further = [
            w
            for w in part.roots
            if is_content(w) and w[0] != "<" and w not in LIGHT | _STANDING_IN and not has_alike(w, profile.words)
        ]
        if missing and further and profile.sense is not Sense.party:
            # "May not be sold to others, but to members" says of others what is not true of members.
            return False
    theirs, mine = _bounds_of(read), _bounds_of(profile.statement)
    if profile.turned is not None and profile.sense is Sense.bound:
        turned = of_one_side(profile.turned.before) | of_one_side(profile.turned.after)
        theirs, mine = theirs - turned, mine - turned
    if profile.modality in NEEDING:
        # "Can be booked without a deposit" says that no deposit is needed.
        theirs -= {"without"} - mine
    if theirs != mine:
        return False
    conditions = {modality(list(signs(clause.text))) for clause in own if clause.subordinate}
    if conditions and {modality(list(signs(c.text))) for c in clauses(profile.statement.text) if c.subordinate} not in (
        conditions,
        set(),
    ):
        return False
    for clause in own:
        if not clause.subordinate:
            continue
        words = [word for word in read_statement(clause.text).roots if is_content(word)]
        if words and sum(has_alike(word, profile.words) for word in words) < len(words) / 2:
            return False
    return True


def _bounds_of(statement: Statement) -> frozenset[str]:
    """The bounds of a statement that say for which cases it holds."""
    return frozenset(word.strip("<>") for word in statement.roots if word[0] == "<") & _CASES
