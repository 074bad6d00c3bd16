"""Put a statement in the place of the clause or the sentence that speaks of a choice."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from forge_arena.corruptions.choices.speaking import deciding_words, has_rare_word, share_of, speaks_of
from forge_arena.corruptions.choices.statements import IS, LABEL, MARK, small, statements_of
from forge_arena.corruptions.draft import Draft, Edit
from forge_arena.texts.leaning import clause_joints, follows_alone, has_verb, leans, refers_back, subject_of
from forge_arena.texts.words import content
from forge_arena.types import Alternative, Claim

_CITATION = re.compile(r" (?:\([^()]{1,60}\)|\[[^\[\]]{1,30}\])")
_FRAME = re.compile(r"^(?:After|Before|On|In|For|At|By|With|Under) [^,]{1,40}, ")
_THEY = re.compile(r"^(?:They|Them|Their|These|Those)\b")
_IT = re.compile(r"^It\b")


@dataclass(frozen=True, slots=True)
class Part:
    """The characters `start` to `end` of a sentence that may give way to a statement.

    Attributes:
        lead: what must stand before the statement: "; " where a second verb of a shared subject goes.
        opens: whether the part opens its sentence, so that it begins with a capital.
        label: the label that the part stands behind: "Roster:".
    """

    start: int
    end: int
    lead: str = ""
    opens: bool = False
    label: str = ""


def replace_part(
    draft: Draft, claim: Claim, alternative: Alternative, number: int, rng: Random
) -> tuple[Edit, ...] | None:
    """Put a statement in the place of the clause or the sentence that speaks of the choice."""
    span = draft.sentences[number]
    texts = list(statements_of(draft, claim, alternative))
    if not texts:
        return None
    text = rng.choice(texts)[1]
    cited = {other.id for other in draft.scenario.claims if other.subject == claim.id}
    weights = deciding_words(draft, claim)
    for part in _parts(draft, number):
        said = draft.text[part.start : part.end]
        rest = draft.text[span.start : part.start] + " " + draft.text[part.end : span.end]
        speaks = speaks_of(claim, weights, said) or has_rare_word(claim, weights, said)
        if not speaks or share_of(weights, rest) > share_of(weights, said) / 2:
            continue
        citations = [match for match in _CITATION.finditer(said) if re.search(r"\d", match[0])]
        if len(citations) > 1:
            continue
        is_last = bool(citations) and citations[0].end() == len(said)
        stop = part.start + citations[0].start() if is_last else part.end
        # The clause may cite an authority for the choice. Anything else that the clause states would be lost.
        if any(part.start <= f.start < stop and f.claim not in cited for f in draft.report.findings):
            continue
        following = _following(draft, number, part, text)
        if following is None:
            continue
        moved = citations[0][0] if citations and not is_last else ""
        return Edit(part.start, stop, part.lead + _fit_in(draft, text, part) + moved), *following
    return None


def _parts(draft: Draft, number: int) -> Iterator[Part]:
    """The clauses of a sentence, the smallest first, then the whole sentence behind its mark and its label."""
    span = draft.sentences[number]
    own = span.of(draft.text)
    mark = MARK.match(own)
    low = mark.end() if mark else 0
    label = LABEL.match(own[low:])
    low += label.end() if label else 0
    stop = len(own.rstrip(".!"))
    name = label[0] if label else ""
    for joint in clause_joints(own, low, stop):
        before, behind = own[low : joint.start], own[joint.end : stop]
        if joint.is_shared:
            # "or are made good by time off": what shares the subject becomes a clause of its own.
            end = next((j.start for j in clause_joints(own, joint.end, stop)), stop)
            if has_verb(before):
                yield Part(span.start + joint.start, span.start + end, lead="; ")
            continue
        if not has_verb(before):
            continue
        yield Part(span.start + joint.end, span.start + stop)
        if not refers_back(behind) and not leans(behind):
            yield Part(span.start + low, span.start + joint.start, opens=not (label and ":" in name), label=name)
    yield Part(span.start + low, span.start + stop, opens=not (label and ":" in name), label=name)


def _fit_in(draft: Draft, text: str, part: Part) -> str:
    """A statement without its full stop, as it stands in a part: behind a label its subject may go."""
    text = text.rstrip(".")
    rest = draft.text[_start_of_sentence(draft, part.start) : part.start] + part.label
    frame = _FRAME.match(text)
    if frame and content(frame[0]) & content(rest):
        # "Stalls close at 5, and after closing, the sweeping is a task for all" would say twice what the time is.
        text = text[frame.end()].upper() + text[frame.end() + 1 :]
    if ":" in part.label and (match := IS.match(text)) and content(match["subject"]) & content(part.label):
        return match["said"]
    return text if part.opens else small(draft, text)


def _start_of_sentence(draft: Draft, place: int) -> int:
    return next(span.start for span in draft.sentences if span.start <= place < span.end)


def _following(draft: Draft, number: int, part: Part, text: str) -> tuple[Edit, ...] | None:
    """What must change in the sentence behind a part that goes; None if the sentence leans on words that go.

    "They" may stand if the new words have the same plural. "It" gives way to the subject that it stood for.
    """
    spans = [(span.start, span.end) for span in draft.sentences]
    if part.end < draft.sentences[number].end - 1:
        behind = draft.text[part.end : draft.sentences[number].end]
        return None if refers_back(behind) else ()
    if follows_alone(draft.text, spans, number):
        return ()
    following = draft.sentences[number + 1]
    begins = following.of(draft.text)
    old = draft.sentences[number].of(draft.text)
    if _THEY.match(begins) and _plurals(old) & _plurals(text):
        return ()
    subject = subject_of(draft.text[part.start : part.end])
    later = " ".join(begins.split()[1:10])
    if _IT.match(begins) and subject and not re.search(r"\b(?:they|them|their|this|these|same|then)\b", later):
        return (Edit(following.start, following.start + 2, subject[0].upper() + subject[1:]),)
    return None


def _plurals(text: str) -> set[str]:
    return {word.lower() for word in re.findall(r"\b[a-zA-Z]{4,}s\b", text) if not word.endswith(("ss", "us", "is"))}
