"""Read the sentences of a text closely: does one of them state or contradict a whole statement?

A text speaks of a claim if it has most of the content words of the statement, by weight, and the word that the
statement allows, demands, bans or denies. Then up to four readings decide, each by closed classes of English:

* what the clause does: allow, demand, ban, exempt, assert or deny (`duty`);
* what comes first, if the statement says "before" or "after" (`order`);
* how far it reaches, if the statement and its opposite differ in a bound ("with", "without") (`bound`);
* who acts, if the statement and its opposite differ in that (`party`).

If every reading is the statement's own, the claim is stated. If one reading is turned, the claim is contradicted. If a
reading cannot be told, if the sentence asserts nothing (a question, somebody's error, an exception), or if the sentence
speaks of another case (`same_case`), the claim is in doubt. Examples for the statement "A member may bring one guest.":

    "Members are allowed to bring a guest." states the claim, because `may` is read.
    "Guests may not be brought." contradicts the claim, because `ban` is read.
    "May members bring a guest?" is in doubt.
    "Members and guests use the same door." does not speak of the claim, because nothing is said of bringing.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import pairwise

from forge_arena.texts.clauses import Clause, agents, as_rule, clauses, is_asserted, is_mere_subject, without_cleft
from forge_arena.texts.modality import modality, signs
from forge_arena.texts.turning import Sense, Statement, read_statement
from forge_arena.types import Claim, Scenario
from forge_arena.verify.passages import Passages
from forge_arena.verify.whole_statements.addressed import names_of_reader
from forge_arena.verify.whole_statements.bound import adds_bound, agreement_of_bound
from forge_arena.verify.whole_statements.duty import NEEDING, agreement_of_modality, modality_of
from forge_arena.verify.whole_statements.holder import is_left_to_choice, is_of_another, says_another_measure
from forge_arena.verify.whole_statements.order import agreement_of_order
from forge_arena.verify.whole_statements.party import agreement_of_party, without_rejected
from forge_arena.verify.whole_statements.plain import parts_of, plainly
from forge_arena.verify.whole_statements.profiles import (
    Agreement,
    Profile,
    Reading,
    is_whole_statement,
    profiles_of,
)
from forge_arena.verify.whole_statements.same_case import (
    agreement_of_condition,
    agreement_of_numbers,
    agreement_of_places,
    agreement_of_tense,
    is_same_case,
    lacks_subject,
)
from forge_arena.verify.whole_statements.stretches import without_titles
from forge_arena.verify.whole_statements.words import (
    BEGINNING,
    beginnings,
    has_alike,
    has_any,
    is_content,
    weight,
    with_denied,
)

# The share of a statement's weight that a text must have with and without the word that carries the statement.
MOST, NEARLY_ALL = 0.6, 0.75
# A statement with at most so many content words is not known without the word that carries it.
SHORT = 6
# A clause with so much of the weight of the clause that says most says as much.
LEADING = 0.85
CACHED = 8_192
# A sentence of the source that has so much of what a text says bears the text out.
BORNE_OUT = 0.78

_EXCEPTION = re.compile(
    r"\b(?:unless|except|only (?:if|when|where|with|after|on)|other than|provided)\b", re.IGNORECASE
)
# "According to the policy, ...": what comes before the statement itself, and a citation behind it.
_LEAD = re.compile(r"^(?:[-*\u2022]\s+|\d+[.)]\s+)?[^,:;]{1,60}[,:] ")
_PARENTHESIS = re.compile(r" \([^()]{1,80}\)")


class WholeStatements:
    """The claims of one scenario whose right form is a whole statement."""

    def __init__(self, passages: Passages, claims: Iterable[Claim]) -> None:
        self._passages = passages
        self.claims = tuple(claim for claim in claims if is_whole_statement(claim))
        # By claim, text and reader. A repaired answer costs only its new sentences.
        self._known: dict[tuple[str, str, frozenset[str]], Agreement | None] = {}

    @classmethod
    def of(cls, scenario: Scenario, claim: Claim) -> "WholeStatements":
        """One claim of a scenario."""
        return cls(Passages(scenario), (claim,))

    def read(self, text: str, spans: Sequence[tuple[int, int]], claim: Claim) -> Iterator[Reading]:
        """What the sentences of a text say of a claim.

        Neighbours are read together if no sentence alone speaks of the claim.
        """
        readers = names_of_reader(text, self._passages.task)
        alone = [reading for span in spans if (reading := self._read(text, span, claim, readers)) is not None]
        if alone:
            yield from alone
            return
        for (start, before), (after, end) in pairwise(spans):
            if not text[before:after].strip() and "\n" not in text[before:after]:
                reading = self._read(text, (start, end), claim, readers)
                if reading is not None:
                    yield reading

    def _read(self, text: str, span: tuple[int, int], claim: Claim, readers: frozenset[str]) -> Reading | None:
        stretch = text[span[0] : span[1]]
        if "```" in stretch:
            return None
        key = (claim.id, stretch, readers)
        if key not in self._known:
            if len(self._known) >= CACHED:
                self._known.clear()
            self._known[key] = self._read_anew(stretch, claim, readers)
        agreement = self._known[key]
        return None if agreement is None else Reading(*span, agreement)

    def _read_anew(self, stretch: str, claim: Claim, readers: frozenset[str]) -> Agreement | None:
        """What a sentence, or two sentences, say of a claim."""
        stretch = without_titles(stretch)
        found = None
        for profile in profiles_of(claim, readers, self._passages.task):
            if not self._may_speak_of(stretch, profile):
                continue
            agreement = self._agreement(stretch, profile)
            if agreement is Agreement.turned and (
                _plain(stretch) in self._sentences or self._source_says(stretch, claim, profile)
            ):
                # What the source says contradicts nothing that the source says: it is an exception, or another case.
                agreement = Agreement.unknown
            if agreement is Agreement.same and (
                self._narrows(stretch, claim, profile) or self._is_of_another(stretch, claim, profile)
            ):
                agreement = Agreement.unknown
            if agreement is not None and (found is None or agreement is Agreement.same):
                found = agreement
        return found

    def _narrows(self, stretch: str, claim: Claim, profile: Profile) -> bool:
        """Whether a text says "without" or its like of what the statement and its passage do not say it of."""
        if profile.modality in NEEDING or profile.sense is Sense.bound:
            # "Can be booked without a deposit" says that no deposit is needed.
            return False
        known = f"{profile.statement.text} {self._passages.text_of(claim.source_spans)}"
        return adds_bound(read_statement(stretch), read_statement(known), profile)

    def _is_of_another(self, stretch: str, claim: Claim, profile: Profile) -> bool:
        """Whether a text says the statement of somebody else, or leaves it to choice."""
        passage = self._passages.text_of(claim.source_spans)
        return (
            is_of_another(stretch, profile, passage, self._passages)
            or is_left_to_choice(stretch, profile, passage)
            or says_another_measure(stretch, profile, passage)
        )

    @cached_property
    def _sentences(self) -> frozenset[str]:
        """The sentences of the source, without marks and line breaks."""
        return frozenset(_plain(passage.text) for passage in self._passages.passages)

    def _may_speak_of(self, stretch: str, profile: Profile) -> bool:
        """Whether a text has words that begin like enough words of a statement. Most sentences need no further look."""
        begun = beginnings(stretch)
        if profile.denied is not None and profile.denied[1][:BEGINNING] in begun:
            begun |= {profile.denied[0][:BEGINNING]}
        like = [word for word in profile.words if word[0] == "<" or word[:BEGINNING] in begun]
        least = self._weight(word for word in profile.words if word not in profile.subject)
        return len(like) > 1 and self._weight(like) >= MOST * least

    def _agreement(self, stretch: str, profile: Profile) -> Agreement | None:
        stretch = as_rule(stretch, profile.statement.text)
        literal = _literally(stretch, profile)
        if literal is not None:
            return literal
        parts = parts_of(stretch)
        if len(parts) > 1:
            read_parts = [self._agreement(part, profile) for part in parts]
            told = [agreement for agreement in read_parts if agreement is not None]
            return told[0] if len(set(told)) == 1 else Agreement.unknown if told else None
        stretch = plainly(stretch, profile.words)
        stretch = without_rejected(stretch, profile)
        read = read_statement(stretch)
        if not self._speaks_of(read, stretch, profile):
            return None
        stretch = without_cleft(stretch) if profile.sense is Sense.party else stretch
        own = clauses(stretch)
        spoken = [
            clause
            for number, clause in enumerate(own)
            if not clause.subordinate and has_any(clause.text, profile.words) and not is_mere_subject(own, number)
        ]
        if not is_asserted(stretch, profile.statement.text) or not spoken:
            return Agreement.unknown
        if _EXCEPTION.search(stretch) and not _EXCEPTION.search(profile.statement.text):
            return Agreement.unknown
        if _denies_below(own, profile):
            return Agreement.unknown
        agreements = [
            self._agreement_of_modality(spoken, profile),
            agreement_of_order(read, profile),
            agreement_of_bound(read, profile),
            agreement_of_party(stretch, profile),
            agreement_of_numbers(read, profile),
            agreement_of_places(stretch, read, profile),
            agreement_of_tense(stretch, profile),
            agreement_of_condition(stretch, profile),
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
        if turned and not is_same_case(read, own, self._leading(spoken, profile), profile):
            return Agreement.unknown
        return Agreement.turned if turned else Agreement.same

    def _speaks_of(self, read: Statement, stretch: str, profile: Profile) -> bool:
        """Whether a text has most of a statement's words, and the word that carries the statement."""
        roots = with_denied(read, profile.denied)
        has = {word for word in profile.words if has_alike(word, roots)}
        if not profile.has_carrier_as_often(read.roots):
            return False
        missing = profile.subject - has
        wanted = set(profile.words)
        if missing and profile.sense is not Sense.party:
            if not lacks_subject(stretch, read, profile):
                if len(profile.words) <= SHORT:
                    return False
            else:
                wanted -= missing
        whole = self._weight(wanted)
        share = self._weight(has & wanted) / whole if whole else 0.0
        carried = profile.carrier is None or "<exclude>" in roots or has_alike(profile.carrier, roots)
        if not carried and profile.sense is Sense.party and profile.turned is not None:
            # "Repairs are at the tenant's expense" says who pays, without the word.
            carried = bool(agents(stretch, profile.turned.parties, None))
        if not carried and len(profile.words) <= SHORT:
            return False
        return len(has) > 1 and share >= (MOST if carried else NEARLY_ALL)

    def _weight(self, words: Iterable[str]) -> float:
        return weight(words, self._passages)

    def _leading(self, spoken: Sequence[Clause], profile: Profile) -> Clause:
        """The clause that has most of a statement."""
        return max(spoken, key=lambda clause: self._weight_in(clause.text, profile))

    def _agreement_of_modality(self, spoken: Sequence[Clause], profile: Profile) -> Agreement:
        """Whether the clause that says most of a statement allows, demands, bans or denies as the statement does."""
        if profile.carrier is not None:
            # "You meant to cancel, and we do not refund the charge": what is done with the charge decides.
            spoken = [clause for clause in spoken if has_any(clause.text, (profile.carrier,))] or spoken
        weights = [self._weight_in(clause.text, profile) for clause in spoken]
        most = max(weights)
        leading = [clause for clause, weight in zip(spoken, weights, strict=True) if weight >= LEADING * most]
        told = {_agreement_of_clause(clause, profile) for clause in leading}
        if len(told) == 1:
            return told.pop()
        first = _agreement_of_clause(spoken[weights.index(most)], profile)
        return first if weights.count(most) == 1 and most > 1.5 * sorted(weights)[-2] else Agreement.unknown

    def _weight_in(self, text: str, profile: Profile) -> float:
        roots = set(read_statement(text).roots)
        own = self._weight(word for word in profile.words if has_alike(word, roots))
        carried = profile.carrier is not None and has_alike(profile.carrier, roots)
        return 2 * own if carried else own

    def _source_says(self, stretch: str, claim: Claim, profile: Profile) -> bool:
        """Whether another sentence of the source says what a text says, with the same modality."""
        read = read_statement(stretch)
        words = {word for word in read.roots if is_content(word)}
        if len(words) < 2:
            return False
        mine = modality(list(signs(stretch)))
        stated = set(profile.words)
        for passage in self._passages.passages:
            if any(span.start < passage.end and passage.start < span.end for span in claim.source_spans):
                continue
            others = set(read_statement(passage.text).roots)
            shared = {word for word in words if has_alike(word, others)}
            further = others - stated
            if (
                len(shared) >= BORNE_OUT * len(words)
                and shared & further
                and modality(list(signs(passage.text))) is mine
            ):
                return True
        return False


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+(?:['\u2019]\w+)?", text.lower()))


def _denies_below(own: Sequence[Clause], profile: Profile) -> bool:
    """Whether only a subordinate clause has the carrier, and turns it: "we shape them so that they are not joined"."""
    carrying = [clause for clause in own if profile.carrier is not None and has_any(clause.text, (profile.carrier,))]
    if not all(clause.subordinate for clause in carrying):
        return False
    return any(_agreement_of_clause(clause, profile) is Agreement.turned for clause in carrying)


def _agreement_of_clause(clause: Clause, profile: Profile) -> Agreement:
    return agreement_of_modality(modality_of(clause.text, profile), profile)


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
