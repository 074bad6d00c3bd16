"""How often a reader model errs, on answers whose truth is known: clean twins, placebos and corrupted answers."""

from collections import Counter
from collections.abc import Iterable, Mapping
from random import Random

from forge_arena.audits.report import Table
from forge_arena.audits.shares import share_cells
from forge_arena.corruptions import omits
from forge_arena.reader import Reader, may_be_pointed_to, read_granted
from forge_arena.texts.sentences import sentences
from forge_arena.types import Episode, Form, Span, Standing
from forge_arena.verify import Verifier

_FALSELY = "vetoed, though right"
_SEEN = "vetoed where it was corrupted"
_POINTED = "pointed to rightly"
_ELSEWHERE = "pointed to elsewhere"
_ANYWAY = "pointed to, though left out"
_APPROVED = "pointed to and approved, though left out"


class Readings:
    """Asks a reader about episodes, and counts what it sees. `hits` and `asked` are by text and question."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.asked: Counter[tuple[str, str]] = Counter()
        self.hits: Counter[tuple[str, str]] = Counter()

    async def ask(self, forms: Mapping[Form, Episode]) -> None:
        """Ask about the episodes of one draw.

        Raises:
            ReaderFailed: the reader's model gave no reply.
        """
        for form, episode in forms.items():
            text = episode.observation.worker_output
            vetoed = await self.reader.veto(episode.scenario, text, Random(f"{episode.key}:veto"))
            if form is Form.corrupted:
                self._note_corrupted(episode, vetoed)
                await self._point_to_what_is_left_out(episode)
            else:
                self._note(form.value, _FALSELY, bool(vetoed))
        if Form.clean in forms:
            await self._point_to_what_is_stated(forms[Form.clean])

    def table(self) -> Table:
        rows = [
            (*what, asked, self.hits[what], *share_cells(self.hits[what], asked)) for what, asked in self.asked.items()
        ]
        counts = self.reader.counts
        for name in ("reader_unreadable", "reader_misquoted"):
            asked = counts["reader_asked"]
            rows.append(("replies", name.removeprefix("reader_"), asked, counts[name], None, None, None))
        return Table(
            title=f"the reader {self.reader.name}",
            columns=("texts", "question", "asked", "seen", "share", "low", "high"),
            rows=tuple(sorted(rows, key=lambda row: (str(row[0]), str(row[1])))),
            note="Vetoed where it was corrupted: a quotation lies in a sentence that the corruption changed. Absent: "
            "the corrupted answer asserts what is nowhere in the source. A false veto costs a try and no label. "
            "Interval: Wilson, 95%.",
        )

    def _note(self, texts: str, question: str, seen: bool) -> None:
        self.asked[texts, question] += 1
        self.hits[texts, question] += seen

    def _note_corrupted(self, episode: Episode, vetoed: Iterable[Span]) -> None:
        text, truth = episode.observation.worker_output, episode.truth
        seen = any(_share_a_sentence(text, veto, span) for veto in vetoed for span in truth.output_spans)
        self._note(f"corrupted: {truth.corruption_type}", _SEEN, seen)
        if _asserts_what_is_absent(episode):
            self._note("corrupted: absent from the source", _SEEN, seen)

    async def _point_to_what_is_stated(self, episode: Episode) -> None:
        text = episode.observation.worker_output
        report = Verifier(episode.scenario).verify(text)
        claims = [c for c in episode.scenario.claims if c.required and may_be_pointed_to(c) and report.of(c.id)]
        spans = await self.reader.point(claims, text, Random(f"{episode.key}:point"))
        for claim in claims:
            span = spans.get(claim.id)
            places = [Span(start=finding.start, end=finding.end) for finding in report.of(claim.id)]
            right = span is not None and any(_share_a_sentence(text, span, place) for place in places)
            self._note("clean: required claims", _POINTED, right)
            self._note("clean: required claims", _ELSEWHERE, span is not None and not right)

    async def _point_to_what_is_left_out(self, episode: Episode) -> None:
        target = episode.truth.target
        if target is None or not omits(episode.truth.corruption_type):
            return
        claim = episode.scenario.claim(target)
        text, verifier = episode.observation.worker_output, Verifier(episode.scenario)
        spans = await self.reader.point([claim], text, Random(f"{episode.key}:point"))
        self._note("corrupted: claim left out", _ANYWAY, bool(spans))
        approved = [
            await read_granted(verifier, verifier.verify(text), claim_id, text, span)
            for claim_id, span in spans.items()
        ]
        self._note("corrupted: claim left out", _APPROVED, any(granted is not None for granted in approved))


def _asserts_what_is_absent(episode: Episode) -> bool:
    """Whether the answer says of its target what stands nowhere in the source."""
    target = episode.truth.target
    if target is None:
        return False
    standings = {a.name: a.standing for a in episode.scenario.claim(target).alternatives}
    findings = Verifier(episode.scenario).verify(episode.observation.worker_output).of(target)
    return any(standings.get(finding.alternative or "") is Standing.absent for finding in findings)


def _share_a_sentence(text: str, one: Span, other: Span) -> bool:
    """Whether two spans touch the same sentence of the text."""
    return any(_touches(one, start, end) and _touches(other, start, end) for start, end in sentences(text))


def _touches(span: Span, start: int, end: int) -> bool:
    return span.start < end and start < max(span.end, span.start + 1)
