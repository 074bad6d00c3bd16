"""Find a whole statement in a text that says it freely: in half of its words, over two sentences, or in a list.

`close_reading` reads a sentence closely, and is in doubt wherever a sentence says more than the statement. This
module looks once more for a required claim that no sentence states or contradicts. It looks at wider stretches:

* a sentence, two neighbours of one paragraph, and a list item with the line that introduces the list;
* a stretch speaks of a claim if it has enough of the statement's words, by weight. Words of the passage of the source
  that bears the statement out, and of the claim's label, make up for a part of those that are missing. A long statement
  needs a smaller share than a short one.

Only what sets the statement apart from its opposite is then read: whether the clause allows or denies, what comes
first, how far it reaches, whose it is. The stretch states the claim if this is read as the statement has it, and no
stretch that says as much reads otherwise. This module never finds that a text contradicts a claim.

An example. The statement is "The agent must obtain the consent before changing the booking", and the list says:

    Before we change your booking, we need from you:
    - your consent

Neither line says it alone. Together they have the words, and a need.
"""

import re
from collections.abc import Iterable, Sequence

from forge_arena.texts.clauses import as_rule, clauses, is_asserted
from forge_arena.texts.modality import Modality, signs
from forge_arena.texts.turning import Sense, read_statement
from forge_arena.types import Claim, Span
from forge_arena.verify.passages import Passages
from forge_arena.verify.whole_statements.addressed import names_of_reader
from forge_arena.verify.whole_statements.bound import adds_bound, agreement_of_bound
from forge_arena.verify.whole_statements.duty import ALLOWING, DENYING, denies, modality_of, opposite_of, side_of
from forge_arena.verify.whole_statements.holder import is_left_to_choice, is_of_another, says_another_measure
from forge_arena.verify.whole_statements.order import agreement_of_order, has_order_of
from forge_arena.verify.whole_statements.party import agreement_of_party, has_parties_of, without_rejected
from forge_arena.verify.whole_statements.plain import plainly
from forge_arena.verify.whole_statements.profiles import Agreement, Profile, Reading, profiles_of
from forge_arena.verify.whole_statements.same_case import (
    agreement_of_condition,
    agreement_of_numbers,
    agreement_of_places,
    agreement_of_tense,
    lacks_subject,
)
from forge_arena.verify.whole_statements.stretches import Stretch, quoted_stretch, stretches, without_questions
from forge_arena.verify.whole_statements.words import (
    count_words,
    has_alike,
    has_any,
    is_content,
    weight,
    with_denied,
)

# The share of its weight that a statement of so many words needs. Missing words are made up for by others.
_SHARES = ((4, 0.7), (6, 0.6), (9, 0.5))
SMALLEST_SHARE = 0.42
# Two sentences have more words, so they need a larger share.
FOR_NEIGHBOURS = 0.1
# Without the word that carries a statement, the others must say more.
WITHOUT_CARRIER = 0.1
# The name of a role, such as "the agent" or "a card holder", has at most so many words. A pronoun may stand for it.
MOST_IN_ROLE = 2
# So much of the weight that a stretch needs stands in words of the statement itself.
OWN = 0.75
# What a word of the passage or of the label tells, against a word of the statement.
AKIN = 0.6
# A stretch with so much of the best stretch's weight says as much.
AS_MUCH = 0.8
# A clause with the word that carries a statement is read if it says half as much as the clause that says most.
HALF = 0.5
# Where a reader points, so much of the weight will do, and so many words of statement, passage and label together.
POINTED_SHARE = 0.4
POINTED_WORDS = 2
# A clause with so many words of a statement speaks of it.
SPOKEN_WORDS = 2

# "Section 2 says that guests may come" says that guests may come.
_FRAME = re.compile(
    r"\b(?:says?|states?|provides?|explains?|confirms?|means?|adds?|notes?|remember|clear|sure|follows) that\b"
    r"|\b(?:bear|keep|have) in mind that\b|\b(?:be aware|be advised|do not forget|don['\u2019]t forget) that\b"
    # What a writer is sorry or glad to say is said.
    r"|\b(?:i am|i['\u2019]m|we are|we['\u2019]re) (?:afraid|sorry|glad|happy|pleased)"
    r"(?: to (?:say|tell you|inform you|let you know|confirm))? that\b",
    re.IGNORECASE,
)
# A clause that gives a reason or a contrast asserts what it says.
_REASON = re.compile(r"\W*(?:and |but )?(?:because|since|although|though|even though|whereas|while)\b", re.IGNORECASE)
_CONDITION = re.compile(
    r"\b(?:unless|except\w*|if|when|where|only|other than|apart from|provided|without|subject to|limited)\b",
    re.IGNORECASE,
)
# A clause that is only supposed asserts nothing.
_SUPPOSED = re.compile(r"\W*(?:and |but )?(?:even |only )?(?:if|unless|whether|in case)\b", re.IGNORECASE)
_LIMIT = re.compile(r"\b(?:unless|except(?:ion)?|other than|apart from)\b", re.IGNORECASE)
_EXCEPTION = re.compile(r"\b(?:exceptions?|exempt\w*|unless|except|apart from|otherwise)\b", re.IGNORECASE)
_NO_DUTY = frozenset({Modality.exempt, Modality.may})
_IMPERATIVE = re.compile(
    r"\W*(?:(?:and|but|so|then|first|finally|next|before [^,]*|to [^,]*),? )*"
    r"(?:please|always|do|make sure|be sure|let)\b",
    re.I,
)
_POLAR = (Modality.may, Modality.yes, Modality.ban, Modality.no)


class Paraphrases:
    """Looks for the whole statements of one scenario in wider stretches of a text."""

    def __init__(self, passages: Passages) -> None:
        self._passages = passages

    def find(
        self, text: str, spans: Sequence[tuple[int, int]], claim: Claim, quoted: Span | None = None
    ) -> Reading | None:
        """Where a text states a claim freely, or may do so; None if the text does not speak of the claim.

        Args:
            spans: the sentences of the text.
            quoted: where a reader says that the text states the claim. Fewer words will do there, and the claim is
                looked for nowhere else.
        """
        passage = self._passages.text_of(claim.source_spans)
        best: Reading | None = None
        readers = names_of_reader(text, self._passages.task)
        for profile in profiles_of(claim, readers, self._passages.task):
            akin = frozenset(filter(is_content, read_statement(f"{passage} {claim.label}").roots)) - set(profile.words)
            scored = []
            if quoted is not None:
                pointed = self._find_in_quotation(text, spans, quoted, profile, akin, passage)
                if pointed is not None:
                    return pointed
            for stretch in stretches(text, spans):
                if quoted is not None and not _is_meant(stretch, quoted):
                    continue
                score = self._score(stretch, profile, akin, pointed=quoted is not None)
                if score is not None:
                    scored.append((score, stretch))
            most = max((score for score, _ in scored), default=0.0)
            told: list[tuple[Agreement, Stretch]] = []
            for score, stretch in scored:
                if score >= AS_MUCH * most:
                    told.append((self._agreement(stretch, profile, passage, pointed=quoted is not None), stretch))
            if not told:
                continue
            if any(agreement is Agreement.turned for agreement, _ in told):
                chosen = Agreement.unknown
            else:
                chosen = Agreement.same if any(a is Agreement.same for a, _ in told) else Agreement.unknown
            place = next((stretch for agreement, stretch in told if agreement is chosen), told[0][1])
            if best is None or chosen is Agreement.same:
                best = Reading(place.start, place.end, chosen)
        return best

    def _find_in_quotation(
        self,
        text: str,
        spans: Sequence[tuple[int, int]],
        quoted: Span,
        profile: Profile,
        akin: frozenset[str],
        passage: str,
    ) -> Reading | None:
        """The sentence of a quotation that states a statement by itself, whatever else the sentence says."""
        stretch = quoted_stretch(text, spans, quoted)
        if stretch is None or self._score(stretch, profile, akin, pointed=True) is None:
            return None
        whole = text[stretch.start : stretch.end]
        agreement = self._agreement(stretch, profile, passage, pointed=True)
        if agreement is Agreement.same and limits_alike(whole, profile.statement.text, passage):
            return Reading(stretch.start, stretch.end, agreement)
        return None

    def _score(self, stretch: Stretch, profile: Profile, akin: frozenset[str], *, pointed: bool) -> float | None:
        """How much of a statement a stretch says; None if too little."""
        read = read_statement(stretch.text)
        roots = with_denied(read, profile.denied)
        has = {word for word in profile.words if has_alike(word, roots)}
        if not profile.has_carrier_as_often(read.roots):
            return None
        wanted = set(profile.words)
        if len(profile.subject) <= MOST_IN_ROLE and lacks_subject(stretch.text, read, profile):
            wanted -= profile.subject - has
        figures = {word for word in wanted if word[0].isdigit()}
        if figures - has or len(has) < (1 if pointed else 2):
            return None
        whole = self._weight(wanted)
        own = self._weight(has & wanted)
        further = self._weight(word for word in akin if has_alike(word, roots))
        if pointed:
            count = len(has) + sum(has_alike(word, roots) for word in akin)
            is_enough = count >= POINTED_WORDS and own + AKIN * further >= POINTED_SHARE * whole
            return own + AKIN * further if is_enough else None
        needed = (needed_share(len(wanted)) + (0.0 if stretch.alone else FOR_NEIGHBOURS)) * whole
        if profile.carrier is not None and not has_alike(profile.carrier, roots):
            needed += WITHOUT_CARRIER * whole
        if own < OWN * needed or own + AKIN * min(further, whole - own) < needed:
            return None
        return own + AKIN * min(further, whole - own)

    def _weight(self, words: Iterable[str]) -> float:
        return weight(words, self._passages)

    def _agreement(self, stretch: Stretch, profile: Profile, passage: str, *, pointed: bool) -> Agreement:
        """Whether a stretch has what sets a statement apart from its opposite."""
        own = stretch.text if stretch.alone else without_questions(stretch.text)
        text = without_rejected(as_rule(plainly(own, profile.words), profile.statement.text), profile)
        if not text or not is_asserted(text, f"{profile.statement.text} {passage}"):
            return Agreement.unknown
        if text != stretch.text and count_words(text, profile.words) < SPOKEN_WORDS:
            # "Does the owner pay? The tenant lives upstairs."
            return Agreement.unknown
        text = _FRAME.sub(":", text)
        if not limits_alike(self._near(text, profile), profile.statement.text, passage):
            return Agreement.unknown
        if is_of_another(text, profile, passage, self._passages) or is_left_to_choice(text, profile, passage):
            return Agreement.unknown
        if says_another_measure(text, profile, passage):
            return Agreement.unknown
        read = read_statement(text)
        hindered: list[Agreement | None] = [
            agreement_of_numbers(read, profile),
            agreement_of_places(text, read, profile),
            agreement_of_tense(text, profile),
            agreement_of_condition(text, profile),
        ]
        if profile.sense is not Sense.time and agreement_of_order(read, profile) is Agreement.turned:
            hindered.append(Agreement.turned)
        if any(agreement is not None for agreement in hindered):
            return Agreement.unknown
        side = self._side_of_modality(text, profile, pointed=pointed)
        if profile.sense in (None, Sense.duty):
            told = side
            if told is None and pointed and profile.modality in _POLAR and opposite_of(profile) in (None, *_POLAR):
                # A clause with several signs: a denial or none tells the sense from its opposite.
                told = self._has_sign_of(text, profile) or None
        else:
            if side is not True:
                # What denies the statement's own words says neither it nor its opposite.
                return Agreement.unknown
            told = self._side_of_sense(text, profile)
        if told is False and _LIMIT.search(f"{profile.statement.text} {passage}") and _EXCEPTION.search(text):
            # "There are two exceptions: guests may ..." speaks of the other cases.
            return Agreement.unknown
        if not told:
            return Agreement.unknown if told is None else Agreement.turned
        known = f"{profile.statement.text} {passage}"
        if adds_bound(read, read_statement(known), profile) or _adds_denial(text, known, profile):
            return Agreement.unknown
        return Agreement.same

    @staticmethod
    def _has_sign_of(text: str, profile: Profile) -> bool:
        """Whether a text denies as a statement does, and allows something if the statement does."""
        if denies(text) is not (profile.modality in DENYING):
            return False
        spoken = max(clauses(text), key=lambda clause: count_words(clause.text, profile.words))
        if _SUPPOSED.match(spoken.text):
            return False
        return profile.modality is not Modality.may or any("P" in sign.signs for sign in signs(text))

    def _near(self, text: str, profile: Profile) -> str:
        """The clause that says most of a statement, with the clauses beside it."""
        own = clauses(text)
        weights = [self._weight(w for w in profile.words if has_any(c.text, (w,))) for c in own]
        at = weights.index(max(weights))
        return text[own[max(at - 1, 0)].start : own[min(at + 1, len(own) - 1)].end]

    def _side_of_modality(self, text: str, profile: Profile, *, pointed: bool) -> bool | None:
        """Whether the clauses that say most of a statement allow, demand or deny as the statement does."""
        if profile.modality is None:
            return None
        opposite = opposite_of(profile)
        weighed: list[tuple[float, bool | None]] = []
        carrying: list[tuple[float, bool | None]] = []
        freed = False
        for clause in clauses(text):
            roots = read_statement(clause.text).roots
            said = self._weight(word for word in profile.words if has_alike(word, roots))
            carried = profile.carrier is not None and has_alike(profile.carrier, roots)
            read = modality_of(clause.text, profile)
            if read is Modality.yes and profile.modality is Modality.must and opposite in _NO_DUTY and not pointed:
                # What somebody merely does need not be a duty, unless a reader takes it for the duty.
                read = Modality.must if _IMPERATIVE.match(clause.text) else None
            if read is Modality.yes and profile.modality is Modality.may and not carried:
                # "You have passed the course" allows nothing.
                read = None
            side = side_of(read, profile.modality, opposite)
            if clause.subordinate and not (carried and _REASON.match(clause.text)):
                if carried and side is False and profile.modality in ALLOWING:
                    return None
            elif said:
                weighed.append((said, side))
                if carried:
                    carrying.append((said, side))
            elif read is Modality.exempt is profile.modality:
                # "Customers may give notice, but never have to": the end has no word of its own.
                freed = True
        leading = carrying or weighed
        most = max((weight for weight, _ in leading), default=0.0)
        sides = {side for weight, side in leading if weight >= (HALF if carrying else AS_MUCH) * most}
        if freed and leading and False not in sides:
            return True
        return sides.pop() if len(sides) == 1 else None

    @staticmethod
    def _side_of_sense(text: str, profile: Profile) -> bool | None:
        """Whether the order, the bound or the parties of a text are those of a statement."""
        if profile.sense is Sense.time:
            return has_order_of(text, profile)
        if profile.sense is Sense.bound:
            return _as_side(agreement_of_bound(read_statement(text), profile))
        told = _as_side(agreement_of_party(text, profile))
        return has_parties_of(text, profile) if told is None else told


def _adds_denial(text: str, known: str, profile: Profile) -> bool:
    """Whether a text denies something of a statement that neither the statement nor its passage denies anywhere."""
    if denies(known):
        return False
    for clause in clauses(text):
        if denies(clause.text) and count_words(clause.text, profile.words) >= SPOKEN_WORDS:
            return True
    return False


def _is_meant(stretch: Stretch, quoted: Span) -> bool:
    """Whether a quotation means a stretch. One sentence of two is not both."""
    shared = min(stretch.end, quoted.end) - max(stretch.start, quoted.start)
    return shared > 0 and (stretch.alone or shared > HALF * (stretch.end - stretch.start))


def _as_side(agreement: Agreement | None) -> bool | None:
    return {Agreement.same: True, Agreement.turned: False}.get(agreement) if agreement is not None else None


def needed_share(words: int) -> float:
    """The share of its weight that a statement of so many words needs."""
    return next((share for most, share in _SHARES if words <= most), SMALLEST_SHARE)


def limits_alike(text: str, statement: str, passage: str) -> bool:
    """Whether a text limits what it says only where the statement or its passage in the source limits it too."""
    return _LIMIT.search(text) is None or _CONDITION.search(f"{statement} {passage}") is not None
