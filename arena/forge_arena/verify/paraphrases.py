"""Find a whole statement in a text that says it freely: in half of its words, over two sentences, or in a list.

`whole_statements` reads a sentence closely, and is in doubt wherever a sentence says more than the statement. This
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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from forge_arena.texts.clauses import clauses, is_asserted
from forge_arena.texts.modality import Modality, signs
from forge_arena.texts.turning import Sense, read_statement
from forge_arena.types import Claim, Span, Standing
from forge_arena.verify.passages import Passages
from forge_arena.verify.terms import are_alike
from forge_arena.verify.whole_statements import (
    Agreement,
    Profile,
    Reading,
    adds_bound,
    agreement_of_bound,
    agreement_of_numbers,
    agreement_of_order,
    agreement_of_party,
    agreement_of_places,
    agreement_of_tense,
    is_content,
    lacks_subject,
    modality_of,
    profile_of,
    weight_of,
    with_denied,
    without_rejected,
    without_titles,
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
LONGEST_LEAD = 400
MOST_STRETCHES = 400

_ITEM = re.compile(r"[ \t]*(?:[-*\u2022]|\d{1,2}[.)])[ \t]+(?=\S)")
_MARKS = re.compile(r"\*\*|__|(?m:^[ \t]*(?:[-*\u2022#]+|\d{1,2}[.)])[ \t]+)")
# "Section 2 says that guests may come" says that guests may come.
_FRAME = re.compile(
    r"\b(?:says?|states?|provides?|explains?|confirms?|means?|adds?|notes?|remember|clear|sure|follows) that\b",
    re.IGNORECASE,
)
_WITH_NO = re.compile(r"\bwith no\b", re.IGNORECASE)
_NOTHING_ELSE = re.compile(r",? (?:and|but) (?:nothing|nobody|no one|none) else\b[^,.;:]*", re.IGNORECASE)
# A clause that gives a reason or a contrast asserts what it says.
_REASON = re.compile(r"\W*(?:and |but )?(?:because|since|although|though|even though|whereas|while)\b", re.IGNORECASE)
_BEFORE_PARTY = "to|by|from|of|for|with|between|and|or|nor|not"
_BESIDE = frozenset({"for", "with", "between", "and", "or", "nor", "not"})
_RECEIVES = re.compile(r"\b(?:receiv|get|got|obtain|accept|tak|took|collect|borrow|hir|rent|lend)\w*", re.IGNORECASE)
_QUESTION = re.compile(r"[^.!?\n]*\?[\"'\u201d*)]*\s*")
_CONDITION = re.compile(
    r"\b(?:unless|except\w*|if|when|where|only|other than|apart from|provided|without|subject to|limited)\b",
    re.IGNORECASE,
)
_LIMIT = re.compile(r"\b(?:unless|except(?:ion)?|other than|apart from)\b", re.IGNORECASE)
_EXCEPTION = re.compile(r"\b(?:exceptions?|exempt\w*|unless|except|apart from|otherwise)\b", re.IGNORECASE)
_NO_DUTY = frozenset({Modality.exempt, Modality.may})
_IMPERATIVE = re.compile(
    r"\W*(?:(?:and|but|so|then|first|finally|next|before [^,]*|to [^,]*),? )*"
    r"(?:please|always|do|make sure|be sure|let)\b",
    re.I,
)
_DENYING = frozenset({Modality.ban, Modality.no})
_ALLOWING = frozenset({Modality.may, Modality.yes, Modality.must})
_POLAR = (Modality.may, Modality.yes, Modality.ban, Modality.no)
_GOVERNED_END = re.compile(r"[,;:.()\n]|\band\b|\bbut\b")
_BACK = re.compile(
    r"\b(?:then|after (?:that|this|which|it)|afterwards|thereafter|next|subsequently|later|followed by|only then)\b",
    re.IGNORECASE,
)
_BEFORE_THAT = re.compile(r"\b(?:before (?:that|this|which)|beforehand)\b", re.IGNORECASE)
_BEFORE = re.compile(r"\b(?:before|prior to|ahead of|in advance of|earlier than|until|till)\b", re.IGNORECASE)
_AFTER = re.compile(r"\b(?:after|once|following|as soon as|when|upon|later than|since)\b", re.IGNORECASE)
_GENITIVE = re.compile(r"['\u2019]s?$")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a text: the sentence to which it belongs, and the words that are read together with it.

    `alone` is whether the words are one sentence.
    """

    start: int
    end: int
    text: str
    alone: bool


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
        opposite = next((a.forms[0] for a in claim.wrong if a.standing is Standing.turned and a.forms), None)
        best: Reading | None = None
        for form in claim.right.forms:
            profile = profile_of(form, opposite)
            akin = frozenset(filter(is_content, read_statement(f"{passage} {claim.label}").roots)) - set(profile.words)
            scored = []
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

    def _score(self, stretch: Stretch, profile: Profile, akin: frozenset[str], *, pointed: bool) -> float | None:
        """How much of a statement a stretch says; None if too little."""
        read = read_statement(stretch.text)
        roots = with_denied(read)
        has = {word for word in profile.words if any(are_alike(word, other) for other in roots)}
        wanted = set(profile.words)
        if len(profile.subject) <= MOST_IN_ROLE and lacks_subject(stretch.text, read, profile):
            wanted -= profile.subject - has
        figures = {word for word in wanted if word[0].isdigit()}
        if figures - has or len(has) < (1 if pointed else 2):
            return None
        weight = sum(self._weight_of(word) for word in wanted)
        own = sum(self._weight_of(word) for word in has & wanted)
        further = sum(self._weight_of(word) for word in akin if any(are_alike(word, other) for other in roots))
        if pointed:
            count = len(has) + sum(any(are_alike(word, other) for other in roots) for word in akin)
            is_enough = count >= POINTED_WORDS and own + AKIN * further >= POINTED_SHARE * weight
            return own + AKIN * further if is_enough else None
        needed = (needed_share(len(wanted)) + (0.0 if stretch.alone else FOR_NEIGHBOURS)) * weight
        if profile.carrier is not None and not any(are_alike(profile.carrier, other) for other in roots):
            needed += WITHOUT_CARRIER * weight
        if own < OWN * needed or own + AKIN * min(further, weight - own) < needed:
            return None
        return own + AKIN * min(further, weight - own)

    def _weight_of(self, word: str) -> float:
        return weight_of(word, self._passages)

    def _agreement(self, stretch: Stretch, profile: Profile, passage: str, *, pointed: bool) -> Agreement:
        """Whether a stretch has what sets a statement apart from its opposite."""
        text = without_rejected(stretch.text if stretch.alone else without_questions(stretch.text), profile)
        if not text or not is_asserted(text, f"{profile.statement.text} {passage}"):
            return Agreement.unknown
        if text != stretch.text and sum(is_named(text, frozenset({w})) for w in profile.words) < SPOKEN_WORDS:
            # "Does the owner pay? The tenant lives upstairs."
            return Agreement.unknown
        text = _FRAME.sub(":", text)
        if not limits_alike(self._near(text, profile), profile.statement.text, passage):
            return Agreement.unknown
        read = read_statement(text)
        hindered: list[Agreement | None] = [
            agreement_of_numbers(read, profile),
            agreement_of_places(text, read, profile),
            agreement_of_tense(text, profile),
        ]
        turned = profile.turned
        if (turned is None or turned.sense is not Sense.time) and agreement_of_order(read, profile) is Agreement.turned:
            hindered.append(Agreement.turned)
        if any(agreement is not None for agreement in hindered):
            return Agreement.unknown
        side = self._side_of_modality(text, profile)
        if turned is None or turned.sense is Sense.duty:
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
        if _denies(text) is not (profile.modality in _DENYING):
            return False
        return profile.modality is not Modality.may or any("P" in sign.signs for sign in signs(text))

    def _near(self, text: str, profile: Profile) -> str:
        """The clause that says most of a statement, with the clauses beside it."""
        own = clauses(text)
        weights = [sum(self._weight_of(w) for w in profile.words if is_named(c.text, frozenset({w}))) for c in own]
        at = weights.index(max(weights))
        return text[own[max(at - 1, 0)].start : own[min(at + 1, len(own) - 1)].end]

    def _side_of_modality(self, text: str, profile: Profile) -> bool | None:
        """Whether the clauses that say most of a statement allow, demand or deny as the statement does."""
        if profile.modality is None:
            return None
        opposite = opposite_of(profile)
        weighed: list[tuple[float, bool | None]] = []
        carrying: list[tuple[float, bool | None]] = []
        freed = False
        for clause in clauses(text):
            roots = read_statement(clause.text).roots
            weight = sum(self._weight_of(w) for w in profile.words if any(are_alike(w, other) for other in roots))
            carried = profile.carrier is not None and any(are_alike(profile.carrier, other) for other in roots)
            read = modality_of(clause.text, profile)
            if read is Modality.yes and profile.modality is Modality.must and opposite in _NO_DUTY:
                # What somebody merely does need not be a duty.
                read = Modality.must if _IMPERATIVE.match(clause.text) else None
            if read is Modality.yes and profile.modality is Modality.may and not carried:
                # "You have passed the course" allows nothing.
                read = None
            side = side_of(read, profile.modality, opposite)
            if clause.subordinate and not (carried and _REASON.match(clause.text)):
                if carried and side is False and profile.modality in _ALLOWING:
                    return None
            elif weight:
                weighed.append((weight, side))
                if carried:
                    carrying.append((weight, side))
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
        turned = profile.turned
        assert turned is not None
        read = read_statement(text)
        if turned.sense is Sense.time:
            first, second = sides_of_order(profile)
            own = order_in(profile.statement.text, first, second)
            other = order_in(text, first, second)
            return None if own is None or other is None else own is other
        if turned.sense is Sense.bound:
            return _as_side(agreement_of_bound(read, profile))
        told = _as_side(agreement_of_party(text, profile))
        if told is not None or len(turned.parties) != 2:
            return told
        own_things, things = owners_in(profile.statement.text, turned.parties), owners_in(text, turned.parties)
        if own_things and things:
            exchanged = frozenset((1 - number, word) for number, word in own_things)
            same, crossed = _shared(own_things, things), _shared(exchanged, things)
            return same > crossed if same != crossed else None
        if not turned.exchanged:
            named = [is_named_whole(text, name) for name in turned.parties]
            return named[0] if named[0] is not named[1] else None
        giving, given = giver_in(profile.statement.text, turned.parties), giver_in(text, turned.parties)
        if giving is not None and given is not None:
            return giving == given
        mine, theirs = around_than(profile.statement.text, turned.parties), around_than(text, turned.parties)
        if mine is None or theirs is None or comparative(profile.statement.text) != comparative(text):
            return None
        return mine is theirs


def _adds_denial(text: str, known: str, profile: Profile) -> bool:
    """Whether a text denies something of a statement that neither the statement nor its passage denies anywhere."""
    if _denies(known):
        return False
    for clause in clauses(text):
        if (
            _denies(clause.text)
            and sum(is_named(clause.text, frozenset({word})) for word in profile.words) >= SPOKEN_WORDS
        ):
            return True
    return False


def _is_meant(stretch: Stretch, quoted: Span) -> bool:
    """Whether a quotation means a stretch. One sentence of two is not both."""
    shared = min(stretch.end, quoted.end) - max(stretch.start, quoted.start)
    return shared > 0 and (stretch.alone or shared > HALF * (stretch.end - stretch.start))


def opposite_of(profile: Profile) -> Modality | None:
    """What the opposite of a statement does, if the opposite differs in that."""
    turned = profile.turned
    return Modality(turned.after) if turned is not None and turned.sense is Sense.duty else None


def _denies(text: str) -> bool:
    return any("N" in sign.signs or "F" in sign.signs for sign in signs(text))


def _as_side(agreement: Agreement | None) -> bool | None:
    return {Agreement.same: True, Agreement.turned: False}.get(agreement) if agreement is not None else None


def _shared(some: frozenset[tuple[int, str]], others: frozenset[tuple[int, str]]) -> int:
    return sum(number == other and are_alike(word, thing) for number, word in some for other, thing in others)


def sides_of_order(profile: Profile) -> tuple[frozenset[str], frozenset[str]]:
    """The words of what a statement puts on each side of its "before" or "after", without those on both sides."""
    text = profile.statement.text
    marks = [match for pattern in (_BEFORE, _AFTER) for match in pattern.finditer(text)]
    if len(marks) != 1:
        return frozenset(), frozenset()
    stop = _GOVERNED_END.search(text, marks[0].end())
    end = len(text) if stop is None or marks[0].start() else stop.start()
    governed = _content_of(text[marks[0].end() : end])
    rest = _content_of(text[: marks[0].start()]) | _content_of(text[end:])
    return rest - governed, governed - rest


def _content_of(text: str) -> frozenset[str]:
    return frozenset(word for word in read_statement(text).roots if is_content(word) and word[0] != "<")


def stretches(text: str, spans: Sequence[tuple[int, int]]) -> Iterator[Stretch]:
    """The stretches of a text that may state something: sentences, neighbours, and list items under their lead-in."""
    spans = [(a, b) for a, b in spans if "```" not in text[a:b]][:MOST_STRETCHES]
    for start, end in spans:
        yield Stretch(start, end, _plain(text[start:end]), alone=True)
    for (start, before), (after, end) in pairwise(spans):
        if "\n" not in text[before:after] and not text[before:after].strip():
            yield Stretch(start, end, f"{_plain(text[start:before])} {_plain(text[after:end])}", alone=False)
    lead = ""
    for start, end in spans:
        line = text.rfind("\n", 0, start) + 1
        if _ITEM.match(text, line):
            if lead:
                yield Stretch(start, end, f"{lead} {_plain(text[start:end])}", alone=False)
        else:
            own = _plain(text[start:end])
            lead = own if own.endswith(":") and len(own) <= LONGEST_LEAD else ""


def _plain(text: str) -> str:
    """A text without the marks of lists and of emphasis, and without the titles of what it cites."""
    text = without_titles(_MARKS.sub("", text))
    return _NOTHING_ELSE.sub("", _WITH_NO.sub("without", text)).strip()


def needed_share(words: int) -> float:
    """The share of its weight that a statement of so many words needs."""
    return next((share for most, share in _SHARES if words <= most), SMALLEST_SHARE)


def without_questions(text: str) -> str:
    """A text without its questions, because a question asserts nothing."""
    return _QUESTION.sub("", text).strip()


def limits_alike(text: str, statement: str, passage: str) -> bool:
    """Whether a text limits what it says only where the statement or its passage in the source limits it too."""
    return _LIMIT.search(text) is None or _CONDITION.search(f"{statement} {passage}") is not None


def side_of(read: Modality | None, own: Modality, opposite: Modality | None) -> bool | None:
    """Whether what a clause does is on the side of a statement: True, False for its opposite, None if on neither."""
    if read is None:
        return None
    if own is Modality.exempt:
        return True if read is Modality.exempt else False if read in (Modality.must, Modality.yes) else None
    if own is Modality.must and opposite in (Modality.exempt, Modality.may):
        return True if read in (Modality.must, Modality.yes) else None if read is Modality.may else False
    if own in _DENYING and opposite is Modality.must:
        return read in _DENYING
    if own in _DENYING:
        return True if read in _DENYING else False if read in _ALLOWING else None
    if read in _DENYING:
        return False
    # What must be done is more than what may be done, and what may be done is less than what must.
    unlike = {Modality.may: Modality.must, Modality.must: Modality.may}.get(own)
    return True if read in _ALLOWING and read is not unlike else None


def order_in(text: str, first: frozenset[str], second: frozenset[str]) -> bool | None:
    """Whether a text puts what the words `first` name before what the words `second` name; None if it cannot be told.

    "Before", "after" and their like govern the words behind them. "Then" and "after that" part what comes before from
    what comes after.
    """
    told: set[bool] = set()
    taken: list[tuple[int, int]] = []
    for pattern, is_reversed in ((_BEFORE_THAT, True), (_BACK, False)):
        for mark in pattern.finditer(text):
            taken.append(mark.span())
            left, right = _side(text[: mark.start()], first, second), _side(text[mark.end() :], first, second)
            side = left if left is not None else None if right is None else not right
            if left is not None and right is not None and left is right:
                continue
            if side is not None:
                told.add(side is not is_reversed)
    for pattern, is_before in ((_BEFORE, True), (_AFTER, False)):
        for mark in pattern.finditer(text):
            if any(start <= mark.start() < end for start, end in taken):
                continue
            stop = _GOVERNED_END.search(text, mark.end())
            governed = text[mark.end() : stop.start() if stop else len(text)]
            rest = text[: mark.start()] + " " + text[mark.end() + len(governed) :]
            inner, outer = _side(governed, first, second), _side(rest, first, second)
            if inner is None:
                if outer is None or not governed.strip() or not is_named(rest, first):
                    continue
                # "Before it ended": other words for what the statement names there.
                inner = not outer
            told.add(inner is not is_before)
    return told.pop() if len(told) == 1 else None


def _side(text: str, first: frozenset[str], second: frozenset[str]) -> bool | None:
    """Whether a text names the first thing rather than the second."""
    one, other = (sum(is_named(text, frozenset({word})) for word in words) for words in (first, second))
    return None if one == other else one > other


def is_named(text: str, words: frozenset[str]) -> bool:
    roots = read_statement(text).roots
    return any(are_alike(word, root) for word in words for root in roots)


def owners_in(text: str, parties: Sequence[str]) -> frozenset[tuple[int, str]]:
    """What belongs to which of some parties: "the owner's costs", "the costs of the owner"."""
    found: set[tuple[int, str]] = set()
    for number, name in enumerate(parties):
        head = re.escape(re.sub(r"^(?:an?|the) ", "", name, flags=re.IGNORECASE))
        for match in re.finditer(rf"\b{head}(?:['\u2019]s?) (?P<thing>(?:[\w-]+ ){{0,2}}[\w-]+)", text, re.IGNORECASE):
            found |= {(number, word) for word in _things(match["thing"])}
        for match in re.finditer(
            rf"(?P<thing>(?:[\w-]+ ){{1,3}})(?:of|for) (?:an? |the )?{head}\b", text, re.IGNORECASE
        ):
            found |= {(number, word) for word in _things(match["thing"])}
    # What belongs to both tells nothing.
    return frozenset((n, word) for n, word in found if not any(m != n and word == other for m, other in found))


def _things(words: str) -> frozenset[str]:
    return frozenset(root for root in read_statement(words).roots if root[0] != "<" and len(root) > 3)


def is_named_whole(text: str, name: str) -> bool:
    """Whether a text has a party's name."""
    head = re.sub(r"^(?:an?|the) ", "", name, flags=re.IGNORECASE)
    return re.search(rf"\b{re.escape(head)}s?\b", text, re.IGNORECASE) is not None


def giver_in(text: str, parties: Sequence[str]) -> int | None:
    """Which of two parties gives, tells or does something to the other one; None if it cannot be told.

    "A grants B a licence", "A notifies B", "notice of A to B" and "B is told by A" say it of A.
    """
    if re.search(r"\bthan\b", text, re.IGNORECASE):
        return None
    placed: list[tuple[int, str]] = []
    for name in parties:
        head = re.escape(re.sub(r"^(?:an?|the) ", "", name, flags=re.IGNORECASE))
        pattern = rf"(?:\b(?P<before>{_BEFORE_PARTY}) )?(?:an? |the )?\b{head}\b(?P<own>['\u2019])?"
        found = list(re.finditer(pattern, text, re.IGNORECASE))
        if len(found) != 1 or found[0]["own"] or (found[0]["before"] or "").lower() in _BESIDE:
            return None
        placed.append((found[0].start(), (found[0]["before"] or "").lower()))
    gives = [before in ("by", "from", "of") for _, before in placed]
    takes = [before == "to" for _, before in placed]
    if any(takes) or any(gives):
        told = {number if gives[number] else 1 - number for number in (0, 1) if gives[number] or takes[number]}
        return told.pop() if len(told) == 1 else None
    if _RECEIVES.search(text) or re.search(r"\b(?:is|are|be|been|being|was|were) \w+(?:ed|en)\b", text):
        return None
    return 0 if placed[0][0] < placed[1][0] else 1


def around_than(text: str, parties: Sequence[str]) -> bool | None:
    """Whether the first of two parties stands before "than" and the second behind it; None if neither order does."""
    at = [text.lower().find(re.sub(r"^(?:an?|the) ", "", name.lower())) for name in parties]
    than = re.search(r"\bthan\b", text, re.IGNORECASE)
    if than is None or min(at) < 0:
        return None
    if at[0] < than.start() < at[1]:
        return True
    return False if at[1] < than.start() < at[0] else None


def comparative(text: str) -> frozenset[str]:
    """The words that compare before "than", with the word that they compare: "more important", "later"."""
    return frozenset(match[1].lower() for match in re.finditer(r"\b(more|less|fewer|\w{2,}er)\b", text, re.IGNORECASE))
