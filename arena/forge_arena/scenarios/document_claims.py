"""Find the claims that a document makes: its values, the rules and counts of its prose, its authorities and sections.

Each claim has words by which a sentence of an answer is recognised as speaking of the claim (`Claim.about`). A claim that
shares its words with another is left out, because an answer could not be read for the claim.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from forge_arena.documents.alternatives import are_comparable, spellings, unknown_citations, wrong_values
from forge_arena.scenarios.prose import Heading, Phrase, citation_forms, counts, headings, rules
from forge_arena.texts.respell import respell
from forge_arena.texts.sentences import sentences
from forge_arena.texts.values import Mention, mentions, value_of
from forge_arena.types import VALUE_KINDS, Alternative, Claim, ClaimKind, Span, Standing

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
    """A value of the document: where it stands, and in which sentence."""

    mention: Mention
    start: int
    end: int
    sentence: str


class DocumentClaims:
    """The claims of one document.

    Attributes:
        places: its values, in order.
        frequency: in how many sentences each word stands.
        beside: the same for each kind of value, over the sentences that hold a value of the kind.
        entries: the lines of a catalogue, each with the name at its head.
        count: how often each value stands in the document.
    """

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
        """One claim for each value of the source that has words beside it which no other value of its kind has."""
        claims: list[Claim] = []
        known_words: set[tuple[str, str]] = set()
        known_values: set[Hashable] = set()
        for place in self.places:
            kind, value = place.mention.kind, place.mention.value
            if kind not in VALUE_KINDS or value in known_values or not _is_complete(place.mention):
                continue
            about = self._words_about(place)
            alternatives = self._alternatives(place, rng)
            words = {(f"{self.entries.get(place.sentence)} {kind.value}", word) for word in about}
            # An answer could not be read if two values of one kind stood beside the same words.
            if not about or len(alternatives) < 2 or not words.isdisjoint(known_words):
                continue
            known_words |= words
            known_values.add(value)
            claims.append(self._value_claim(f"{kind.value}_{len(claims) + 1}", place, about, alternatives))
        return _sample(claims, MAX_CLAIMS, rng)

    def _value_claim(self, id: str, place: _Place, about: list[str], alternatives: list[Alternative]) -> Claim:
        kind, entry = place.mention.kind, self.entries.get(place.sentence)
        names = () if entry is None else tuple((word,) for word in _WORD_OR_NUMBER.findall(entry.lower()))
        return Claim(
            id=id,
            kind=kind,
            label=f'the {kind.value} in the passage "{_excerpt(place)}"' + (f" of {entry}" if entry else ""),
            about=names if names and self._is_lone(place) else (*names, tuple(about)),
            alternatives=tuple(
                alternative.model_copy(update={"forms": spellings(kind, alternative.forms[0])})
                for alternative in alternatives
            ),
            source_spans=(Span(start=place.start, end=place.end),),
        )

    def term_claims(self, rng: Random) -> list[Claim]:
        """One claim for each rule and each count of the prose that the source states without contradicting itself."""
        phrases = list(self._phrases())
        senses: defaultdict[str, set[str]] = defaultdict(set)
        for _, _, phrase in phrases:
            senses[phrase.gist].add(phrase.sense)
        claims: list[Claim] = []
        known_gists: set[str] = set()
        for start, sentence, phrase in phrases:
            about = _words_near(sentence, phrase.start, phrase.end)
            if len(senses[phrase.gist]) > 1 or phrase.gist in known_gists or not about:
                continue
            known_gists.add(phrase.gist)
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
        return _sample(claims, MAX_TERMS, rng)

    def _phrases(self) -> Iterator[tuple[int, str, Phrase]]:
        """The rules and counts of the prose, each with the start of its sentence and the sentence."""
        for start, end in sentences(self.source):
            sentence = self.source[start:end]
            if "```" not in sentence:
                for phrase in (*rules(sentence), *counts(sentence)):
                    yield start, sentence, phrase

    def section_claims(self, claims: Sequence[Claim], rng: Random) -> list[Claim]:
        """For each section that holds one of the claims: that this section is what to cite for the claim."""
        sections = headings(self.source)
        citations: list[Claim] = []
        for section in sections:
            inside = [claim for claim in claims if section.start <= claim.source_spans[0].start < section.end]
            if not inside or (section.number is None and len(sections) < 2):
                continue
            subject = inside[rng.randrange(len(inside))]
            wrong = (
                self._wrong_titles(section, sections, rng)
                if section.number is None
                else (self._wrong_numbers(section.number, rng))
            )
            at = self.source.rfind(section.title, 0, section.start)
            if not wrong or at < 0:
                continue
            form = 'section "TITLE"' if section.number is None else "section NUMBER"
            right = citation_forms(section.title, section.number)
            citations.append(
                Claim(
                    id=f"section_{len(citations) + 1}",
                    kind=ClaimKind.citation,
                    label=f"beside {subject.label}, the section that holds it, as {form}",
                    about=subject.about,
                    alternatives=(Alternative(name="cited", standing=Standing.right, forms=right), *wrong),
                    subject=subject.id,
                    source_spans=(Span(start=at, end=at + len(section.title)),),
                )
            )
        return citations if len(citations) <= MAX_SECTIONS else rng.sample(citations, MAX_SECTIONS)

    def _wrong_titles(self, section: Heading, sections: Sequence[Heading], rng: Random) -> list[Alternative]:
        """The titles of other sections, and a title that no section has."""
        others = [other.title for other in sections if other.number is None and other is not section]
        wrong = [
            Alternative(
                name=f"elsewhere_{number}",
                standing=Standing.elsewhere,
                forms=citation_forms(title),
                stealth=3 - number % 2,
            )
            for number, title in enumerate(rng.sample(others, min(4, len(others))))
        ]
        title = self._invent_title([other.title for other in sections], rng)
        if title is not None:
            wrong.append(Alternative(name="absent_0", standing=Standing.absent, forms=citation_forms(title), stealth=0))
        return wrong

    def _wrong_numbers(self, number: int, rng: Random) -> list[Alternative]:
        """Numbers of sections that the document neither has nor cites: a far one at stealth 0, a near one at 1."""
        others = (number + rng.randint(11, 30), number + rng.randint(1, 9))
        return [
            Alternative(
                name=f"absent_{stealth}", standing=Standing.absent, forms=citation_forms("", other), stealth=stealth
            )
            for stealth, other in enumerate(dict.fromkeys(others))
            if f"{other}." not in self.source and not self.count[ClaimKind.citation, ("section", str(other))]
        ]

    def _invent_title(self, titles: Sequence[str], rng: Random) -> str | None:
        """A title that sounds like those of the document and does not stand in it."""
        nouns = [title.split()[-1].strip("?!").lower() for title in titles]
        nouns = sorted({noun for noun in nouns if noun.isalpha() and len(noun) > 3})
        if not nouns:
            return None
        noun = nouns[rng.randrange(len(nouns))]
        title = f"{rng.choice(('Further', 'Special', 'Interim', 'Additional', 'Revised', 'General'))} {noun}"
        return None if title.lower() in self.source.lower() else title

    def citation_claims(self, rng: Random) -> list[Claim]:
        """One claim for each authority of the source that has words beside it which no other authority has."""
        claims: list[Claim] = []
        known_words: set[str] = set()
        for place in self.places:
            if place.mention.kind is not ClaimKind.citation:
                continue
            about = self._words_about(place)
            if not about or about[0] in known_words:
                continue
            known_words.update(about)
            wrong = self._wrong_authorities(place, rng)
            if not wrong:
                continue
            forms = spellings(ClaimKind.citation, self.surface(place))
            claims.append(
                Claim(
                    id=f"citation_{len(claims) + 1}",
                    kind=ClaimKind.citation,
                    label=f'the authority in the passage "{_excerpt(place)}"',
                    about=(tuple(about),),
                    alternatives=(Alternative(name="cited", standing=Standing.right, forms=forms), *wrong),
                    source_spans=(Span(start=place.start, end=place.end),),
                )
            )
        return claims[:MAX_CLAIMS]

    def _wrong_authorities(self, place: _Place, rng: Random) -> list[Alternative]:
        """Other authorities of the document, and authorities that it does not have."""
        names = self.authorities
        others = [name for name in names if value_of(ClaimKind.citation, name) != place.mention.value]
        rng.shuffle(others)
        absent = unknown_citations(self.surface(place), set(names), rng)
        return [
            *(
                Alternative(
                    name=f"elsewhere_{number}",
                    standing=Standing.elsewhere,
                    forms=spellings(ClaimKind.citation, name),
                    stealth=3 - number % 2,
                )
                for number, name in enumerate(others[:4])
            ),
            *(
                Alternative(
                    name=f"absent_{stealth}",
                    standing=Standing.absent,
                    forms=spellings(ClaimKind.citation, name),
                    stealth=stealth,
                )
                for stealth, name in enumerate(absent)
            ),
        ]

    def _is_lone(self, place: _Place) -> bool:
        """Whether its sentence has no other value of the kind."""
        return sum(p.sentence == place.sentence and p.mention.kind is place.mention.kind for p in self.places) == 1

    def _words_about(self, place: _Place) -> list[str]:
        """The words of a value's sentence that say what the value is of.

        They are rare in the document, stand beside no other value of the kind, and are near the value. In a line of a
        catalogue they are the two nearest words.
        """
        at = place.mention.start
        words = [(abs(match.start() - at), match[0].lower()) for match in _words_beside(place.sentence)]
        near = [word for _, word in sorted(words) if word not in _COMMON]
        if (entry := self.entries.get(place.sentence)) is not None:
            return [_stem(word) for word in near if word not in entry.lower()][:2]
        beside = self.beside[place.mention.kind]
        rare = [word for word in dict.fromkeys(near) if self.frequency[word] <= 3 and beside[word] == 1]
        return [_stem(word) for word in rare[:4]]

    def _alternatives(self, place: _Place, rng: Random) -> list[Alternative]:
        """The right value, at most two other values of the document, and values that stand nowhere in it."""
        surface, kind = self.surface(place), place.mention.kind
        alternatives = [Alternative(name="stated", standing=Standing.right, forms=(surface,))]
        values = {place.mention.value}
        others = [p for p in self.places if p.mention.kind is kind and are_comparable(p.mention, place.mention)]
        rng.shuffle(others)
        for other in others:
            number = len(alternatives)
            if other.mention.value not in values and number < 3:
                values.add(other.mention.value)
                alternatives.append(
                    Alternative(
                        name=f"elsewhere_{number}",
                        standing=Standing.elsewhere,
                        forms=(respell(self.surface(other), surface, kind),),
                        stealth=4 - number,
                    )
                )
        for stealth, text in wrong_values(place.mention, surface, rng):
            value = value_of(kind, text)
            if value is not None and value not in values and not self.count[kind, value]:
                values.add(value)
                alternatives.append(
                    Alternative(name=f"absent_{stealth}", standing=Standing.absent, forms=(text,), stealth=stealth)
                )
        return alternatives


def _sample(claims: list[Claim], limit: int, rng: Random) -> list[Claim]:
    """All claims, or as many of them as the limit, in the order of the source."""
    if len(claims) <= limit:
        return claims
    return sorted(rng.sample(claims, limit), key=lambda claim: claim.source_spans[0].start)


def _entries(source: str) -> dict[str, str]:
    """The lines of a catalogue, each with the name at its head.

    All lines share most words, so a value in such a line is recognised by the name alone. Fewer than three such lines are
    no catalogue.
    """
    entries = {}
    for start, end in sentences(source):
        entry = _ENTRY.fullmatch(source, start, end)
        if entry is not None and (any(c.isdigit() for c in entry["name"]) or entry["rest"].count(",") >= 2):
            entries[entry[0]] = entry["name"].strip()
    if len(entries) < 3:
        return {}
    names = Counter(name.lower() for name in entries.values())
    return {line: name for line, name in entries.items() if names[name.lower()] == 1}


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


def _words_near(sentence: str, start: int, end: int) -> list[str]:
    """At most four words beside a phrase, those after it first."""
    places = sorted(
        (match.start() < start, abs(match.start() - start), match[0].lower())
        for match in _words_beside(sentence)
        if match.end() <= start or match.start() >= end
    )
    words = dict.fromkeys(word for _, _, word in places if word not in _COMMON)
    return [_stem(word) for word in list(words)[:4]]


def _stem(word: str) -> str:
    return word[:-1] if word.endswith("s") and len(word) > 4 else word
