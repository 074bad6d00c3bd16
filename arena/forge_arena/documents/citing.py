"""What an answer may cite for the facts of a document: the section that holds a fact, or one that says the same."""

import re
from collections.abc import Sequence
from random import Random

from forge_arena.documents.facts import Dropped, KeptFact, beginnings
from forge_arena.documents.proving import prove_citations
from forge_arena.documents.section_names import citation_forms, is_citable, wrong_sections
from forge_arena.documents.sections import Section
from forge_arena.documents.values import places_of
from forge_arena.texts.sentences import sentences as places_of_sentences
from forge_arena.texts.words import content
from forge_arena.types import Alternative, Claim, ClaimKind, Domain, Scenario, Span, Standing

# A section that is so much of the text is the text. A sentence with so many words of a fact says the fact.
_MOST_OF_TEXT, _NEARLY_ALL = 0.7, 0.75
_FEWEST_TOPIC_WORDS = 2
# How likely it is that somebody asks for the section of a fact of a kind, or of a fact without a value.
_ASKED_ABOUT = {
    ClaimKind.duration: 3,
    ClaimKind.date: 3,
    ClaimKind.percent: 3,
    ClaimKind.money: 2,
    ClaimKind.quantity: 2,
}
_RULE_ASKED_ABOUT = 2
NOT_ASKED = "nobody would ask for the section of this"
_TO_HIGHER = re.compile(r"\s?(?:[-\u2013\u2014]|to)\s?[$\u20ac\u00a3]?\d")
_FROM_LOWER = re.compile(r"\d\s?(?:[-\u2013\u2014]|to)\s?$")
# Whoever asks for a recommendation wants no section cited.
_CITES_BY_TITLE = frozenset({Domain.customer_support, Domain.legal_summarisation, Domain.code_review, Domain.mixed})


def keep_citations(
    scenario: Scenario, facts: Sequence[KeptFact], sections: Sequence[Section], rng: Random
) -> tuple[list[Claim], list[Dropped]]:
    """The citations of the facts' sections, one of them required, and what was dropped. Without that one there is none.

    Args:
        scenario: the task, the source, and the choice.
    """
    # The title in a citation must not make the sentence one about another fact of the section.
    titles = frozenset(word for section in sections if section.number is None for word in beginnings(section.title))
    candidates = _candidates(facts, sections, scenario.source_material, rng)
    dropped: list[Dropped] = []
    while True:
        chosen = _with_one_required(candidates, facts, scenario.domain, titles)
        proven, dropped_now = prove_citations(scenario, facts, chosen)
        dropped += dropped_now
        failed = {claim.id for claim in chosen} - {claim.id for claim in proven}
        if not failed and not any(claim.required for claim in proven):
            # Hardly an answer cites what no task asks for, so no citation could be made wrong.
            return [], [*dropped, *(Dropped(claim.label, NOT_ASKED) for claim in proven[:1])]
        if not failed:
            return proven, dropped
        # What stood back for a citation that cannot be read may be read itself.
        candidates = [claim for claim in candidates if claim.id not in failed]


def _candidates(facts: Sequence[KeptFact], sections: Sequence[Section], text: str, rng: Random) -> list[Claim]:
    """For each fact that an answer must state, that its section is what to cite for it."""
    claims: list[Claim] = []
    avoided = content(" ".join(f"{fact.claim.label} {fact.statement}" for fact in facts))
    for fact in facts:
        section = fact.section
        if section is None or not fact.claim.required or section.end - section.start > _MOST_OF_TEXT * len(text):
            continue
        others = _sections_that_say_so(fact, section, sections, text)
        alike = [other for other in sections if other not in others and _speaks_of(fact, other, text)]
        wrong = wrong_sections(section, sections, [*others, *alike], text, rng, avoided)
        if not wrong:
            continue
        forms = (form for right in (section, *others) for form in citation_forms(right))
        right = Alternative(name="cited", standing=Standing.right, forms=tuple(dict.fromkeys(forms)))
        heading = text[section.start : section.body].strip()
        at = text.find(heading, section.start)
        claims.append(
            Claim(
                id=f"section_of_{fact.claim.id}",
                kind=ClaimKind.citation,
                label=f"the section on {fact.claim.label}",
                about=(beginnings(f"{fact.claim.label} {fact.statement}"),),
                alternatives=(right, *wrong),
                subject=fact.claim.id,
                source_spans=(Span(start=at, end=at + len(heading)),),
            )
        )
    return claims


def _with_one_required(
    claims: Sequence[Claim], facts: Sequence[KeptFact], domain: Domain, titles: frozenset[str]
) -> list[Claim]:
    """The citations that can be told apart, one of them required.

    The one is required that somebody would most likely ask for: of a rule, a time or an amount. Nobody asks which
    section gives the name of a thing. Of two citations of one section, or of facts with the same words, a text could
    not be read for either; so only one of them is kept.
    """
    subjects = {fact.claim.id: fact for fact in facts}

    def interest(claim: Claim) -> int:
        fact = subjects[claim.subject or ""]
        return _ASKED_ABOUT.get(fact.claim.kind, 0) if fact.value is not None else _RULE_ASKED_ABOUT

    kept: list[Claim] = []
    known: set[str] = set()
    sections: set[str] = set()
    for claim in sorted(claims, key=interest, reverse=True):
        free = tuple(word for word in claim.about[0] if word not in known)
        own = tuple(word for word in free if not kept or word not in titles) or free
        if not own or not sections.isdisjoint(claim.right.forms):
            continue
        required = not kept and interest(claim) > 0 and domain in _CITES_BY_TITLE
        kept.append(claim.model_copy(update={"about": (own,), "required": required}))
        known |= set(claim.about[0])
        sections |= set(claim.right.forms)
    return kept


def _sections_that_say_so(fact: KeptFact, section: Section, sections: Sequence[Section], text: str) -> list[Section]:
    """The other sections that an answer may cite for a fact: those that hold its section, or say the same."""
    others = []
    for other in sections:
        if other is section or not is_citable(other, sections):
            continue
        passage = text[other.start : other.end]
        if other.start <= section.start and section.end <= other.end:
            may_be_cited = len(passage) < _MOST_OF_TEXT * len(text)
        else:
            may_be_cited = _says(fact, passage)
        if may_be_cited:
            others.append(other)
    return others


def _says(fact: KeptFact, passage: str) -> bool:
    """Whether a sentence of a passage has the value of a fact and a word about it, or nearly all words of the fact."""
    words = content(fact.statement)
    for start, end in places_of_sentences(passage):
        sentence = passage[start:end]
        shared = len(words & content(sentence))
        if fact.value is None:
            if shared >= _NEARLY_ALL * len(words):
                return True
        elif shared > len(content(fact.value.surface)) and any(
            not _is_end_of_range(sentence, span) for span in places_of(sentence, fact.value)
        ):
            return True
    return False


def _speaks_of(fact: KeptFact, section: Section, text: str) -> bool:
    """Whether a paragraph of a section speaks of the topic and the case of a fact, in whatever words.

    The topic is what the label and the statement have in common. The title of the section counts with each paragraph.
    For "Elgg 2.3 gets bug fixes" one may cite a row of a table, or a rule elsewhere that speaks of the fixes of 2.3.
    """
    label, statement = content(fact.claim.label), content(fact.statement)
    topic = (label & statement) - (frozenset() if fact.value is None else content(fact.value.surface))
    if len(topic) < _FEWEST_TOPIC_WORDS:
        return False
    title = content(section.title)
    paragraphs = re.split(r"\n\s*\n", text[section.body : section.end])
    return any(len(topic & (title | content(paragraph))) >= _NEARLY_ALL * len(topic) for paragraph in paragraphs)


def _is_end_of_range(sentence: str, span: Span) -> bool:
    """Whether a value is an end of a range, as $45 is in "$45-$55": then the sentence says something else."""
    return bool(_TO_HIGHER.match(sentence[span.end :]) or _FROM_LOWER.search(sentence[: span.start]))
