"""Say which claims a text makes, and which of them it breaks: the one definition of right and wrong in the arena.

The judge reads the text alone. It cuts it into sentences, asks of each which claims the sentence is about, and looks
there for the claims' alternatives: values by what they mean, names and citations by their accepted spellings. A value
that is spoken of as past ("formerly 10 days") does not state the claim, and an option that is turned down ("rather
than a voucher") is not chosen. What is stated wrongly, required and missing, forbidden by a constraint, or found
nowhere in the source, is broken.
"""

import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from textwrap import dedent

from forge_arena.checks import violation
from forge_arena.code import code_blocks, run_cases
from forge_arena.text import is_whole, lower, sentences
from forge_arena.types import Alternative, Case, Claim, ClaimKind, Scenario, Standing
from forge_arena.values import COUNTED, Mention, mentions, value_of

INVENTED = "invented:"
CACHED_SENTENCES = 4_096
LONGEST_STEM = 24

_LITERAL = frozenset({ClaimKind.identifier, ClaimKind.term, ClaimKind.citation, ClaimKind.option})
_WORD = re.compile(r"\w+")
_SECTION_FORM = re.compile(r"[^\W\d]+ (\d{1,3}\.\d{1,3})")
_BARE_SECTION = re.compile(r"(?<![\w.,$€£%#-])\d{1,3}\.\d{1,3}(?![\w%]|[.,-]\d)")
_CLAUSE = re.compile(r"[,;:()\u2013\u2014]| but | and | now | to the | which ")
_PAST = re.compile(
    r"\b(?:formerly|previously|once|used to|superseded|former|outdated|out of date|no longer|earlier|prior|older?"
    r"|(?:up|down|raised|lowered|changed|increased|reduced|cut|moved|shortened|lengthened) from|replac(?:es|ed|ing)"
    r"|until (?:then|\w+ ?\d* ?\d{4}|\d+ \w+ \d{4})|instead of|rather than|in place of)\b"
)
_PAST_AFTER = re.compile(
    r"^[ ,]{0,2}(?:\w+ ){0,2}(?:previously|formerly|in the past|until then|no longer|as it used to|(?:was|were|is) (?:the|an?)"
    r" (?:former|old|older|previous|earlier|superseded|outdated|lapsed))\b(?![ ,(]{0,2}(?:\w+ )?[\d$€£])"
)
_REJECTED = re.compile(
    r"\b(?:rather than|instead of|in place of|in preference to|over|unlike|ahead of|not|nor|never|against|than|avoid"
    r"|passed over|ruled? out|no)\b(?!.*\bbut\b)"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """A claim made at one place: `alternative` names what is said of it (None: something that is no known alternative).

    `start` and `end` are code points in the text that was judged.
    """

    claim: str
    alternative: str | None
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Report:
    """What a text says. `stated` are the claims stated rightly; `broken` those stated wrongly, required but missing, or
    violated, and inventions as `invented:<text>`."""

    stated: frozenset[str]
    broken: frozenset[str]
    findings: tuple[Finding, ...]

    @property
    def clean(self) -> bool:
        return not self.broken

    def of(self, claim_id: str) -> tuple[Finding, ...]:
        """The places where the text speaks of a claim."""
        return tuple(f for f in self.findings if f.claim == claim_id)


@dataclass(frozen=True, slots=True)
class _Said:
    """A claim spoken of in a sentence; several alternatives where options share a value."""

    claim: str
    alternatives: tuple[str, ...]
    start: int
    end: int
    past: bool
    option: str | None


@dataclass(frozen=True, slots=True)
class _Sentence:
    said: tuple[_Said, ...]
    unassigned: tuple[tuple[ClaimKind, Hashable, int, int], ...]


class Judge:
    """Judges texts against one scenario. Keeps what it learned of each sentence, so that a repaired answer costs only
    its new sentences; holds no other state."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._by_id = {claim.id: claim for claim in scenario.claims}
        self._literal = [c for c in scenario.claims if c.kind in _LITERAL]
        self._valued = [
            c for c in scenario.claims if c.kind not in _LITERAL | {ClaimKind.constraint, ClaimKind.behaviour}
        ]
        self._constraints = [c for c in scenario.claims if c.kind is ClaimKind.constraint]
        self._behaviour = [c for c in scenario.claims if c.kind is ClaimKind.behaviour]
        self._forms = {
            claim.id: [(form, a.name) for a in claim.alternatives for form in _literal_forms(claim, a)]
            for claim in self._literal
        }
        self._sections = _sections(scenario)
        self._by_section: dict[str, list[tuple[Claim, str]]] = {}
        for claim in self._literal:
            if claim.kind is ClaimKind.citation:
                for alternative in claim.alternatives:
                    for number in _section_numbers(alternative.forms):
                        self._by_section.setdefault(number, []).append((claim, alternative.name))
        self._values: dict[str, dict[Hashable, tuple[str, ...]]] = {}
        self._by_stem: dict[str, list[Claim]] = {}
        for claim in scenario.claims:
            for stem in claim.about[0] if claim.about else ("",):
                self._by_stem.setdefault(stem, []).append(claim)
        self._spelled: dict[str, dict[str, tuple[str, ...]]] = {}
        self._sentences: dict[str, _Sentence] = {}

    def forget_statements(self) -> None:
        """Let go of what only a Worker needs: two thirds of a scenario's memory."""
        self.scenario = self.scenario.model_copy(update={"statements": ()})

    def report(self, text: str) -> Report:
        """Judge a text. Linear in its length; runs code only where it is none of the known snippets."""
        said: list[tuple[int, _Said]] = []
        broken: set[str] = set()
        for start, end in sentences(text):
            sentence = text[start:end]
            read = self._sentences.get(sentence)
            if read is None:
                if len(self._sentences) >= CACHED_SENTENCES:
                    self._sentences.clear()
                read = self._sentences[sentence] = self._read(sentence)
            for s in read.said:
                said.append((start, s))
            for kind, value, at, to in read.unassigned:
                if not self._is_supported(kind, value, sentence[at:to]):
                    broken.add(f"{INVENTED}{sentence[at:to]}")
        findings = list(self._findings(said))
        for claim in self._behaviour:
            findings.extend(self._run(claim, text))
        stated = set()
        for finding in findings:
            if finding.alternative in self._accepted(finding.claim, findings):
                stated.add(finding.claim)
            else:
                broken.add(finding.claim)
        for claim in self._constraints:
            check = claim.right.check
            if check is not None and (spans := violation(check, text)) is not None:
                broken.add(claim.id)
                findings.extend(Finding(claim.id, None, span.start, span.end) for span in spans)
            else:
                stated.add(claim.id)
        broken.update(claim.id for claim in self.scenario.claims if claim.required and claim.id not in stated)
        return Report(frozenset(stated - broken), frozenset(broken), tuple(findings))

    def _accepted(self, claim_id: str, findings: list[Finding]) -> tuple[str, ...]:
        claim = self._by_id[claim_id]
        return (claim.right.name,) if claim.of is None else _names(claim)

    def _findings(self, said: list[tuple[int, _Said]]) -> Iterator[Finding]:
        chosen: dict[str, str] = {}
        for _, s in said:
            if self._by_id[s.claim].kind is ClaimKind.option and not s.past and s.alternatives:
                chosen.setdefault(s.claim, s.alternatives[0])
        for offset, s in said:
            claim = self._by_id[s.claim]
            start, end = s.start + offset, s.end + offset
            if claim.of is not None:
                spoken_of = s.option or chosen.get(claim.of) or claim.right.name
                name = spoken_of if spoken_of in s.alternatives else None
                yield Finding(claim.id, name, start, end)
            elif not s.past:
                right = claim.right.name in s.alternatives
                yield Finding(claim.id, claim.right.name if right else next(iter(s.alternatives), None), start, end)
            elif claim.kind is not ClaimKind.option and claim.right.name in s.alternatives:
                # What is in force, spoken of as past, is as wrong as the superseded value given as current.
                yield Finding(claim.id, None, start, end)

    def _read(self, sentence: str) -> _Sentence:
        low = lower(sentence)
        if "```" in low:
            return _Sentence((), ())
        begun = frozenset[str]().union(*map(_beginnings, set(_WORD.findall(low))))
        option = self._option_named(low)
        spoken_of = self._spoken_of(begun)
        named = self._read_names([c for c in self._literal if c.id in spoken_of], low, option)
        named += self._read_sections(spoken_of, sentence, low, named, option)
        found = [m for m in mentions(sentence) if not any(s.start < m.end and m.start < s.end for s in named)]
        said = _without_contained(named)
        unassigned = self._read_values([c for c in self._valued if c.id in spoken_of], found, low, option, said)
        kept = []
        for mention in unassigned:
            stranger = self._stranger(mention, sentence, begun, said)
            if stranger is None:
                kept.append((mention.kind, mention.value, mention.start, mention.end))
            else:
                said.append(_Said(stranger.id, (), mention.start, mention.end, past=False, option=option))
        said.sort(key=lambda s: s.start)
        return _Sentence(tuple(said), tuple(kept))

    def _spoken_of(self, begun: frozenset[str]) -> set[str]:
        """The claims that a sentence is about, found by the stems of their first group."""
        stems = [stem for stem in self._by_stem if stem in begun or not stem]
        return {claim.id for stem in stems for claim in self._by_stem[stem] if _is_about(claim, begun)}

    def _read_names(self, claims: list[Claim], low: str, option: str | None) -> list[_Said]:
        """What the sentence says of claims that are known by their spellings. Where one name could be said of several,
        it is said of those for which it is right."""
        places: dict[tuple[int, int], list[tuple[Claim, str]]] = {}
        for claim in claims:
            for start, end, name in _occurrences(low, self._forms[claim.id]):
                places.setdefault((start, end), []).append((claim, name))
        said = []
        for (start, end), candidates in places.items():
            right = [(claim, name) for claim, name in candidates if name == claim.right.name]
            for claim, name in right or candidates[:1]:
                marker = _REJECTED if claim.kind is ClaimKind.option else _PAST
                said.append(_Said(claim.id, (name,), start, end, _marked(low, start, end, marker), option))
        return said

    def _read_sections(
        self, spoken_of: set[str], sentence: str, low: str, named: list[_Said], option: str | None
    ) -> list[_Said]:
        """What the sentence cites by number, whatever it calls the passage: "rule 3.4", "(3.4)" and "under 3.4" cite what
        the source calls "paragraph 3.4"."""
        if not self._by_section:
            return []
        values = mentions(sentence)
        places = {(m.start, m.end): number for m in values if (number := _cited_number(m)) is not None}
        for match in _BARE_SECTION.finditer(low):
            if not any(m.start < match.end() and match.start() < m.end for m in values):
                places[match.span()] = match[0]
        said: list[_Said] = []
        wrong: list[_Said] = []
        for (start, end), number in places.items():
            if any(s.start < end and start < s.end for s in named):
                continue
            candidates = [(claim, name) for claim, name in self._by_section.get(number, ()) if claim.id in spoken_of]
            right = [(claim, name) for claim, name in candidates if name == claim.right.name]
            for claim, name in right or candidates[:1]:
                past = _marked(low, start, end, _PAST)
                (said if right else wrong).append(_Said(claim.id, (name,), start, end, past, option))
        # Beside the right passage, a further passage of the source may be cited for something else in the sentence.
        cited = {s.claim for s in (*named, *said)}
        return said + [s for s in wrong if s.claim not in cited]

    def _read_values(
        self, claims: list[Claim], found: list[Mention], low: str, option: str | None, said: list[_Said]
    ) -> list[Mention]:
        """Add to `said` what the values of the sentence say of claims, and return those that say nothing of any. A value
        goes to the claim for which it is right, then to one that knows it as wrong, then to one that is still open."""
        pending: list[tuple[Mention, list[Claim], bool]] = []
        for mention in found:
            here = [c for c in claims if c.kind is mention.kind]
            past = _marked(low, mention.start, mention.end, _PAST)
            names = {c.id: self._named_by(c, mention.value, low[mention.start : mention.end]) for c in here}
            former = [c for c in here if past and _superseded(c) in names[c.id]]
            right = [c for c in here if names[c.id] and (c.of is not None or c.right.name in names[c.id])]
            for claim in former or right:
                said.append(_Said(claim.id, names[claim.id], mention.start, mention.end, past, option))
            if not former and not right:
                pending.append((mention, here, past))
        unassigned: list[Mention] = []
        stated = {s.claim for s in said if not s.past}
        for mention, here, past in pending:
            names = {c.id: self._named_by(c, mention.value, low[mention.start : mention.end]) for c in here}
            open_claims = [c for c in here if c.id not in stated]
            chosen = next((c for c in open_claims if names[c.id]), None)
            if chosen is None and not past:
                chosen = next(iter(open_claims), None)
            if chosen is None:
                unassigned.append(mention)
            else:
                said.append(_Said(chosen.id, names[chosen.id], mention.start, mention.end, past, option))
                stated.add(chosen.id)
        return unassigned

    def _stranger(self, mention: Mention, sentence: str, begun: frozenset[str], said: list[_Said]) -> Claim | None:
        """The claim of which a citation or identifier that nobody knows is said, if the sentence is about one."""
        if mention.kind not in (ClaimKind.citation, ClaimKind.identifier):
            return None
        stated = {s.claim for s in said if not s.past}
        for claim in self._literal:
            if claim.kind is mention.kind and claim.about and claim.id not in stated and _is_about(claim, begun):
                surface = sentence[mention.start : mention.end]
                return None if self._is_supported(mention.kind, mention.value, surface) else claim
        return None

    def _option_named(self, low: str) -> str | None:
        """The one option that a sentence names; None where it names none or several."""
        named = {
            name
            for claim in self._literal
            if claim.kind is ClaimKind.option
            for start, end, name in _occurrences(low, self._forms[claim.id])
        }
        return named.pop() if len(named) == 1 else None

    def _named_by(self, claim: Claim, value: Hashable, surface: str) -> tuple[str, ...]:
        """The alternatives of a claim that a value is; a known spelling saves parsing all of theirs."""
        forms = self._spelled.get(claim.id)
        if forms is None:
            forms = self._spelled[claim.id] = {}
            for alternative in claim.alternatives:
                for form in alternative.forms:
                    forms[lower(form)] = (*forms.get(lower(form), ()), alternative.name)
        return forms.get(surface) or self._alternatives(claim).get(value, ())

    def _alternatives(self, claim: Claim) -> dict[Hashable, tuple[str, ...]]:
        """By value, the names of a claim's alternatives."""
        known = self._values.get(claim.id)
        if known is None:
            known = self._values[claim.id] = {}
            for alternative in claim.alternatives:
                for form in alternative.forms[:1]:
                    value = value_of(claim.kind, form)
                    known[value] = (*known.get(value, ()), alternative.name)
        return known

    def _is_supported(self, kind: ClaimKind, value: Hashable, surface: str) -> bool:
        """Whether the task or the source states a value. What stands there to the letter needs no parsing."""
        if kind is ClaimKind.quantity and isinstance(value, tuple) and value[-1] in COUNTED:
            return True
        if kind is ClaimKind.citation and _section_of(value) in self._sections:
            return True
        if any(_stands_in(surface, text) for text in (self.scenario.source_material, self.scenario.task)):
            return True
        return (kind, value) in self._supported

    @cached_property
    def _supported(self) -> frozenset[tuple[ClaimKind, Hashable]]:
        """Every value that the task, the source or an alternative that is not absent states."""
        scenario = self.scenario
        texts = [scenario.task, *scenario.source_material.splitlines()]
        texts += [form for authority in scenario.authorities for form in authority.forms]
        for claim in scenario.claims:
            for alternative in claim.alternatives:
                if alternative.standing is not Standing.absent:
                    texts += alternative.forms
                    if alternative.check is not None and isinstance(alternative.check.argument, tuple):
                        texts += alternative.check.argument
        return frozenset((m.kind, m.value) for text in texts for m in mentions(text))

    def runs_code(self, text: str) -> bool:
        """Whether judging this text means running code in a subprocess, which takes tens of milliseconds and up to
        seconds: a caller with an event loop then judges in a thread."""
        blocks = code_blocks(text) if self._behaviour else ()
        return any(_known_code(claim, span.of(text)) is None for claim in self._behaviour for span in blocks)

    def _run(self, claim: Claim, text: str) -> Iterator[Finding]:
        """What the answer's code does. The last block that defines what the cases call is the proposal: a block before
        it may quote the code under review, and a block without the definition only shows how it is called. Where no
        block defines it, the last one is the proposal, and wrong."""
        blocks = code_blocks(text)
        for span in [span for span in blocks if _defines(claim, span.of(text))][-1:] or blocks[-1:]:
            name = _known_code(claim, span.of(text))
            if name is None and all(result.ok for result in run_cases(_flush_left(span.of(text)), claim.cases)):
                name = claim.right.name
            yield Finding(claim.id, name, span.start, span.end)


def _known_code(claim: Claim, code: str) -> str | None:
    """The alternative that this code is, to the letter; what it does was proven when the family was tested."""
    code = _flush_left(code)
    return next((a.name for a in claim.alternatives if any(code == form.strip() for form in a.forms)), None)


@lru_cache(maxsize=4_096)
def _definition(cases: tuple[Case, ...]) -> re.Pattern[str]:
    """A line that defines one of the functions or classes that the cases call by name."""
    names = {m[0] for case in cases for m in re.finditer(r"\b[^\W\d]\w*(?=\()", case.call)}
    return re.compile(
        rf"^[ \t]*(?:async[ \t]+def|def|class)[ \t]+(?:{'|'.join(map(re.escape, sorted(names)))})\b", re.M
    )


def _defines(claim: Claim, code: str) -> bool:
    return _known_code(claim, code) is not None or _definition(claim.cases).search(code) is not None


def _sections(scenario: Scenario) -> frozenset[str]:
    """The numbers of the source's own passages."""
    return frozenset(number for authority in scenario.authorities for number in _section_numbers(authority.forms))


def _section_numbers(forms: tuple[str, ...]) -> frozenset[str]:
    return frozenset(match[1] for form in forms if (match := _SECTION_FORM.fullmatch(form)) is not None)


def _section_of(value: Hashable) -> str | None:
    return value[1] if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], str) else None


def _cited_number(mention: Mention) -> str | None:
    return _section_of(mention.value) if mention.kind is ClaimKind.citation else None


def _flush_left(code: str) -> str:
    """Code as it would stand in a file: in a list item a block is indented."""
    return dedent(code).strip()


def _literal_forms(claim: Claim, alternative: Alternative) -> Iterator[str]:
    """The spellings by which a text names an alternative, in lower case. An act may be cited without its article."""
    for form in map(lower, alternative.forms):
        yield form
        if claim.kind is ClaimKind.citation and form.startswith("the "):
            yield form.removeprefix("the ")


def _names(claim: Claim) -> tuple[str, ...]:
    return tuple(alternative.name for alternative in claim.alternatives)


def _superseded(claim: Claim) -> str | None:
    found: Alternative | None = next((a for a in claim.wrong if a.standing is Standing.superseded), None)
    return found.name if found else None


def _is_about(claim: Claim, begun: frozenset[str]) -> bool:
    """Whether each group of `about` has a word that begins one of the sentence's; `begun` are its words' beginnings."""
    for group in _groups(claim.about):  # noqa: SIM110  (twice as fast as any() on the hottest path)
        if begun.isdisjoint(group):
            return False
    return True


@lru_cache(maxsize=65_536)
def _beginnings(word: str) -> frozenset[str]:
    return frozenset(word[:end] for end in range(1, min(len(word), LONGEST_STEM) + 1))


@lru_cache(maxsize=16_384)
def _groups(about: tuple[tuple[str, ...], ...]) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(group) for group in about)


def _stands_in(surface: str, text: str) -> bool:
    at = text.find(surface)
    while at >= 0:
        if is_whole(text, at, at + len(surface)):
            return True
        at = text.find(surface, at + 1)
    return False


def _occurrences(low: str, forms: list[tuple[str, str]]) -> Iterator[tuple[int, int, str]]:
    """Where the forms stand as whole words; of overlapping ones the longest."""
    found: list[tuple[int, int, str]] = []
    for form, name in forms:
        at = low.find(form)
        while at >= 0:
            end = at + len(form)
            if is_whole(low, at, end):
                found.append((at, end, name))
            at = low.find(form, at + 1)
    found.sort(key=lambda f: (f[0] - f[1], f[0]))
    kept: list[tuple[int, int, str]] = []
    for start, end, name in found:
        if not any(start < e and s < end for s, e, _ in kept):
            kept.append((start, end, name))
    return iter(kept)


def _marked(low: str, start: int, end: int, marker: re.Pattern[str]) -> bool:
    """Whether a marker in the same clause speaks of what stands at `start`, and of nothing before it."""
    clause = 0
    for delimiter in _CLAUSE.finditer(low, 0, start):
        clause = delimiter.end()
    before = low[clause:start]
    markers = list(marker.finditer(before))
    last = markers[-1] if markers else None
    if last is not None and not any(c.isdigit() for c in _YEARS.sub("", before[last.end() :])):
        return True
    return marker is _PAST and _PAST_AFTER.match(low[end : end + 40]) is not None


_YEARS = re.compile(r"\b(?:\d{1,2} )?(?:\w+ )?(?:19|20)\d\d\b")


def _without_contained(said: list[_Said]) -> list[_Said]:
    """Drop what stands inside a longer match of the same claim."""
    return [
        s
        for s in said
        if not any(
            o is not s
            and o.claim == s.claim
            and o.start <= s.start
            and s.end <= o.end
            and (o.end - o.start) > (s.end - s.start)
            for o in said
        )
    ]
