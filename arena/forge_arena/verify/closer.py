"""Whether the words around a right value turn, weaken or widen what the source says of it.

A value alone is not a fact: "at most 36 months" does not state a shortest term of 36 months, "I am not sure whether it
is £40" states nothing, and "by courier or by chat" leaves open what the source settles. Each reading here compares the
answer with the sentences of the source that state the value, and with the label of the claim. Most of them look for
words of a closed class that the answer has and the source has not:

* a bound of the other side (`bounds`), or a time counted before instead of after something;
* a hedge: "probably", "I think", "usually";
* a refusal right before the value: "not by the data protection lead";
* a further value or way behind "or";
* another unit behind "each", "per" or "a", or a unit where the source has none;
* "together" for "each", and a reduction "by" a share for a share "of" something;
* a condition that is given up ("whoever runs them", "even if", "signed or unsigned", "optional"), or an exception that
  nothing in the source speaks of;
* an opposed word ("kept back" for "refunded"), and a denied verb;
* another beginning of a period: "within 18 hours of the report" for "of the discovery".

What is read here is only in doubt, because the sentence may be about something else. A required fact in doubt is not
stated. `given` reads answers to documents and looks more widely; what is told of a built-in family is told by authors
in many words, so here a reading must be sure of its words.
"""

import re
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain

from forge_arena.texts.sentences import lower
from forge_arena.texts.values import mentions, same_amount, value_of
from forge_arena.texts.words import content
from forge_arena.types import VALUE_KINDS, Claim, ClaimKind, Scenario
from forge_arena.verify.bounds import DENIAL, Side, bound_at, clause_around, is_ahead
from forge_arena.verify.given import currency_of, is_adverse, right_places
from forge_arena.verify.opposites import GroupSide, opposed, sides_named, sides_taken
from forge_arena.verify.passages import Passages
from forge_arena.verify.past import is_turned_down

READ_KINDS = VALUE_KINDS | {ClaimKind.term, ClaimKind.identifier}

# The patterns are for lower case, because a search that ignores case takes up to four times as long.
_UNSURE = (
    r"not (?:\w+ )?(?:sure|certain|clear|known)|unsure|uncertain|unclear|(?:do|does)(?: not|n['\u2019]t) know"
    r"|cannot (?:say|tell)|perhaps|maybe|probably|possibly|presumably|apparently|supposedly|allegedly|conceivably"
    r"|(?:i|we) (?:think|believe|guess|suppose|assume|suspect)|(?:it )?seems?|appears? to|(?:most |more )?likely"
    r"|if (?:i|we) (?:remember|recall)|as far as (?:i|we) (?:know|can (?:see|tell))|somewhere (?:around|near|between)"
    r"|might(?: well)?|may well|in all likelihood|hopefully|subject to change|to be confirmed"
)
# "Normally" and "usually" say hardly more than the source. These words say that it may be another value.
_SOMETIMES = r"often|sometimes|occasionally|more or less|in (?:some|certain|other) cases|depending on"
_HEDGE = re.compile(rf"\b(?:{_UNSURE})\b")
_AT_TIMES = re.compile(rf"\b(?:{_SOMETIMES})\b")
_ASIDE = re.compile(rf",\s(?:but\s)?(?:{_UNSURE})(?=[,.;:!?]|$)")
_OTHERWISE = re.compile(
    r"\b(?:may|might|can|could)\b[^,;.]{0,40}\b(?:otherwise|differ(?:ently)?|vary|change)\b",
)
_OR = re.compile(r"\bor\b")
_NO_CHOICE = (
    r"more|less|fewer|longer|later|earlier|so|above|below|higher|over|under|greater|otherwise|else|older|younger"
    r"|sooner|shorter|lower|rather|about|up|not|if|when|part|any"
)
_PREPOSITION = r"by|to|with|in|on|as|at|from|for|through|via|of"
_OR_BEHIND = re.compile(
    rf"^[*_\"'\u201d)`]{{0,3}},? (?:and/)?or,? (?!(?:{_NO_CHOICE})\b)(?P<rest>[^,;:.()]{{2,60}})",
)
_OR_FURTHER_BEHIND = re.compile(
    r"^[*_\"'\u201d)`]{0,3}(?: (?!(?:or|and|but|if|when|unless|that|which|who)\b)[\w'\u2019-]+){1,5},? or,? "
    rf"(?P<word>{_PREPOSITION}) (?P<rest>[^,;:.()]{{2,60}})",
)
_OR_BEFORE = re.compile(
    rf"(?P<rest>[\w'\u2019& -]{{2,40}}) or (?:(?:{_PREPOSITION}) )?(?:an? |the |our |your )?[*_\"'\u201c(`]{{0,3}}$",
)
_OR_AMOUNT = re.compile(
    r"^[^,;.:()\d]{0,30},? or,? (?:perhaps |maybe |even |possibly |of )?"
    r"(?P<other>all|none|nothing|double|twice|everything|the (?:whole|full)|\d[\d.,]*)\b"
    r"(?! (?:more|less|fewer|longer|later|earlier|so|above|below|higher|over|under|greater)\b)",
)
_TIME = r"(?:second|minute|hour|day|night|week|month|quarter|year)"
_RATE = re.compile(rf"(?:\b(?:per|each|every)|/) ?(?:\w+ )?(?P<unit>{_TIME})s?\b")
_A_UNIT = re.compile(rf"^[*_)]{{0,3}} an? (?P<unit>{_TIME})\b")
_ANY_UNIT = re.compile(
    rf"(?<!\w)(?:(?P<unit>{_TIME})s?|(?P<adverb>hourly|daily|nightly|weekly|monthly|quarterly|yearly|annual))",
)
_A_RATE = re.compile(
    rf"(?:\b(?:per|each|every|in an?|an?)|/) ?(?P<unit>{_TIME})s?\b"
    r"|\b(?P<adverb>hourly|daily|nightly|weekly|monthly|quarterly|yearly|annual)",
)
_ADVERBS = {"daily": "day", "yearly": "year", "annual": "year", "hourly": "hour", "nightly": "night"}
_TOGETHER = re.compile(
    r"\b(?:together(?! with)|altogether|in total|in all|overall|combined|all told|as a whole|jointly)\b",
)
_EACH = re.compile(r"\b(?:each|per|every|apiece|single|(?:for|of) (?:an?|one))\b")
_REDUCTION = re.compile(
    r"^ ?(?:\w+ )?(?:less|off|lower|below|discount|rebate|reduction|cheaper)\b|\b(?:reduc|discount|rebat)\w*",
)
_ANY_REDUCTION = re.compile(
    r"\b(?:less|off|lower|below|discount\w*|rebate\w*|reduc\w*|cheaper|save[sd]?|saving\w*|deduct\w*|cut|concession\w*"
    r"|allowance|down|cheap\w*|benefit\w*|advantage)\b",
)
_WHATEVER = re.compile(
    r"(?:(?<=, )|(?<=\()|(?<=\u2014 ))(?:whoever|whatever|whichever|wherever|however"
    r"|whenever)\b(?! (?:becomes|happens|comes))"
    r"|\b(?:whatever|whichever) (?:the|their|its|your|our|his|her)\b"
    r"|\b(?:no matter|regardless|irrespective|with or without|whether or not"
    r"|even (?:if|when|where|without)|optional(?:ly)?"
    r"|voluntary|(?P<word>\w{3,}) or (?:un|non-?|not )(?P=word))\b",
)
_CONCEDES = re.compile(
    r"\b(?:who|what|which|where|how|when)ever\b|\b(?:no matter|regardless|irrespective|with or without|whether|even"
    r"|optional(?:ly)?|voluntary|any|all|always|at all)\b",
)
_INCLUDED = re.compile(r"\b(?P<word>\w{3,}) included\b|\bincluding (?P<other>\w{3,})")
_ALL_BUT = re.compile(
    r"\b(?:all|nothing|anything|everything|everyone|everybody|anyone|nobody|none"
    r"|no one)(?: \w+){0,3} (?:but|except|save)\b"
    r"|\b(?:except(?:ing)?(?: for)?|apart from|save for|with the exception of)\b",
)
_EXCEPTS = re.compile(
    r"\b(?:except\w*|apart|other|save|without|unless|exclud\w*|exempt\w*|only|none|outside)\b"
    r"|\b(?:all|nothing|anything|everything) but\b|\bbut not\b",
)
# "All but 29%" is the other share.
_ALL_BUT_THIS = re.compile(
    r"\b(?:all|everything|everyone|everybody) (?:but|except)(?: for)?(?: the)?[ *_(]*$",
)
_DENIED = re.compile(
    r"(?:\b(?:not|never)|n['\u2019]t|\bcannot)"
    r"(?: (?!(?:only|just|merely|simply|necessarily|until|before|after|unless"
    r"|later|earlier|sooner|more|less|fewer|longer"
    r"|exceed|forget|you|we|i|they|he|she|it|who|that|which|want|and|but|or|if|must|may|can|shall|will|is|are|was|has"
    r"|have|so)\b)[\w'-]+){1,6}"
    r"[ *_(\"'\u201c`]*$",
)
_NOBODY = re.compile(
    r"(?:^|[.,;:] )\W{0,3}(?:nobody|no one|none of \w+) (?:may|can|must|is|will)\b[^,;:.]{0,40}$",
)
_NEGATIVE = re.compile(
    rf"{DENIAL.pattern}|\b(?:un|non-?|dis)\w{{4,}}|\b(?:drop|end|stop|lack|refus|reject|prohibit|forbid|ban|exempt|exclud"
    r"|waiv|free|avoid|except|miss|fail|late|lapse|lose|lost)\w*|\bless\b|\bonly\b|\bbefore\b",
)
_ANCHOR = re.compile(
    r"^[*_)\"'\u201d`]{0,3},? (?:of|after|from|following|since|counted from"
    r"|starting (?:from|with)) (?!now on)(?P<rest>[^,;:.()]{2,50})",
)
# A period from "the day you joined" begins with the joining.
_CALENDAR = content("day date time moment end start week month year")
_WORD = re.compile(r"[^\W_]+")
_STAY_OPEN = re.compile(r"\b(?:stays?|staying|remains?|kept|keeps?|left|leaves?|is|are) open\b")
# Who buys from somebody who sells does what the source says of the seller.
_CONVERSE = re.compile(
    r"(?:buy|buys|bought|purchas\w+|sell|sells|sold|sale|sen[dt]s?|receiv\w+|receipt|arriv\w+|le(?:ave|aves|aving|ft)"
    r"|deposit\w*|read|reads|present|right|first|last|main|hot|warm|cold|cool|day|night)",
)
# A bound that keeps the value itself in: "at most 3 weeks".
_PLAIN_BOUND = re.compile(
    r"\b(?:at (?:the )?(?:very )?(?:least|most)|a (?:minimum|maximum) of|minimum|maximum|up to|within|until|till"
    r"|(?:(?:no|not|neither|nobody|never)\b[^,;]{0,20} )?"
    r"(?:more|less|fewer|later|earlier|sooner|longer|shorter|higher|lower|greater"
    r"|smaller) than|or (?:more|less)|not before"
    r"|(?:may|must|can|shall|should|will|does|do)(?: not|n['\u2019]t) exceed|cannot exceed|from)\b",
)
_OURS = re.compile(r"\b(?:our|ours|we|us)\b")
_YOU_DO = re.compile(r"\byou(?: \w+ly)? (?:must|have to|need to|should|are to|will have to)\b")
_SEGMENT = re.compile(r"[;\n]|[.!?] (?=[A-Z])")
_MOST_LABEL = re.compile(
    r"\b(?:longest|greatest|largest|highest|most|maximum|limit|ceiling|cap|until which|up to)\b"
    r"|\bhow (?:long|many|much) [^,;]{2,30} (?:may|can)\b",
)
_LEAST_LABEL = re.compile(r"\b(?:shortest|least|smallest|lowest|fewest|minimum)\b")
# Without one of these words or signs nothing here can be read.
_TRIGGER = re.compile(
    rf"\b(?:{_UNSURE}|{_SOMETIMES}|least|most|minimum|maximum|less|more|fewer|longer|shorter|higher|lower|above|below|over|under"
    r"|beyond|exceed\w*|within|up to|before|after|until|till|by|from|since|or|per"
    r"|each|every|together|altogether|total|all"
    r"|overall|combined|whoever|whatever|whichever|wherever|whenever|no|not|never|nor|nobody|none|cannot|even|optional\w*"
    r"|voluntary|regardless|irrespective|included|including|but|except\w*|apart|if"
    r"|once|provided|long as|of|following|instead"
    rf"|rather|an? {_TIME}|percent|keep\w*|kept|retain\w*|withh\w+|rais\w+|cut"
    rf"|drop\w*)\b|n['\u2019]t\b|%|\blend|\bborrow"
    r"|\bbuyer|\bseller|\btenant|\blandlord|\blessor|\blessee|\bemploy",
)


class _Source:
    """Where the source states the right alternative of a claim. Each part is read when it is first asked for.

    All but the places is in lower case.
    """

    def __init__(self, claim: Claim, passages: Passages) -> None:
        self._claim, self._passages = claim, passages
        self.label = lower(claim.label)

    @cached_property
    def _numbers(self) -> list[int]:
        """The sentences of the source in which the claim stands, as places in `unbroken`."""
        return [
            number
            for number, ((first, last), _) in enumerate(self._passages.unbroken)
            if any(span.start < last and first < span.end for span in self._claim.source_spans)
        ]

    @cached_property
    def _sentences(self) -> list[str]:
        return [self._passages.unbroken[number][1] for number in self._numbers]

    @property
    def is_known(self) -> bool:
        """Whether a sentence of the source is the claim's."""
        return bool(self._numbers)

    @cached_property
    def places(self) -> tuple[tuple[str, int, int], ...]:
        """The sentences that have the alternative, as they are written, each with its place."""
        return tuple((text, *place) for text in self._sentences for place in right_places(text, self._claim))

    @cached_property
    def behind(self) -> list[str]:
        """What stands behind each place."""
        return [lower(text[end:]) for text, _, end in self.places]

    @cached_property
    def own(self) -> str:
        """The sentences of the claim, and its label."""
        return lower(" ".join((*self._sentences, self.label)))

    @cached_property
    def nearby(self) -> str:
        """The same with the sentences before and behind."""
        unbroken = self._passages.unbroken
        near = [text for number in self._numbers for _, text in unbroken[max(number - 1, 0) : number + 2]]
        return lower(" ".join((*near, self.label)))

    @cached_property
    def words(self) -> frozenset[str]:
        return content(self.own)

    @cached_property
    def words_nearby(self) -> frozenset[str]:
        return content(self.nearby)

    @cached_property
    def of_label(self) -> str:
        """What is nearby, and the sentences of the source that have all words of the label."""
        label = content(self.label)
        speaking = (passage.text for passage in self._passages.passages if label and label <= passage.words)
        return lower(" ".join((self.nearby, *speaking)))

    @cached_property
    def clauses(self) -> str:
        """The clauses around the alternative, and the label."""
        parts = [text[slice(*clause_around(text, start, end))] for text, start, end in self.places]
        return lower(" ; ".join((*parts, self.label)))

    def has_any(self, words: Set[str]) -> bool:
        """Whether the source has one of some words anywhere."""
        return self._passages.has_any(words)


@dataclass(frozen=True)
class _Place:
    """A right value in a sentence of an answer, with what stands around it, in lower case."""

    written: str
    start: int
    end: int

    @cached_property
    def text(self) -> str:
        return lower(self.written)

    @cached_property
    def _clause(self) -> tuple[int, int]:
        return clause_around(self.text, self.start, self.end)

    @cached_property
    def clause(self) -> str:
        return self.text[slice(*self._clause)]

    @cached_property
    def before(self) -> str:
        """What stands before the value in its clause."""
        return self.text[self._clause[0] : self.start]

    @cached_property
    def behind(self) -> str:
        return self.text[self.end :]

    @cached_property
    def segment(self) -> str:
        """The part of the sentence between two semicolons."""
        # A capital letter shows where a sentence begins.
        left = max((mark.end() for mark in _SEGMENT.finditer(self.written, 0, self.start)), default=0)
        right = _SEGMENT.search(self.written, self.end)
        return self.text[left : right.start() if right else len(self.text)]


class CloserReading:
    """The senses in which the source of one scenario gives the right alternatives of its claims."""

    def __init__(self, scenario: Scenario, passages: Passages) -> None:
        self._passages = passages
        self._sources: dict[str, _Source] = {}

    def is_in_doubt(self, claim: Claim, text: str, start: int, end: int) -> bool:
        """Whether something turns or weakens the right alternative of a claim at a place of a sentence."""
        if claim.kind not in READ_KINDS or not _may_turn(text):
            return False
        source = self._sources.get(claim.id)
        if source is None:
            source = self._sources[claim.id] = _Source(claim, self._passages)
        place = _Place(text, start, end)
        return any(is_turned(claim, source, place) for is_turned in _READINGS) and source.is_known


# A sentence is asked for each of its values.
@lru_cache(maxsize=1_024)
def _may_turn(text: str) -> bool:
    return _TRIGGER.search(lower(text)) is not None


def _is_bounded_otherwise(claim: Claim, source: _Source, place: _Place) -> bool:
    if claim.kind not in VALUE_KINDS:
        return False
    bound = bound_at(place.written, place.start, place.end)
    if bound is not None and not is_adverse(place.text):
        sides = {_side_at(text, start, end) for text, start, end in source.places}
        if sides == {None} and not bound.strict and _PLAIN_BOUND.search(place.clause):
            sides = {_side_named(source.label)}
        turns_back = _turns_back(place.clause) and not _turns_back(source.clauses)
        if sides and None not in sides and bound.side not in sides and not turns_back:
            return True
    if claim.kind is not ClaimKind.duration or DENIAL.search(place.clause):
        return False
    ahead = is_ahead(place.behind)
    return (
        ahead is not None
        and bool(source.places)
        and all(is_ahead(behind) is (not ahead) and content(behind) & content(place.behind) for behind in source.behind)
    )


def _turns_back(text: str) -> bool:
    """Whether a denial beside a bound gives the sense back: "orders up to £500 need no vote"."""
    # "Without" denies a thing, and no clause.
    return any(match[0].lower() != "without" for match in DENIAL.finditer(_PLAIN_BOUND.sub(" ", text)))


def _side_at(text: str, start: int, end: int) -> Side | None:
    bound = bound_at(text, start, end)
    return None if bound is None else bound.side


def _side_named(label: str) -> Side | None:
    """The side that a label names: "the shortest term" a lower bound, and "the limit on equipment" an upper one."""
    is_most, is_least = _MOST_LABEL.search(label) is not None, _LEAST_LABEL.search(label) is not None
    if is_most is is_least:
        return None
    return Side.most if is_most else Side.least


def _is_hedged(claim: Claim, source: _Source, place: _Place) -> bool:
    if (_HEDGE.search(place.clause) or _ASIDE.search(place.text)) and not _HEDGE.search(source.nearby):
        return True
    if _OTHERWISE.search(place.behind) and not _OTHERWISE.search(source.nearby):
        return True
    return bool(_AT_TIMES.search(place.clause)) and not _AT_TIMES.search(source.nearby)


def _is_refused(claim: Claim, source: _Source, place: _Place) -> bool:
    return is_turned_down(place.text, place.start) and not any(
        is_turned_down(text, start) for text, start, _ in source.places
    )


def _is_left_open(claim: Claim, source: _Source, place: _Place) -> bool:
    if _OR.search(place.text) is None or _OR.search(source.own):
        return False
    if claim.kind in VALUE_KINDS:
        match = _OR_AMOUNT.match(place.behind)
        if match is None:
            return False
        at, stop = (place.end + match.start("other"), place.end + match.end("other"))
        over = [m for m in mentions(place.written) if m.start < stop and at < m.end]
        right = same_amount(value_of(claim.kind, claim.right.forms[0]))
        return all(m.kind is claim.kind and same_amount(m.value) != right for m in over)
    behind = _OR_BEHIND.match(place.behind)
    if behind is None:
        behind = _OR_FURTHER_BEHIND.match(place.behind)
        if behind is not None and not re.search(
            rf"\b{behind['word']}\b", place.text[max(0, place.start - 12) : place.end]
        ):
            behind = None
    if behind is not None:
        return bool(content(behind["rest"]) - source.words)
    before = _OR_BEFORE.search(place.before)
    return before is not None and bool(content(before["rest"]) - source.words)


def _has_another_unit(claim: Claim, source: _Source, place: _Place) -> bool:
    if claim.kind is ClaimKind.money:
        mine = currency_of(place.written, place.start, place.end)
        if mine is not None and source.places and mine not in {currency_of(*at) or "USD" for at in source.places}:
            return not any(mine in text for text, _, _ in source.places)
    if claim.kind not in (ClaimKind.money, ClaimKind.percent, ClaimKind.quantity):
        return False
    near = _A_UNIT.match(place.behind) or _RATE.search(place.clause)
    if near is None or not source.places:
        return False
    known = _units(_A_RATE, source.own) or (
        _units(_ANY_UNIT, source.of_label) if claim.kind is not ClaimKind.percent else set()
    )
    if not known:
        return claim.kind is ClaimKind.money
    return near["unit"].lower() not in known


def _units(pattern: re.Pattern[str], text: str) -> set[str]:
    """The units of time that a pattern finds in a text: "day" of "a day" and of "daily"."""
    return {
        (match["unit"] or _ADVERBS.get(match["adverb"].lower(), match["adverb"].lower().removesuffix("ly"))).lower()
        for match in pattern.finditer(text)
    }


def _is_of_all_together(claim: Claim, source: _Source, place: _Place) -> bool:
    if claim.kind not in VALUE_KINDS:
        return False
    if _TOGETHER.search(place.clause):
        return bool(_EACH.search(source.own)) and not _TOGETHER.search(source.nearby)
    return False


def _is_no_reduction(claim: Claim, source: _Source, place: _Place) -> bool:
    """Whether a share by which something is less is given as a share of it."""
    if claim.kind is not ClaimKind.percent or _ANY_REDUCTION.search(place.text):
        return False
    return bool(source.places) and all(map(_REDUCTION.match, source.behind))


def _gives_up_condition(claim: Claim, source: _Source, place: _Place) -> bool:
    if _WHATEVER.search(place.segment) and not _CONCEDES.search(source.nearby):
        return True
    for match in _INCLUDED.finditer(place.segment) if "includ" in place.segment else ():
        word = re.escape(match["word"] or match["other"])
        if re.search(
            rf"\b(?:without|excluding|except|not|no|other than|save)(?: \w+){{0,2}} {word}\b"
            rf"|\b{word} (?:is |are )?(?:not|excluded|excepted|exempt)\b",
            source.nearby,
        ):
            return True
    return False


def _is_excepted(claim: Claim, source: _Source, place: _Place) -> bool:
    if claim.kind in VALUE_KINDS and _ALL_BUT_THIS.search(place.text, 0, place.start) and "but" not in source.own:
        return True
    return (
        claim.kind in VALUE_KINDS and _ALL_BUT.search(place.clause) is not None and not _EXCEPTS.search(source.nearby)
    )


def _is_opposed(claim: Claim, source: _Source, place: _Place) -> bool:
    if claim.kind not in VALUE_KINDS:
        return False
    turned = set(map(opposed, sides_taken(_sides_in(_STAY_OPEN.sub(" ", place.clause)))))
    # The clauses of the source are parts of its sentences, and dearer to find.
    if not turned or turned.isdisjoint(_sides_in(source.own)) or not source.places:
        return False
    known = sides_taken(_sides_in(source.clauses))
    return (
        not turned.isdisjoint(known)
        and known.isdisjoint(map(opposed, sides_taken(sides_named(content(source.nearby)))))
        and not DENIAL.search(place.clause)
        and not DENIAL.search(source.clauses)
    )


@lru_cache(maxsize=4_096)
def _sides_in(text: str) -> frozenset[GroupSide]:
    """The sides that a text in lower case names, without the words that mean the same from the other side."""
    return frozenset(chain.from_iterable(map(_sides_of, _WORD.findall(text))))


@lru_cache(maxsize=16_384)
def _sides_of(word: str) -> frozenset[GroupSide]:
    return frozenset() if _CONVERSE.fullmatch(word) else sides_named(content(word))


def _is_denied(claim: Claim, source: _Source, place: _Place) -> bool:
    if claim.kind not in VALUE_KINDS:
        return False
    if not (_DENIED.search(place.before) or _NOBODY.search(place.before)):
        return False
    return bool(source.places) and not _NEGATIVE.search(source.clauses)


def _is_of_reader(claim: Claim, source: _Source, place: _Place) -> bool:
    """Whether the reader is to do what the label calls the writer's: "you must confirm" of "our confirmation"."""
    return (
        _OURS.search(source.label) is not None
        and _YOU_DO.search(place.before) is not None
        and not _OURS.search(place.clause)
        and not _YOU_DO.search(source.nearby)
    )


def _begins_elsewhere(claim: Claim, source: _Source, place: _Place) -> bool:
    """Whether a period is counted from something that the source does not count it from.

    Both name a beginning, the two share no word, the source's beginning is nowhere in the sentence, and the answer's is
    nowhere beside the value in the source, but elsewhere in it.
    """
    if claim.kind is not ClaimKind.duration:
        return False
    mine = _ANCHOR.match(place.behind)
    if mine is None:
        return False
    words = content(mine["rest"]) - _CALENDAR
    if not words or words & source.words_nearby or not source.has_any(words):
        return False
    theirs = [match for behind in source.behind if (match := _ANCHOR.match(behind)) is not None]
    return bool(theirs) and all(content(match["rest"]).isdisjoint(content(place.text)) for match in theirs)


_READINGS: Sequence[Callable[[Claim, _Source, _Place], bool]] = (
    _is_bounded_otherwise,
    _is_hedged,
    _is_refused,
    _is_left_open,
    _has_another_unit,
    _is_of_all_together,
    _is_no_reduction,
    _gives_up_condition,
    _is_excepted,
    _is_opposed,
    _is_denied,
    _is_of_reader,
    _begins_elsewhere,
)
