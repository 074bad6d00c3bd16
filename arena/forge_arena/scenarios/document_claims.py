"""Find the claims that a document makes: its values, the rules and counts of its prose, its authorities and sections.

Beside each claim stand the words by which a sentence of an answer is recognised as speaking of it. A claim without words of
its own is left out, because an answer could not be read for it.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from forge_arena.respell import respell
from forge_arena.scenarios.alternatives import comparable, renumbered, shifted, spellings
from forge_arena.scenarios.prose import Phrase, citation_forms, counts, headings, rules
from forge_arena.text import sentences
from forge_arena.types import VALUE_KINDS, Alternative, Claim, ClaimKind, Span, Standing
from forge_arena.values import Mention, mentions, value_of

MAX_CLAIMS = 24
MAX_TERMS = 12
MAX_SECTIONS = 4

_WORD = re.compile(r"[A-Za-z][a-z]{3,}")
_WORD_OR_NUMBER = re.compile(r"\w+")
_ENTRY = re.compile(r"(?:[-*\u2022] )?(?P<name>[^:;|{}\n]{3,60}): (?P<rest>.+)")
_COMMON = frozenset(
    """
    about above after again also although among another because been before being below between both could does
    doing down during each either every first from further have having here hers herself himself into itself just
    less like made make many more most much must near need neither never next only other otherwise over please same
    shall should since some such than that their them then there these they this those through thus under unless
    until upon using very want well were what when where whether which while will with within without would your
    yours day days week weeks month months year years hour hours minute minutes business working calendar percent
    dollars euros number date amount section clause article
    """.split()  # noqa: SIM905  (a list would take a line a word)
)


@dataclass(frozen=True, slots=True)
class _Place:
    mention: Mention
    start: int
    end: int
    sentence: str


class DocumentClaims:
    """The claims of one document, with the places of its values and the frequency of its words."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.places: list[_Place] = []
        self.frequency: Counter[str] = Counter()
        self.beside: defaultdict[ClaimKind, Counter[str]] = defaultdict(Counter)
        for start, end in sentences(source):
            sentence = source[start:end]
            words = {word.lower() for word in _WORD.findall(sentence)}
            self.frequency.update(words)
            for kind in {mention.kind for mention in mentions(sentence)}:
                self.beside[kind].update(words)
            for mention in mentions(sentence):
                self.places.append(_Place(mention, start + mention.start, start + mention.end, sentence))
        self.entries = _entries(source)
        self.count = Counter((p.mention.kind, p.mention.value) for p in self.places)

    @property
    def authorities(self) -> list[str]:
        return list(dict.fromkeys(self.surface(p) for p in self.places if p.mention.kind is ClaimKind.citation))

    def surface(self, place: _Place) -> str:
        return self.source[place.start : place.end]

    def value_claims(self, rng: Random) -> list[Claim]:
        """One claim for each value of the source that stands beside words of its own."""
        claims: list[Claim] = []
        seen: set[tuple[str, str]] = set()
        values: set[Hashable] = set()
        for place in self.places:
            kind = place.mention.kind
            if kind not in VALUE_KINDS or place.mention.value in values or not _is_complete(place.mention):
                continue
            about = self._about(place)
            alternatives = self._alternatives(place, rng)
            entry = self.entries.get(place.sentence)
            names = () if entry is None else tuple((word,) for word in _WORD_OR_NUMBER.findall(entry.lower()))
            keys = {(f"{entry} {kind.value}", word) for word in about}
            # An answer could not be read if two values of one kind stood beside the same words.
            if not about or len(alternatives) < 2 or not keys.isdisjoint(seen):
                continue
            seen |= keys
            values.add(place.mention.value)
            claims.append(
                Claim(
                    id=f"{kind.value}_{len(claims) + 1}",
                    kind=kind,
                    label=f'the {kind.value} in the passage "{_excerpt(place)}"' + (f" of {entry}" if entry else ""),
                    about=names if names and self._is_lone(place) else (*names, tuple(about)),
                    alternatives=tuple(
                        a.model_copy(update={"forms": spellings(kind, a.forms[0])}) for a in alternatives
                    ),
                    source_spans=(Span(start=place.start, end=place.end),),
                )
            )
        if len(claims) > MAX_CLAIMS:
            claims = sorted(rng.sample(claims, MAX_CLAIMS), key=lambda c: c.source_spans[0].start)
        return claims

    def term_claims(self, rng: Random) -> list[Claim]:
        """One claim for each rule and each count of the prose that the source states without contradicting itself."""
        found: list[tuple[int, str, Phrase]] = []
        senses: defaultdict[str, set[str]] = defaultdict(set)
        for start, end in sentences(self.source):
            sentence = self.source[start:end]
            if "```" in sentence:
                continue
            for phrase in (*rules(sentence), *counts(sentence)):
                found.append((start, sentence, phrase))
                senses[phrase.gist].add(phrase.sense)
        claims: list[Claim] = []
        seen: set[str] = set()
        for start, sentence, phrase in found:
            about = self._nearby(sentence, phrase.start, phrase.end)
            if len(senses[phrase.gist]) > 1 or phrase.gist in seen or not about:
                continue
            seen.add(phrase.gist)
            wrong = tuple(
                Alternative(name=f"absent_{stealth}", standing=Standing.absent, forms=forms, stealth=stealth)
                for stealth, forms in phrase.wrong
            )
            claims.append(
                Claim(
                    id=f"term_{len(claims) + 1}",
                    kind=ClaimKind.term,
                    label=f'what stands for the dots in "{_around(sentence, phrase.start, phrase.end)}", word for word',
                    about=(tuple(about),),
                    alternatives=(Alternative(name="stated", standing=Standing.right, forms=phrase.right), *wrong),
                    source_spans=(Span(start=start + phrase.start, end=start + phrase.end),),
                )
            )
        if len(claims) > MAX_TERMS:
            claims = sorted(rng.sample(claims, MAX_TERMS), key=lambda c: c.source_spans[0].start)
        return claims

    def section_claims(self, claims: Sequence[Claim], rng: Random) -> list[Claim]:
        """For sections that hold a claim, that they are what to cite for it."""
        sections = headings(self.source)
        found: list[Claim] = []
        for section in sections:
            held = [c for c in claims if section.start <= c.source_spans[0].start < section.end]
            if not held or (section.number is None and len(sections) < 2):
                continue
            subject = held[rng.randrange(len(held))]
            if section.number is None:
                others = [s.title for s in sections if s.number is None and s is not section]
                wrong = [
                    Alternative(
                        name=f"elsewhere_{i}", standing=Standing.elsewhere, forms=citation_forms(t), stealth=3 - i % 2
                    )
                    for i, t in enumerate(rng.sample(others, min(4, len(others))))
                ]
                if (made := self._made_up([s.title for s in sections], rng)) is not None:
                    wrong.append(
                        Alternative(name="absent_0", standing=Standing.absent, forms=citation_forms(made), stealth=0)
                    )
            else:
                numbers = (section.number + rng.randint(11, 30), section.number + rng.randint(1, 9))
                wrong = [
                    Alternative(name=f"absent_{i}", standing=Standing.absent, forms=citation_forms("", n), stealth=i)
                    for i, n in enumerate(dict.fromkeys(numbers))
                    if f"{n}." not in self.source and not self.count[ClaimKind.citation, ("section", str(n))]
                ]
            forms = citation_forms(section.title, section.number)
            at = self.source.rfind(section.title, 0, section.start)
            if not wrong or at < 0:
                continue
            place = "section NUMBER" if section.number is not None else 'section "TITLE"'
            found.append(
                Claim(
                    id=f"section_{len(found) + 1}",
                    kind=ClaimKind.citation,
                    label=f"beside {subject.label}, the section that holds it, as {place}",
                    about=subject.about,
                    alternatives=(Alternative(name="cited", standing=Standing.right, forms=forms), *wrong),
                    subject=subject.id,
                    source_spans=(Span(start=at, end=at + len(section.title)),),
                )
            )
        return found if len(found) <= MAX_SECTIONS else rng.sample(found, MAX_SECTIONS)

    def _made_up(self, titles: Sequence[str], rng: Random) -> str | None:
        """A title that sounds like those of the document and is none of them."""
        ends = [title.split()[-1].strip("?!").lower() for title in titles]
        ends = sorted({end for end in ends if end.isalpha() and len(end) > 3})
        if not ends:
            return None
        end = ends[rng.randrange(len(ends))]
        made = f"{rng.choice(('Further', 'Special', 'Interim', 'Additional', 'Revised', 'General'))} {end}"
        return None if made.lower() in self.source.lower() else made

    def _nearby(self, sentence: str, start: int, end: int) -> list[str]:
        """The words beside a phrase, those after it first."""
        places = sorted((m.start() < start, abs(m.start() - start), m[0].lower()) for m in _words_beside(sentence)
                        if m.end() <= start or m.start() >= end)  # fmt: skip
        near = dict.fromkeys(word for _, _, word in places if word not in _COMMON)
        return [_stem(word) for word in list(near)[:4]]

    def citation_claims(self, rng: Random) -> list[Claim]:
        """One claim for each authority of the source that stands beside words of its own."""
        found: list[Claim] = []
        seen: set[str] = set()
        names = self.authorities
        for place in self.places:
            if place.mention.kind is not ClaimKind.citation:
                continue
            about = self._about(place)
            if not about or about[0] in seen:
                continue
            seen.update(about)
            right = self.surface(place)
            others = [n for n in names if value_of(ClaimKind.citation, n) != place.mention.value]
            rng.shuffle(others)
            wrong = [
                Alternative(
                    name=f"elsewhere_{i}",
                    standing=Standing.elsewhere,
                    forms=spellings(place.mention.kind, n),
                    stealth=3 - i % 2,
                )
                for i, n in enumerate(others[:4])
            ]
            wrong += [
                Alternative(
                    name=f"absent_{i}", standing=Standing.absent, forms=spellings(place.mention.kind, n), stealth=i
                )
                for i, n in enumerate(renumbered(right, set(names), rng))
            ]
            if wrong:
                found.append(
                    Claim(
                        id=f"citation_{len(found) + 1}",
                        kind=ClaimKind.citation,
                        label=f'the authority in the passage "{_excerpt(place)}"',
                        about=(tuple(about),),
                        alternatives=(
                            Alternative(
                                name="cited", standing=Standing.right, forms=spellings(place.mention.kind, right)
                            ),
                            *wrong,
                        ),
                        source_spans=(Span(start=place.start, end=place.end),),
                    )
                )
        return found[:MAX_CLAIMS]

    def _is_lone(self, place: _Place) -> bool:
        """Whether its sentence has no other value of the kind."""
        return sum(p.sentence == place.sentence and p.mention.kind is place.mention.kind for p in self.places) == 1

    def _about(self, place: _Place) -> list[str]:
        """The words of a value's sentence that say what it is of: rare in the document, beside no other value of the
        kind, near the value."""
        at = place.mention.start
        words = [(abs(m.start() - at), m[0].lower()) for m in _words_beside(place.sentence)]
        near = [w for _, w in sorted(words) if w not in _COMMON]
        if (entry := self.entries.get(place.sentence)) is not None:
            return [_stem(w) for w in near if w not in entry.lower()][:2]
        beside = self.beside[place.mention.kind]
        rare = [w for w in dict.fromkeys(near) if self.frequency[w] <= 3 and beside[w] == 1]
        return [_stem(word) for word in rare[:4]]

    def _alternatives(self, place: _Place, rng: Random) -> list[Alternative]:
        """The right value, others of its kind in the document, and shifted ones that stand nowhere in it."""
        surface, kind = self.surface(place), place.mention.kind
        found = [Alternative(name="stated", standing=Standing.right, forms=(surface,))]
        taken = {place.mention.value}
        others = [p for p in self.places if p.mention.kind is kind and comparable(p.mention, place.mention)]
        rng.shuffle(others)
        for other in others:
            if other.mention.value not in taken and len(found) < 3:
                taken.add(other.mention.value)
                text = respell(self.surface(other), surface, kind)
                found.append(
                    Alternative(
                        name=f"elsewhere_{len(found)}",
                        standing=Standing.elsewhere,
                        forms=(text,),
                        stealth=4 - len(found),
                    )
                )
        for stealth, text in shifted(kind, place.mention, surface, rng):
            value = value_of(kind, text)
            if value is not None and value not in taken and not self.count[kind, value]:
                taken.add(value)
                found.append(
                    Alternative(name=f"absent_{stealth}", standing=Standing.absent, forms=(text,), stealth=stealth)
                )
        return found


def _entries(source: str) -> dict[str, str]:
    """The lines of a catalogue, each with the name at its head.

    All lines share most words, so a value in such a line is recognised by the name alone.
    """
    found = {}
    for start, end in sentences(source):
        m = _ENTRY.fullmatch(source, start, end)
        if m is not None and (any(c.isdigit() for c in m["name"]) or m["rest"].count(",") >= 2):
            found[m[0]] = m["name"].strip()
    names = Counter(name.lower() for name in found.values())
    return {line: name for line, name in found.items() if names[name.lower()] == 1} if len(found) >= 3 else {}


def _is_complete(mention: Mention) -> bool:
    """Whether a value can be a claim: a date needs a year, and an order of day and month that is certain."""
    if mention.kind is not ClaimKind.date:
        return True
    value = mention.value
    return isinstance(value, tuple) and len(value) == 3 and value[0] is not None


def _excerpt(place: _Place) -> str:
    return _around(place.sentence, place.mention.start, place.mention.end)


def _around(sentence: str, start: int, end: int) -> str:
    """The words around a phrase without the phrase itself, so that a label does not give the phrase away."""
    others = [m for m in mentions(sentence) if m.end <= start or m.start >= end]
    before, after = sentence[:start], sentence[end:]
    for m in reversed(others):
        if m.start >= end:
            after = f"{after[: m.start - end]}(\u2026){after[m.end - end :]}"
        else:
            before = f"{before[: m.start]}(\u2026){before[m.end :]}"
    return " ".join([*before.split()[-6:], "…", *after.split()[:6]]).replace('"', "'")


def _words_beside(sentence: str) -> Iterator[re.Match[str]]:
    """The words of a sentence that are no part of a value."""
    values = mentions(sentence)
    for m in _WORD.finditer(sentence):
        if not any(v.start < m.end() and m.start() < v.end for v in values):
            yield m


def _stem(word: str) -> str:
    return word[:-1] if word.endswith("s") and len(word) > 4 else word
