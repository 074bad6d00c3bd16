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

from collections.abc import Iterable, Sequence

from forge_arena.texts.sentences import lower
from forge_arena.texts.values import Mention, mentions
from forge_arena.texts.words import content
from forge_arena.types import VALUE_KINDS, Alternative, Claim, ClaimKind, Scenario, Standing
from forge_arena.verify.bare_sections import BareSections
from forge_arena.verify.citations import Citations, Weight
from forge_arena.verify.closer import CloserReading
from forge_arena.verify.compared import option_at
from forge_arena.verify.exchanged import Exchange, Exchanges, exchanged_pairs
from forge_arena.verify.given import Senses
from forge_arena.verify.known_values import KnownValues
from forge_arena.verify.other_matters import OtherMatters
from forge_arena.verify.ownership import Ownership, Place
from forge_arena.verify.passages import Passages, clause, section_numbers
from forge_arena.verify.past import COMPARED, STILL, WAS
from forge_arena.verify.reading import Reading, ReadSentence, without_contained
from forge_arena.verify.spellings import Spellings
from forge_arena.verify.spoken import composed_values, spoken_values
from forge_arena.verify.topics import Topics
from forge_arena.verify.value_reader import ValueReader

CACHED_SENTENCES = 4_096
# A sentence with so many of the words of a fact speaks of it.
SPOKEN_OF = 0.5


class SentenceReader:
    """Reads sentences against one scenario. Sentences are remembered, so a repaired answer costs only its new ones."""

    def __init__(self, scenario: Scenario) -> None:
        self.passages = Passages(scenario)
        self.citations = Citations(scenario, self.passages)
        self.known = KnownValues(scenario)
        self._ownership = Ownership(self.passages)
        self._topics = Topics(scenario)
        self._spellings = Spellings(scenario, self.citations)
        self._values = ValueReader(scenario, self.known, self._ownership)
        self._bare_sections = BareSections(scenario)
        # What is written of a document is read more widely, because nobody has proven how it may be said.
        self._closer = None if scenario.is_of_document else CloserReading(scenario, self.passages)
        self._senses = Senses(scenario, self.passages) if scenario.is_of_document else None
        self._exchanges = Exchanges(scenario, self.passages) if scenario.is_of_document else None
        self._meant = OtherMatters(scenario, self.passages) if scenario.is_of_document else None
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

    @property
    def spelled(self) -> Sequence[Claim]:
        """The claims that a text states by an accepted spelling."""
        return self._spellings.claims

    def known_readings(self, sentences: Iterable[str]) -> list[ReadSentence | None]:
        """What each sentence says of the claims; None for a sentence that was not read before."""
        return list(map(self._sentences.get, sentences))

    def stems_in(self, sentence: str) -> frozenset[str]:
        """The stems by which the claims are known, as far as they begin a word of a sentence."""
        return self._topics.stems_in(lower(sentence))

    def is_about(self, claim: Claim, stems: frozenset[str]) -> bool:
        """Whether the stems of a sentence show that it speaks of a claim."""
        return self._topics.has(claim, stems)

    def option_named(self, sentence: str) -> str | None:
        """The option that a sentence names, if it names exactly one."""
        return self._spellings.only_option(lower(sentence))

    def _read(self, sentence: str) -> ReadSentence:
        low = lower(sentence)
        if "```" in low:
            return ReadSentence((), ())
        stems = self._topics.stems_in(low)
        places = self._spellings.places_of_options(low)
        option = places[0][2] if len({name for _, _, name in places}) == 1 else None
        topics = self._topics.of(stems)
        named = self._spellings.read_names(topics, low, option)
        named += self._spellings.read_sections(topics, sentence, low, named, option)
        values = [
            self.known.with_whole_date(m)
            for m in self._values_of(sentence, topics)
            if not named or not any(r.start < m.end and m.start < r.end for r in named)
        ]
        readings = self._without_words_of_titles(without_contained(named))
        valued, unassigned = self._values.read(topics, values, sentence, low, option, readings)
        readings += valued
        readings = [self._weigh(self._with_option(reading, low, places), readings, sentence) for reading in readings]
        if self._closer is not None:
            readings = self._without_exchanged(readings, sentence)
        readings += self._spellings.read_former_names(topics, low, readings, option)
        invented = [
            mention
            for mention in self._bare_sections.invented_in(sentence)
            if not any(reading.start < mention.end and mention.start < reading.end for reading in readings)
        ]
        unclaimed = []
        for mention in (*unassigned, *invented):
            claim = self._claim_of_stranger(mention, sentence, stems, readings)
            if claim is None:
                unclaimed.append(mention)
            else:
                readings.append(Reading(claim.id, (), mention.start, mention.end, past=False, option=option))
        readings.sort(key=lambda reading: reading.start)
        loose: list[tuple[int, int]] = []
        other: list[tuple[int, int]] = []
        for start, end in self.citations.places_in(sentence):
            over = [reading for reading in readings if reading.start < end and start < reading.end]
            if not over:
                loose.append((start, end))
            elif not any(self._claim_by_id[r.claim].right.name in r.alternatives for r in over):
                other.append((start, end))
        return ReadSentence(tuple(readings), tuple(unclaimed), tuple(loose), tuple(other), stems)

    def _without_words_of_titles(self, readings: list[Reading]) -> list[Reading]:
        """The readings without the names that are only a part of a cited title: "Exchange delivered order"."""
        titles = [r for r in readings if self._claim_by_id[r.claim].kind is ClaimKind.citation]
        if not titles:
            return readings
        return [
            reading
            for reading in readings
            if reading in titles or not any(title.start < reading.start and reading.end < title.end for title in titles)
        ]

    def _values_of(self, sentence: str, topics: set[str]) -> Sequence[Mention]:
        """The values of a sentence, in numbers or, if a claim of the sentence has it rightly, in words ("a year")."""
        values: Sequence[Mention] = mentions(sentence)
        composed = [value for value in composed_values(sentence) if self.known.right_owners(value, None)]
        if composed:
            # "Two hours and six minutes" are 126 minutes, and neither two hours nor six minutes.
            values = [v for v in values if not any(v.start < c.end and c.start < v.end for c in composed)]
            values = sorted((*values, *composed), key=lambda value: value.start)
        spoken = [
            value
            for value in spoken_values(sentence)
            if not any(other.start < value.end and value.start < other.end for other in values)
            and any(claim.right.name in names and claim.id in topics for claim, names in self.known.owners_of(value))
        ]
        return sorted((*values, *spoken), key=lambda value: value.start) if spoken else values

    def _with_option(self, reading: Reading, low: str, places: list[tuple[int, int, str]]) -> Reading:
        """A reading of an option's property, with the option of which its place speaks."""
        if not places or self._claim_by_id[reading.claim].of is None:
            return reading
        return reading._replace(option=option_at(low, places, reading.start))

    def _weigh(self, reading: Reading, readings: list[Reading], sentence: str) -> Reading:
        """A reading with whether its words are given for something else than its claim, or in another sense.

        Of what is not right only another passage than the right one, a wrong term and a superseded value are weighed.
        """
        if reading.beside:
            return reading
        claim = self._claim_by_id[reading.claim]
        if claim.right.name in reading.alternatives and self._closer is not None and not reading.past:
            if self._closer.is_in_doubt(claim, sentence, reading.start, reading.end):
                return reading._replace(doubtful=True)
            return reading
        if claim.right.name in reading.alternatives and self._senses is not None:
            if reading.past and self._senses.is_past_itself(claim):
                # "Supports 2.6 no longer" is what is asked for.
                reading = reading._replace(past=False)
            if not reading.past:
                return self._weigh_right(claim, reading, sentence)
        if self._meant is not None and not reading.past and claim.right.name not in reading.alternatives:
            if self._meant.is_unreal(sentence, reading.start):
                # "Had you come yesterday, we would have charged 20%" says nothing of what is charged.
                return reading._replace(elsewhere=True, doubtful=True)
            if self._meant.is_of_another(claim, reading.alternatives, sentence, reading.start, reading.end):
                return reading._replace(elsewhere=True)
        if not reading.alternatives or claim.right.name in reading.alternatives or claim.of is not None or reading.past:
            return reading
        alternative = claim.alternative(reading.alternatives[0])
        if self._senses is not None and alternative.standing is Standing.elsewhere:
            if claim.kind is ClaimKind.citation and not self._speaks_of_subject(claim, readings, sentence):
                return reading._replace(elsewhere=True, doubtful=True)
            if COMPARED.search(sentence[: reading.start]) is not None:
                return reading._replace(elsewhere=True)
        if claim.kind is ClaimKind.citation and alternative.standing is Standing.elsewhere:
            if self._states_fact_of(alternative, claim, readings):
                return reading._replace(elsewhere=True, doubtful=True)
            places = [
                (other.start, other.end) for other in readings if self._claim_by_id[other.claim].kind is claim.kind
            ]
            weight = self.citations.weigh(claim, alternative, sentence, reading.start, reading.end, places)
            if weight is Weight.own and any(other.claim == claim.subject and not other.past for other in readings):
                weight = Weight.perhaps
            return reading._replace(elsewhere=weight is not Weight.wrong, doubtful=weight is Weight.own)
        if claim.kind is ClaimKind.term and alternative.standing is Standing.unfit:
            if self.passages.bears_out(sentence, alternative.forms[:1]):
                return reading._replace(doubtful=True)
            beside = clause(sentence, reading.start, reading.end)
            return reading._replace(elsewhere=self.passages.bears_out(beside, alternative.forms[:1]))
        if alternative.standing in (Standing.superseded, Standing.elsewhere) and not reading.elsewhere:
            around = [words for form in alternative.forms[:1] for words in self.passages.words_around_form(form)]
            place = Place.of(sentence, reading.start, reading.end)
            if self._ownership.is_given_for_other(claim, around, place):
                return reading._replace(elsewhere=True)
        if alternative.standing is Standing.superseded:
            beside = clause(sentence, reading.start, reading.end)
            past = STILL.search(sentence, 0, reading.start) is not None or WAS.search(beside) is not None
            return reading._replace(elsewhere=past)
        return reading

    def _without_exchanged(self, readings: list[Reading], sentence: str) -> list[Reading]:
        """The readings; those of values that have changed places in the sentence fit no alternative of their claims."""
        right = [
            (claim, reading.start, reading.end)
            for reading in readings
            if (claim := self._claim_by_id[reading.claim]).kind in VALUE_KINDS
            and claim.of is None
            and claim.right.name in reading.alternatives
            and not reading.past
        ]
        if len(right) < 2:
            return readings
        exchanged = exchanged_pairs(right, sentence, self._ownership.words_of, self.passages.has_any)
        return [r._replace(alternatives=(), doubtful=False) if r.claim in exchanged else r for r in readings]

    def _states_fact_of(self, cited: Alternative, claim: Claim, readings: list[Reading]) -> bool:
        """Whether a sentence states a fact of the section that it cites, and not the fact for which `claim` asks."""
        right = [
            other
            for reading in readings
            if not reading.past and (other := self._claim_by_id[reading.claim]).right.name in reading.alternatives
        ]
        if any(other.id == claim.subject for other in right):
            return False
        spans = [
            self.passages.section_spans[number]
            for number in section_numbers(cited.forms)
            if number in self.passages.section_spans
        ]
        return any(
            start <= span.start < end
            for other in right
            if other.kind is not ClaimKind.citation
            for span in other.source_spans
            for start, end in spans
        )

    def _speaks_of_subject(self, citation: Claim, readings: list[Reading], sentence: str) -> bool:
        """Whether a sentence has the fact for which a passage should be cited."""
        subject = self._claim_by_id.get(citation.subject or "")
        if subject is None or any(other.claim == subject.id and not other.past for other in readings):
            return True
        if subject.kind is not ClaimKind.term or not subject.right.forms:
            return False
        words = content(subject.right.forms[0])
        return len(words & content(sentence)) >= SPOKEN_OF * len(words)

    def _weigh_right(self, claim: Claim, reading: Reading, sentence: str) -> Reading:
        """A reading of a right value with whether the value is given in another sense, or in the place of another."""
        if self._exchanges is None or self._senses is None:
            return reading
        place = reading.start, reading.end
        exchange = self._exchanges.weigh(claim, sentence, *place)
        if exchange is Exchange.sure:
            return reading._replace(alternatives=())
        if exchange is Exchange.perhaps or self._senses.is_given_otherwise(claim, sentence, *place):
            return reading._replace(doubtful=True)
        return reading

    def is_doubtful(self, claim: Claim, text: str, start: int, end: int) -> bool:
        """Whether a place of a text that says the right alternative of a claim says it in another sense."""
        if self._closer is not None:
            return self._closer.is_in_doubt(claim, text, start, end)
        if self._exchanges is None or self._senses is None:
            return False
        is_exchanged = self._exchanges.weigh(claim, text, start, end) is not Exchange.none
        return is_exchanged or self._senses.is_given_otherwise(claim, text, start, end)

    def _claim_of_stranger(
        self, mention: Mention, sentence: str, stems: frozenset[str], readings: list[Reading]
    ) -> Claim | None:
        """The claim for which a sentence gives a citation or identifier that no alternative knows, if there is one."""
        if mention.kind not in (ClaimKind.citation, ClaimKind.identifier):
            return None
        stated = {reading.claim for reading in readings if not reading.past}
        for claim in self._spellings.claims:
            if claim.kind is mention.kind and claim.id not in stated and self._topics.has(claim, stems):
                surface = sentence[mention.start : mention.end]
                return None if self.known.is_supported(mention.kind, mention.value, surface) else claim
        return None
