"""Read what the values of a sentence say: which claim each value is given for, rightly or wrongly.

"Refunds take 10 days" gives 10 days for the claim about the time, as a wrong value, if no other claim is 10 days and
the source does not give 10 days for something else whose words stand around the value.
"""

import re
from collections.abc import Sequence, Set

from forge_arena.texts.values import Mention
from forge_arena.types import Claim, ClaimKind, Scenario, Standing
from forge_arena.verify.derived import is_difference, is_left
from forge_arena.verify.known_values import KnownValues
from forge_arena.verify.ownership import Ownership, Place
from forge_arena.verify.past import COMPARED, PAST, REJECTED, is_marked, is_set_aside, superseded_name
from forge_arena.verify.reading import Reading

# A sentence with more values is a table or a trick, and no words in it stand nearer to one value than to another.
MOST_VALUES = 30

# A day that only bounds a time is not the day on which something happened: "before 19 July 2026".
_BOUNDARY = re.compile(r"\b(?:before|after|since|until|till|from|by|preced\w+|follow\w+) (?:the )?$", re.IGNORECASE)
# What is said of the others is not said of the one that is asked about.
_OTHERS = re.compile(
    r"\b(?:(?:the|all|any|none of the|only|no|two|three|four|five|six) others?|others|rivals?|competitors?|the rest"
    r"|nearest|runners?-up|(?:next|second|third)[- ](?:best|most|least|[a-z]+est))\b",
    re.IGNORECASE,
)

_OR = re.compile(
    r"[\s*_(\"'\u201c\u201d),]*(?:or|/)[\s*_(\"'\u201c\u201d)]*(?:(?:even|perhaps|maybe|possibly) )?", re.IGNORECASE
)


class ValueReader:
    """Reads the values of sentences against one scenario."""

    def __init__(self, scenario: Scenario, known: KnownValues, ownership: Ownership) -> None:
        self._known = known
        self._ownership = ownership
        self._claim_by_id = {claim.id: claim for claim in scenario.claims}

    def read(
        self,
        topics: Set[str],
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

        In the example of `sentence_reader`, `values` are "10 to 14 business days" (past) and "5 to 7 business days".
        Both go to `window`. Had the sentence said "6 business days", which no alternative means, `window` would take
        this value as well, as a wrong one. A second such value would be left over, because `window` is stated by then.

        Args:
            topics: the ids of the claims that the sentence is about.
            values: the values of the sentence that no name covers.
            sentence: the sentence.
            low: the sentence in lower case.
            option: the only option that the sentence names.
            named: what the names of the sentence say.
        """
        if not values:
            return [], []
        claims = [claim for claim in self._known.claims if claim.id in topics]
        readings: list[Reading] = []
        pending: list[tuple[Mention, list[Claim], bool]] = []
        for value in values:
            surface = low[value.start : value.end]
            same_kind = [claim for claim in claims if claim.kind is value.kind]
            past = is_marked(low, value.start, value.end, PAST)
            names = {claim.id: self._known.names_of(claim, value.value, surface) for claim in same_kind}
            takers = [claim for claim in same_kind if past and superseded_name(claim) in names[claim.id]] or [
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
        if len(values) <= MOST_VALUES:
            for value, _, past in pending:
                second = None if past else self._second_value(value, readings, sentence, low, option)
                if second is not None:
                    readings = [r for r in readings if (r.start, r.end) != (value.start, value.end)]
                    unassigned = [other for other in unassigned if other != value]
                    readings.append(second)
        return readings, unassigned

    def _second_value(
        self,
        value: Mention,
        readings: list[Reading],
        sentence: str,
        low: str,
        option: str | None,
    ) -> Reading | None:
        """What a value says of a claim whose right value the sentence has as well: "£7.25, or £13.50 for late orders".

        The value is asserted beside the right one. So it is as wrong there as in a sentence of its own, unless the
        sentence sets it aside ("not £13.50", "it was £13.50 until May"), or the value is somebody else's: the right
        one of another claim, a wrong one that was read for another claim, or one that the source gives about what the
        words around it speak of.
        """
        read_for = {r.claim for r in readings if (r.start, r.end) == (value.start, value.end)}
        if self._known.right_owners(value, option) or is_difference(sentence, value) or self._is_left(sentence, value):
            return None
        stated = {
            r.claim: r for r in readings if self._claim_by_id[r.claim].right.name in r.alternatives and not r.past
        }
        for claim, names in self._known.owners_of(value):
            if claim.of is not None or claim.id not in stated or read_for - {claim.id}:
                continue
            if is_marked(low, value.start, value.end, REJECTED) or COMPARED.search(sentence[: value.start]):
                continue
            if is_set_aside(low, value.start, value.end):
                continue
            standings = {claim.alternative(name).standing for name in names}
            if standings == {Standing.elsewhere} and not _is_left_open(sentence, value, stated[claim.id]):
                continue
            return Reading(claim.id, names, value.start, value.end, past=False, option=option, beside=True)
        return None

    def _without_nearer(
        self,
        takers: list[Claim],
        value: Mention,
        same_kind: list[Claim],
        names: dict[str, tuple[str, ...]],
        sentence: str,
    ) -> list[Claim]:
        """The takers of a value that a sentence gives twice; none if it is a wrong value of another claim here."""
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
        """What a value says of the claims that the sentence is about and has not stated, or of its owner."""
        surface = low[value.start : value.end]
        names = {claim.id: self._known.names_of(claim, value.value, surface) for claim in open_claims}
        taker = next((claim for claim in open_claims if names[claim.id]), None)
        if taker is None and not past and not (is_difference(sentence, value) or self._is_left(sentence, value)):
            taker = next((claim for claim in open_claims if self._known.may_measure(claim, value)), None)
        if past or crowded:
            given = () if taker is None else ((taker, names[taker.id]),)
            return [Reading(claim.id, n, value.start, value.end, past, option) for claim, n in given]
        place = Place.of(sentence, value.start, value.end)
        owners = self._known.right_owners(value, option)
        owner = self._ownership.nearest(owners, place) if owners else None
        if taker is not None:
            elsewhere = (owner is not None or self._known.is_supported(value.kind, value.value, surface)) and (
                self._is_given_for_another(value, taker, names[taker.id], place, owner)
                or _OTHERS.search(place.before) is not None
                or (not names[taker.id] and self._known.is_in_task_alone(value))
                or self._is_left(sentence, value)
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
                        owned=not names[taker.id] and not self._is_tied(value, taker, place, surface),
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
        # A property is right for the option that the sentence names, which need not be the right option.
        known_names = {claim.id: known for claim, known in self._known.owners_of(value)}
        return [
            Reading(
                c.id,
                (c.right.name,) if c.of is None else (c.right.name, *known_names[c.id]),
                value.start,
                value.end,
                past,
                option,
                owned=True,
                doubtful=owner is None,
            )
            for c in (owners if owner is None else [owner])
        ]

    def _is_left(self, sentence: str, value: Mention) -> bool:
        """Whether a sentence gives a value as what is left of a value of the task, and it is left."""
        return is_left(sentence, value) and self._known.is_left_of_task(value)

    def _is_tied(self, value: Mention, claim: Claim, place: Place, surface: str) -> bool:
        """Whether more than its sentence ties a value to a claim: a word of its clause, or that nothing else has it."""
        return self._ownership.is_named_beside(claim, place) or not self._known.is_supported(
            value.kind, value.value, surface
        )

    def _wrong_owner(
        self, value: Mention, owners: list[Claim], place: Place, surface: str
    ) -> tuple[Claim, tuple[str, ...]] | None:
        """The claim for which a value is given wrongly, in a sentence without a word by which the claim is known.

        A value that is the right one of another claim, or that the source gives about something else, is given for a
        claim only if the words around the value are the claim's words.
        """
        names_by_id = {claim.id: names for claim, names in self._known.owners_of(value)}
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
            return None if self._known.is_supported(value.kind, value.value, surface) else (claim, names)
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
        if superseded_name(claim) in names:
            return False
        if not names and owner is not None and not self._ownership.is_named_beside(claim, place):
            return True
        if value.kind is ClaimKind.date and not names and _BOUNDARY.search(place.before):
            return True
        return not self._ownership.is_given_for(claim, value.kind, value.value, place, owner)


def _is_left_open(sentence: str, value: Mention, right: Reading) -> bool:
    """Whether nothing but "or" stands between a value and the right one, so that both are given for the same."""
    first, last = sorted(((value.start, value.end), (right.start, right.end)))
    return _OR.fullmatch(sentence, first[1], last[0]) is not None
