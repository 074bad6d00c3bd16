"""Find in prose a claim whose right form is a whole statement: "A member may bring one guest."

Such a claim has no value that could be compared. A text speaks of the claim if it has most of the content words of the
statement, by weight, and the word that the statement allows, demands, bans or denies. Then up to four readings decide,
each by closed classes of English:

* what the clause does: allow, demand, ban, exempt, assert or deny;
* what comes first, if the statement says "before" or "after";
* how far it reaches, if the statement and its opposite differ in a bound ("with", "without");
* who acts, if the statement and its opposite differ in that.

If every reading is the statement's own, the claim is stated. If one reading is turned, the claim is contradicted. If a
reading cannot be told, or the sentence asserts nothing (a question, somebody's error, an exception), the claim is in
doubt. Examples for the statement above:

    "Members are allowed to bring a guest." states the claim, because `may` is read.
    "Guests may not be brought." contradicts the claim, because `ban` is read.
    "May members bring a guest?" is in doubt.
    "Members and guests use the same door." does not speak of the claim, because nothing is said of bringing.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property, lru_cache
from itertools import pairwise

from forge_arena.texts.clauses import Clause, agents, clauses, has_pronoun, is_asserted, is_passive, without_cleft
from forge_arena.texts.cutting import has_verb
from forge_arena.texts.modality import Modality, modality, signs
from forge_arena.texts.turning import (
    EARLY,
    LATE,
    LIMITING,
    OPPOSITES,
    WIDENING,
    Sense,
    Statement,
    Turned,
    is_turned,
    read_statement,
)
from forge_arena.texts.verbs import root
from forge_arena.texts.words import SMALL_WORDS
from forge_arena.types import Claim, ClaimKind, Scenario, Standing
from forge_arena.verify.passages import Passages
from forge_arena.verify.terms import are_alike

# The share of a statement's weight that a text must have with and without the word that carries the statement.
MOST, NEARLY_ALL = 0.6, 0.75
# A statement with at most so many content words is not known without the word that carries it.
SHORT = 6
# A clause with so much of the weight of the clause that says most says as much.
LEADING = 0.85
CACHED = 8_192
# Words that are forms of one word share so many letters.
BEGINNING = 3
FEWEST_WORDS = 4
# How far behind an order or a bound its object may stand.
REACH = 5
# A sentence of the source that has so much of what a text says bears the text out.
BORNE_OUT = 0.78

_EXCEPTION = re.compile(
    r"\b(?:unless|except|only (?:if|when|where|with|after|on)|other than|provided)\b", re.IGNORECASE
)
_CONDITION = re.compile(r"\b(?:if|when|whenever|where|once|while|on|during|for|in)\b", re.IGNORECASE)
_IMPERATIVE = re.compile(r"^\W*(?:please |always |never |do not |don['\u2019]t )", re.IGNORECASE)
_GERUND = re.compile(r"ing$")
_DENIED = re.compile(r"(?:un|in|dis|non)([a-z]{4,})$")
_GOVERNS_VERB = re.compile(r"^(?:may|can|could|must|shall|should|will|would|do|does|did|need)\b|\bto$")
_WAS = re.compile(r"(?:was|were|had)\b")
_BY_SOMEBODY = re.compile(r"\bby (?!post\b|mail\b|e-?mail\b|phone\b|[a-z]+ing\b|\d)[a-z]", re.IGNORECASE)
_NUMBER = re.compile(r"^\d")
_WORDS_OF_NUMBERS = frozenset(
    ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "both", "several"]
)
# Words that only carry a noun: "a refund is given", "refunds are available". Others say the same without them.
_LIGHT = frozenset(
    root(word)
    for word in (
        "available",
        "possible",
        "offer",
        "provide",
        "give",
        "make",
        "take",
        "grant",
        "receive",
        "obtain",
        "get",
    )
)
_CALLED_FOR = re.compile(
    r"\b(?:is|are|was|were|be)(?: not|n['\u2019]t)? (?:\w+ly )?"
    r"(?:needed|required|necessary|allowed|permitted|prohibited|forbidden|optional|mandatory|possible|available)\b",
    re.IGNORECASE,
)
# The words of a title state nothing: "as the section “Cancel an order” says".
_TITLE = re.compile(
    r"(?P<before>\b(?:sections?|under|heading|headed|chapter|part|titled|entitled|see) )"
    r"[\"\u201c\u2018'][^\"\u201c\u201d\n]{2,100}[\"\u201d\u2019']"
    r"|[\"\u201c][^\"\u201c\u201d\n]{2,100}[\"\u201d](?P<behind>(?= (?:section|chapter|part|heading)\b))"
)
# "According to the policy, ...": what comes before the statement itself, and a citation behind it.
_LEAD = re.compile(r"^(?:[-*\u2022]\s+|\d+[.)]\s+)?[^,:;]{1,60}[,:] ")
_QUOTES = ('"', "\u201c", "\u2018", "'")
# Words that put an event first or last, and govern no other event: "First the kiln cools."
_ADVERBS = frozenset({"first", "last"})
_PARENTHESIS = re.compile(r" \([^()]{1,80}\)")
_WITHOUT = re.compile(r"\bwithout (?:an?|any|the|such an?)? ?", re.IGNORECASE)


class Agreement(Enum):
    """How a text relates to one thing that a statement says."""

    same = "same"
    turned = "turned"
    unknown = "unknown"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a stretch of a text says of a claim: `agreement` is None where the stretch does not speak of the claim."""

    start: int
    end: int
    agreement: Agreement


@dataclass(frozen=True, slots=True)
class Profile:
    """What is looked for of one statement.

    Attributes:
        words: the content words, each by its root. subject: those of them that name who is spoken of, before the sign.
        carrier: the word that the statement allows, demands, bans or denies; None if no word can be told.
        modality: what the statement does. turned: how its opposite differs.
        verb: the carrier, if it is a verb for certain.
        further: the signs of the statement that its opposite keeps, with the word behind each: "at no charge".
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


def is_whole_statement(claim: Claim) -> bool:
    """Whether the right form of a claim is a whole statement, and not a phrase."""
    if claim.kind is not ClaimKind.term or not claim.right.forms:
        return False
    return any(other.standing is Standing.turned for other in claim.wrong) or _is_sentence(claim.right.forms[0])


@lru_cache(maxsize=4_096)
def _is_sentence(form: str) -> bool:
    """Whether a form is a sentence, with or without its full stop."""
    if not form[:1].isupper() or len(form.split()) < FEWEST_WORDS:
        return False
    return form.endswith(".") or has_verb(form) or next(signs(form), None) is not None


class WholeStatements:
    """The claims of one scenario whose right form is a whole statement."""

    def __init__(self, passages: Passages, claims: Iterable[Claim]) -> None:
        self._passages = passages
        self.claims = tuple(claim for claim in claims if is_whole_statement(claim))
        # By claim, text, and whether the text is more than one sentence. A repaired answer costs only its new
        # sentences.
        self._known: dict[tuple[str, str, bool], Agreement | None] = {}

    @classmethod
    def of(cls, scenario: Scenario, claim: Claim) -> "WholeStatements":
        """One claim of a scenario."""
        return cls(Passages(scenario), (claim,))

    def read(self, text: str, spans: Sequence[tuple[int, int]], claim: Claim) -> Iterator[Reading]:
        """What the sentences of a text say of a claim.

        Neighbours are read together if no sentence alone speaks of the claim.
        """
        alone = [reading for span in spans if (reading := self._read(text, span, claim, joint=False)) is not None]
        if alone:
            yield from alone
            return
        for (start, before), (after, end) in pairwise(spans):
            if not text[before:after].strip() and "\n" not in text[before:after]:
                reading = self._read(text, (start, end), claim, joint=True)
                if reading is not None:
                    yield reading

    def _read(self, text: str, span: tuple[int, int], claim: Claim, *, joint: bool) -> Reading | None:
        stretch = text[span[0] : span[1]]
        if "```" in stretch:
            return None
        key = (claim.id, stretch, joint)
        if key not in self._known:
            if len(self._known) >= CACHED:
                self._known.clear()
            self._known[key] = self._read_anew(stretch, claim, joint=joint)
        agreement = self._known[key]
        return None if agreement is None else Reading(*span, agreement)

    def _read_anew(self, stretch: str, claim: Claim, *, joint: bool) -> Agreement | None:
        """What a sentence, or two sentences, say of a claim."""
        stretch = without_titles(stretch)
        found = None
        for form in claim.right.forms:
            opposite = next((a.forms[0] for a in claim.wrong if a.standing is Standing.turned and a.forms), None)
            profile = profile_of(form, opposite)
            if not self._may_speak_of(stretch, profile):
                continue
            agreement = self._agreement(stretch, profile, joint=joint)
            if agreement is Agreement.turned and (
                _plain(stretch) in self._sentences or self._source_says(stretch, claim, form)
            ):
                # What the source says contradicts nothing that the source says: it is an exception, or another case.
                agreement = Agreement.unknown
            if agreement is Agreement.same and self._narrows(stretch, claim, profile):
                agreement = Agreement.unknown
            if agreement is not None and (found is None or agreement is Agreement.same):
                found = agreement
        return found

    def _narrows(self, stretch: str, claim: Claim, profile: Profile) -> bool:
        """Whether a text says "without" or its like of what the statement and its passage do not say it of."""
        if profile.modality in _NEEDING or (profile.turned is not None and profile.turned.sense is Sense.bound):
            # "Can be booked without a deposit" says that no deposit is needed.
            return False
        known = f"{profile.statement.text} {self._passages.text_of(claim.source_spans)}"
        return adds_bound(read_statement(stretch), read_statement(known), profile)

    @cached_property
    def _sentences(self) -> frozenset[str]:
        """The sentences of the source, without marks and line breaks."""
        return frozenset(_plain(passage.text) for passage in self._passages.passages)

    def _may_speak_of(self, stretch: str, profile: Profile) -> bool:
        """Whether a text has words that begin like enough words of a statement. Most sentences need no further look."""
        beginnings = _beginnings(stretch)
        like = [word for word in profile.words if word[0] == "<" or word[:BEGINNING] in beginnings]
        least = sum(self._weight_of(word) for word in profile.words if word not in profile.subject)
        return len(like) > 1 and sum(map(self._weight_of, like)) >= MOST * least

    def _agreement(self, stretch: str, profile: Profile, *, joint: bool) -> Agreement | None:
        literal = _literally(stretch, profile)
        if literal is not None:
            return literal
        stretch = without_rejected(stretch, profile)
        read = read_statement(stretch)
        if not self._speaks_of(read, stretch, profile, joint=joint):
            return None
        stretch = without_cleft(stretch) if self._is_party(profile) else stretch
        own = clauses(stretch)
        spoken = [clause for clause in own if not clause.subordinate and _has_any(clause.text, profile)]
        if not is_asserted(stretch, profile.statement.text) or not spoken:
            return Agreement.unknown
        if _EXCEPTION.search(stretch) and not _EXCEPTION.search(profile.statement.text):
            return Agreement.unknown
        if _denies_below(own, profile):
            return Agreement.unknown
        agreements = [
            self._agreement_of_modality(stretch, spoken, profile),
            agreement_of_order(read, profile),
            agreement_of_bound(read, profile),
            agreement_of_party(stretch, profile),
            agreement_of_numbers(read, profile),
            agreement_of_places(stretch, read, profile),
            agreement_of_tense(stretch, profile),
        ]
        told = [agreement for agreement in agreements if agreement is not None]
        turned = told.count(Agreement.turned)
        if Agreement.unknown in told:
            return Agreement.unknown
        if turned == 2 and agreements[0] is agreements[1] is Agreement.turned:
            # "Not handed over before payment" says "handed over after payment".
            return Agreement.same
        if turned > 1:
            return Agreement.unknown
        if turned and not _is_same_case(read, own, self._leading(spoken, profile), profile):
            return Agreement.unknown
        return Agreement.turned if turned else Agreement.same

    def _speaks_of(self, read: Statement, stretch: str, profile: Profile, *, joint: bool) -> bool:
        """Whether a text has most of a statement's words, and the word that carries the statement."""
        roots = with_denied(read)
        has = {word for word in profile.words if any(are_alike(word, other) for other in roots)}
        missing = profile.subject - has
        wanted = set(profile.words)
        if missing and not self._is_party(profile):
            if not lacks_subject(stretch, read, profile):
                if len(profile.words) <= SHORT:
                    return False
            else:
                wanted -= missing
        weight = sum(map(self._weight_of, wanted))
        share = sum(map(self._weight_of, has & wanted)) / weight if weight else 0.0
        carried = (
            profile.carrier is None or "<exclude>" in roots or any(are_alike(profile.carrier, other) for other in roots)
        )
        if not carried and self._is_party(profile) and profile.turned is not None:
            # "Repairs are at the tenant's expense" says who pays, without the word.
            carried = bool(agents(stretch, profile.turned.parties, None))
        if not carried and len(profile.words) <= SHORT:
            return False
        return len(has) > 1 and share >= (MOST if carried and not joint else NEARLY_ALL if not carried else MOST)

    @staticmethod
    def _is_party(profile: Profile) -> bool:
        return profile.turned is not None and profile.turned.sense is Sense.party

    def _weight_of(self, word: str) -> float:
        return weight_of(word, self._passages)

    def _leading(self, spoken: Sequence[Clause], profile: Profile) -> Clause:
        """The clause that has most of a statement."""
        return max(spoken, key=lambda clause: self._weight_in(clause.text, profile))

    def _agreement_of_modality(self, stretch: str, spoken: Sequence[Clause], profile: Profile) -> Agreement:
        """Whether the clause that says most of a statement allows, demands, bans or denies as the statement does."""
        weights = [self._weight_in(clause.text, profile) for clause in spoken]
        most = max(weights)
        leading = [clause for clause, weight in zip(spoken, weights, strict=True) if weight >= LEADING * most]
        told = {_compared(modality_of(clause.text, profile), profile) for clause in leading}
        if len(told) == 1:
            return told.pop()
        first = _compared(modality_of(spoken[weights.index(most)].text, profile), profile)
        return first if weights.count(most) == 1 and most > 1.5 * sorted(weights)[-2] else Agreement.unknown

    def _weight_in(self, text: str, profile: Profile) -> float:
        roots = set(read_statement(text).roots)
        weight = sum(self._weight_of(w) for w in profile.words if any(are_alike(w, other) for other in roots))
        carried = profile.carrier is not None and any(are_alike(profile.carrier, other) for other in roots)
        return 2 * weight if carried else weight

    def _source_says(self, stretch: str, claim: Claim, form: str) -> bool:
        """Whether another sentence of the source says what a text says, with the same modality."""
        read = read_statement(stretch)
        words = {word for word in read.roots if is_content(word)}
        if len(words) < 2:
            return False
        mine = modality(list(signs(stretch)))
        stated = set(profile_of(form, None).words)
        for passage in self._passages.passages:
            if any(span.start < passage.end and passage.start < span.end for span in claim.source_spans):
                continue
            others = set(read_statement(passage.text).roots)
            shared = {word for word in words if any(are_alike(word, other) for other in others)}
            further = others - stated
            if (
                len(shared) >= BORNE_OUT * len(words)
                and shared & further
                and modality(list(signs(passage.text))) is mine
            ):
                return True
        return False


def without_titles(text: str) -> str:
    """A text without the titles of the sections that it cites."""
    return _TITLE.sub(lambda match: match["before"] or "", text) if any(mark in text for mark in _QUOTES) else text


def weight_of(word: str, passages: Passages) -> float:
    """How much a word tells: the rarer in the source, the more, and little if the word only carries a noun."""
    if word in _LIGHT:
        return 0.25 * passages.greatest_rarity
    return max(0.5 * passages.greatest_rarity, passages.rarity.get(word, passages.greatest_rarity))


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+(?:['\u2019]\w+)?", text.lower()))


@lru_cache(maxsize=8_192)
def _beginnings(text: str) -> frozenset[str]:
    """The beginnings of the roots of a text's words, with and without a prefix that denies them."""
    words = re.findall(r"[^\W_]+", text.lower())
    words += [match[1] for word in words if (match := _DENIED.match(word))]
    return frozenset(root(word)[:BEGINNING] for word in words)


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
    own = _as_possible(own, statement, carrier)
    further = frozenset(
        (sign.signs, _governed(statement, at))
        for at, sign in statement.placed
        if turned is not None and turned.sense is Sense.duty and turned.place is not None and at != turned.place
    )
    return Profile(
        statement, words, subject, carrier, own, turned, opposite, further, _verb(statement, opposite, turned)
    )


def _carrier(statement: Statement, turned: Turned | None) -> tuple[str | None, int | None]:
    """The word that a statement allows, demands, bans or denies, and the place of the sign before it."""
    at = statement.placed[0][0] if statement.placed else None
    if turned is not None and turned.place is not None:
        at = turned.place
    if turned is not None and turned.sense is Sense.party:
        return _verb_of_parties(statement, turned), None
    if at is None:
        return None, None
    # "Are not covered": the sign stands before "are".
    after = at
    while after < len(statement.words) and statement.words[after].word in ("be", "have", "do", "not"):
        after += 1
    while after < len(statement.words) and statement.words[after].word in _LIGHT:
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


def is_content(word: str) -> bool:
    if word[0] == "<":
        return word.strip("<>") in ("include", "exclude", "start", "end", "first", "last", "beforehand", "afterwards")
    return word not in SMALL_WORDS and word not in ("be", "have", "do", "not", "somebody", "something", "can", "may")


def _denies_below(own: Sequence[Clause], profile: Profile) -> bool:
    """Whether only a subordinate clause has the carrier, and turns it: "we shape them so that they are not joined"."""
    carrying = [clause for clause in own if profile.carrier is not None and _has_root(clause.text, profile.carrier)]
    return (
        bool(carrying)
        and all(clause.subordinate for clause in carrying)
        and any(_compared(modality_of(clause.text, profile), profile) is Agreement.turned for clause in carrying)
    )


def _has_root(text: str, word: str) -> bool:
    return any(are_alike(word, other) for other in read_statement(text).roots)


def _has_any(text: str, profile: Profile) -> bool:
    roots = read_statement(text).roots
    return any(are_alike(word, other) for word in profile.words for other in roots)


def _literally(stretch: str, profile: Profile) -> Agreement | None:
    """Whether a text is the statement itself, or the statement turned."""
    if not is_asserted(stretch, profile.statement.text):
        return None
    plain = _PARENTHESIS.sub("", stretch.strip())
    for text in dict.fromkeys((plain, _LEAD.sub("", plain))):
        read = read_statement(text)
        if _is_same_statement(read, profile.statement):
            return Agreement.same
        if profile.opposite is not None and _is_same_statement(read, read_statement(profile.opposite)):
            return Agreement.turned
    return None


def _is_same_statement(one: Statement, other: Statement) -> bool:
    return one.roots == other.roots and [s.signs for _, s in one.placed] == [s.signs for _, s in other.placed]


def lacks_subject(stretch: str, read: Statement, profile: Profile) -> bool:
    """Whether a text may leave out who is spoken of: a pronoun stands for it, or nobody is named at all."""
    if has_pronoun(stretch) or _IMPERATIVE.match(stretch):
        return True
    if profile.carrier is None:
        return True
    first = read.text.split(" ", 1)[0].strip("\"'*_").lower()
    if read.words and are_alike(read.words[0].word, profile.carrier) and read.words[0].start == 0 and first:
        return True
    objects = set(profile.words) - profile.subject
    begins = next((token.word for token in read.words if is_content(token.word)), None)
    if begins is not None and any(are_alike(begins, word) for word in objects) and _CALLED_FOR.search(stretch):
        return True
    if is_passive(stretch, profile.carrier) and not _BY_SOMEBODY.search(stretch):
        return True
    # "Bringing a guest is allowed" names nobody. "Bring" itself ends in "ing" and is no gerund.
    surfaces = [(token.word, read.text[slice(*token.span)].lower()) for token in read.words]
    return any(
        are_alike(word, profile.carrier) and surface != word and _GERUND.search(surface) is not None
        for word, surface in surfaces
    )


def modality_of(text: str, profile: Profile) -> Modality | None:
    statement = read_statement(text)
    own = [sign for at, sign in statement.placed if (sign.signs, _governed(statement, at)) not in profile.further]
    read = _as_possible(modality(own), statement, profile.carrier)
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
    if read is Modality.no and _IMPERATIVE.match(text) and not has_pronoun(text):
        return Modality.ban
    if _has_uncertain_prefix(text, profile):
        return None
    return read


def _as_possible(read: Modality | None, statement: Statement, carrier: str | None) -> Modality | None:
    """What a statement does if its word ends in "-able": "is refundable" allows what "can be refunded" allows."""
    possible = {Modality.yes: Modality.may, Modality.no: Modality.ban}
    if carrier is None or read not in possible:
        return read
    surfaces = [statement.text[slice(*token.span)] for token in statement.words if are_alike(carrier, token.word)]
    return possible[read] if any(re.search(r"[ai]ble$", surface) for surface in surfaces) else read


def _governed(statement: Statement, at: int) -> str:
    """The word behind a sign."""
    return statement.words[at].word if at < len(statement.words) else ""


def _has_uncertain_prefix(text: str, profile: Profile) -> bool:
    """Whether a word of the statement stands in a text with a prefix that denies it: "uncovered"."""
    if any(word.startswith(("un", "in", "dis", "non")) for word in profile.words):
        return False
    read = read_statement(text)
    denied = with_denied(read) - set(read.roots)
    return any(word in denied for word in profile.words)


def with_denied(read: Statement) -> set[str]:
    """The roots of a text, and those of its words that a prefix denies.

    Example: "uncovered" has the root of "covered" as well.
    """
    surfaces = [read.text[token.start : token.end].lower() for token in read.words]
    cut = {match[1] for word in surfaces if (match := _DENIED.match(word))}
    return {*read.roots, *map(root, cut)}


def _object_follows(text: str, profile: Profile) -> bool:
    first = next((token.word for token in read_statement(text).words[:2] if is_content(token.word)), None)
    return first is not None and any(are_alike(first, word) for word in profile.words)


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


def _compared(read: Modality | None, profile: Profile) -> Agreement:
    if read is None or profile.modality is None:
        return Agreement.unknown if read is not profile.modality else Agreement.same
    turned = profile.turned
    if turned is not None and turned.sense is Sense.duty and read.value == turned.after:
        return Agreement.turned
    if read in _SAME_AS[profile.modality]:
        return Agreement.same
    return Agreement.turned if read in _AGAINST[profile.modality] else Agreement.unknown


def _side(name: str) -> str | None:
    name = name.strip("<>")
    return "early" if name in EARLY else "late" if name in LATE else None


def _objects(statement: Statement, at: int) -> list[str]:
    """The content words behind an order or a bound."""
    number = statement.clauses[at]
    behind: list[str] = []
    for token, clause in zip(statement.words[at + 1 :], statement.clauses[at + 1 :], strict=True):
        if clause != number or len(behind) == REACH or _side(token.word) is not None:
            break
        if is_content(token.word):
            behind.append(token.word)
    return behind


def agreement_of_order(read: Statement, profile: Profile) -> Agreement | None:
    """Whether what comes first in a statement comes first in a text."""
    is_sense = profile.turned is not None and profile.turned.sense is Sense.time
    own = _orders(profile.statement)
    if is_sense and profile.turned is not None:
        own = [
            (at, side) for at, side in own if profile.statement.roots[at].strip("<>") == profile.turned.before
        ] or own
    if len(own) != 1:
        return Agreement.unknown if is_sense else None
    at, side = own[0]
    objects = _objects(profile.statement, at)
    told = set()
    for place, other in _orders(read):
        if (_name_at(read, place) in _ADVERBS) is not (_name_at(profile.statement, at) in _ADVERBS):
            told.add("other")
            continue
        theirs = _objects(read, place)
        if bool(objects) == bool(theirs) and (not objects or any(_has_alike(word, objects[:2]) for word in theirs[:2])):
            told.add(other)
    if len(told) != 1 or "other" in told:
        return Agreement.unknown if is_sense else None
    return Agreement.same if told == {side} else Agreement.turned


def _name_at(statement: Statement, at: int) -> str:
    return statement.roots[at].strip("<>")


def _orders(statement: Statement) -> list[tuple[int, str]]:
    return [
        (at, side) for at, word in enumerate(statement.roots) if word[0] == "<" and (side := _side(word)) is not None
    ]


def agreement_of_bound(read: Statement, profile: Profile) -> Agreement | None:
    """Whether a text reaches as far as a statement, if that is what its opposite turns."""
    turned = profile.turned
    if turned is None or turned.sense is not Sense.bound:
        return None
    mine, others = _of_one_side(turned.before), _of_one_side(turned.after)
    roots = {word.strip("<>") for word in read.roots if word[0] == "<"}
    has_mine, has_others = bool(roots & mine), bool(roots & others)
    if has_mine == has_others:
        return Agreement.unknown
    return Agreement.same if has_mine else Agreement.turned


def _of_one_side(name: str) -> frozenset[str]:
    for side in (WIDENING, LIMITING):
        if name in side:
            return side
    return frozenset({name})


def agreement_of_party(stretch: str, profile: Profile) -> Agreement | None:
    """Whether the party acts that acts in a statement, if that is what its opposite turns."""
    turned = profile.turned
    if turned is None or turned.sense is not Sense.party or len(turned.parties) != 2:
        return None
    verb = _verb_of_parties(profile.statement, turned)
    first, second = turned.parties
    own = agents(profile.statement.text, (first, second), verb)
    if len(own) != 1:
        return Agreement.unknown
    acting = agents(stretch, (first, second), verb)
    if len(acting) != 1:
        return Agreement.unknown
    return Agreement.same if acting == own else Agreement.turned


def _verb_of_parties(statement: Statement, turned: Turned) -> str | None:
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


def agreement_of_numbers(read: Statement, profile: Profile) -> Agreement | None:
    """Whether a number that a statement gives with a noun stands there with another number."""
    theirs = set(_numbered(read))
    for noun, number in _numbered(profile.statement):
        for other_noun, other in theirs:
            if are_alike(noun, other_noun) and number != other and (other_noun, number) not in theirs:
                return Agreement.unknown
    return None


def agreement_of_places(stretch: str, read: Statement, profile: Profile) -> Agreement | None:
    """Whether who is spoken of and what is done to somebody have changed places: "a guest may bring a member"."""
    if not profile.subject or profile.carrier is None or is_passive(stretch, profile.carrier):
        return None
    verb = next((at for at, word in enumerate(read.roots) if are_alike(word, profile.carrier)), None)
    if verb is None:
        return None
    objects = set(profile.words) - profile.subject - {profile.carrier}
    before, behind = read.roots[:verb], read.roots[verb + 1 :]
    exchanged = (
        any(_has_alike(word, behind) for word in profile.subject)
        and not any(_has_alike(word, before) for word in profile.subject)
        and any(_has_alike(word, before) for word in objects)
        and not any(_has_alike(word, behind) for word in objects)
    )
    return Agreement.unknown if exchanged else None


def agreement_of_tense(stretch: str, profile: Profile) -> Agreement | None:
    """Whether a text speaks of what was so: "members were allowed to bring a guest"."""
    was = any(_WAS.match(sign.words) for sign in signs(stretch))
    return Agreement.unknown if was and not any(_WAS.match(s.words) for s in signs(profile.statement.text)) else None


def _numbered(statement: Statement) -> Iterator[tuple[str, str]]:
    for word, behind in zip(statement.roots, statement.roots[1:], strict=False):
        if (_NUMBER.match(word) or word in _WORDS_OF_NUMBERS or word == "one") and is_content(behind):
            yield behind, word


def without_rejected(stretch: str, profile: Profile) -> str:
    """A text without the party that it turns down: "not the landlord but the tenant" speaks of the tenant."""
    if profile.turned is None or profile.turned.sense is not Sense.party:
        return stretch
    for name in profile.turned.parties:
        head = re.escape(re.sub(r"^(?:an?|the) ", "", name, flags=re.IGNORECASE))
        stretch = re.sub(
            rf",? ?\b(?:and )?(?:not|rather than|instead of)(?: by| to)? (?:an? |the )?{head}\b(?: but|,)?",
            "",
            stretch,
            flags=re.IGNORECASE,
        )
    return stretch


def adds_bound(read: Statement, known: Statement, profile: Profile) -> bool:
    """Whether a text says "without", "at most" or their like of a word of which the source says the opposite, or which
    it leaves open."""
    names = {word.strip("<>") for word in known.roots if word[0] == "<"}
    for at, word in enumerate(read.roots):
        name = word.strip("<>")
        if word[0] != "<" or name in names:
            continue
        others = {other for pair in OPPOSITES[Sense.bound] if name in pair for other in pair} - {name}
        behind = next((root for root in read.roots[at + 1 :] if is_content(root)), None)
        speaks = behind is not None and any(are_alike(behind, own) for own in profile.words)
        if speaks and (others & names or name in LIMITING):
            return True
    return False


def _has_alike(word: str, others: Iterable[str]) -> bool:
    return any(are_alike(word, other) for other in others)


def _is_same_case(read: Statement, own: Sequence[Clause], leading: Clause, profile: Profile) -> bool:
    """Whether a text speaks of the case of a statement, and not of another one that the same words border on.

    "Use outside the terms is prohibited" contradicts no statement about use under the terms.
    """
    if (
        profile.carrier is not None
        and "<exclude>" not in read.roots
        and not any(are_alike(profile.carrier, other) for other in with_denied(read))
    ):
        return False
    for part in (read_statement(leading.text), read):
        said = {*filter(is_content, part.roots), *with_denied(part)}
        missing = [w for w in profile.words if w not in profile.subject | _LIGHT and not _has_alike(w, said)]
        further = [
            w
            for w in part.roots
            if is_content(w) and w[0] != "<" and w not in _LIGHT | _STANDING_IN and not _has_alike(w, profile.words)
        ]
        if missing and further and not (profile.turned is not None and profile.turned.sense is Sense.party):
            # "May not be sold to others, but to members" says of others what is not true of members.
            return False
    theirs, mine = _bounds_of(read), _bounds_of(profile.statement)
    if profile.turned is not None and profile.turned.sense is Sense.bound:
        turned = _of_one_side(profile.turned.before) | _of_one_side(profile.turned.after)
        theirs, mine = theirs - turned, mine - turned
    if profile.modality in _NEEDING:
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
        if words and sum(any(are_alike(w, mine) for mine in profile.words) for w in words) < len(words) / 2:
            return False
    return True


_STANDING_IN = frozenset({"we", "you", "they", "he", "she", "i", "it", "yes", "no", "pleas", "even", "onli"})
_NEEDING = frozenset({Modality.must, Modality.exempt})
_CASES = frozenset({"outside", "without", "excluding", "unless", "only if", "even if", "out of", "within"})


def _bounds_of(statement: Statement) -> frozenset[str]:
    """The bounds of a statement that say for which cases it holds."""
    return frozenset(word.strip("<>") for word in statement.roots if word[0] == "<") & _CASES
