"""Which claims are whole statements, and what is looked for of each: words, what it does, how its opposite differs."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from forge_arena.texts.clauses import clauses
from forge_arena.texts.leaning import has_verb
from forge_arena.texts.modality import Modality, modality, signs
from forge_arena.texts.turning import Sense, Statement, Turned, is_turned, read_statement
from forge_arena.types import Claim, ClaimKind, Standing
from forge_arena.verify.terms import are_alike
from forge_arena.verify.whole_statements.addressed import is_reader, said_to
from forge_arena.verify.whole_statements.words import LIGHT, is_content

# A sentence has at least so many words.
FEWEST_WORDS = 4
# A name may begin a sentence without a capital: "3Kings will pay", "eKiln will pay".
_BEGINS_WITH_NAME = re.compile(r"\d+[^\W\d]+ |[a-z]+[A-Z]")
_GOVERNS_VERB = re.compile(r"^(?:may|can|could|must|shall|should|will|would|do|does|did|need)\b|\bto$")


class Agreement(Enum):
    """How a text relates to one thing that a statement says."""

    same = "same"
    turned = "turned"
    unknown = "unknown"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a stretch of a text says of a claim."""

    start: int
    end: int
    agreement: Agreement


@dataclass(frozen=True, slots=True)
class Profile:
    """What is looked for of one statement.

    Example: of "A member may bring one guest" the words are member, bring, one and guest. The subject is member, the
    carrier is bring, and the modality is `may`.

    Attributes:
        words: the content words, each by its root.
        subject: the content words that name who is spoken of, before the sign.
        carrier: the word that the statement allows, demands, bans or denies; None if no word can be told.
        modality: what the statement does.
        turned: how its opposite differs; None without an opposite.
        opposite: the statement with its sense turned.
        further: the signs of the statement that its opposite keeps, with the word behind each: "at no charge".
        verb: the carrier, if it is a verb for certain.
        denied: the root of the word that the statement has with a prefix that denies it, and the root of the same word
            without the prefix: those of "irrevocable" and "revocable". None without such a word.
        times: how often the clause of the carrier has its root: twice in "He may not vote in the voting period".
    """

    statement: Statement
    words: tuple[str, ...]
    subject: frozenset[str]
    carrier: str | None
    modality: Modality | None
    turned: Turned | None
    opposite: str | None
    further: frozenset[tuple[str, str]]
    verb: str | None
    denied: tuple[str, str] | None
    times: int = 1

    def has_carrier_as_often(self, roots: Sequence[str]) -> bool:
        """Whether a text has the carrier as often as the statement, if the statement has it more than once.

        "He may not speak in the voting period" does not say "he may not vote in the voting period".
        """
        return self.times < 2 or self.carrier is None or _count_alike(self.carrier, roots) >= self.times

    @property
    def sense(self) -> Sense | None:
        """What is turned in the opposite."""
        return None if self.turned is None else self.turned.sense


def is_whole_statement(claim: Claim) -> bool:
    """Whether the right form of a claim is a whole statement, and not a phrase."""
    if claim.kind is not ClaimKind.term or not claim.right.forms:
        return False
    return any(other.standing is Standing.turned for other in claim.wrong) or _is_sentence(claim.right.forms[0])


@lru_cache(maxsize=4_096)
def _is_sentence(form: str) -> bool:
    """Whether a form is a sentence, with or without its full stop."""
    if not (form[:1].isupper() or _BEGINS_WITH_NAME.match(form)) or len(form.split()) < FEWEST_WORDS:
        return False
    return form.endswith(".") or has_verb(form) or next(signs(form), None) is not None


@lru_cache(maxsize=4_096)
def profile_of(form: str, opposite: str | None) -> Profile:
    """What is looked for of a statement."""
    statement = read_statement(form)
    turned = None if opposite is None else is_turned(form, opposite)
    words = tuple(dict.fromkeys(token.word for token in statement.words if is_content(token.word)))
    carrier, sign_at = _carrier(statement, turned)
    subject: frozenset[str] = frozenset()
    if sign_at is not None and sign_at > 0:
        clause = statement.clauses[min(sign_at, len(statement.clauses) - 1)]
        subject = frozenset(
            token.word
            for token, number in zip(statement.words[:sign_at], statement.clauses, strict=False)
            if number == clause and is_content(token.word) and token.word != carrier
        )
    main = [clause.text for clause in clauses(form) if not clause.subordinate]
    own = modality(list(signs(main[0] if main else form)))
    if turned is not None and turned.sense is Sense.duty:
        own = Modality(turned.before)
    own = as_possible(own, statement, carrier)
    further = frozenset(
        (sign.signs, governed(statement, at))
        for at, sign in statement.placed
        if turned is not None and turned.sense is Sense.duty and turned.place is not None and at != turned.place
    )
    return Profile(
        statement,
        words,
        subject,
        carrier,
        own,
        turned,
        opposite,
        further,
        _verb(statement, opposite, turned),
        _denied(statement, opposite, turned),
        _times(statement, carrier, sign_at if turned is None or turned.place is None else turned.place),
    )


def profiles_of(claim: Claim, readers: frozenset[str] = frozenset(), task: str = "") -> Iterator[Profile]:
    """The profile of each form of a claim's right alternative.

    If the opposite of a statement differs in a party and that party reads the text, the statement is looked for as it
    is said to that party, too: "You pay for the postage".

    Args:
        readers: the names of whom the text addresses (`addressed`).
        task: the task, which may give the readers a role.
    """
    opposite = next((a.forms[0] for a in claim.wrong if a.standing is Standing.turned and a.forms), None)
    for form in claim.right.forms:
        profile = profile_of(form, opposite)
        yield profile
        turned = profile.turned
        if not readers or opposite is None or turned is None or turned.sense is not Sense.party:
            continue
        for name in turned.parties:
            if is_reader(name, readers, task):
                said = profile_of(said_to(form, name), said_to(opposite, name))
                if said.turned is not None:
                    yield said


def _carrier(statement: Statement, turned: Turned | None) -> tuple[str | None, int | None]:
    """The word that a statement allows, demands, bans or denies, and the place of the sign before it."""
    at = statement.placed[0][0] if statement.placed else None
    if turned is not None and turned.place is not None:
        at = turned.place
    if turned is not None and turned.sense is Sense.party:
        return verb_of_parties(statement, turned), None
    if at is None:
        return None, None
    # "Are not covered": the sign stands before "are".
    after = at
    while after < len(statement.words) and statement.words[after].word in ("be", "have", "do", "not"):
        after += 1
    while after < len(statement.words) and statement.words[after].word in LIGHT:
        after += 1
    if after < len(statement.words) and is_content(statement.words[after].word):
        return statement.words[after].word, at
    before = next((token.word for token in statement.words[:at] if is_content(token.word)), None)
    return before, None


def _verb(statement: Statement, opposite: str | None, turned: Turned | None) -> str | None:
    """The verb that a modal word or "do" governs in a statement or in its opposite; None if no such word shows it."""
    if turned is None or turned.place is None or opposite is None:
        return None
    for one in (statement, read_statement(opposite)):
        governs = any(at == turned.place and _GOVERNS_VERB.search(sign.words) for at, sign in one.placed)
        if governs and turned.place < len(one.words) and is_content(one.words[turned.place].word):
            return one.words[turned.place].word
    return None


def _denied(statement: Statement, opposite: str | None, turned: Turned | None) -> tuple[str, str] | None:
    """The roots of a word of the statement and of the opposite, if the statement's has a prefix that denies it."""
    if opposite is None or turned is None or turned.place is None or not turned.words:
        return None
    own, other = (read.words[turned.place].word for read in (statement, read_statement(opposite)))
    return (own, other) if turned.before == Modality.no else None


def _times(statement: Statement, carrier: str | None, at: int | None) -> int:
    """How often the clause of a sign has the word that the sign governs."""
    if carrier is None or at is None or not statement.clauses:
        return 1
    clause = statement.clauses[min(at, len(statement.clauses) - 1)]
    return _count_alike(carrier, [w for w, n in zip(statement.roots, statement.clauses, strict=True) if n == clause])


def _count_alike(word: str, others: Sequence[str]) -> int:
    return sum(are_alike(word, other) for other in others)


def verb_of_parties(statement: Statement, turned: Turned) -> str | None:
    """The verb around which the parties stand: the first word between them, or behind the one that is replaced."""
    names = [read_statement(name).roots for name in turned.parties]
    for name in names:
        for at in range(len(statement.roots) - len(name) + 1):
            if statement.roots[at : at + len(name)] == name:
                behind = statement.roots[at + len(name) :]
                verb = next((word for word in behind if is_content(word)), None)
                if "be" in statement.roots[:at] and statement.roots[at - 1] == "<by>":
                    be = statement.roots.index("be")
                    return next((word for word in statement.roots[be + 1 : at] if is_content(word)), None)
                if verb is not None and not any(verb in other for other in names):
                    return verb
    return None


def as_possible(read: Modality | None, statement: Statement, carrier: str | None) -> Modality | None:
    """What a statement does if its word ends in "-able": "is refundable" allows what "can be refunded" allows."""
    possible = {Modality.yes: Modality.may, Modality.no: Modality.ban}
    if carrier is None or read not in possible:
        return read
    surfaces = [statement.text[slice(*token.span)] for token in statement.words if are_alike(carrier, token.word)]
    return possible[read] if any(re.search(r"[ai]ble$", surface) for surface in surfaces) else read


def governed(statement: Statement, at: int) -> str:
    """The word behind a sign."""
    return statement.words[at].word if at < len(statement.words) else ""
