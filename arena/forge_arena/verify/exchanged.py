"""Whether the right value of a claim stands where an answer should give another value of the source.

The source says "A small kiln costs £40, a large kiln £65". The answer says "A small kiln costs £65, a large one £40".
Both values stand in the source, and each stands beside the words of the other. What shows it are the words that stand
around one of the two values in the source and not around the other: *small* and *large*. A value is

* exchanged, if in one sentence the words around both values are those of the other one;
* doubtful, if the words around the value are clearly rather those of another value than its own.

Only values that could be taken for each other are compared: of the same kind and unit, or names of which one is a wrong
alternative for the other.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from forge_arena.texts.sentences import lower
from forge_arena.texts.values import mentions, same_amount, value_of
from forge_arena.texts.words import content
from forge_arena.types import VALUE_KINDS, Claim, ClaimKind, Scenario, Standing
from forge_arena.verify.bounds import CLAUSE_MARK, bound_at, clause_around
from forge_arena.verify.known_values import is_same_date, places_of
from forge_arena.verify.passages import Passages

# How much more the words speak for an exchange than against it.
CLEARLY = 1.5
# A place without the other value in its sentence is in doubt if it has so much of the words of that value.
MOST = 0.5
# Or so much as so many of the rarest words tell.
ENOUGH = 1.2
FEWEST_WORDS = 2
MOST_RIVALS = 12
# What a word before the clause of a value tells, against a word of the clause.
FAR = 0.5
_NAMED = frozenset({ClaimKind.term, ClaimKind.identifier})


class Exchange(Enum):
    """What the words around a right value say."""

    none = "nothing against it"
    perhaps = "perhaps exchanged"
    sure = "exchanged"


@dataclass(frozen=True, slots=True)
class _Rival:
    """Another value: how it is found in a sentence, and the words that only one of the two has around it."""

    form: str
    value: Hashable
    own: frozenset[str]
    others: frozenset[str]


class Exchanges:
    """The values of one scenario that could be taken for the right value of a claim."""

    def __init__(self, scenario: Scenario, passages: Passages) -> None:
        self._claims = scenario.claims
        self._passages = passages
        self._rivals: dict[str, tuple[_Rival, ...]] = {}

    def weigh(self, claim: Claim, sentence: str, start: int, end: int) -> Exchange:
        """What the words around the right value of a claim, at a place of a sentence, say."""
        if claim.of is not None or claim.kind not in VALUE_KINDS | _NAMED:
            return Exchange.none
        rivals = self._rivals.get(claim.id)
        if rivals is None:
            rivals = self._rivals[claim.id] = tuple(self._rivals_of(claim))
        if not rivals:
            return Exchange.none
        weight = self._passages.weight
        all_places = sorted({*_all_places(sentence, claim, rivals), (start, end)})
        around = _Around.of(sentence, (start, end), all_places)
        whole = content(sentence)
        worst = Exchange.none
        for rival in rivals:
            own, crossed = around.weigh(rival.own, weight), around.weigh(rival.others, weight)
            places = [p for p in places_of(sentence, claim.kind, rival.form, rival.value) if p != (start, end)]
            if places:
                others = [_Around.of(sentence, place, all_places) for place in places]
                straight = max(words.weigh(rival.others, weight) for words in others)
                crossing = max(words.weigh(rival.own, weight) for words in others)
                if crossed > own and crossing > straight and not own and not straight:
                    return Exchange.sure
                if crossed + crossing > CLEARLY * (own + straight) and (not own + straight or (crossed and crossing)):
                    worst = Exchange.perhaps
            if not rival.own & whole and crossed and self._has_most(rival, around.near | around.far):
                worst = Exchange.perhaps
        return worst

    def _has_most(self, rival: _Rival, around: frozenset[str]) -> bool:
        shared = rival.others & around
        weight = self._passages.weight
        enough = min(MOST * weight(rival.others), ENOUGH * self._passages.greatest_rarity)
        return len(shared) >= FEWEST_WORDS and weight(shared) >= enough

    def _rivals_of(self, claim: Claim) -> Iterator[_Rival]:
        if not claim.right.forms:
            return
        form = claim.right.forms[0]
        right = same_amount(value_of(claim.kind, form)) if claim.kind in VALUE_KINDS else None
        found = list(self._others(claim, form, right))[:MOST_RIVALS]
        names = [form, *(other for other, _, _ in found)]
        own = self._words_around(claim.kind, form, right, names) | content(claim.label)
        for other, value, label in found:
            words = self._words_around(claim.kind, other, value, names)
            if not words:
                continue
            words |= content(label)
            # The parts of a name such as "quota_in_bytes" are words of the text, too.
            values = frozenset[str]().union(*(content(name) for name in (form, other) if "_" not in name))
            mine = frozenset(word for word in own - words - values if not word.isdigit())
            others = frozenset(word for word in words - own - values if not word.isdigit())
            if mine and others:
                yield _Rival(other, value, mine, others)

    def _others(self, claim: Claim, form: str, right: Hashable) -> Iterator[tuple[str, Hashable, str]]:
        """(form, value, label) of the values of the source that could be taken for the right one."""
        if claim.kind in VALUE_KINDS:
            labels = {
                same_amount(value_of(c.kind, c.right.forms[0])): c.label
                for c in self._claims
                if c.kind is claim.kind and c.of is None and c.right.forms
            }
            # What was in force once, or is the same day without its year, has no words of its own.
            seen = {right}
            seen |= {
                same_amount(value_of(claim.kind, other.forms[0]))
                for other in claim.wrong
                if other.standing is Standing.superseded and other.forms
            }
            is_free = not any(
                bound_at(text, start, end)
                for _, text in self._passages.unbroken
                for start, end in places_of(text, claim.kind, form, right)
            )
            for _, text in self._passages.unbroken:
                for mention in mentions(text):
                    value = same_amount(mention.value)
                    if is_free and bound_at(text, mention.start, mention.end) is not None:
                        # "Below 99%" says when the 10% hold, and nobody would exchange the two.
                        continue
                    if mention.kind is claim.kind and value not in seen and _are_comparable(value, mention.kind, right):
                        seen.add(value)
                        yield text[mention.start : mention.end], value, labels.get(value, "")
            return
        known = {lower(form)}
        labels_by_form = {lower(c.right.forms[0]): c.label for c in self._claims if c.kind in _NAMED and c.right.forms}
        for other in claim.wrong:
            if other.forms and other.standing is Standing.superseded:
                known.add(lower(other.forms[0]))
            if other.forms and other.standing is Standing.elsewhere:
                known.add(lower(other.forms[0]))
                yield other.forms[0], None, labels_by_form.get(lower(other.forms[0]), "")
        for other_claim in self._claims:
            if other_claim.kind is claim.kind and other_claim.of is None and other_claim.right.forms:
                name = other_claim.right.forms[0]
                if lower(name) not in known and len(name.split()) <= len(form.split()) + 1 and _are_alike(name, form):
                    known.add(lower(name))
                    yield name, None, other_claim.label

    def _words_around(self, kind: ClaimKind, form: str, value: Hashable, names: Sequence[str]) -> frozenset[str]:
        """The words around all places of the source that state a value. The names are those of all values."""
        words: frozenset[str] = frozenset()
        for _, text in self._passages.unbroken:
            places = list(places_of(text, kind, form, value))
            if not places:
                continue
            others = {*places, *_comparable_places(text, kind, value)}
            if kind in _NAMED:
                others |= {place for name in names for place in places_of(text, kind, name, None)}
            for place in places:
                around = _Around.of(text, place, sorted(others))
                words |= around.near | around.far
        return words


def exchanged_pairs(
    places: Sequence[tuple[Claim, int, int]],
    sentence: str,
    words_of: Callable[[Claim], frozenset[str]],
    has_any: Callable[[frozenset[str]], bool],
) -> frozenset[str]:
    """The ids of the claims whose right values have plainly changed places in a sentence.

    Two values have changed places if each stands among words of the other's claim, and neither among words of its own.
    Words that both claims have say nothing.

    Args:
        places: the right values of the sentence: the claim, and where the value stands.
        words_of: the words of a claim: of its label, and around its value in the source.
        has_any: whether the source has one of some words. Other words tell nothing.
    """
    crossed: set[str] = set()
    all_places = sorted({(start, end) for _, start, end in places})
    for number, (first, *at) in enumerate(places):
        for second, *beside in places[number + 1 :]:
            if first.kind is not second.kind or first.id == second.id or at == beside:
                continue
            values = [same_amount(value_of(claim.kind, claim.right.forms[0])) for claim in (first, second)]
            if values[0] == values[1] or not _are_comparable(values[1], second.kind, values[0]):
                continue
            mine, others = words_of(first) - words_of(second), words_of(second) - words_of(first)
            here = _Around.of(sentence, (at[0], at[1]), all_places).words
            there = _Around.of(sentence, (beside[0], beside[1]), all_places).words
            is_straight = has_any(here & mine) or has_any(there & others)
            if not is_straight and has_any(here & others) and has_any(there & mine):
                crossed |= {first.id, second.id}
    return frozenset(crossed)


@dataclass(frozen=True, slots=True)
class _Around:
    """The words that go with a value: those of its clause, and those before it in its sentence."""

    near: frozenset[str]
    far: frozenset[str]

    @classmethod
    def of(cls, text: str, place: tuple[int, int], places: Sequence[tuple[int, int]]) -> "_Around":
        """The words of a sentence that go with a value, without those that go with its neighbours.

        What stands between two values goes with both, if no comma or the like parts it. Otherwise what stands before
        the first mark goes with the value before, and the rest with the value behind.
        """
        start, end = place
        left = max((other_end for _, other_end in places if other_end <= start), default=0)
        right = min((other_start for other_start, _ in places if other_start >= end), default=len(text))
        if left:
            mark = CLAUSE_MARK.search(text, left, start)
            left = left if mark is None else mark.end()
        clause_left, clause_right = clause_around(text, start, end)
        near = f"{text[max(left, clause_left) : start]} {text[end : min(right, clause_right)]}"
        return cls(content(near), content(text[left : max(left, clause_left)]))

    @property
    def words(self) -> frozenset[str]:
        return self.near | self.far

    def weigh(self, words: frozenset[str], weight: Callable[[Iterable[str]], float]) -> float:
        return weight(words & self.near) + FAR * weight(words & self.far)


def _are_alike(one: str, other: str) -> bool:
    """Whether two names look alike enough to be taken for each other: both are numbers, or neither is."""
    return one[:1].isdigit() is other[:1].isdigit()


def _are_comparable(value: Hashable, kind: ClaimKind, right: Hashable) -> bool:
    """Whether a value could be taken for the right one: it has the same unit, or is a whole date."""
    if not isinstance(value, tuple) or not isinstance(right, tuple):
        return True
    if kind is ClaimKind.date:
        return not is_same_date(value, right)
    return kind is ClaimKind.duration or value[-1] == right[-1]


def _comparable_places(text: str, kind: ClaimKind, value: Hashable) -> list[tuple[int, int]]:
    if kind not in VALUE_KINDS:
        return []
    return [
        (m.start, m.end)
        for m in mentions(text)
        if m.kind is kind and _are_comparable(same_amount(m.value), kind, value)
    ]


def _all_places(sentence: str, claim: Claim, rivals: tuple[_Rival, ...]) -> Iterator[tuple[int, int]]:
    if claim.kind in VALUE_KINDS:
        yield from ((m.start, m.end) for m in mentions(sentence) if m.kind is claim.kind)
        return
    for rival in rivals:
        yield from places_of(sentence, claim.kind, rival.form, rival.value)
