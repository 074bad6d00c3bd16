"""Say which claims a text makes, and which of them it breaks: the one definition of right and wrong in the arena.

The Verifier reads the text alone. It cuts the text into sentences and asks of each value, name and citation for which
claim the sentence gives it (`sentence_reader`, `ownership`). Then the whole text decides what these readings come to
(`settling`). Required terms and options that no sentence names in a claim's own words are looked for in other words
(`other_words`), and citations that no sentence ties to a claim are weighed by the passage that they cite (`citations`).
A value that neither stands in the source nor follows from it (`strangers`) is unsupported. The code that an answer
proposes is run (`proposals`).

A claim is stated, contradicted (stated wrongly, or violated as a rule) or, if it is required, not found. What can be
read in two ways is doubtful, and neither stated nor contradicted. A text is clean if nothing is contradicted or
unsupported, every required claim is stated, and the source is not copied. Everything else is *broken*.

An example: the refund is 48%, it takes 5 days (until March it took 10), and section 3.2 says so.

    You get 48% back, and it is with you in 5 days; it used to take 10 (3.2).

The refund is stated, because only the refund is 48%. The time is stated, because 5 days are in force and 10 are spoken
of as past. The citation fits, because 3.2 is the passage that has these words.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

from forge_arena.texts.spacing import plain_spaces, unwrapped
from forge_arena.types import Claim, ClaimKind, Scenario, Span, Standing
from forge_arena.verify.other_words import OtherWords
from forge_arena.verify.pieces import pieces
from forge_arena.verify.proposals import findings_in_code, runs_code
from forge_arena.verify.reading import Reading
from forge_arena.verify.report import ClaimReport, Finding, Unsupported
from forge_arena.verify.rules import KEPT, RuleReading, read_rule
from forge_arena.verify.sentence_reader import SentenceReader
from forge_arena.verify.settling import decides, right_names, settle
from forge_arena.verify.strangers import Stranger, unsupported_values
from forge_arena.verify.whole_statements import Agreement, Paraphrases, WholeStatements

# The answer as it is shown, its clean twin, the reasoning, and a repair.
REPORTS_KEPT = 4
# A text that holds so much of its source to the letter answers nothing.
COPIED_SHARE = 0.85
# A shorter source may be quoted whole, unless it states what is superseded or unfit.
LONG_SOURCE, SHORT_SOURCE = 150, 25

# The number of a sentence, and the place of a citation in this sentence.
PlacedCitation: TypeAlias = tuple[int, tuple[int, int]]


class _Readings(NamedTuple):
    """What the sentences of a text say, before anything is looked for in other words or asked of the whole text.

    Attributes:
        spaced: the text with plain spaces.
        text: the text with plain spaces and unbroken lines.
        spans: the sentences of the text.
        findings: what their readings come to.
        doubtful: the claims that a sentence perhaps makes.
        strangers: the values that no claim has and the source does not state, each with the start of its sentence and
            the sentence.
        loose: the citations that no sentence ties to a claim.
        other: the citations that are read for a claim, and right for none.
    """

    spaced: str
    text: str
    spans: Sequence[tuple[int, int]]
    findings: tuple[Finding, ...]
    doubtful: frozenset[str]
    strangers: list[Stranger]
    loose: list[PlacedCitation]
    other: list[PlacedCitation]


class Verifier:
    """Verifies texts against one scenario.

    It remembers what it read in each sentence, so that a repaired answer costs only its new sentences, and its last
    reports. It holds no other state.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._claims = {claim.id: claim for claim in scenario.claims}
        # Asked for with every reading, so they are not looked up there.
        self._rights = right_names(scenario.claims)
        self._options = frozenset(claim.id for claim in scenario.claims if claim.kind is ClaimKind.option)
        self._constraints = [claim for claim in scenario.claims if claim.kind is ClaimKind.constraint]
        self._behaviours = [claim for claim in scenario.claims if claim.kind is ClaimKind.behaviour]
        self._reader = SentenceReader(scenario)
        self._other_words = OtherWords(self._reader, scenario.claims)
        self._statements = WholeStatements(self._reader.passages, scenario.claims)
        self._paraphrases = Paraphrases(self._reader.passages)
        self._reports: OrderedDict[str, ClaimReport] = OrderedDict()
        # What `breaks` has read last, for the report that is often asked for next.
        self._begun: tuple[str, _Readings] | None = None

    def forget_statements(self) -> None:
        """Drop the scenario's statements, which only a Worker needs. They are two thirds of a scenario's memory."""
        self.scenario = self.scenario.model_copy(update={"statements": ()})

    def verify(self, text: str) -> ClaimReport:
        """What the text says. Linear in the text's length. Code is run only if it is none of the known snippets."""
        # One step each, because threads may ask at the same time.
        report = self._reports.pop(text, None)
        if report is None:
            report = self._verify(text)
        self._reports[text] = report
        if len(self._reports) > REPORTS_KEPT:
            self._reports.popitem(last=False)
        return report

    def breaks(self, text: str, claim_id: str) -> bool:
        """Whether a text breaks a claim: the same as `claim_id in verify(text).broken`, with less reading.

        A text that says the claim wrongly in a sentence that was read before is read no further. For a rule, only the
        rule is read.
        """
        report, claim = self._reports.get(text), self._claims.get(claim_id)
        if report is not None or claim is None:
            return claim_id in (report or self.verify(text)).broken
        if claim.kind is ClaimKind.constraint:
            reading_of_rule = self._read_rule(claim, plain_spaces(text))
            return not reading_of_rule.kept and (claim.required or not reading_of_rule.doubtful)
        if claim.kind is ClaimKind.behaviour:
            return self._is_broken(claim, list(findings_in_code(claim, text)))
        if claim in self._statements.claims:
            return claim_id in self.verify(text).broken
        readings = self._read(text, claim)
        if readings is None:
            return True
        self._begun = text, readings
        findings = [finding for finding in readings.findings if finding.claim == claim_id]
        if not findings and claim.kind is ClaimKind.citation:
            # Only the whole report says whether a citation stands for a claim that no word of its sentence names.
            return claim_id in self.verify(text).broken
        return self._is_broken(
            claim, findings or self._other_words.find(readings.text, readings.findings, set(), (claim,))
        )

    def _is_broken(self, claim: Claim, findings: Sequence[Finding]) -> bool:
        """Whether a claim is broken, if these are all its findings."""
        if not findings:
            return claim.required
        return not all(self._is_right(claim.id, finding.alternative) for finding in findings)

    def _read_rule(self, claim: Claim, spaced: str) -> RuleReading:
        check = claim.right.check
        return KEPT if check is None else read_rule(check, spaced, self._reader.passages)

    def _verify(self, written: str) -> ClaimReport:
        begun, self._begun = self._begun, None
        readings = begun[1] if begun is not None and begun[0] == written else self._read(written)
        assert readings is not None
        text, spans = readings.text, readings.spans
        unsupported = unsupported_values(text, readings.strangers, self._reader.known) if readings.strangers else []
        findings, doubtful = [*readings.findings], {*readings.doubtful}
        findings += self._findings_of_statements(text, spans, doubtful)
        findings += self._other_words.find(text, findings, doubtful, self.scenario.claims)
        if self._options:
            findings += self._other_words.left_open(text, findings)
        findings += self._stray_citations(text, spans, readings.loose, findings)
        unsupported += self._misplaced_citations(text, spans, [*readings.loose, *readings.other], findings)
        for claim in self._behaviours:
            findings.extend(findings_in_code(claim, written))
        stated: set[str] = set()
        contradicted: set[str] = set()
        for finding in findings:
            is_right = self._is_right(finding.claim, finding.alternative)
            (stated if is_right else contradicted).add(finding.claim)
        for claim in self._constraints:
            reading_of_rule = self._read_rule(claim, readings.spaced)
            if reading_of_rule.kept:
                stated.add(claim.id)
            elif reading_of_rule.doubtful:
                doubtful.add(claim.id)
            else:
                contradicted.add(claim.id)
                findings.extend(Finding(claim.id, None, span.start, span.end) for span in reading_of_rule.places)
        found = stated | contradicted
        return ClaimReport(
            stated=frozenset(stated - contradicted),
            contradicted=frozenset(contradicted),
            not_found=frozenset(c.id for c in self.scenario.claims if c.required and c.id not in found),
            unsupported=tuple(unsupported),
            findings=tuple(findings),
            doubtful=frozenset(doubtful - found),
            copies_source=self._copies_source(text),
        )

    def _copies_source(self, text: str) -> bool:
        """Whether a text holds most of the words of the source in the source's sentences."""
        if len(text) < COPIED_SHARE / 2 * len(self.scenario.source_material):
            return False
        quotable = self._reader.passages.quotable
        if len(text) < COPIED_SHARE * quotable.characters:
            return False
        if quotable.words < (SHORT_SOURCE if self._reader.known.states_what_is_wrong else LONG_SOURCE):
            return False
        if not any(beginning in text for beginning in quotable.beginnings):
            return False
        plain = " ".join(text.split())
        copied = quotable.words
        for sentence, words in quotable.sentences:
            copied -= 0 if sentence in plain else words
            if copied < COPIED_SHARE * quotable.words:
                return False
        return True

    def runs_code(self, text: str) -> bool:
        """Whether a report on this text runs code in a subprocess, which takes tens of milliseconds and up to seconds.

        A caller with an event loop then asks for the report in a thread.
        """
        return runs_code(self._behaviours, text)

    def _read(self, written: str, claim: Claim | None = None) -> _Readings | None:
        """What the sentences of a text say.

        None if a claim is given and a sentence that was read before breaks it, whatever the other sentences say.
        """
        spaced = plain_spaces(written)
        text = unwrapped(spaced)
        spans = pieces(text)
        texts = [text[start:end] for start, end in spans]
        known = self._reader.known_readings(texts)
        if claim is not None:
            for read in known:
                for reading in read.readings if read is not None else ():
                    if reading.claim == claim.id and decides(reading, claim):
                        return None
        readings: list[tuple[int, Reading]] = []
        strangers: list[Stranger] = []
        loose: list[PlacedCitation] = []
        other: list[PlacedCitation] = []
        for number, sentence in enumerate(texts):
            start = spans[number][0]
            read = known[number] or self._reader.read(sentence)
            for reading in read.readings:
                readings.append((start, reading))
            if read.loose_citations or read.other_citations:
                loose += [(number, place) for place in read.loose_citations]
                other += [(number, place) for place in read.other_citations]
            for value in read.unassigned:
                if not self._reader.known.is_supported(value.kind, value.value, sentence[value.start : value.end]):
                    strangers.append((start, sentence, value))
        readings = self._without_mentions(text, readings)
        return _Readings(
            spaced,
            text,
            spans,
            tuple(self._findings(settle(readings, self._claims, self._rights, text))),
            frozenset(reading.claim for _, reading in readings if reading.doubtful),
            strangers,
            loose,
            other,
        )

    def _stray_citations(
        self,
        text: str,
        spans: Sequence[tuple[int, int]],
        loose: list[PlacedCitation],
        findings: list[Finding],
    ) -> list[Finding]:
        """The citations that stand for a claim wrongly, although no word of their sentence ties them to the claim."""
        if not loose:
            return []
        stated = {f.claim for f in findings if self._is_right(f.claim, f.alternative)}
        strays = []
        for number, place in loose:
            start = spans[number][0]
            claim = self._reader.citations.stray(text, spans[number], spans[number - 1] if number else None, place)
            if claim is not None and claim.id not in stated:
                strays.append(Finding(claim.id, None, start + place[0], start + place[1]))
        return strays

    def _misplaced_citations(
        self,
        text: str,
        spans: Sequence[tuple[int, int]],
        citations: list[PlacedCitation],
        findings: list[Finding],
    ) -> list[Unsupported]:
        """The citations of a section for a point of another section, beside those that are found wrong for a claim."""
        if not citations:
            return []
        found = [finding for finding in findings if self._claims[finding.claim].kind is ClaimKind.citation]
        misplaced = []
        for number, place in citations:
            start, end = (spans[number][0] + at for at in place)
            if any(at.start < end and start < at.end for at in found):
                continue
            if self._reader.citations.is_misplaced(text, spans[number], spans[number - 1] if number else None, place):
                misplaced.append(Unsupported(ClaimKind.citation, text[start:end], start, end, misplaced=True))
        return misplaced

    def _is_right(self, claim_id: str, alternative: str | None) -> bool:
        right = self._rights[claim_id]
        # `_findings` has compared the value with the option that is spoken of: a name is that option's.
        return alternative is not None if right is None else alternative == right

    def _findings(self, readings: list[tuple[int, Reading]]) -> Iterator[Finding]:
        """What the readings of all sentences come to, once the whole text has shown which options it chooses."""
        chosen_options: dict[str, str] = {}
        for _, reading in readings if self._options else ():
            if reading.claim in self._options and not reading.past and reading.alternatives:
                chosen_options.setdefault(reading.claim, reading.alternatives[0])
        for offset, reading in readings:
            right, alternatives = self._rights[reading.claim], reading.alternatives
            start, end = reading.start + offset, reading.end + offset
            if right is None:
                # A property, such as a price, is right if it is the property of the option that is spoken of.
                claim = self._claims[reading.claim]
                option = reading.option or chosen_options.get(claim.of or "") or claim.right.name
                yield Finding(claim.id, option if option in alternatives else None, start, end)
            elif not reading.past:
                name = right if right in alternatives else next(iter(alternatives), None)
                yield Finding(reading.claim, name, start, end)
            elif reading.claim not in self._options and right in alternatives:
                # To speak of the value in force as past is as wrong as to give the superseded value as current.
                yield Finding(reading.claim, None, start, end)

    def place_of_statement(self, text: str, claim: Claim, quoted: Span) -> Span | None:
        """The sentence of a quotation that states a whole statement, where a reader says so; None if it does not.

        Fewer words of the statement will do in the quotation than elsewhere. Sense, numbers and parties must be right.
        """
        if not any(claim.id == own.id for own in self._statements.claims):
            return None
        text = unwrapped(plain_spaces(text))
        wider = self._paraphrases.find(text, pieces(text), claim, quoted)
        if wider is None or wider.agreement is not Agreement.same:
            return None
        return Span(start=wider.start, end=wider.end)

    def _without_mentions(self, text: str, readings: list[tuple[int, Reading]]) -> list[tuple[int, Reading]]:
        """The readings without the wrong terms that a text only mentions, as the source does, beside the right term.

        "The stamp lies ahead of the clock, and counts. A stamp one span old falls out, as it should": the second stamp
        is no wrong case, if the source says the same of it.
        """
        mentioned = {r.claim for _, r in readings if r.elsewhere and self._claims[r.claim].kind is ClaimKind.term}
        if not mentioned:
            return readings
        mentioned = self._other_words.stated_for_certain(text, mentioned)
        return [(at, reading) for at, reading in readings if not (reading.elsewhere and reading.claim in mentioned)]

    def _findings_of_statements(self, text: str, spans: Sequence[tuple[int, int]], doubtful: set[str]) -> list[Finding]:
        """What the text says of the claims whose right form is a whole statement.

        Claims of which nothing can be told for certain are added to `doubtful`.
        """
        findings = []
        for claim in self._statements.claims:
            turned = next((a.name for a in claim.wrong if a.standing is Standing.turned), None)
            for reading in self._statements.read(text, spans, claim):
                if reading.agreement is Agreement.unknown:
                    doubtful.add(claim.id)
                    continue
                name = claim.right.name if reading.agreement is Agreement.same else turned
                findings.append(Finding(claim.id, name, reading.start, reading.end))
        found = {finding.claim for finding in findings}
        for claim in self._statements.claims:
            if claim.id in found or not claim.required:
                continue
            wider = self._paraphrases.find(text, spans, claim)
            if wider is not None and wider.agreement is Agreement.same:
                findings.append(Finding(claim.id, claim.right.name, wider.start, wider.end))
        return findings
