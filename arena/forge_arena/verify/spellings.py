"""Read what a sentence says by a name: options, terms, identifiers, and passages that it cites by name or by number.

A claim that is known by its spellings knows them all: "section 3.2" and "rule 3.2" are one passage, and "the Tessaro"
is the Tessaro Duo.
"""

import re
from collections.abc import Set

from forge_arena.texts.sentences import lower, whole_starts_of
from forge_arena.texts.values import MONTHS, Mention, mentions
from forge_arena.types import Alternative, Claim, ClaimKind, Scenario
from forge_arena.verify.citations import Citations
from forge_arena.verify.passages import section_numbers, section_of_value
from forge_arena.verify.past import PAST, REJECTED, STILL, is_gone, is_marked, is_turned_down, superseded_name
from forge_arena.verify.reading import SPELLED_KINDS, Reading
from forge_arena.verify.whole_statements import is_whole_statement

_BARE_SECTION = re.compile(r"(?<![\w.,$€£%#-])\d{1,3}(?:\.\d{1,3}){1,4}(?![\w%]|[.,-]\d)")
# "October of 2025" is "October 2025".
_MONTH_OF = re.compile(rf"\b({'|'.join(map(str.lower, MONTHS))}) of (?=(?:19|20)\d\d\b)")
# Found much faster, and each bare section has one.
_POINT_IN_NUMBER = re.compile(r"\d\.\d")


class Spellings:
    """The claims of one scenario that a text states by an accepted spelling."""

    def __init__(self, scenario: Scenario, citations: Citations) -> None:
        self._citations = citations
        # A whole statement is no spelling: it may stand in a sentence that denies it.
        self.claims = [
            claim for claim in scenario.claims if claim.kind in SPELLED_KINDS and not is_whole_statement(claim)
        ]
        # By claim: (form in lower case, name of the alternative).
        self._forms: dict[str, list[tuple[str, str]]] = {
            claim.id: [
                (form, a.name) for a in claim.alternatives for form in _lower_forms(claim, a, scenario.source_material)
            ]
            for claim in self.claims
        }
        self._claim_by_id = {claim.id: claim for claim in self.claims}
        self._claims_by_section: dict[str, list[tuple[Claim, str]]] = {}
        for claim in self.claims:
            if claim.kind is ClaimKind.citation:
                for alternative in claim.alternatives:
                    for number in section_numbers(alternative.forms):
                        self._claims_by_section.setdefault(number, []).append((claim, alternative.name))
        # The identifiers with a superseded name, and the forms of this name.
        self._former_names = [
            (claim, name, [form for form in self._forms[claim.id] if form[1] == name])
            for claim in self.claims
            if claim.kind is ClaimKind.identifier and (name := superseded_name(claim))
        ]
        self._option_forms = [self._forms[claim.id] for claim in self.claims if claim.kind is ClaimKind.option]

    def places_of_options(self, low: str) -> list[tuple[int, int, str]]:
        """The (start, end, name) of each option that a sentence names."""
        return [place for forms in self._option_forms for place in _places_of_forms(low, forms)]

    def only_option(self, low: str) -> str | None:
        """The option that a sentence names, if it names exactly one."""
        options = {name for _, _, name in self.places_of_options(low)}
        return options.pop() if len(options) == 1 else None

    def read_names(self, topics: Set[str], low: str, option: str | None) -> list[Reading]:
        """What the sentence says of its topics that are known by their spellings.

        A name that several claims know is read for the claims for which it is right, otherwise for the first of them.
        """
        candidates_by_place: dict[tuple[int, int], list[tuple[Claim, str]]] = {}
        for claim_id, forms in self._forms.items():
            if claim_id in topics:
                for start, end, name in _places_of_forms(low, forms):
                    candidates_by_place.setdefault((start, end), []).append((self._claim_by_id[claim_id], name))
        readings = []
        for (start, end), candidates in candidates_by_place.items():
            right = [(claim, name) for claim, name in candidates if name == claim.right.name]
            for claim, name in right or self._nearest_citation(candidates, low):
                marker = REJECTED if claim.kind is ClaimKind.option else PAST
                past = is_marked(low, start, end, marker)
                if not past and marker is PAST and name == superseded_name(claim):
                    past = is_turned_down(low, start) or is_gone(low, end)
                readings.append(Reading(claim.id, (name,), start, end, past, option))
        return readings

    def read_sections(
        self, topics: set[str], sentence: str, low: str, named: list[Reading], option: str | None
    ) -> list[Reading]:
        """What the sentence cites by number, whatever it calls the passage.

        "rule 3.4", "(3.4)" and "under 3.4" cite what the source calls "paragraph 3.4". "3.4.1" has the form of a
        version, and is the section if a claim knows such a section.
        """
        if not self._claims_by_section:
            return []
        values = mentions(sentence)
        number_by_place = {(m.start, m.end): number for m in values if (number := _cited_section(m)) is not None}
        for match in _BARE_SECTION.finditer(low) if _POINT_IN_NUMBER.search(low) else ():
            over = [m for m in values if m.start < match.end() and match.start() < m.end]
            if not over or (match[0] in self._claims_by_section and over[0].value == match[0]):
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
                past = is_marked(low, start, end, PAST)
                (right_readings if right else wrong_readings).append(
                    Reading(claim.id, (name,), start, end, past, option)
                )
        # Beside the right passage, a sentence may cite a further passage of the source for something else.
        cited = {reading.claim for reading in (*named, *right_readings)}
        return right_readings + [reading for reading in wrong_readings if reading.claim not in cited]

    def _nearest_citation(self, candidates: list[tuple[Claim, str]], sentence: str) -> list[tuple[Claim, str]]:
        """Of the claims for which a passage is cited wrongly, the one whose right passage has most of its words."""
        if len(candidates) < 2 or candidates[0][0].kind is not ClaimKind.citation:
            return candidates[:1]
        return [max(candidates, key=lambda candidate: self._citations.closeness(candidate[0], sentence))]

    def read_former_names(
        self, topics: set[str], low: str, readings: list[Reading], option: str | None
    ) -> list[Reading]:
        """The superseded names that a sentence gives as current without a word by which their claim is known."""
        former: list[Reading] = []
        for claim, name, forms in self._former_names:
            for start, end, _ in _places_of_forms(low, forms) if claim.id not in topics else ():
                if any(other.start < end and start < other.end for other in readings):
                    continue
                if is_turned_down(low, start) or is_gone(low, end):
                    continue
                if not is_marked(low, start, end, PAST) and not STILL.search(low, 0, start):
                    former.append(Reading(claim.id, (name,), start, end, past=False, option=option, owned=True))
        return former


def _cited_section(mention: Mention) -> str | None:
    return section_of_value(mention.value) if mention.kind is ClaimKind.citation else None


def _lower_forms(claim: Claim, alternative: Alternative, source: str) -> list[str]:
    """The spellings by which a text names an alternative, in lower case.

    An act may be cited without its article. An option with a name of two words may be called by the first of them, if
    the source uses this word for nothing else: "the Tessaro" is the Tessaro Duo.
    """
    forms = [lower(form) for form in alternative.forms]
    if claim.kind is ClaimKind.citation:
        forms += [form.removeprefix("the ") for form in forms if form.startswith("the ")]
    elif claim.kind is ClaimKind.term:
        forms += [shorter for form in forms if (shorter := _MONTH_OF.sub(r"\1 ", form)) != form]
    elif claim.kind is ClaimKind.option and alternative.forms:
        form = alternative.forms[0]
        first, _, rest = form.partition(" ")
        if rest[:1].isupper() and first[:1].isupper() and source.count(first) == source.count(form):
            forms.append(lower(first))
    return forms


def _places_of_forms(low: str, forms: list[tuple[str, str]]) -> list[tuple[int, int, str]]:
    """The (start, end, name) of each form that occurs as whole words. Of forms that overlap, the longest counts."""
    places = [(at, at + len(form), name) for form, name in forms if form in low for at in whole_starts_of(low, form)]
    places.sort(key=lambda place: (place[0] - place[1], place[0]))
    longest: list[tuple[int, int, str]] = []
    for start, end, name in places:
        if not any(start < other_end and other_start < end for other_start, other_end, _ in longest):
            longest.append((start, end, name))
    return longest
