"""Add a statement behind what an answer says of the nearest things, as one more sentence, item or paragraph."""

import re
from collections.abc import Sequence
from random import Random

from forge_arena.corruptions.choices.statements import IS, LABEL, MARK, statements_of
from forge_arena.corruptions.draft import Draft, Edit
from forge_arena.statements import order_of
from forge_arena.texts.leaning import follows_alone, goes_on, has_verb
from forge_arena.types import Alternative, Claim, ClaimKind, Statement

# Fewer words are a label, and no sentence that another could stand behind.
FEWEST_WORDS = 4
# Among so many words a sentence says that it goes on with the one before: "The first, on the written phase, failed."
FIRST_WORDS = 6
_HEADS_PARAGRAPH = re.compile(
    r"^(?:\*\*|__)?(?P<name>[A-Z][^.,;:!?\n*_()]{1,40}?)(?P<cited> \([^()\n]{1,40}\))?"
    r"(?:[.:](?:\*\*|__)?|(?:\*\*|__)[.:]?) "
)
_NUMBERED = re.compile(r"(?P<open>[(\[]+)(?P<word>[A-Za-z\u00a7]+ ?)?(?P<number>\d+(?:\.\d+)+)(?=[)\],;])")
_DETERMINER = re.compile(r"^(?:The|A|An|Any|Each|Every|All|Your|Our) ")


def add_statement(draft: Draft, claim: Claim, alternative: Alternative, rng: Random) -> tuple[Edit, ...] | None:
    """Add a statement behind what the answer says of the nearest things, as one more sentence or item."""
    texts = list(statements_of(draft, claim, alternative))
    rng.shuffle(texts)
    for statement, text in texts:
        for number in _neighbours(draft, claim, statement):
            edit = (
                _item(draft, claim, number, text) if _is_item(draft, number) else _sentence(draft, claim, number, text)
            )
            if edit is not None:
                return (edit,)
    return None


def _neighbours(draft: Draft, claim: Claim, statement: Statement) -> list[int]:
    """The sentences that state other claims, those on the nearest things first."""
    order = order_of(draft.scenario)
    sections = [a for a in draft.scenario.authorities if claim.id in a.supports]
    topics = {
        said: order.topic(other)
        for other in draft.scenario.statements
        if other.part == "body" and other.topic
        for said in other.says
    }
    place = min((span.start for span in claim.source_spans), default=0)
    far: dict[int, tuple[bool, bool, int]] = {}
    for finding in draft.report.findings:
        other = draft.scenario.claim(finding.claim)
        if other.kind in (ClaimKind.citation, ClaimKind.constraint, ClaimKind.behaviour) or not other.source_spans:
            continue
        number = next(n for n, span in enumerate(draft.sentences) if span.start <= finding.start < span.end)
        distance = (
            not any(other.id in section.supports for section in sections),
            not statement.topic or topics.get(other.id) != order.topic(statement),
            min(abs(span.start - place) for span in other.source_spans),
        )
        far[number] = min(far.get(number, distance), distance)
    return sorted(far, key=lambda number: (far[number], number))


def _is_item(draft: Draft, number: int) -> bool:
    start, end = _line(draft.text, draft.sentences[number].start)
    return MARK.match(draft.text[start:end]) is not None


def _line(text: str, place: int) -> tuple[int, int]:
    start, end = text.rfind("\n", 0, place) + 1, text.find("\n", place)
    return start, len(text) if end < 0 else end


def _sentence(draft: Draft, claim: Claim, number: int, text: str) -> Edit | None:
    """One more sentence behind a sentence in the midst of the answer."""
    span = draft.sentences[number]
    own = span.of(draft.text)
    start, end = _line(draft.text, span.start)
    spans = [(other.start, other.end) for other in draft.sentences]
    paragraphs = [at for at, _ in spans if draft.text[:at].endswith("\n\n") or at == 0]
    last = paragraphs[-1] if paragraphs else 0
    if not own.endswith(".") or number == 0 or span.start >= last or "```" in own or len(own.split()) < FEWEST_WORDS:
        return None
    following = draft.text[slice(*spans[number + 1])] if number + 1 < len(spans) else ""
    opening = " ".join(following.split()[:FIRST_WORDS])
    if draft.text[span.end : end].strip() and (not follows_alone(draft.text, spans, number) or goes_on(opening)):
        return None
    if any(_must_stay_apart(draft, f.claim) and start <= f.start < end for f in draft.report.findings):
        return None
    cited = _cited_as_here(draft, claim, start, end)
    label = _HEADS_PARAGRAPH.match(draft.text[start:end])
    if label is None or has_verb(label["name"]) or _is_of_its_section(draft, claim, start, end):
        return Edit(span.end, span.end, f" {text[:-1]}{cited}.")
    # Below a label "Claims." nobody expects the transfer duty. The duty gets a paragraph with a label of its own.
    match = IS.match(text[:-1])
    if match is None or not draft.text.startswith("\n\n", end):
        return None
    name = _head(match["subject"])
    said = text[:-1]
    if name == match["subject"]:
        said = f"{'These are' if ' are ' in text[: match.start('said')] else 'This is'} {match['said']}"
    if label["cited"]:
        name, cited = f"{name}{cited}", ""
    return Edit(end, end, f"\n\n{_labelled(name, said, label[0])}{cited}.")


def _head(subject: str) -> str:
    """A subject without what stands behind its noun: "A valuation of pledged goods" is "A valuation"."""
    return re.split(r" (?:of|in|on|at|for|to|with|by|from|under)\b", subject)[0]


def _is_of_its_section(draft: Draft, claim: Claim, start: int, end: int) -> bool:
    """Whether the text from `start` to `end` states a claim of the section that decides a choice."""
    sections = [a for a in draft.scenario.authorities if claim.id in a.supports]
    stated = {f.claim for f in draft.report.findings if start <= f.start < end}
    return any(stated & set(section.supports) for section in sections)


def _must_stay_apart(draft: Draft, claim_id: str) -> bool:
    """Whether a claim is a rule on the place of words, so that its line stays as it is."""
    return draft.scenario.claim(claim_id).kind in (ClaimKind.constraint, ClaimKind.behaviour)


def _item(draft: Draft, claim: Claim, number: int, text: str) -> Edit | None:
    """One more item of a list, with a label if the items have labels."""
    start, end = _line(draft.text, draft.sentences[number].start)
    line = draft.text[start:end]
    mark = MARK.match(line)
    if mark is None or mark[0].strip()[0].isdigit():
        return None
    lines = [other for other in draft.text.split("\n") if MARK.match(other)]
    labels = [LABEL.match(other[len(mark[0]) :]) for other in lines]
    stop = "." if line.endswith(".") else ""
    cited = _cited_as_here(draft, claim, start, end)
    if not any(labels):
        said = text[:-1] if has_verb(line) else None
    else:
        match = IS.match(text[:-1])
        own = LABEL.match(line[mark.end() :])
        said = _labelled(match["subject"], match["said"], own[0]) if all(labels) and match and own else None
    return None if said is None else Edit(end, end, f"\n{mark[0]}{said}{cited}{stop}")


def _labelled(subject: str, said: str, like: str) -> str:
    """What a statement says, as an item with a label: "**Roster:** drawn up by the council"."""
    name = _DETERMINER.sub("", subject)
    name = name[0].upper() + name[1:]
    bare = re.sub(r"[*_]", "", like).strip()
    dressed = like.replace(bare.rstrip(":."), name, 1)
    return f"{dressed}{said}"


def _cited_as_here(draft: Draft, claim: Claim, start: int, end: int) -> str:
    """The section of a claim in brackets, if the line from `start` to `end` cites in brackets; otherwise nothing."""
    numbers: Sequence[str] = [
        match[0]
        for authority in draft.scenario.authorities
        if claim.id in authority.supports
        for form in authority.forms
        if (match := re.search(r"\d+(?:\.\d+)+$", form)) is not None
    ]
    like = list(_NUMBERED.finditer(draft.text, start, end))
    if not like or not numbers:
        return ""
    last = like[-1]
    close = last["open"][::-1].translate(str.maketrans("([", ")]"))
    return f" {last['open']}{last['word'] or ''}{numbers[0]}{close}"
