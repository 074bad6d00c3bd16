"""Put the other option in the place of words that nearly are a form of the right one: "a slice" for "a plain slice"."""

import re
from collections.abc import Iterator

from forge_arena.corruptions.choices.speaking import CODE
from forge_arena.corruptions.draft import Draft, Edit, overlaps
from forge_arena.texts.fitting import Phrase, places_of
from forge_arena.texts.seams import END, WORDS
from forge_arena.texts.words import content, placed_stems
from forge_arena.types import Alternative, Claim

_BEHIND_WORD = re.compile(r"^(?:[.,;:)]|$| (?:on|in|for|by|as|at|under|where|when|and|or)\b)")


def exchange_near_form(draft: Draft, claim: Claim, alternative: Alternative, number: int) -> tuple[Edit, ...] | None:
    """Put the other option in the place of words that nearly are a form: "a slice", "assigning to an index"."""
    span = draft.sentences[number]
    own = span.of(draft.text)
    new = alternative.forms[0]
    if Phrase.of(new).preposition:
        return None
    for form in claim.right.forms:
        phrase = Phrase.of(form)
        words = content(form)
        if phrase.preposition:
            continue
        for start, end in _near_places(own, phrase, words):
            if _BEHIND_WORD.match(own[end:]) and (start == 0 or own[start - 1] == " "):
                edit = Edit(span.start + start, span.start + end, new)
                return _without_reason(draft, edit, span.end)
    return None


def _near_places(own: str, phrase: Phrase, words: frozenset[str]) -> Iterator[tuple[int, int]]:
    """Where a sentence has the head of a phrase with an article, or all its words behind a preposition."""
    code = CODE.findall(phrase.core)
    if len(code) == 1:
        # "with `map`" for "a call to `map`".
        for match in re.finditer(rf"\b(?:with|by|of|through|via) ({re.escape(code[0])})", own):
            yield match.span(1)
    head = re.escape(phrase.core.split()[-1])
    if phrase.determiner in ("a", "an") and " of " not in phrase.core:
        for match in re.finditer(rf"\b(?:a|an) {head}\b", own):
            yield match.span()
    placed = placed_stems(own)
    for first in range(len(placed)):
        window = placed[first : first + len(words)]
        start, end = window[0][1], window[-1][2]
        doing = re.match(r"[a-z]+ing\b", own[start:]) and re.search(r"\b(?:by|with|through) $", own[:start])
        if len(window) == len(words) > 1 and doing and frozenset(stem for stem, _, _ in window) == words:
            yield start, end


def _without_reason(draft: Draft, edit: Edit, stop: int) -> tuple[Edit, ...] | None:
    """The edit, and a cut of the consequence behind it, which is one of the right option: ", so the loop goes"."""
    behind = draft.text[edit.end : stop]
    match = re.search(rf",? (?:so that|so|because|since|as it|which)\b{WORDS}{END}", behind)
    if match is None:
        return (edit,)
    start, end = edit.end + match.start(), edit.end + match.end()
    if any(start <= f.start < end for f in draft.report.findings):
        return None
    return edit, Edit(start, end, "")


def with_other_mentions(
    draft: Draft, claim: Claim, alternative: Alternative, edits: tuple[Edit, ...]
) -> tuple[Edit, ...] | None:
    """The edits, and the other option wherever else the right one is named by its head: "The waiver is booked"."""
    more: list[Edit] = []
    for form in claim.right.forms:
        phrase = Phrase.of(form)
        if phrase.preposition or phrase.determiner not in ("", "a", "an"):
            continue
        head = re.split(r" (?:of|in|to|for|with)\b", phrase.core)[0].split()[-1]
        if head in ("only", "alone", "together") or not phrase.determiner:
            continue
        other = Phrase.of(alternative.forms[0])
        for start, end in places_of(draft.text, [head, f"{head}s"]):
            if overlaps(edits, start, end) or alternative.name == claim.right.name:
                continue
            article = re.search(r"\b(?:[Tt]he|[Tt]his|[Tt]hat|[Yy]our) $", draft.text[max(0, start - 5) : start])
            if other.preposition or article is None or draft.text[start:end].lower() != head.lower():
                return None
            more.append(Edit(start, end, other.core))
    return (*edits, *more)
