"""Whether an answer gives a right value in the sense in which the source gives it.

A value alone is not a fact. "Notice is given at least 3 weeks ahead" is not stated by "at most 3 weeks ahead", nor by
"notice is not given 3 weeks ahead", nor by "3 weeks or 5 weeks ahead". Each of these turns the sense of the clause
around the value. What is read here:

* the bound: "at least" for "at most", "above" for "below", "until" for "from" (`bounds`);
* a denial of the clause, where the source does not deny the same, or the reverse, and "unless" for "if";
* an opposed word: "opens" for "closes" (`opposites`);
* another value of the same kind beside the value: "$350 or $150";
* another currency, and another unit behind "each" or "per".

Two turns give the sense back: "a passport with less than 6 months is not accepted" says "at least 6 months". What is
given in another sense is read with doubt. It is never read as contradicting the claim, because a clause may be about
something else.
"""

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from forge_arena.texts.number_words import SMALL
from forge_arena.texts.values import mentions, same_amount, value_of
from forge_arena.texts.words import content, placed_stems, stem
from forge_arena.types import VALUE_KINDS, Claim, ClaimKind, Scenario
from forge_arena.verify.bounds import DENIAL, Bound, Side, bound_at, bound_named, clause_around, is_ahead
from forge_arena.verify.known_values import places_of
from forge_arena.verify.opposites import are_opposed
from forge_arena.verify.passages import Passages

# Kinds whose right alternative stands at a place of the source that can be compared with a place of the answer.
COMPARED_KINDS = VALUE_KINDS | {ClaimKind.term, ClaimKind.identifier}

# A denial that denies nothing of the value: "not only", "do not forget", "not until".
_NO_DENIAL = re.compile(
    r"^(?:not|never|no|cannot|n['\u2019]t|nor)\b ?(?:only|just|merely|simply|necessarily|until|before|after|unless"
    r"|later|earlier|sooner|more|less|fewer|longer than|forget|hesitate|miss|fail|worry|doubt|matter)\b",
    re.IGNORECASE,
)
# "No" and "without" deny the word behind them, and not the clause.
_MERE_NO = re.compile(r"^(?:no(?! (?:need|longer|obligation|duty)\b)|without|none)\b", re.IGNORECASE)
_DENIED_BEHIND = re.compile(
    r"^[^,;:.]{0,40}?\b(?:is|are|was|were|do|does|did|will|can|could|should|must|need|has|have|would)(?: \w+)?"
    r" ?(?:not|never|no longer|n['\u2019]t)\b(?! (?:only|just|merely|before|until|later|earlier|more|less|exceed))",
    re.IGNORECASE,
)
# Words that deny without a denial: "ends", "free of" and "stop charging", with what they take away.
_DENYING_WORD = re.compile(
    r"\bless\b|\b(?:drop|end|stop|lack|refus|reject|prohibit|forbid|ban|exempt|exclud|waiv|free|avoid|except)\w*"
    r"(?: (?:of|from|for|to|the|an?|any|all|your))*(?: \w+)?",
    re.IGNORECASE,
)
# "Is unavailable" and "a non-refundable fee". The first denies whatever the clause says, the second only its own word.
_UN = re.compile(
    r"(?P<verb>\b(?:is|are|was|were|be|been|being|becomes?|remains?|stays?) )?\b(?:un|non-?|dis)(?P<word>\w{4,})", re.I
)
# What is refused or wrong does the same as a denial: "a passport with less than 6 months is refused".
_ADVERSE = re.compile(
    r"\b(?:refus|reject|invalid|insufficient|fail|violat|breach|forbid|forbidden|prohibit|ban|banned|den(?:y|ied|ies)"
    r"|disallow|disqualif|illegal|unlawful|exempt|excus|waive"
    r"|too (?:short|little|low|few|late|early|long|high|much|many))"
    r"\w*\b",
    re.IGNORECASE,
)
_IF = re.compile(r"\b(?:if|when|whenever|where|in case|once)\b", re.IGNORECASE)
_UNLESS = re.compile(r"\bunless\b", re.IGNORECASE)
# "Open until 8 pm" says "closes at 8 pm".
_UNTIL = re.compile(r"\b(?:until|till|through|to|by|up to)[ *_(]*$", re.IGNORECASE)
_OPEN_UNTIL = re.compile(r"\b(?:open|start|run|stay|last|kept?|keep|retain|valid|store)\w*", re.IGNORECASE)
_HEADING = re.compile(r"^[\s*_#|>+-]*(?P<words>[^:|\n]{2,60}?)[*_]*[:|]")
_NO_MORE = re.compile(
    r"\b(?:no longer|not any ?more|former|formerly|previous|previously|used to|old|older|earlier|drop\w*|remov\w*"
    r"|replaced|discontinu\w*|deprecat\w*|once|ended|until when)\b",
    re.IGNORECASE,
)
_JOINING = re.compile(r"\b(?:of|the|and|for|to|an?|in|on|by|your|our)\b", re.IGNORECASE)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_COMPARING = re.compile(
    r"\b(?:below|under|above|over|more|less|fewer|than|least|most|minimum|maximum|limit|earliest|latest|up to|within"
    r"|exceed\w*)\b",
    re.IGNORECASE,
)
_OR_BEHIND = re.compile(r"^[*_\"'\u201d)`]{0,3}(?: or |/)(?P<rest>[^,;.()]{1,40})", re.IGNORECASE)
# Behind a comma or a citation only another number is the other value: "50% (section 5.6), or 20% by phone".
_OR_FURTHER = re.compile(
    r"^[*_\"'\u201d)`]{0,3}(?: \([^()]{1,60}\))?,? or (?:of |for |at )?(?P<rest>[^,;.()]{1,40})", re.IGNORECASE
)
_NUMBER = re.compile(rf"\d|(?:{'|'.join(SMALL[1:])})\b", re.IGNORECASE)
_OR_BEFORE = re.compile(
    r"(?P<rest>[^,;.()]{1,40}?)[*_\"'\u201d)`]{0,3}(?: or (?:the |an? |by |with |in |on |at )?|/)[*_\"'\u201c(`]{0,3}$",
    re.I,
)
# Nothing but marks and a currency stands between "or" and the other value.
_BARE = re.compile(r"[\s*_(\"'\u201c\u201d)`]*(?:[A-Z]{1,3})?")
_NO_CHOICE = re.compile(
    r"^(?:more|less|fewer|longer|later|earlier|so|above|below|higher|over|under|greater|otherwise|else|older|younger"
    r"|sooner|shorter|lower|rather|about|up)\b",
    re.IGNORECASE,
)
_CODE_BEFORE = re.compile(
    r"(?<![A-Za-z])(?P<code>[A-Z]{2,3}) ?(?=[$\u20ac\u00a3\d])|(?<![A-Za-z])(?P<short>[A-Z]{1,2})\$"
)
_CODE_BEHIND = re.compile(r"^ ?(?P<code>[A-Z]{3})\b")
_CURRENCY_WORD = re.compile(
    r"^ (?P<land>australian|canadian|new zealand|us|u\.s\.|american|hong kong|singapore|taiwan|mexican) dollars?\b",
    re.I,
)
_CODES = {
    "A": "AUD", "AU": "AUD", "C": "CAD", "CA": "CAD", "CDN": "CAD", "NZ": "NZD", "US": "USD", "HK": "HKD", "S": "SGD",
    "R": "BRL", "NT": "TWD", "MX": "MXN", "AUSTRALIAN": "AUD", "CANADIAN": "CAD", "NEW ZEALAND": "NZD", "U.S.": "USD",
    "AMERICAN": "USD", "HONG KONG": "HKD", "SINGAPORE": "SGD", "TAIWAN": "TWD", "MEXICAN": "MXN",
}  # fmt: skip
# What is said of "pieces that are not fetched within 3 weeks" is not denied.
_BESIDE = re.compile(r"\b(?:that|which|who|whose|whoever|whatever|if|when|where|while|unless|until|because)\b", re.I)
# The other value may have no unit: "two, or three if it rains".
_BARE_NUMBER = re.compile(
    rf"(?:\d[\d.,]*|\b(?:{'|'.join(SMALL[1:])}))(?= (?:if|when|where|in case|should|for)\b)", re.IGNORECASE
)
# A time that has no number is bounded, too: "by the end of the second cycle".
_A_TIME = re.compile(r"\b(?:ends?|start|beginning|day|week|month|quarter|year|season|term|cycle)\b", re.IGNORECASE)
# Where a sentence goes on with another case.
_FURTHER = re.compile(r";|,? (?:and|but|while|whereas) (?!\d)", re.IGNORECASE)
_ONLY = re.compile(r"\bonly [*_(]*$", re.IGNORECASE)
_EACH_BEHIND = re.compile(
    r"^[*_)\"'\u201d`]{0,3} (?:(?:on|for|of) )?(?:per|each|every) (?P<unit>[a-z]+)|^[*_)]{0,3} an? (?P<time>hour|day"
    r"|night|week|month|year)\b",
    re.IGNORECASE,
)
_ONE_BY_ONE = re.compile(r"(?:\b(?:per|each|every|an?|one)[ -]|/ ?)([a-z]+)(?:[ -]([a-z]+))?", re.IGNORECASE)
_UNITS = r"(?P<unit>second|minute|hour|day|night|week|month|quarter|year|person|group|room|household|item|page)\b"
_A_UNIT = re.compile(rf"^[*_]{{0,3}} an? {_UNITS}", re.IGNORECASE)
_RATE = re.compile(
    rf"(?:\b(?:per|each|every)|/) ?(?:(?!second)[a-z]+ )??{_UNITS}"
    r"|\b(?P<adverb>hourly|daily|nightly|weekly|monthly|quarterly|yearly|annual)",
    re.IGNORECASE,
)
_RATED = frozenset({ClaimKind.money, ClaimKind.percent, ClaimKind.quantity})
_ADVERBS = {"daily": "day", "yearly": "year", "annual": "year"}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the source states the right alternative: the sentence, the place in it, and what is read there."""

    text: str
    start: int
    end: int
    bound: Bound | None


class _Denied(NamedTuple):
    """What a clause denies: the stem of the denied word, and whether that only says which things are spoken of."""

    word: str
    is_beside: bool


class Senses:
    """The senses in which the source of one scenario gives the right values of its claims."""

    def __init__(self, scenario: Scenario, passages: Passages) -> None:
        self._passages = passages
        # The things of which source and task speak one by one: "per sample", "each day".
        self._each = _things_one_by_one(f"{scenario.source_material}\n{scenario.task}")
        # The values that may stand beside any value: those of the task, and the right ones of all claims.
        in_task = ((m.kind, same_amount(m.value)) for line in scenario.task.splitlines() for m in mentions(line))
        of_claims = (
            (claim.kind, same_amount(value_of(claim.kind, claim.right.forms[0])))
            for claim in scenario.claims
            if claim.kind in VALUE_KINDS and claim.right.forms
        )
        self._may_stand = frozenset((*in_task, *of_claims))
        # By claim: the words of its label, and those of the labels of the other claims.
        labels = {c.id: content(c.label) for c in scenario.claims if c.kind in COMPARED_KINDS and c.of is None}
        self._labels = {
            own: (words, [other for claim_id, other in labels.items() if claim_id != own])
            for own, words in labels.items()
        }
        self._places: dict[str, tuple[_Place, ...]] = {}

    def is_given_otherwise(self, claim: Claim, text: str, start: int, end: int) -> bool:
        """Whether a place of a sentence gives the right alternative of a claim in another sense than the source."""
        if claim.kind not in COMPARED_KINDS or claim.of is not None:
            return False
        places = self._places.get(claim.id)
        if places is None:
            places = self._places[claim.id] = tuple(self._places_of(claim))
        if not places:
            return False
        if self._is_headed_otherwise(claim, text, start) or self._is_given_for_each(claim, text, end):
            return True
        return all(_is_otherwise(claim, place, text, start, end, self._may_stand) for place in places)

    def is_past_itself(self, claim: Claim) -> bool:
        """Whether a claim is itself about what is in force no more: "the versions that are no longer supported"."""
        return _NO_MORE.search(claim.label) is not None

    def _is_given_for_each(self, claim: Claim, text: str, end: int) -> bool:
        """Whether an amount is given for each of what neither source nor task counts one by one: "$50 a day"."""
        behind = _EACH_BEHIND.match(text[end:])
        if behind is None or claim.kind not in _RATED:
            return False
        return stem((behind["unit"] or behind["time"]).lower()) not in self._each

    def _is_headed_otherwise(self, claim: Claim, text: str, start: int) -> bool:
        """Whether a line begins with a heading of its own that names what another claim is about.

        Example: "Prompts: kept for 24 months" where the 24 months are those of the usage data.
        """
        heading = _HEADING.match(text[:start])
        if heading is None:
            return False
        words = content(heading["words"])
        if len(heading["words"].split()) > len(words) + len(_JOINING.findall(heading["words"])):
            # "Here is how it works:" is no heading.
            return False
        own, others = self._labels[claim.id]
        known = own.union(*(content(place.text) for place in self._places[claim.id]))
        return bool(words) and words.isdisjoint(known) and any(words <= other for other in others)

    def _places_of(self, claim: Claim) -> Sequence[_Place]:
        """The places of the source, in the passages of a claim, that have its right alternative."""
        found = []
        for (first, last), text in self._passages.unbroken:
            if any(span.start < last and first < span.end for span in claim.source_spans):
                for start, end in right_places(text, claim):
                    bound = bound_at(text, start, end) or bound_named(claim.label)
                    if bound is None and claim.kind is ClaimKind.quantity and _ONLY.search(text[:start]):
                        bound = Bound(Side.most, start)
                    found.append(_Place(text, start, end, bound if _is_measured(claim) else None))
        return found


def _things_one_by_one(text: str) -> frozenset[str]:
    """The stems of the things of which a text speaks one by one."""
    adverbs = {
        _ADVERBS.get(word, word[:-2]) for word in re.findall(r"\b(?:hour|dai|night|week|month|quarter|year)ly\b", text)
    }
    words = {word.lower() for match in _ONE_BY_ONE.finditer(text) for word in match.groups() if word}
    return frozenset(map(stem, words | adverbs))


def right_places(text: str, claim: Claim) -> list[tuple[int, int]]:
    """Where a sentence has the right alternative of a claim: by its value, or in the first spelling that it has."""
    value = same_amount(value_of(claim.kind, claim.right.forms[0])) if claim.kind in VALUE_KINDS else None
    for form in claim.right.forms:
        if places := list(places_of(text, claim.kind, form, value)):
            return places
    return []


def _is_measured(claim: Claim) -> bool:
    """Whether the right alternative of a claim can be bounded. "By the clerk" bounds nothing, and "by 9 am" does."""
    form = claim.right.forms[0]
    return claim.kind in VALUE_KINDS or any(map(str.isdigit, form)) or _A_TIME.search(form) is not None


def _is_otherwise(
    claim: Claim,
    place: _Place,
    text: str,
    start: int,
    end: int,
    may_stand: frozenset[tuple[ClaimKind, Hashable]],
) -> bool:
    known = f"{place.text} {claim.label}"
    if _is_one_of_several(claim, place, text, start, end) or _has_another_unit(claim, place, text, start, end):
        return True
    bound = bound_at(text, start, end) if _is_measured(claim) else None
    if bound is not None and bound.strict and place.bound is None and not _COMPARING.search(known):
        return not DENIAL.search(text)
    turns = bound is not None and place.bound is not None and bound.side is not place.bound.side
    left, right = clause_around(text, start, end)
    own = text[left:right]
    if turns and is_adverse(_with_consequence(text, left, right)):
        return False
    if _has_another_condition(place, text, (start, end), may_stand):
        return True
    source_left, source_right = clause_around(place.text, place.start, place.end)
    nearby = f"{place.text[source_left:source_right]} {claim.label}"
    denied = _denied(text, left, start, end, right, bound)
    known_denied = _denied(place.text, source_left, place.start, place.end, source_right, place.bound)
    if denied is not None:
        turns ^= not _denies_too(nearby, denied)
    elif known_denied is not None and not known_denied.is_beside and known_denied.word in content(own):
        # Of "we do not mention claims below 5%" the bound has been read as turned by the denial.
        is_read = bound is not None and DENIAL.search(text, left, bound.at) is not None
        turns ^= is_read or not any(pattern.search(own) for pattern in (DENIAL, _DENYING_WORD, _UN, _ADVERSE))
    if claim.kind is ClaimKind.duration:
        mine, theirs = is_ahead(text[end:right]), is_ahead(place.text[place.end :])
        if mine is not None and theirs is not None and mine is not theirs:
            return not DENIAL.search(own)
    years, known_years = set(_YEAR.findall(own)), set(_YEAR.findall(nearby))
    if claim.kind is not ClaimKind.date and years and known_years and not years & known_years:
        return True
    if _UNLESS.search(text) and _IF.search(known) and not _UNLESS.search(known) and not DENIAL.search(known):
        turns ^= not DENIAL.search(text)
    words = content(_OPEN_UNTIL.sub(" ", own)) if _UNTIL.search(text[left:start]) else content(own)
    turns ^= are_opposed(words, content(nearby)) and not are_opposed(content(place.text), content(nearby))
    return turns


def is_adverse(text: str) -> bool:
    """Whether a sentence refuses something or calls it wrong, which turns the sense of a bound."""
    return _ADVERSE.search(text) is not None


def _with_consequence(text: str, left: int, right: int) -> str:
    """A clause, and the clause behind it if the first says when the second holds: "If it has less, it is refused"."""
    clause = text[left:right]
    if not _IF.match(clause.lstrip()):
        return clause
    behind = clause_around(text, right + 1, right + 1) if right + 1 < len(text) else (right, right)
    return text[left : max(right, behind[1])]


def _unit_of(value: Hashable) -> Hashable:
    unit = same_amount(value)
    return unit[-1] if isinstance(unit, tuple) and isinstance(unit[-1], str) else None


def _has_another_condition(
    place: _Place, text: str, own: tuple[int, int], may_stand: frozenset[tuple[ClaimKind, Hashable]]
) -> bool:
    """Whether a sentence gives another value of the source's sentence with another bound, or another value there.

    The source says "after 60 days a fee of $10 is added". "After 30 days a fee of $10" has another condition, and so
    has "before 60 days". A sentence that gives no such condition, or the same one as well, has not. The values of the
    task, and the right values of other claims, may stand beside any value.
    """
    theirs = [
        (mention, bound)
        for mention in mentions(place.text)
        if not (mention.start < place.end and place.start < mention.end)
        and (bound := bound_at(place.text, mention.start, mention.end)) is not None
    ]
    if not theirs:
        return False
    known = {(m.kind, same_amount(m.value)) for m in mentions(place.text)} | may_stand
    left = max((mark.end() for mark in _FURTHER.finditer(text, 0, own[0])), default=0)
    further = _FURTHER.search(text, own[1])
    mine = [
        (mention, bound)
        for mention in mentions(text)
        if left <= mention.start < (further.start() if further else len(text))
        and not (mention.start < own[1] and own[0] < mention.end)
        and (bound := bound_at(text, mention.start, mention.end)) is not None
    ]
    for mention, bound in theirs:
        meaning = mention.kind, same_amount(mention.value)
        alike = [(m, b) for m, b in mine if (m.kind, same_amount(m.value)) == meaning]
        if alike and all(b.side is not bound.side for _, b in alike) and not DENIAL.search(text):
            return True
        others = [
            m
            for m, b in mine
            if b.side is bound.side
            and m.kind is mention.kind
            and _unit_of(m.value) == _unit_of(mention.value)
            and (m.kind, same_amount(m.value)) not in known
        ]
        if others and not any((m.kind, same_amount(m.value)) == meaning for m in mentions(text)):
            return True
    return False


def _denied(text: str, left: int, start: int, end: int, right: int, bound: Bound | None) -> _Denied | None:
    """What the clause around a value denies; None if it denies nothing. What only turns a comparison denies nothing."""
    # A denial before "more than" has been read with the bound.
    before = text[left:start] if bound is None or bound.at >= start else ""
    for match in DENIAL.finditer(before):
        if not _MERE_NO.match(before[match.start() :]) and not _NO_DENIAL.match(before[match.start() :]):
            is_beside = _BESIDE.search(before, 0, match.start()) is not None
            return _Denied(_first_word(before[match.end() :]), is_beside)
    behind = _DENIED_BEHIND.match(text[end:right])
    return None if behind is None else _Denied(_first_word(text[end + behind.end() : right]), is_beside=False)


def _denies_too(known: str, denied: _Denied) -> bool:
    """Whether a clause of the source denies what an answer denies, with a denial or with another word.

    "Access ends after 9 months" denies what "is not kept for longer than 9 months" denies. "Unused goods may be
    returned" does not deny "returned", although it has a denying word.
    """
    if DENIAL.search(known):
        return True
    if any(match["verb"] or stem(match["word"].lower()) == denied.word for match in _UN.finditer(known)):
        return True
    return _DENYING_WORD.search(known) is not None and denied.word not in content(_DENYING_WORD.sub(" ", known))


def _first_word(behind: str) -> str:
    """The stem of the word that is denied by a denial before these words: of "usually be kept", the one of "kept"."""
    return next((word for word, _, _ in placed_stems(behind) if not word.endswith("ly")), "")


def _is_one_of_several(claim: Claim, place: _Place, text: str, start: int, end: int) -> bool:
    """Whether a value is one of two that an answer leaves open: "$350 or $150"."""
    behind, before = _or_behind(text[end:]), _OR_BEFORE.search(text[max(0, start - 60) : start])
    if behind is not None and _BARE_NUMBER.match(behind["rest"]) and not _BARE_NUMBER.search(place.text):
        return True
    for match, is_behind in ((behind, True), (before, False)):
        if match is None or (is_behind and _NO_CHOICE.match(match["rest"])):
            continue
        rest = match["rest"]
        if claim.kind in VALUE_KINDS:
            wanted = same_amount(value_of(claim.kind, claim.right.forms[0]))
            others = [m for m in mentions(rest) if m.kind is claim.kind and same_amount(m.value) != wanted]
            if is_behind:
                others = [m for m in others if _BARE.fullmatch(rest[: m.start])]
            else:
                others = [m for m in others if _BARE.fullmatch(rest[m.end :])]
            known = {same_amount(m.value) for m in mentions(place.text)}
            if any(same_amount(m.value) not in known or " or " not in place.text for m in others):
                return True
        else:
            words = re.findall(r"[\w'-]+", rest)
            other = (words[0] if is_behind else words[-1]) if words else ""
            is_name = bool(other) and (claim.right.forms[0][0].isdigit() is other[0].isdigit())
            if (
                is_name
                and stem(other.lower()) not in content(place.text)
                and other.isalnum()
                and " or " not in place.text
            ):
                return True
    return False


def _or_behind(behind: str) -> re.Match[str] | None:
    """What stands behind "or" next to a value."""
    further = _OR_FURTHER.match(behind)
    return (
        further
        if further is not None and _NUMBER.match(further["rest"].lstrip("$\u20ac\u00a3"))
        else _OR_BEHIND.match(behind)
    )


def _has_another_unit(claim: Claim, place: _Place, text: str, start: int, end: int) -> bool:
    """Whether a value has another currency than in the source, or is given for each of another unit of time."""
    if claim.kind is ClaimKind.money:
        mine, theirs = currency_of(text, start, end), currency_of(place.text, place.start, place.end)
        if mine is not None and mine != (theirs or "USD") and (theirs is not None or mine not in place.text):
            return True
    if claim.kind in _RATED or (claim.kind is ClaimKind.term and any(map(str.isdigit, claim.right.forms[0]))):
        left, right = clause_around(text, start, end)
        their_units = _rates(place.text, place.text[place.end :])
        # What stands behind a value says most: "10% of the annual charges" beside a monthly uptime.
        for mine_units in (_rates(text[left:right], text[end:]), _rates(text[end:right], text[end:])):
            if mine_units and their_units and mine_units.isdisjoint(their_units):
                return True
    return False


def _rates(text: str, behind: str) -> frozenset[str]:
    """The units of which a text speaks as "each week" or "weekly", or as "a week" right behind a value."""
    next_to = _A_UNIT.match(behind)
    own = frozenset() if next_to is None else frozenset({next_to["unit"].lower()})
    return own | frozenset(
        match["unit"].lower() if match["unit"] else _ADVERBS.get(match["adverb"].lower(), match["adverb"].lower()[:-2])
        for match in _RATE.finditer(text)
    )


def currency_of(text: str, start: int, end: int) -> str | None:
    """The currency that letters beside an amount name: "NZD" of "NZD$20", "NZ$20" and "$20 NZD"."""
    near = text[max(0, start - 4) : end]
    match = _CODE_BEFORE.search(near)
    if match is None or not re.match(r"[\d$\u20ac\u00a3 ]", near[match.end() : match.end() + 1] or " "):
        match = None
    code = match["code"] or match["short"] if match is not None else None
    if code is None:
        behind = _CODE_BEHIND.match(text[end:]) or _CURRENCY_WORD.match(text[end:])
        code = behind[1].upper() if behind is not None else None
    code = None if code is None else _CODES.get(code, code)
    return (
        code
        if code is not None and len(code) == 3 and (code in _CODES.values() or code in ("EUR", "GBP", "JPY", "CHF"))
        else None
    )
