"""Read a sentence: which claims of a scenario the sentence speaks of, and which alternative it gives for each.

An example. The scenario has a claim `window` (5 to 7 business days; superseded: 10 to 14 business days) and a claim
`source` (section 3.2; elsewhere in the source: section 3.4). A sentence is about both if one of its words begins with
"refund" or "money".

    Refunds, formerly 10 to 14 business days, now take 5 to 7 business days (section 3.4).

    1. "Refunds" begins with "refund". So the sentence is about `window` and `source`.
    2. "section 3.4" is a spelling of an alternative of `source`. Reading: `source`, elsewhere.
    3. "10 to 14 business days" means the superseded alternative of `window`, and "formerly" comes before this
       value in its clause. Reading: `window`, superseded, past.
    4. "5 to 7 business days" means the right alternative of `window`. Reading: `window`, current.

The verifier then finds `window` stated rightly, because a past value states nothing, and `source` broken.
"""

import re
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property, lru_cache

from forge_arena.texts.sentences import contains_whole, lower, whole_starts_of
from forge_arena.texts.values import COUNTED, Mention, mentions, same_amount, value_of
from forge_arena.types import Alternative, Claim, ClaimKind, Scenario, Standing
from forge_arena.verify.citations import Citations, Weight
from forge_arena.verify.compared import option_at
from forge_arena.verify.derived import numbers_of
from forge_arena.verify.ownership import Ownership, Place
from forge_arena.verify.passages import Passages, clause, section_of_form
from forge_arena.verify.spoken import spoken_values, units_of
from forge_arena.verify.whole_statements import is_whole_statement

CACHED_SENTENCES = 4_096
LONGEST_STEM = 24
# A sentence with more values is a table or a trick, and no words in it stand nearer to one value than to another.
MOST_VALUES = 30

# Kinds that a text states by an accepted spelling. The other kinds are stated by a value, however it is spelled.
SPELLED_KINDS = frozenset({ClaimKind.identifier, ClaimKind.term, ClaimKind.citation, ClaimKind.option})
# Kinds that no single sentence states.
WHOLE_TEXT_KINDS = frozenset({ClaimKind.constraint, ClaimKind.behaviour})

_WORD = re.compile(r"\w+")
_BARE_SECTION = re.compile(r"(?<![\w.,$€£%#-])\d{1,3}\.\d{1,3}(?![\w%]|[.,-]\d)")
_CLAUSE_START = re.compile(r"[,;:()\u2013\u2014]| but | and | now | to the | which ")
_PAST = re.compile(
    r"\b(?:formerly|previously|(?:was|were|had) once|once(?= [\d$\u20ac\u00a3])|used to|superseded|former|outdated|out of date"
    r"|no longer(?! than)|earlier(?! than)|prior(?! to)|older?(?! than)"
    r"|(?:up|down|raised|lowered|changed|increased|reduced|cut|moved|shortened|lengthened) from|(?<!is )(?<!are )(?<!be )(?<!was )(?<!been )(?<!were )(?<!being )replac(?:es|ed|ing)"
    r"|until (?:then|\w+ ?\d* ?\d{4}|\d+ \w+ \d{4})|instead of|rather than|in place of)\b"
)
_PAST_AFTER = re.compile(
    r"^[ ,]{0,2}(?:\w+ ){0,2}(?:previously|formerly|in the past|until then|no longer(?! than)|as it used to|(?:was|were|is) (?:the|an?)"
    r" (?:former|old|older|previous|earlier|superseded|outdated|lapsed))\b(?![ ,(]{0,2}(?:\w+ )?[\d$€£])"
)
_PAST_AFTER_REACH = 40
_REJECTED = re.compile(
    r"\b(?:rather than|instead of|in place of|in preference to|over|unlike|ahead of|not|nor|never|against|than|avoid"
    r"|passed over|ruled? out|no)\b(?!.*\bbut\b)"
)
# A day that only bounds a time is not the day on which something happened: "before 19 July 2026".
_BOUNDARY = re.compile(r"\b(?:before|after|since|until|till|from|by|preced\w+|follow\w+) (?:the )?$", re.IGNORECASE)
# "You still call it so" and "it was 10 days" speak of what is not in force, if the text says as well what is right.
_STILL = re.compile(r"\bstill\b", re.IGNORECASE)
_WAS = re.compile(r"\b(?:was|were|had|stood|lapsed|expired|ended|before)\b", re.IGNORECASE)
_YEARS = re.compile(r"\b(?:\d{1,2} )?(?:\w+ )?(?:19|20)\d\d\b")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a sentence says of one claim at one place.

    Attributes:
        claim: the claim's id.
        alternatives: the names of the alternatives that fit; several if options share a value, none if no alternative
            fits.
        start: where the words begin in the sentence. end: where the words end in the sentence. past: whether the
        sentence speaks of the alternative as past, or of an option as rejected. option: the option of which the place
        speaks, if the sentence names it. owned: whether nothing but the value itself says that it belongs to the claim
        (see `ownership`). elsewhere: whether the words around it are those that stand around it in the source, where
        the source gives it for
            something else than the claim.
        owner: the claim that it states rightly if it is given for that claim instead.
        doubtful: whether it can be read otherwise just as well.
    """

    claim: str
    alternatives: tuple[str, ...]
    start: int
    end: int
    past: bool
    option: str | None
    owned: bool = False
    elsewhere: bool = False
    owner: str | None = None
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class ReadSentence:
    """What a sentence says of claims, by place, its values that say nothing of any claim, and its citations that do not."""

    readings: tuple[Reading, ...]
    unassigned: tuple[Mention, ...]
    loose_citations: tuple[tuple[int, int], ...] = ()


class SentenceReader:
    """Reads sentences against one scenario. Sentences are remembered, so a repaired answer costs only its new ones."""

    def __init__(self, scenario: Scenario) -> None:
        # The parts and not the scenario, because the statements of a scenario are two thirds of its memory.
        self._task = scenario.task
        self._source = scenario.source_material
        self._authorities = scenario.authorities
        self._claims = scenario.claims
        self.passages = Passages(scenario)
        self._ownership = Ownership(self.passages)
        self.citations = Citations(scenario, self.passages)
        # A whole statement is no spelling: it may stand in a sentence that denies it.
        self._spelled_claims = [
            claim for claim in scenario.claims if claim.kind in SPELLED_KINDS and not is_whole_statement(claim)
        ]
        self._valued_claims = [claim for claim in scenario.claims if claim.kind not in SPELLED_KINDS | WHOLE_TEXT_KINDS]
        # By claim: (form in lower case, name of the alternative).
        self._forms: dict[str, list[tuple[str, str]]] = {
            claim.id: [(form, a.name) for a in claim.alternatives for form in _lower_forms(claim, a, self._source)]
            for claim in self._spelled_claims
        }
        self._source_sections = frozenset(
            number for authority in scenario.authorities for number in _section_numbers(authority.forms)
        )
        self._claims_by_section: dict[str, list[tuple[Claim, str]]] = {}
        for claim in self._spelled_claims:
            if claim.kind is ClaimKind.citation:
                for alternative in claim.alternatives:
                    for number in _section_numbers(alternative.forms):
                        self._claims_by_section.setdefault(number, []).append((claim, alternative.name))
        self._option_forms = [self._forms[claim.id] for claim in self._spelled_claims if claim.kind is ClaimKind.option]
        # Looked up here once, because a look-up by `about` hashes every stem.
        self._stem_groups: dict[str, tuple[frozenset[str], ...]] = {}
        self._ids_by_stem: dict[str, list[str]] = {}
        for claim in scenario.claims:
            self._stem_groups[claim.id] = groups = _stem_groups(claim.about)
            for stem in groups[0] if groups else ():
                self._ids_by_stem.setdefault(stem, []).append(claim.id)
        self._ids_without_stems = {claim_id for claim_id, groups in self._stem_groups.items() if not groups}
        # Filled when a claim's values are first asked for. By claim: alternatives by value, and by spelling.
        self._names_by_value: dict[str, dict[Hashable, tuple[str, ...]]] = {}
        self._names_by_spelling: dict[str, dict[str, tuple[str, ...]]] = {}
        self._claims_by_value: dict[tuple[ClaimKind, Hashable], list[tuple[Claim, tuple[str, ...]]]] = {}
        self._claim_by_id = {claim.id: claim for claim in scenario.claims}
        self._sentences: dict[str, ReadSentence] = {}

    def read(self, sentence: str) -> ReadSentence:
        """What a sentence says of the claims. The module's docstring has an example."""
        read_sentence = self._sentences.get(sentence)
        if read_sentence is None:
            if len(self._sentences) >= CACHED_SENTENCES:
                self._sentences.clear()
            read_sentence = self._sentences[sentence] = self._read(sentence)
        return read_sentence

    def is_about(self, claim: Claim, sentence: str) -> bool:
        """Whether the words of a sentence show that it speaks of a claim."""
        beginnings = frozenset[str]().union(*map(_beginnings, set(_WORD.findall(lower(sentence)))))
        return bool(claim.about) and self._is_about(claim.id, beginnings)

    def option_named(self, sentence: str) -> str | None:
        """The option that a sentence names, if it names exactly one."""
        return self._only_option(lower(sentence))

    def is_supported(self, kind: ClaimKind, value: Hashable, surface: str) -> bool:
        """Whether the task or the source states a value. If they contain its spelling, nothing is parsed."""
        if kind is ClaimKind.quantity and isinstance(value, tuple) and value[-1] in COUNTED:
            return True
        if kind is ClaimKind.citation and _section_of(value) in self._source_sections:
            return True
        if contains_whole(self._source, surface) or contains_whole(self._task, surface):
            return True
        if (kind, value) in self._supported:
            return True
        return kind is ClaimKind.date and any(_is_same_date(date, value) for date in self.dates)

    def says_in_words(self, value: Mention) -> bool:
        """Whether the source says a value without a number, as "yearly" says 12 months."""
        return (value.kind, same_amount(value.value)) in self._spoken

    def _read(self, sentence: str) -> ReadSentence:
        low = lower(sentence)
        if "```" in low:
            return ReadSentence((), ())
        beginnings = frozenset[str]().union(*map(_beginnings, set(_WORD.findall(low))))
        places = self._places_of_options(low)
        option = places[0][2] if len({name for _, _, name in places}) == 1 else None
        topics = self._topics(beginnings)
        named = self._read_names([claim for claim in self._spelled_claims if claim.id in topics], low, option)
        named += self._read_sections(topics, sentence, low, named, option)
        values = [
            self._with_whole_date(m)
            for m in self._values_of(sentence, topics)
            if not any(r.start < m.end and m.start < r.end for r in named)
        ]
        readings = _without_contained(named)
        valued, unassigned = self._read_values(
            [claim for claim in self._valued_claims if claim.id in topics], values, sentence, low, option, readings
        )
        readings += valued
        readings = [self._weigh(self._with_option(reading, low, places), readings, sentence) for reading in readings]
        readings += self._read_former_names(topics, low, readings, option)
        unclaimed = []
        for mention in unassigned:
            claim = self._claim_of_stranger(mention, sentence, beginnings, readings)
            if claim is None:
                unclaimed.append(mention)
            else:
                readings.append(Reading(claim.id, (), mention.start, mention.end, past=False, option=option))
        readings.sort(key=lambda reading: reading.start)
        loose = (
            (start, end)
            for start, end in self.citations.places_in(sentence)
            if not any(reading.start < end and start < reading.end for reading in readings)
        )
        return ReadSentence(tuple(readings), tuple(unclaimed), tuple(loose))

    def _values_of(self, sentence: str, topics: set[str]) -> Sequence[Mention]:
        """The values of a sentence, in numbers or, if a claim of the sentence has it rightly, in words such as "a year"."""
        values = mentions(sentence)
        spoken = [
            value
            for value in spoken_values(sentence)
            if not any(other.start < value.end and value.start < other.end for other in values)
            and any(claim.right.name in names and claim.id in topics for claim, names in self._owners_of(value))
        ]
        return sorted((*values, *spoken), key=lambda value: value.start) if spoken else values

    def _with_whole_date(self, value: Mention) -> Mention:
        """A value; if it is a date without its year or day, the date that it means.

        "21 May" means the only date with this day and month: one that a claim has rightly, otherwise one of the source,
        otherwise one that a claim has wrongly. A date of the source that has no year is meant by this day in any year.
        """
        if value.kind is not ClaimKind.date or not isinstance(value.value, tuple) or len(value.value) != 3:
            return value
        if None not in value.value and value.value in self._dates_of_claims[False]:
            return value
        for dates in (self._dates_of_claims[True], self.dates, self._dates_of_claims[False]):
            if value.value in dates:
                return value
            meant = [date for date in dates if _is_same_date(date, value.value)]
            if len(meant) == 1:
                return replace(value, value=meant[0])
        return value

    @cached_property
    def _dates_of_claims(self) -> dict[bool, frozenset[Hashable]]:
        """By whether only the right ones are asked for: the dates that claims have."""
        return {
            only_right: frozenset(
                value_of(claim.kind, alternative.forms[0])
                for claim in self._valued_claims
                if claim.kind is ClaimKind.date
                for alternative in ((claim.right,) if only_right else claim.alternatives)
            )
            for only_right in (True, False)
        }

    def _topics(self, beginnings: frozenset[str]) -> set[str]:
        """The ids of the claims that a sentence is about. The stems of a claim's first group find the candidates."""
        candidates = {
            claim_id for stem in self._ids_by_stem.keys() & beginnings for claim_id in self._ids_by_stem[stem]
        }
        topics = {claim_id for claim_id in candidates if self._is_about(claim_id, beginnings)}
        return topics | self._ids_without_stems

    def _is_about(self, claim_id: str, beginnings: frozenset[str]) -> bool:
        """Whether each group of the claim's `about` has a stem that begins a word of the sentence."""
        for stems in self._stem_groups[claim_id]:  # noqa: SIM110  (twice as fast as any() on the hottest path)
            if beginnings.isdisjoint(stems):
                return False
        return True

    def _places_of_options(self, low: str) -> list[tuple[int, int, str]]:
        """The (start, end, name) of each option that a sentence names."""
        return [place for forms in self._option_forms for place in _places_of_forms(low, forms)]

    def _only_option(self, low: str) -> str | None:
        """The option that a sentence names, if it names exactly one."""
        options = {name for _, _, name in self._places_of_options(low)}
        return options.pop() if len(options) == 1 else None

    def _with_option(self, reading: Reading, low: str, places: list[tuple[int, int, str]]) -> Reading:
        """A reading of an option's property, with the option of which its place speaks."""
        if not places or self._claim_by_id[reading.claim].of is None:
            return reading
        return replace(reading, option=option_at(low, places, reading.start))

    def _read_names(self, claims: list[Claim], low: str, option: str | None) -> list[Reading]:
        """What the sentence says of claims that are known by their spellings.

        A name that several claims know is read for the claims for which it is right, otherwise for the first of them.
        """
        candidates_by_place: dict[tuple[int, int], list[tuple[Claim, str]]] = {}
        for claim in claims:
            for start, end, name in _places_of_forms(low, self._forms[claim.id]):
                candidates_by_place.setdefault((start, end), []).append((claim, name))
        readings = []
        for (start, end), candidates in candidates_by_place.items():
            right = [(claim, name) for claim, name in candidates if name == claim.right.name]
            for claim, name in right or self._nearest_citation(candidates, low):
                marker = _REJECTED if claim.kind is ClaimKind.option else _PAST
                readings.append(Reading(claim.id, (name,), start, end, _is_marked(low, start, end, marker), option))
        return readings

    def _read_sections(
        self, topics: set[str], sentence: str, low: str, named: list[Reading], option: str | None
    ) -> list[Reading]:
        """What the sentence cites by number, whatever it calls the passage.

        "rule 3.4", "(3.4)" and "under 3.4" cite what the source calls "paragraph 3.4".
        """
        if not self._claims_by_section:
            return []
        values = mentions(sentence)
        number_by_place = {(m.start, m.end): number for m in values if (number := _cited_section(m)) is not None}
        for match in _BARE_SECTION.finditer(low):
            if not any(m.start < match.end() and match.start() < m.end for m in values):
                number_by_place[match.span()] = match[0]
        right_readings: list[Reading] = []
        wrong_readings: list[Reading] = []
        for (start, end), number in number_by_place.items():
            if any(reading.start < end and start < reading.end for reading in named):
                continue
            candidates = [
                (claim, name) for claim, name in self._claims_by_section.get(number, ()) if claim.id in topics
            ]
            right = [(claim, name) for claim, name in candidates if name == claim.right.name]
            for claim, name in right or self._nearest_citation(candidates, sentence):
                past = _is_marked(low, start, end, _PAST)
                (right_readings if right else wrong_readings).append(
                    Reading(claim.id, (name,), start, end, past, option)
                )
        # Beside the right passage, a sentence may cite a further passage of the source for something else.
        cited = {reading.claim for reading in (*named, *right_readings)}
        return right_readings + [reading for reading in wrong_readings if reading.claim not in cited]

    def _nearest_citation(self, candidates: list[tuple[Claim, str]], sentence: str) -> list[tuple[Claim, str]]:
        """Of the claims for which a passage is cited wrongly, the one whose right passage has most words of the sentence."""
        if len(candidates) < 2 or candidates[0][0].kind is not ClaimKind.citation:
            return candidates[:1]
        return [max(candidates, key=lambda candidate: self.citations.closeness(candidate[0], sentence))]

    def _read_values(
        self,
        claims: list[Claim],
        values: Sequence[Mention],
        sentence: str,
        low: str,
        option: str | None,
        named: list[Reading],
    ) -> tuple[list[Reading], list[Mention]]:
        """What the values of a sentence say of claims, and the values that say nothing of any claim.

        A value goes to the claims for which it is right. Otherwise it goes to one claim that the sentence has not
        stated yet: to the first claim that knows the value as wrong, and if there is none, to the first claim of the
        value's kind. A value that is spoken of as past goes to the claims of which it is the superseded value, and
        never to a claim that does not know it.

        In the example above, `values` are "10 to 14 business days" (past) and "5 to 7 business days". Both go to
        `window`. Had the sentence said "6 business days", which no alternative means, `window` would take this value as
        well, as a wrong one. A second such value would be left over, because `window` is stated by then.

        Args:
            claims: the claims with values that the sentence is about.
            values: the values of the sentence that no name covers.
            sentence: the sentence.
            low: the sentence in lower case.
            option: the only option that the sentence names.
            named: what the names of the sentence say.
        """
        if not values:
            return [], []
        readings: list[Reading] = []
        pending: list[tuple[Mention, list[Claim], bool]] = []
        for value in values:
            surface = low[value.start : value.end]
            same_kind = [claim for claim in claims if claim.kind is value.kind]
            past = _is_marked(low, value.start, value.end, _PAST)
            names = {claim.id: self._names_of(claim, value.value, surface) for claim in same_kind}
            takers = [claim for claim in same_kind if past and _superseded_name(claim) in names[claim.id]] or [
                claim
                for claim in same_kind
                # An option's property is right for whichever option the answer chooses, so any known value will do.
                if names[claim.id] and (claim.of is not None or claim.right.name in names[claim.id])
            ]
            if takers and not past and 1 < low.count(surface) < MOST_VALUES:
                takers = self._without_nearer(takers, value, same_kind, names, sentence)
            readings += [Reading(c.id, names[c.id], value.start, value.end, past, option) for c in takers]
            if not takers:
                pending.append((value, same_kind, past))
        unassigned: list[Mention] = []
        stated = {reading.claim for reading in (*named, *readings) if not reading.past}
        for value, same_kind, past in pending:
            open_claims = [claim for claim in same_kind if claim.id not in stated]
            taken = self._read_value(value, open_claims, past, sentence, low, option, crowded=len(values) > MOST_VALUES)
            readings += taken
            stated |= {reading.claim for reading in taken}
            if not taken:
                unassigned.append(value)
        return readings, unassigned

    def _without_nearer(
        self,
        takers: list[Claim],
        value: Mention,
        same_kind: list[Claim],
        names: dict[str, tuple[str, ...]],
        sentence: str,
    ) -> list[Claim]:
        """The takers of a value that a sentence gives twice; none if it is given for another claim here, as a wrong value."""
        others = [claim for claim in same_kind if claim not in takers and names[claim.id]]
        place = Place.of(sentence, value.start, value.end)
        return [] if any(self._ownership.is_nearer(other, takers, place) for other in others) else takers

    def _read_value(
        self,
        value: Mention,
        open_claims: list[Claim],
        past: bool,
        sentence: str,
        low: str,
        option: str | None,
        *,
        crowded: bool,
    ) -> list[Reading]:
        """What a value says of the claims that the sentence is about and has not stated, or of the claim that owns it."""
        surface = low[value.start : value.end]
        names = {claim.id: self._names_of(claim, value.value, surface) for claim in open_claims}
        taker = next((claim for claim in open_claims if names[claim.id]), None)
        if taker is None and not past:
            taker = next(iter(open_claims), None)
        if past or crowded:
            given = () if taker is None else ((taker, names[taker.id]),)
            return [Reading(claim.id, n, value.start, value.end, past, option) for claim, n in given]
        place = Place.of(sentence, value.start, value.end)
        owners = self._right_owners(value, option)
        owner = self._ownership.nearest(owners, place) if owners else None
        if taker is not None:
            elsewhere = (owner is not None or self.is_supported(value.kind, value.value, surface)) and (
                self._is_given_for_another(value, taker, names[taker.id], place, owner)
            )
            if not elsewhere or names[taker.id]:
                return [
                    Reading(
                        taker.id,
                        names[taker.id],
                        value.start,
                        value.end,
                        past,
                        option,
                        elsewhere=elsewhere,
                        owner=owner.id if owner is not None else None,
                    )
                ]
        wrong = self._wrong_owner(value, owners, place, surface)
        if wrong is not None:
            claim, known = wrong
            owner_id = owner.id if owner is not None else None
            return [
                Reading(
                    claim.id, known, value.start, value.end, past, option, owned=True, elsewhere=True, owner=owner_id
                )
            ]
        return [
            Reading(c.id, (c.right.name,), value.start, value.end, past, option, owned=True, doubtful=owner is None)
            for c in (owners if owner is None else [owner])
        ]

    def _wrong_owner(
        self, value: Mention, owners: list[Claim], place: Place, surface: str
    ) -> tuple[Claim, tuple[str, ...]] | None:
        """The claim for which a value is given wrongly, in a sentence without a word by which the claim is known.

        A value that is the right one of another claim, or that the source gives about something else, is given for a
        claim only if the words around the value are the claim's words.
        """
        names_by_id = {claim.id: names for claim, names in self._owners_of(value)}
        candidates = [
            self._claim_by_id[claim_id] for claim_id in names_by_id if self._claim_by_id[claim_id] not in owners
        ]
        claim = self._ownership.nearest(candidates, place) if candidates else None
        if claim is None:
            return None
        names = names_by_id[claim.id]
        if owners:
            return (claim, names) if self._ownership.is_nearer(claim, owners, place) else None
        standings = {claim.alternative(name).standing for name in names}
        if standings == {Standing.absent}:
            return None if self.is_supported(value.kind, value.value, surface) else (claim, names)
        if Standing.superseded in standings or claim.of is not None:
            return claim, names
        if self._is_given_for_another(value, claim, names, place, None) or not self._ownership.stands_beside(
            claim, place
        ):
            return None
        return claim, names

    def _is_given_for_another(
        self, value: Mention, claim: Claim, names: tuple[str, ...], place: Place, owner: Claim | None
    ) -> bool:
        """Whether a value that is no right one of a claim is given for something else that the source gives it for."""
        if _superseded_name(claim) in names:
            return False
        if not names and owner is not None and not self._ownership.is_named_beside(claim, place):
            return True
        if value.kind is ClaimKind.date and not names and _BOUNDARY.search(place.before):
            return True
        return not self._ownership.is_given_for(claim, value.kind, value.value, place, owner)

    def _owners_of(self, value: Mention) -> list[tuple[Claim, tuple[str, ...]]]:
        """The claims of which a value is an alternative, with the names of these alternatives."""
        if not self._claims_by_value:
            for claim in self._valued_claims:
                for known, names in self._names_by_value_of(claim).items():
                    self._claims_by_value.setdefault((claim.kind, known), []).append((claim, names))
        return self._claims_by_value.get((value.kind, same_amount(value.value)), [])

    def _right_owners(self, value: Mention, option: str | None) -> list[Claim]:
        return [
            claim
            for claim, names in self._owners_of(value)
            if claim.right.name in names or (claim.of is not None and option in names)
        ]

    def _weigh(self, reading: Reading, readings: list[Reading], sentence: str) -> Reading:
        """A reading with whether its words are given for something else than its claim, which the source bears out.

        Only another passage than the right one, a wrong term and a superseded value are weighed.
        """
        claim = self._claim_by_id[reading.claim]
        if not reading.alternatives or claim.right.name in reading.alternatives or claim.of is not None or reading.past:
            return reading
        alternative = claim.alternative(reading.alternatives[0])
        if claim.kind is ClaimKind.citation and alternative.standing is Standing.elsewhere:
            places = [
                (other.start, other.end) for other in readings if self._claim_by_id[other.claim].kind is claim.kind
            ]
            weight = self.citations.weigh(claim, alternative, sentence, reading.start, reading.end, places)
            if weight is Weight.own and any(other.claim == claim.subject and not other.past for other in readings):
                weight = Weight.perhaps
            return replace(reading, elsewhere=weight is not Weight.wrong, doubtful=weight is Weight.own)
        if claim.kind is ClaimKind.term and alternative.standing is Standing.unfit:
            return replace(reading, doubtful=self.passages.bears_out(sentence, alternative.forms[:1]))
        if alternative.standing in (Standing.superseded, Standing.elsewhere) and not reading.elsewhere:
            around = [words for form in alternative.forms[:1] for words in self.passages.words_around_form(form)]
            place = Place.of(sentence, reading.start, reading.end)
            if self._ownership.is_given_for_other(claim, around, place):
                return replace(reading, elsewhere=True)
        if alternative.standing is Standing.superseded:
            beside = clause(sentence, reading.start, reading.end)
            past = _STILL.search(sentence, 0, reading.start) is not None or _WAS.search(beside) is not None
            return replace(reading, elsewhere=past)
        return reading

    def _read_former_names(
        self, topics: set[str], low: str, readings: list[Reading], option: str | None
    ) -> list[Reading]:
        """The superseded names that a sentence gives as current without a word by which their claim is known."""
        former: list[Reading] = []
        for claim in self._spelled_claims:
            name = _superseded_name(claim) if claim.kind is ClaimKind.identifier and claim.id not in topics else None
            forms = [form for form in self._forms[claim.id] if form[1] == name and form[0] in low] if name else []
            for start, end, _ in _places_of_forms(low, forms) if forms else ():
                if any(other.start < end and start < other.end for other in readings):
                    continue
                if not _is_marked(low, start, end, _PAST) and not _STILL.search(low, 0, start):
                    former.append(Reading(claim.id, (name or "",), start, end, past=False, option=option, owned=True))
        return former

    def _claim_of_stranger(
        self, mention: Mention, sentence: str, beginnings: frozenset[str], readings: list[Reading]
    ) -> Claim | None:
        """The claim for which a sentence gives a citation or identifier that no alternative knows, if there is one."""
        if mention.kind not in (ClaimKind.citation, ClaimKind.identifier):
            return None
        stated = {reading.claim for reading in readings if not reading.past}
        for claim in self._spelled_claims:
            if (
                claim.kind is mention.kind
                and claim.about
                and claim.id not in stated
                and self._is_about(claim.id, beginnings)
            ):
                surface = sentence[mention.start : mention.end]
                return None if self.is_supported(mention.kind, mention.value, surface) else claim
        return None

    def _names_of(self, claim: Claim, value: Hashable, surface: str) -> tuple[str, ...]:
        """The alternatives of a claim that a value means. If the spelling is known, no alternative is parsed."""
        names_by_spelling = self._names_by_spelling.get(claim.id)
        if names_by_spelling is None:
            names_by_spelling = self._names_by_spelling[claim.id] = {}
            for alternative in claim.alternatives:
                for form in map(lower, alternative.forms):
                    names_by_spelling[form] = (*names_by_spelling.get(form, ()), alternative.name)
        return names_by_spelling.get(surface) or self._names_by_value_of(claim).get(same_amount(value), ())

    def _names_by_value_of(self, claim: Claim) -> dict[Hashable, tuple[str, ...]]:
        names_by_value = self._names_by_value.get(claim.id)
        if names_by_value is None:
            names_by_value = self._names_by_value[claim.id] = {}
            for alternative in claim.alternatives:
                for form in alternative.forms[:1]:
                    value = same_amount(value_of(claim.kind, form))
                    names_by_value[value] = (*names_by_value.get(value, ()), alternative.name)
        return names_by_value

    @cached_property
    def states_what_is_wrong(self) -> bool:
        """Whether the source states a superseded value or an unfit option."""
        return any(
            alternative.standing in (Standing.superseded, Standing.unfit) and contains_whole(self._source, form)
            for claim in self._claims
            for alternative in claim.wrong
            for form in alternative.forms
        )

    @cached_property
    def numbers(self) -> frozenset[Decimal]:
        """The numbers of the source to which an answer may give the unit."""
        return numbers_of(self._source)

    @cached_property
    def _spoken(self) -> frozenset[tuple[ClaimKind, Hashable]]:
        """The values that the source says without a number."""
        return units_of(self._source) | {(value.kind, value.value) for value in spoken_values(self._source)}

    @cached_property
    def dates(self) -> frozenset[Hashable]:
        """The days that the source states."""
        return frozenset(value for kind, value in self._supported if kind is ClaimKind.date)

    @cached_property
    def _supported(self) -> frozenset[tuple[ClaimKind, Hashable]]:
        """Every value that the task, the source or an alternative that is not absent from the source states."""
        texts = [self._task, *self._source.splitlines()]
        texts += [form for authority in self._authorities for form in authority.forms]
        for claim in self._claims:
            for alternative in claim.alternatives:
                if alternative.standing is not Standing.absent:
                    texts += alternative.forms
                    if alternative.check is not None and isinstance(alternative.check.argument, tuple):
                        texts += alternative.check.argument
        return frozenset((m.kind, m.value) for text in texts for m in mentions(text))


def _section_numbers(forms: tuple[str, ...]) -> frozenset[str]:
    """The numbers in forms such as "section 3.2"."""
    return frozenset(number for form in forms if (number := section_of_form(form)) is not None)


def _section_of(value: Hashable) -> str | None:
    """The number in the value of a citation, ("section", "3.2")."""
    return value[1] if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], str) else None


def _cited_section(mention: Mention) -> str | None:
    return _section_of(mention.value) if mention.kind is ClaimKind.citation else None


def _lower_forms(claim: Claim, alternative: Alternative, source: str) -> Iterator[str]:
    """The spellings by which a text names an alternative, in lower case.

    An act may be cited without its article. An option with a name of two words may be called by the first of them, if
    the source uses this word for nothing else: "the Tessaro" is the Tessaro Duo.
    """
    for form in map(lower, alternative.forms):
        yield form
        if claim.kind is ClaimKind.citation and form.startswith("the "):
            yield form.removeprefix("the ")
    if claim.kind is ClaimKind.option:
        for form in alternative.forms[:1]:
            first, _, rest = form.partition(" ")
            if rest[:1].isupper() and first[:1].isupper() and source.count(first) == source.count(form):
                yield lower(first)


def _is_same_date(one: Hashable, other: Hashable) -> bool:
    """Whether two dates may be the same day, if the parts that one of them lacks are left open."""
    if not (isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other) == 3):
        return False
    if None not in one and None not in other:
        return one == other
    shared = [
        (mine, others) for mine, others in zip(one, other, strict=True) if mine is not None and others is not None
    ]
    return len(shared) == 2 and all(mine == others for mine, others in shared)


def _superseded_name(claim: Claim) -> str | None:
    return next((a.name for a in claim.wrong if a.standing is Standing.superseded), None)


@lru_cache(maxsize=65_536)
def _beginnings(word: str) -> frozenset[str]:
    return frozenset(word[:end] for end in range(1, min(len(word), LONGEST_STEM) + 1))


@lru_cache(maxsize=16_384)
def _stem_groups(about: tuple[tuple[str, ...], ...]) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(group) for group in about)


def _places_of_forms(low: str, forms: list[tuple[str, str]]) -> list[tuple[int, int, str]]:
    """The (start, end, name) of each form that occurs as whole words. Of forms that overlap, only the longest counts."""
    places = [(at, at + len(form), name) for form, name in forms if form in low for at in whole_starts_of(low, form)]
    places.sort(key=lambda place: (place[0] - place[1], place[0]))
    longest: list[tuple[int, int, str]] = []
    for start, end, name in places:
        if not any(start < other_end and other_start < end for other_start, other_end, _ in longest):
            longest.append((start, end, name))
    return longest


def _is_marked(low: str, start: int, end: int, marker: re.Pattern[str]) -> bool:
    """Whether a marker in the same clause speaks of the words at `start`, and of no number between them."""
    clause_start = 0
    for delimiter in _CLAUSE_START.finditer(low, 0, start):
        clause_start = delimiter.end()
    before = low[clause_start:start]
    last = None
    for last in marker.finditer(before):  # noqa: B007  (the last match is what counts)
        pass
    if last is not None and not any(c.isdigit() for c in _YEARS.sub("", before[last.end() :])):
        return True
    return marker is _PAST and _PAST_AFTER.match(low[end : end + _PAST_AFTER_REACH]) is not None


def _without_contained(readings: list[Reading]) -> list[Reading]:
    """The readings without every reading that lies inside a longer reading of the same claim."""
    if len(readings) < 2:
        return list(readings)
    return [reading for reading in readings if not any(_contains(other, reading) for other in readings)]


def _contains(outer: Reading, inner: Reading) -> bool:
    return (
        outer.claim == inner.claim
        and outer.start <= inner.start
        and inner.end <= outer.end
        and (outer.end - outer.start) > (inner.end - inner.start)
    )
