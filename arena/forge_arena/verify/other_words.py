"""Find the required terms and names, and the options, that no sentence states in the words of their claims."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from forge_arena.statements import alternative_or_right
from forge_arena.types import Alternative, Claim, ClaimKind
from forge_arena.verify.options import commits, denies, is_only_imagined, option_in, supposes
from forge_arena.verify.passages import clause
from forge_arena.verify.pieces import pieces
from forge_arena.verify.report import Finding
from forge_arena.verify.sentence_reader import SentenceReader
from forge_arena.verify.terms import Saying, Terms, Window

CACHED_CHOICES = 8_192
_OR = re.compile(r"\bor\b", re.IGNORECASE)
# What may stand between two options of which one is offered beside the other.
_LEFT_OPEN = re.compile(r"[^.;:!?()\n]{0,40}\bor\b[^.;:!?()\n]{0,40}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Sentence:
    """A sentence of a text, at `start`, that is no code.

    Attributes:
        before: where the sentence before begins; the own place if code stands between.
        stretch: the two sentences.
        stems: the stems in the stretch by which claims are known.
    """

    start: int
    text: str
    before: int
    stretch: str
    stems: frozenset[str]


class _Text:
    """A text in which something is looked for in other words, with its words and its sentences once they are needed."""

    def __init__(self, text: str, reader: SentenceReader) -> None:
        self._text = text
        self._reader = reader

    @cached_property
    def window(self) -> Window:
        return Window(self._text)

    @cached_property
    def prose(self) -> list[_Sentence]:
        """The sentences of the text without its code."""
        text = self._text
        prose: list[_Sentence] = []
        last_end, last_stems = 0, frozenset[str]()
        for start, end in pieces(text):
            sentence = text[start:end]
            if "```" in sentence:
                continue
            before = prose[-1].start if prose else start
            before = start if "```" in text[before:start] else before
            stretch, own = text[before:end], self._reader.read(sentence).stems
            # A piece of an overlong sentence may begin inside a word.
            stems = own if before == start else own | last_stems if last_end < start else self._reader.stems_in(stretch)
            prose.append(_Sentence(start, sentence, before, stretch, stems))
            last_end, last_stems = end, own
        return prose


class OtherWords:
    """Looks for the claims of one scenario in other words. It remembers what it read in each sentence."""

    def __init__(self, reader: SentenceReader, claims: Iterable[Claim]) -> None:
        self._claims = {claim.id: claim for claim in claims}
        self._reader = reader
        self._spelled = frozenset(claim.id for claim in reader.spelled)
        behaviours = (claim for claim in self._claims.values() if claim.kind is ClaimKind.behaviour)
        self._terms = Terms(reader.passages, (case for claim in behaviours for case in claim.cases))
        self._choices: dict[tuple[str, str], tuple[tuple[str, int, int], ...]] = {}

    def find(
        self, text: str, findings: Sequence[Finding], doubtful: set[str], claims: Sequence[Claim]
    ) -> list[Finding]:
        """The required terms and names, and the options, that no sentence states in the words of their claims.

        Only these claims are looked for. Those that may be stated are added to `doubtful`.
        """
        found = {finding.claim for finding in findings}
        missing = [c for c in claims if c.id in self._spelled and c.id not in found]
        named = [c for c in missing if c.required and c.kind is not ClaimKind.option]
        options = [c for c in missing if c.kind is ClaimKind.option]
        if not named and not options:
            return []
        cited = [f for f in findings if self._claims[f.claim].kind is ClaimKind.citation]
        # A part of a cited title states nothing.
        blanked = _blanked(text, cited)
        whole = _Text(text, self._reader)
        untitled = whole if blanked is text else _Text(blanked, self._reader)
        chosen = {f.claim: f.alternative for f in findings if self._claims[f.claim].kind is ClaimKind.option}
        more: list[Finding] = []
        for claim in named:
            name = chosen.get(claim.of) if claim.of is not None else None
            alternative = claim.right if name is None else alternative_or_right(claim, name)
            own = whole if claim.kind is ClaimKind.citation else untitled
            place = self._place_of_saying(own, claim, alternative)
            if place is not None and place.certain:
                more.append(Finding(claim.id, alternative.name, place.start, place.end))
            elif place is not None:
                doubtful.add(claim.id)
        for claim in options:
            finding = self._choice(claim, whole.prose)
            if finding is not None:
                more.append(finding)
            elif claim.required:
                place = self._place_of_saying(whole, claim, claim.right)
                if place is not None and place.certain:
                    more.append(Finding(claim.id, claim.right.name, place.start, place.end))
        return more

    def stated_for_certain(self, text: str, claims: Iterable[str]) -> set[str]:
        """Those of the claims, given by their ids, whose right alternative the text certainly states."""
        whole = _Text(text, self._reader)
        places = {
            claim_id: self._place_of_saying(whole, self._claims[claim_id], self._claims[claim_id].right)
            for claim_id in claims
        }
        return {claim_id for claim_id, place in places.items() if place is not None and place.certain}

    def _place_of_saying(self, whole: _Text, claim: Claim, alternative: Alternative) -> Saying | None:
        """Where a text says an alternative of a claim in other words; the first certain place if there is one.

        Sentences are asked first, then neighbours together, because a sentence may go on in the next.
        """
        doubtful = None
        may_say = self._terms.may_say(whole.window, alternative)
        for neighbours in (False, True):
            for sentence in whole.prose:
                is_about = self._reader.is_about(claim, sentence.stems)
                words, start = (sentence.stretch, sentence.before) if neighbours else (sentence.text, sentence.start)
                saying = None
                if may_say:
                    saying = self._terms.says(words, claim, alternative, is_about=is_about, neighbours=neighbours)
                if saying is None and is_about and alternative.name == claim.right.name:
                    saying = self._terms.explains(words, claim)
                if saying is None:
                    continue
                if claim.of is not None and self._reader.option_named(sentence.text) not in (None, alternative.name):
                    continue
                certain = saying.certain and not (
                    alternative.name == claim.right.name
                    and self._reader.is_doubtful(claim, words, saying.start, saying.end)
                )
                found = Saying(saying.start + start, saying.end + start, certain)
                if found.certain:
                    return found
                doubtful = doubtful or found
        if doubtful is None and alternative.name == claim.right.name and not self._says_another(whole, claim):
            shown = ((sentence.start, self._terms.shows(sentence.text, claim)) for sentence in whole.prose)
            return next((Saying(s.start + offset, s.end + offset) for offset, s in shown if s is not None), None)
        return doubtful

    def _says_another(self, whole: _Text, claim: Claim) -> bool:
        """Whether a text says a wrong alternative of a claim."""
        return any(
            self._terms.says(sentence.text, claim, other, is_about=True) is not None
            for other in claim.wrong
            if self._terms.may_say(whole.window, other)
            for sentence in whole.prose
        )

    def _choice(self, claim: Claim, prose: Sequence[_Sentence]) -> Finding | None:
        """The option that a text chooses without a word that the claim knows.

        The right option is chosen if it is named and not turned down. Another option is chosen only if it is the only
        one that is named, and not merely described: "A refund is made only where the card paid" chooses nothing. Of
        several, the only one to which somebody commits is chosen: "A repair is too dear. We will refund the price."
        """
        chosen: dict[str, Finding] = {}
        committed: dict[str, Finding] = {}
        for sentence in prose:
            for name, start, end in self._options_chosen(claim, sentence.text):
                finding = Finding(claim.id, name, start + sentence.start, end + sentence.start)
                if name == claim.right.name:
                    return finding
                chosen.setdefault(name, finding)
                if commits(sentence.text, start) and not supposes(sentence.text):
                    committed.setdefault(name, finding)
        found = chosen if len(chosen) == 1 else committed
        return next(iter(found.values())) if len(found) == 1 else None

    def left_open(self, text: str, findings: Sequence[Finding]) -> list[Finding]:
        """The wrong options that a sentence offers beside the right one: "a credit or, if you prefer, a voucher"."""
        chosen = [
            finding
            for finding in findings
            if (claim := self._claims[finding.claim]).kind is ClaimKind.option
            and finding.alternative == claim.right.name
        ]
        if not chosen:
            return []
        offered = []
        for start, end in pieces(text):
            here = [finding for finding in chosen if start <= finding.start < end]
            sentence = text[start:end]
            if not here or _OR.search(sentence) is None:
                continue
            for finding in here:
                for other in self._claims[finding.claim].wrong:
                    saying = option_in(sentence, other)
                    if saying is None or denies(sentence, saying.start, saying.end):
                        continue
                    first, last = sorted(((saying.start, saying.end), (finding.start - start, finding.end - start)))
                    if first[1] <= last[0] and _LEFT_OPEN.fullmatch(sentence, first[1], last[0]):
                        offered.append(Finding(finding.claim, other.name, saying.start + start, saying.end + start))
        return offered

    def _options_chosen(self, claim: Claim, sentence: str) -> tuple[tuple[str, int, int], ...]:
        """(name, start, end) of each option that a sentence names and neither turns down nor merely describes."""
        known = self._choices.get((claim.id, sentence))
        if known is not None:
            return known
        if len(self._choices) >= CACHED_CHOICES:
            self._choices.clear()
        chosen = []
        for alternative in claim.alternatives:
            saying = option_in(sentence, alternative)
            if saying is None or denies(sentence, saying.start, saying.end):
                continue
            described = clause(sentence, saying.start, saying.end) if supposes(sentence) else sentence
            is_right = alternative.name == claim.right.name
            if not is_right and is_only_imagined(sentence, saying.end):
                continue
            if is_right or not self._reader.passages.bears_out(described, alternative.forms[:1]):
                chosen.append((alternative.name, saying.start, saying.end))
        self._choices[claim.id, sentence] = tuple(chosen)
        return self._choices[claim.id, sentence]


def _blanked(text: str, findings: Sequence[Finding]) -> str:
    """A text with spaces in the place of its findings in quotation marks."""
    for finding in findings:
        if not text[finding.start : finding.end].strip()[:1].isalnum():
            text = text[: finding.start] + " " * (finding.end - finding.start) + text[finding.end :]
    return text
