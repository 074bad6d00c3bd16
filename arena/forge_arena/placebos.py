"""Edit an answer without harm, in the place of a corruption and by about as much.

Each corruption names the kinds of edit that look most like it (`Corruption.placebos`):

| edit | example | looks like |
|---|---|---|
| respelling | "5 March 2026" becomes "March 5, 2026" | a shifted date, a fabricated citation |
| substitution | a sentence that nobody asked for gives way to another such sentence | an omission |
| paraphrase | "It takes 5 days." becomes "You wait 5 days." | the other types |
| reordering | two sentences change places | the other types |

An answer that somebody wrote in words of their own takes the same kinds in another way, as corruptions do: a statement
that nobody asked for is cut out, a few words give way to a synonym, and two items of a list may change places. Where a
bias injection would bring in a statement for the wrong option, the statement for the right one comes in.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from random import Random
from typing import TypeAlias

from forge_arena.corruptions import registry
from forge_arena.corruptions.asked_for import may_be_asked_for
from forge_arena.corruptions.base import NEVER_REQUIRED, trade_sentence
from forge_arena.corruptions.choices import choose_unread
from forge_arena.corruptions.draft import Draft, Edit, apply, draft_of, overlaps
from forge_arena.corruptions.prose import optional_cuts
from forge_arena.corruptions.same_fact import cuts_beside
from forge_arena.corruptions.thoughts import Trade, apply_trade
from forge_arena.errors import CannotCorrupt
from forge_arena.statements import SPELLINGS, Voice, spelling_of
from forge_arena.texts.leaning import follows_alone, goes_on, has_verb, leans
from forge_arena.texts.ordering import reorderings
from forge_arena.texts.pointing_back import leaves_unknown, points_back
from forge_arena.texts.seams import tears
from forge_arena.texts.spellers import SPELLERS, writes_alike
from forge_arena.texts.synonyms import other_words
from forge_arena.texts.values import MONTHS
from forge_arena.types import Answer, Claim, ClaimKind, CorruptionType, Placebo, Scenario, Span
from forge_arena.verify import Verifier
from forge_arena.verify.code import code_blocks

REWORDINGS = 8

# The edits of an output, and what its reasoning is to trade for what; None if the reasoning stays as it is.
Plan: TypeAlias = tuple[tuple[Edit, ...], Trade | None]

# How often the placebo of an answer in an author's own words keeps to the author's words, if it can.
WORDS_KEPT = 0.7
# How often an answer in an author's own words is spared another spelling if another edit is as likely.
SPARED = 0.6
# The day before its month, and the month before its day.
_MONTH = f"(?:{'|'.join(MONTHS)})"
_ORDERS = (re.compile(rf"\b\d{{1,2}}(?:st|nd|rd|th)? {_MONTH}\b"), re.compile(rf"\b{_MONTH} \d{{1,2}}\b"))
# Places so near to each other count as equally near.
NEAR = 80

_TWO_ITEMS = re.compile(r"(?<![^\n])(?P<mark>[-*\u2022]) (?P<a>[^\n]+)\n(?P=mark) (?=(?P<b>[^\n]+))")
_LEANS = re.compile(r"\b(?:it|its|this|that|these|they|them|there|then|here|so|also|such|both|latter)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class HarmlessEdit:
    """A harmless edit: its kind, the edited answer, and where its output was changed."""

    kind: Placebo
    answer: Answer
    spans: tuple[Span, ...]


def edit_harmlessly(
    verifier: Verifier,
    answer: Answer,
    type: CorruptionType,
    target: str,
    rng: Random,
    reword: Callable[[int], Scenario],
) -> HarmlessEdit:
    """Edit a clean answer where a corruption of this type would have struck the claim `target`. It stays clean.

    Args:
        reword: `reword(n)` is the answer's scenario with its statements in the n-th other words, which may be
            the same by chance.

    Raises:
        CannotCorrupt: no edit of this answer leaves it clean.
    """
    draft = draft_of(verifier, answer.output, rng)
    for kind, (edits, trade) in _plans(draft, verifier.scenario.claim(target), type, reword, rng):
        output, spans = apply(answer.output, edits)
        if output == answer.output or tears(answer.output, output) or cuts_beside(draft, edits, None):
            continue
        if verifier.verify(output).clean:
            reasoning = _follow(verifier, answer.reasoning, trade, rng)
            return HarmlessEdit(kind, Answer(reasoning=reasoning, output=output), spans)
    raise CannotCorrupt(f"no harmless edit fits this answer in place of {type}")


def _plans(
    draft: Draft, claim: Claim, type: CorruptionType, reword: Callable[[int], Scenario], rng: Random
) -> Iterator[tuple[Placebo, Plan]]:
    """All edits to try, those that look most like the corruption first."""
    likely = list(registry()[type].placebos)
    rng.shuffle(likely)
    if not draft.is_composed:
        if claim.kind is ClaimKind.option and claim.id not in draft.report.stated:
            # The corruption put a statement of the scenario into the answer. Without this edit such a statement would
            # be in no clean answer.
            edits = choose_unread(draft, claim, claim.right, rng)
            if edits is not None:
                yield Placebo.paraphrase, (edits, None)
        # Each other word and each other spelling departs from the author's habits, so it shows which answer was edited.
        # What only moves or goes does not.
        if not registry()[type].omits and rng.random() < WORDS_KEPT:
            keeping = [Placebo.reordering, Placebo.substitution]
            likely = [*sorted(keeping, key=lambda kind: kind not in likely and rng.random() < 0.5), *likely]
        likely.sort(key=lambda kind: kind is Placebo.respelling and rng.random() < SPARED)
        for kind in dict.fromkeys((*likely, *Placebo)):
            yield from ((kind, plan) for plan in _free_plans_of(kind, draft, claim, rng))
        return
    for kind in dict.fromkeys((*likely, *Placebo)):
        for plan in _plans_of(kind, draft, claim, reword, rng):
            yield kind, plan
    # Some answers take only the edits below. Without these edits, the placebo of a key could be another
    # draw than its twins.
    for wording in range(2, REWORDINGS):
        for plan in _paraphrases(draft, claim, reword(wording), rng):
            yield Placebo.paraphrase, plan
    for other in draft.scenario.claims:
        for spelling in range(SPELLINGS):
            trade = Trade(other, other.right, Voice({}, {other.kind: spelling}))
            yield Placebo.respelling, (_respell(draft, trade), trade)


def _plans_of(
    kind: Placebo, draft: Draft, claim: Claim, reword: Callable[[int], Scenario], rng: Random
) -> Iterator[Plan]:
    match kind:
        case Placebo.respelling:
            return _respellings(draft, claim, rng)
        case Placebo.paraphrase:
            return _paraphrases(draft, claim, reword(1), rng)
        case Placebo.substitution:
            return _substitutions(draft, rng)
        case Placebo.reordering:
            return _reorderings(draft, rng)


def _free_plans_of(kind: Placebo, draft: Draft, claim: Claim, rng: Random) -> Iterator[Plan]:
    """The edits of a kind for an answer in an author's own words."""
    match kind:
        case Placebo.respelling:
            return ((edits, None) for edits in _other_spellings(draft, claim.kind, rng))
        case Placebo.paraphrase:
            return _synonyms(draft, claim, rng)
        case Placebo.substitution:
            voice = draft.voice()
            return (
                (edits, Trade(other, None, voice))
                for other, edits in optional_cuts(draft, rng, alone=True)
                if not any(may_be_asked_for(draft.scenario, draft.text[edit.start : edit.end]) for edit in edits)
            )
        case Placebo.reordering:
            return chain(
                _parts_in_other_order(draft, claim, rng), _reorderings(draft, rng), _list_reorderings(draft, rng)
            )


def _other_spellings(draft: Draft, kind: ClaimKind, rng: Random) -> Iterator[tuple[Edit, ...]]:
    """All values of a kind in another spelling, because an author spells them alike; then the values of other kinds.

    Only a spelling that the answer or its source has: what departs from both would show that the answer was edited.
    """
    writers = [writer for writer in SPELLERS if writer.kind is not kind]
    rng.shuffle(writers)
    writers.sort(key=lambda writer: writer.kind not in (ClaimKind.date, ClaimKind.duration))
    blocks = code_blocks(draft.text)
    for writer in [*(w for w in SPELLERS if w.kind is kind), *writers]:
        edits = [
            Edit(other.start, other.end, other.text)
            for other in writer.spellings(draft.text)
            if not any(block.start <= other.start < block.end for block in blocks)
        ]
        if writer.kind is ClaimKind.date and not _has_order_of_dates(draft, edits):
            continue
        if edits and (writes_alike(writer, draft.text) or writes_alike(writer, draft.scenario.source_material)):
            yield tuple(edits)


def _has_order_of_dates(draft: Draft, edits: list[Edit]) -> bool:
    """Whether the dates would stand in an order that the source has, and none would be left in the other order.

    "March 5, 2026" in a British letter about a British document would show which answer was edited.
    """
    return all(
        any(pattern.search(draft.scenario.source_material) for pattern in _ORDERS if pattern.search(edit.text))
        for edit in edits
    ) and not any(
        pattern.search(apply(draft.text, tuple(Edit(e.start, e.end, "") for e in edits))[0]) for pattern in _ORDERS
    )


def _synonyms(draft: Draft, claim: Claim, rng: Random) -> Iterator[Plan]:
    """A few words near the claim in other words of the same meaning, then words farther away."""
    spans = [(f.start, f.end) for f in draft.report.findings]
    places = [finding.start for finding in draft.report.of(claim.id)] or [rng.randrange(len(draft.text))]
    blocks = code_blocks(draft.text)
    found = [
        Edit(other.start, other.end, other.text)
        for other in other_words(draft.text)
        if not any(block.start <= other.start < block.end for block in blocks)
        and not any(start < other.end and other.start < end for start, end in spans)
    ]
    rng.shuffle(found)
    found.sort(key=lambda edit: min(abs(edit.start - place) // NEAR for place in places))
    yield from (((edit,), None) for edit in found)


def _parts_in_other_order(draft: Draft, claim: Claim, rng: Random) -> Iterator[Plan]:
    """Two clauses or two items in the other order, those near the claim first."""
    places = [finding.start for finding in draft.report.of(claim.id)] or [0]
    parts = [part for part in reorderings(draft.text) if not _names_choice(draft, part.start, part.end)]
    rng.shuffle(parts)
    parts.sort(key=lambda part: min(abs(part.start - place) // NEAR for place in places))
    yield from (((Edit(part.start, part.end, part.text),), None) for part in parts)


def _list_reorderings(draft: Draft, rng: Random) -> Iterator[Plan]:
    """Two neighbouring items of a list in the other order, if they end alike."""
    pairs = [
        match
        for match in _TWO_ITEMS.finditer(draft.text)
        if match["a"][-1:] == match["b"][-1:]
        and not any(leans(match[item]) or goes_on(match[item]) or points_back(match[item]) for item in ("a", "b"))
        and not any(_LEANS.search(match[item]) for item in ("a", "b"))
        and not _names_choice(draft, match.start("a"), match.end("b"))
    ]
    rng.shuffle(pairs)
    for match in pairs:
        start, end = match.start("a"), match.end("b")
        between = draft.text[match.end("a") : match.start("b")]
        yield (Edit(start, end, f"{match['b']}{between}{match['a']}"),), None


def _respellings(draft: Draft, claim: Claim, rng: Random) -> Iterator[Plan]:
    """Respell the claim wherever the answer states it; nothing if the claim has the drawn spelling already."""
    if claim.kind in (ClaimKind.constraint, ClaimKind.behaviour):
        return
    # The spelling is drawn once, as a Worker draws it. Further draws would give placebos the rare spellings.
    spelling = rng.randrange(SPELLINGS)
    trade = Trade(claim, claim.right, Voice({}, {claim.kind: spelling}))
    yield _respell(draft, trade), trade


def _respell(draft: Draft, trade: Trade) -> tuple[Edit, ...]:
    """Spell all values of the claim's kind alike, as one author does; nothing if the claim keeps its spelling."""
    edits: list[Edit] = []
    changed = False
    for finding in draft.report.findings:
        claim = draft.scenario.claim(finding.claim)
        if claim.kind is trade.claim.kind and finding.alternative is not None:
            surface = draft.text[finding.start : finding.end]
            form = spelling_of(claim, claim.alternative(finding.alternative), trade.voice)
            # Two claims may be stated by one value.
            if surface.lower() != form.lower() and not overlaps(edits, finding.start, finding.end):
                changed = changed or claim.id == trade.claim.id
                text = form[0].upper() + form[1:] if surface[0].isupper() else form
                edits.append(Edit(finding.start, finding.end, text))
    return tuple(edits) if changed else ()


def _paraphrases(draft: Draft, claim: Claim, reworded: Scenario, rng: Random) -> Iterator[Plan]:
    """All sentences that state the claim in other words; then one of these sentences alone."""
    speaker = draft.speaker()
    edits: list[Edit] = []
    for statement, other in zip(draft.scenario.statements, reworded.statements, strict=False):
        if claim.id not in statement.says and claim.id not in statement.when:
            continue
        place = speaker.place_in(draft.text, statement)
        if place is None or overlaps(edits, *place):
            continue
        again = speaker.sentence(other)
        if again != draft.text[slice(*place)]:
            edits.append(Edit(*place, again))
    if edits:
        yield tuple(edits), None
        yield from (((edit,), None) for edit in rng.sample(edits, len(edits)))


def _substitutions(draft: Draft, rng: Random) -> Iterator[Plan]:
    """A sentence that nobody asked for in place of another such sentence."""
    stated = draft.report.stated
    spare = [c for c in draft.scenario.claims if not c.required and c.id in stated and c.kind not in NEVER_REQUIRED]
    rng.shuffle(spare)
    spare.sort(key=lambda claim: not draft.has_to_itself(claim.id))
    for claim in spare:
        rewrite = trade_sentence(draft, claim, rng)
        if rewrite is not None:
            yield rewrite.edits, Trade(claim, None, draft.voice(), rewrite.instead)


def _reorderings(draft: Draft, rng: Random) -> Iterator[Plan]:
    """Two neighbouring sentences of the body in the other order."""
    pairs = [
        (a, b)
        for a, b in zip(draft.sentences, draft.sentences[1:], strict=False)
        if draft.text[a.end : b.start] == " "
        and "\n\n" in draft.text[: a.start]
        and "\n\n" in draft.text[b.end :]
        and all(_stands_alone(span.of(draft.text)) for span in (a, b))
        and (draft.is_composed or _may_trade_places(draft, a, b))
    ]
    rng.shuffle(pairs)
    for a, b in pairs:
        yield (Edit(a.start, b.end, f"{b.of(draft.text)} {a.of(draft.text)}"),), None


def _stands_alone(text: str) -> bool:
    """Whether a sentence can change places: it does not announce the next sentence, nor refer to the one before."""
    return text.endswith(".") and not _LEANS.search(text)


def _may_trade_places(draft: Draft, a: Span, b: Span) -> bool:
    """Whether two sentences in an author's own words stand in the midst of a paragraph and neither is a label.

    The sentence behind them must not lean on the second one, because then the first one would stand between them.
    """
    line = draft.text.rfind("\n", 0, a.start) + 1
    first = draft.text[line : a.start].strip()
    places = [(span.start, span.end) for span in draft.sentences]
    number = places.index((b.start, b.end))
    following = draft.text[slice(*places[number + 1])] if number + 1 < len(places) else ""
    own = [span.of(draft.text) for span in (a, b)]
    # "Each half is paid in May" must not stand before what is halved, nor "fixes go on longer" before the other fixes.
    refers = any(points_back(text) for text in own) or leaves_unknown(
        draft.text[: b.end], [(a.start, a.end)], draft.scenario.task
    )
    return (
        bool(first)
        and not refers
        and all(has_verb(text) and not leans(text) for text in own)
        and not any(goes_on(text) for text in (*own, following))
        and not _names_choice(draft, a.start, b.end)
        and follows_alone(draft.text, places, number)
    )


def _names_choice(draft: Draft, start: int, end: int) -> bool:
    """Whether a passage names the thing that is chosen. What is said of the thing must not come before its name."""
    chosen = {claim.of for claim in draft.scenario.claims}
    return any(f.claim in chosen and start <= f.start < end for f in draft.report.findings)


def _follow(verifier: Verifier, reasoning: str, trade: Trade | None, rng: Random) -> str:
    """Let the reasoning follow the edit as it follows a corruption; otherwise a mismatch would mark the placebos."""
    if trade is None or not reasoning:
        return reasoning
    if trade.alternative is None:
        return apply_trade(verifier, reasoning, trade, rng)
    draft = Draft(verifier.scenario, reasoning, verifier.verify(reasoning))
    return apply(reasoning, _respell(draft, trade))[0]
