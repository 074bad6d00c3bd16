"""Falsify an answer that somebody wrote in words of their own, with the least change, so that no seam shows.

A text that consists of the scenario's statements takes other statements of the scenario. In any other text such a
statement is a foreign body. There a corruption does what a person would do by hand:

* a value is exchanged as the author spells values;
* the words for an option or a term are exchanged if the other words fit the same place;
* what the answer says of the option goes along: its properties, the reasons for it, the code that follows it;
* a sentence that states nothing but the target is written anew if nothing smaller can be exchanged;
* what is to be missing is cut out, and nothing is put in its place.

Everything here returns None if the answer offers no such place. No place is better than a seam.
"""

import re
from collections.abc import Iterator, Sequence
from random import Random

from forge_arena.corruptions.calendar import is_between_hours, keeps_calendar
from forge_arena.corruptions.choices import small
from forge_arena.corruptions.choices.traces import leaves_traces
from forge_arena.corruptions.code import exchange_code
from forge_arena.corruptions.draft import Draft, Edit, holds, overlaps, places_of_former
from forge_arena.corruptions.left_over import gives_amount_still
from forge_arena.corruptions.same_fact import loses, mentions_of
from forge_arena.statements import alternative_or_right
from forge_arena.texts.cutting import Cut, cuts
from forge_arena.texts.fitting import Replacement, article, places_of, replacement, with_article, with_genitive
from forge_arena.texts.leaning import clause_joints, follows_alone, is_referred_to, leans
from forge_arena.texts.limiting import limits
from forge_arena.texts.pointing_back import leaves_unknown
from forge_arena.texts.respell import in_digits, respell, rewrite, with_unit_like
from forge_arena.texts.seams import END, WORDS
from forge_arena.texts.values import mentions, value_of
from forge_arena.texts.words import content
from forge_arena.types import VALUE_KINDS, Alternative, Claim, ClaimKind
from forge_arena.verify.code import code_blocks
from forge_arena.verify.past import PAST

_REASON = re.compile(
    r"^(?P<kept>(?: \([^()]*\))?),? (?P<cut>(?:so that|so as|so|since|because|whose|as it|as they|as this|as these|"
    rf"which (?:keeps|makes|lets|means|avoids|leaves|gives|saves)|and (?:so|thus|therefore))\b{WORDS}){END}"
)
_DESCRIBES = re.compile(r"^,? (?:whose|which|that|who|where)\b|^, (?:a|an|one) \w")
_OWN_PART = re.compile(r"^ (?:with|without) (?:its|their) [^,;:.()`\n]+(?=[,;:.])")
_GENERIC = re.compile(r"^,? which (?:is|was|are|were) (?:what|how|where|why)\b")
_MEASURES = frozenset({ClaimKind.duration, ClaimKind.quantity})
_NEXT_IN_LIST = re.compile(r"^(?:,| and| or|;) (?:[a-z]+s? )?(\d+(?:\.\d+)*)")
_BEFORE_IN_LIST = re.compile(r"(\d+(?:\.\d+)*)(?:,| and| or|;) (?:[a-z]+s? )?$")
_TWO_QUOTATION_MARKS = re.compile(r"[\"\u201c\u201d]{2}")
_FORMER = re.compile(r"\.superseded\}|\bformer|\bprevious|\bused to\b|\bno longer\b")
# What names a thing that only the sentence before has named.
_ELLIPTIC = re.compile(r"```|\b(?:one|ones|it|its|they|them|this|these)\b|[:;]")
MOST_WORDS_AWAY = 6
MOST_OF = 0.6


def restate_freely(draft: Draft, claim: Claim, alternative: Alternative) -> tuple[Edit, ...] | None:
    """State another alternative wherever the answer states the claim, as its author would.

    If a sentence also names that alternative as the former one, the two trade places. A mention of the right
    alternative that would be left over contradicts the new one, so then there is no place. The same value stays where
    it is given for something else, and if nobody can tell for what it is given, there is no place either.
    """
    edits: list[Edit] = []
    mentions = mentions_of(draft, claim)
    if mentions.unclear:
        return None
    for finding in mentions.same:
        if finding.alternative == claim.right.name and not overlaps(edits, finding.start, finding.end):
            edit = _restated(draft, claim, claim.right, alternative, finding.start, finding.end)
            if edit is None:
                return None
            edits.append(edit)
    for start, end in places_of_former(draft, claim, alternative):
        if not overlaps(edits, start, end):
            edit = _restated(draft, claim, alternative, claim.right, start, end)
            if edit is None:
                return None
            edits.append(edit)
    for start, end in _told_as_past(draft, claim, alternative):
        # "It rises by 4.0%. The earlier 3.5% has been struck out." speaks of the other value in another sentence.
        if not overlaps(edits, start, end):
            edit = _restated(draft, claim, alternative, claim.right, start, end)
            if edit is None:
                return None
            edits.append(edit)
    if claim.kind is ClaimKind.identifier:
        # Code that still calls the right function would contradict the sentence that names another.
        blocks = code_blocks(draft.text)
        edits += [
            Edit(start, end, alternative.forms[0])
            for start, end in places_of(draft.text, claim.right.forms[:1])
            if holds(blocks, start) and not overlaps(edits, start, end)
        ]
    if claim.kind is ClaimKind.date and not keeps_calendar(draft, claim, alternative, edits):
        return None
    if claim.kind is ClaimKind.duration and is_between_hours(draft, claim):
        return None
    if claim.kind is ClaimKind.citation and _names_still(draft, claim, alternative, edits):
        return None
    # What is given for something else may stay.
    others = [Edit(f.start, f.end, "") for f in mentions.other]
    if not edits or _leaves_value(draft, claim, [*edits, *others]):
        return None
    return None if gives_amount_still(draft, claim, [*edits, *others]) else tuple(edits)


def _told_as_past(draft: Draft, claim: Claim, alternative: Alternative) -> Iterator[tuple[int, int]]:
    """Where a sentence that does not state the claim tells another value of it as past, and no other claim owns it."""
    if claim.kind not in VALUE_KINDS:
        return
    value = value_of(claim.kind, alternative.forms[0])
    stating = draft.sentences_of(claim.id)
    for span in draft.sentences:
        text = span.of(draft.text)
        if holds(stating, span.start) or PAST.search(text.lower()) is None:
            continue
        for mention in mentions(text):
            start, end = span.start + mention.start, span.start + mention.end
            is_owned = any(f.start < end and start < f.end and f.claim != claim.id for f in draft.report.findings)
            if mention.kind is claim.kind and mention.value == value and not is_owned:
                yield start, end


def _names_still(draft: Draft, claim: Claim, alternative: Alternative, edits: Sequence[Edit]) -> bool:
    """Whether a sentence still has the number of the right section: "Release 4.2 came in May (Release 4.1)"."""
    numbers = [re.findall(r"\d+(?:\.\d+)*", form.forms[0]) for form in (claim.right, alternative)]
    own = set(numbers[0]) - set(numbers[1])
    for span in draft.sentences:
        if own and overlaps(edits, span.start, span.end):
            left = "".join(
                " " if overlaps(edits, at, at + 1) else character
                for at, character in enumerate(span.of(draft.text), span.start)
            )
            if any("." in number and re.search(rf"(?<![\w.]){re.escape(number)}(?!\w|\.\d)", left) for number in own):
                return True
    return False


def _restated(draft: Draft, claim: Claim, old: Alternative, new: Alternative, start: int, end: int) -> Edit | None:
    """The edit that makes `new` of the words from `start` to `end`; None if their spelling is not understood."""
    text, surface = draft.text, draft.text[start:end]
    fit: Replacement | None = None
    if claim.kind is ClaimKind.option and re.search(r"\b(?:[Yy]our|[Mm]y) $", text[max(0, start - 6) : start]):
        # "Your loop" is what the reader has done, whatever is chosen now.
        return None
    if claim.kind in (ClaimKind.term, ClaimKind.option):
        fit = replacement(text, start, end, old.forms, new.forms)
    elif claim.kind is ClaimKind.citation:
        spelling = _cited(text, start, end, old, new)
        # A title that has quotation marks itself would stand in two pairs of them.
        is_quoted_twice = spelling is not None and _TWO_QUOTATION_MARKS.search(f"{text[:start][-1:]}{spelling}")
        fit = None if spelling is None or is_quoted_twice else Replacement(start, end, spelling)
    else:
        spelling = _spelled(draft, claim, old, new, surface)
        if spelling is not None and _agrees(text, surface, spelling, end):
            fit = Replacement(start, end, spelling)
    if fit is None:
        return None
    fit = with_genitive(text, with_article(text, fit))
    return Edit(fit.start, fit.end, fit.text)


def _spelled(draft: Draft, claim: Claim, old: Alternative, new: Alternative, surface: str) -> str | None:
    """A value as the author spells the old one: "60 days", although the source has "60-day"."""
    forms = [form.lower() for form in old.forms]
    if surface.lower() in forms:
        if claim.kind in (ClaimKind.date, *_MEASURES):
            spelling = rewrite(in_digits(old.forms[0]), in_digits(new.forms[0]), surface, claim.kind)
            if spelling is not None:
                return spelling
        place = forms.index(surface.lower())
        if len(forms) == 1 and len(new.forms) > 1:
            place = min(draft.voice().spelling.get(claim.kind, 0), len(new.forms) - 1)
        if place >= len(new.forms):
            return respell(new.forms[0], surface, claim.kind)
        if claim.kind not in _MEASURES:
            return new.forms[place]
        return with_unit_like(new.forms[place], surface) if _shape(new.forms[place]) == _shape(surface) else None
    if old.forms:
        spelling = rewrite(in_digits(old.forms[0]), in_digits(new.forms[0]), surface, claim.kind)
        if spelling is not None:
            return spelling
        # A speller that cannot write the old value as the author does cannot write the new one either.
        if respell(old.forms[0], surface, claim.kind) == surface and surface != old.forms[0]:
            return respell(new.forms[0], surface, claim.kind)
    return None


def _shape(measure: str) -> tuple[bool, bool]:
    """How a measure is written: joined with its unit, as in "60-day"; and in digits."""
    return re.match(r"\d[\d.,]*-[^\W\d]", in_digits(measure)) is not None, measure[:1].isdigit()


def _agrees(text: str, old: str, new: str, end: int) -> bool:
    """Whether the verb behind a value agrees with the new value, too: "1 hour is", "2 hours are"."""
    if bool(re.match(r"(?:1|one|a|an)\b", old)) == bool(re.match(r"(?:1|one|a|an)\b", new)):
        return True
    return not re.match(r"\s+(?:is|are|was|were|has|have)\b", text[end:])


def _cited(text: str, start: int, end: int, old: Alternative, new: Alternative) -> str | None:
    """A citation with the words or the number exchanged that tell the two authorities apart."""
    surface = text[start:end]
    for form, other in zip(old.forms, [*new.forms, *[new.forms[-1]] * len(old.forms)], strict=False):
        if surface.lower() == form.lower():
            return other[0].upper() + other[1:] if surface[0].isupper() else other
        mine, others = form.split(), other.split()
        while mine and others and mine[0].lower() == others[0].lower():
            del mine[0], others[0]
        while mine and others and mine[-1] == others[-1]:
            del mine[-1], others[-1]
        number = " ".join(mine)
        if number and others and surface.count(number) == 1:
            shown = " ".join(others)
            return surface.replace(number, shown) if _keeps_order(text, start, end, number, shown) else None
    return None


def _keeps_order(text: str, start: int, end: int, old: str, new: str) -> bool:
    """Whether a list of sections, such as "10.6 and 10.10", is in order after an exchange if it was before."""

    def number(text: str) -> tuple[int, ...]:
        return tuple(int(part) for part in re.findall(r"\d+", text))

    behind, before = _NEXT_IN_LIST.match(text[end:]), _BEFORE_IN_LIST.search(text[:start])
    if behind and (new == behind[1] or (number(old) < number(behind[1])) != (number(new) < number(behind[1]))):
        return False
    return not (before and (new == before[1] or (number(before[1]) < number(old)) != (number(before[1]) < number(new))))


def _leaves_value(draft: Draft, claim: Claim, edits: Sequence[Edit]) -> bool:
    """Whether the text still gives the right value of the claim, at a place that no other claim owns."""
    if claim.kind not in VALUE_KINDS or not claim.right.forms:
        return False
    value = value_of(claim.kind, claim.right.forms[0])
    owned = [f for f in draft.report.findings if f.claim != claim.id]
    for span in draft.sentences:
        for mention in mentions(span.of(draft.text)):
            start, end = span.start + mention.start, span.start + mention.end
            is_right = mention.kind is claim.kind and mention.value == value
            if is_right and not overlaps(edits, start, end) and not any(f.start < end and start < f.end for f in owned):
                return True
    return False


def choose_freely(draft: Draft, claim: Claim, alternative: Alternative, rng: Random) -> tuple[Edit, ...] | None:
    """Choose another option in the author's words, and let everything that depends on the choice go along."""
    edits: list[Edit] = []

    def add(further: tuple[Edit, ...] | None) -> bool:
        edits.extend(edit for edit in further or () if not overlaps(edits, edit.start, edit.end))
        return further is not None

    blocks = code_blocks(draft.text)
    if blocks and not add(exchange_code(draft, claim, alternative)):
        return None
    dependents = [c for c in draft.scenario.claims if c.of == claim.id]
    for finding in draft.report.of(claim.id):
        edit = _restated(draft, claim, claim.right, alternative, finding.start, finding.end)
        further = _with_reason(draft, edit) if edit is not None else None
        if further is None:
            further = _written_anew(draft, finding.start, {claim.id: alternative.name}, rng)
        if not overlaps(edits, finding.start, finding.end) and not add(further):
            return None
    for old, new in ((claim.right, alternative), (alternative, claim.right)):
        for start, end in places_of(draft.text, old.forms):
            if overlaps(edits, start, end) or holds(blocks, start):
                continue
            edit = _restated(draft, claim, old, new, start, end)
            if edit is None or not add((edit,)):
                return None
    for dependent in dependents:
        if not _let_depend(draft, dependent, claim, alternative, edits, rng):
            return None
    return tuple(edits) if edits and not leaves_traces(draft, claim, alternative, edits) else None


def _let_depend(
    draft: Draft, dependent: Claim, claim: Claim, alternative: Alternative, edits: list[Edit], rng: Random
) -> bool:
    """Say of the other option what the answer said of the right one; an optional property may go instead."""
    new = alternative_or_right(dependent, alternative.name)
    if new.name == dependent.right.name or set(new.forms) & set(dependent.right.forms):
        return True
    places = [(f.start, f.end) for f in draft.report.of(dependent.id)]
    places = places or list(places_of(draft.text, dependent.right.forms))
    for start, end in places or _unread(draft, dependent):
        if overlaps(edits, start, end):
            continue
        edit = _behind_colon(draft, dependent, new, start)
        if edit is None and places:
            edit = _restated(draft, dependent, dependent.right, new, start, end)
        further: tuple[Edit, ...] | None = None if edit is None else (edit,)
        if edit is not None and dependent.kind is ClaimKind.term:
            further = _with_reason(draft, edit)
        if further is None and places:
            choice = {claim.id: alternative.name}
            further = _written_anew(draft, start, choice, rng) or _clause_anew(draft, start, None, choice, rng)
        elif further is None:
            further = _clause_anew(draft, start, dependent, {claim.id: alternative.name}, rng)
        if further is None and not dependent.required:
            cut = _cut_for(draft, dependent, start, end, rng)
            further = None if cut is None else (Edit(cut.start, cut.end, cut.text),)
        if further is None or any(overlaps(edits, e.start, e.end) for e in further):
            return False
        edits.extend(further)
    return True


def _unread(draft: Draft, dependent: Claim) -> list[tuple[int, int]]:
    """The last character of a sentence that says most of a property in words that the report does not vouch for."""
    words = content(dependent.right.forms[0]) if dependent.kind is ClaimKind.term else frozenset()
    for span in draft.sentences:
        said = words & content(span.of(draft.text))
        if words and len(said) >= MOST_OF * len(words):
            return [(span.end - 1, span.end)]
    return []


def _behind_colon(draft: Draft, dependent: Claim, new: Alternative, place: int) -> Edit | None:
    """The property behind a colon at the end of a sentence, in any grammar: "One snag: the menu is in Italian."."""
    span = draft.sentences[_number_at(draft, place)]
    own = span.of(draft.text)
    match = re.search(r":(?:\*\*)? (?P<said>[^:;()]+?)[.!]?$", own)
    if match is None or dependent.kind is not ClaimKind.term or span.start + match.start("said") > place:
        return None
    words = content(dependent.right.forms[0])
    said = content(match["said"])
    if len(words & said) < MOST_OF * len(words) or len(said - words) > 1:
        return None
    text = new.forms[0]
    if text.startswith("no "):
        # "One thing is missing: no undo" would deny what is denied already. What is missing has an article.
        own_article = re.match(r"an? (?P<core>.+)$", match["said"])
        if own_article is None or dependent.right.forms[0] != f"no {own_article['core']}":
            return None
        text = f"{article(text[3:])} {text[3:]}"
    text = text[0].upper() + text[1:] if match["said"][0].isupper() else text
    return Edit(span.start + match.start("said"), span.start + match.end("said"), text)


def _with_reason(draft: Draft, edit: Edit) -> tuple[Edit, ...] | None:
    """The edit, and a cut of the reason or the description behind it, which would be the right option's.

    None if the reason cannot go, because it states something else as well.
    """
    behind = draft.text[edit.end :]
    reason = _REASON.match(behind)
    if reason is not None:
        start = edit.end + reason.end("kept")
        stop = edit.end + reason.end("cut")
        if reason["cut"].startswith("so ") and "`" in reason["cut"]:
            # "so the loop over `total` can go" is said of the code under review.
            return (edit,)
        if re.match(r"(?: [(\[][^()\[\]]*[)\]])?;", draft.text[stop:]):
            # What stands behind the semicolon goes on with the reason: "so nothing is lost; a loop would lose it."
            stop = _end_of_words(draft, edit.start)
        inside = [f for f in draft.report.findings if start <= f.start < stop]
        if (
            inside
            or "`" in draft.text[start:stop]
            or is_referred_to(draft.text, _spans(draft), _number_at(draft, edit.start))
        ):
            return None
        return edit, Edit(start, stop, "")
    own = _OWN_PART.match(behind)
    if own is not None:
        # "One list with its last entry rewritten": no other option has this entry.
        if any(edit.end <= f.start < edit.end + own.end() for f in draft.report.findings):
            return None
        return edit, Edit(edit.end, edit.end + own.end(), "")
    if _DESCRIBES.match(behind) and not _GENERIC.match(behind):
        stop = _end_of_words(draft, edit.start)
        described = draft.text[edit.end : stop]
        is_apposition = re.fullmatch(r", (?:a|an|one) [^,;:()`]+", described) is not None
        if is_apposition and not any(edit.end <= f.start < stop for f in draft.report.findings):
            return edit, Edit(edit.end, stop, "")
        return None
    return (edit,)


def _end_of_words(draft: Draft, place: int) -> int:
    """Where the words of the sentence at a place end and its last sign begins."""
    span = draft.sentences[_number_at(draft, place)]
    return span.start + len(span.of(draft.text).rstrip(".!?"))


def _spans(draft: Draft) -> list[tuple[int, int]]:
    return [(span.start, span.end) for span in draft.sentences]


def _number_at(draft: Draft, place: int) -> int:
    return next(n for n, span in enumerate(draft.sentences) if span.start <= place < span.end)


def _written_anew(draft: Draft, place: int, choice: dict[str, str], rng: Random) -> tuple[Edit, ...] | None:
    """Write the sentence at a place anew by a statement of the scenario that says the same claims, and nothing else.

    The sentence must be a whole one that states little beside its claims, and its neighbours must not lean on its
    words.
    """
    number = _number_at(draft, place)
    span = draft.sentences[number]
    own = span.of(draft.text)
    if re.search(r"```|\*\*|[:;]", own) or leans(own) or not own.endswith("."):
        return None
    inside = [f for f in draft.report.findings if span.start <= f.start < span.end]
    for aside in re.finditer(r"\(([^()]*)\)", own):
        if not any(f.start <= span.start + aside.start(1) and span.start + aside.end(1) <= f.end for f in inside):
            return None
    if number == 0 or not follows_alone(draft.text, _spans(draft), number):
        return None
    others = _statements_of(draft, {f.claim for f in inside}, choice, own)
    return (Edit(span.start, span.end, rng.choice(others)),) if others else None


def _clause_anew(
    draft: Draft, place: int, unread: Claim | None, choice: dict[str, str], rng: Random
) -> tuple[Edit, ...] | None:
    """Write the last clause of a sentence anew: ", and its help line is run by us" by "help is given over a chat".

    Args:
        unread: a claim that the clause states in words that the report does not vouch for.
    """
    number = _number_at(draft, place)
    span = draft.sentences[number]
    stop = span.start + len(span.of(draft.text).rstrip(".!?"))
    joints = [j for j in clause_joints(draft.text, span.start, stop) if not j.is_shared]
    if not joints or place < joints[-1].end or not follows_alone(draft.text, _spans(draft), number):
        return None
    start = joints[-1].end
    own = draft.text[start:stop]
    if re.search(r"[:;()]|`", own):
        return None
    inside = {f.claim for f in draft.report.findings if start <= f.start < stop}
    if unread is not None:
        words = content(unread.right.forms[0])
        if len(words & content(own)) < MOST_OF * len(words):
            return None
        inside.add(unread.id)
    others = _statements_of(draft, inside, choice, own)
    return (Edit(start, stop, small(draft, rng.choice(others).rstrip("."))),) if others else None


def _statements_of(draft: Draft, says: set[str], choice: dict[str, str], own: str) -> list[str]:
    """The statements that say just these claims, of about the length of `own`, and lean on no other sentence."""
    speaker = draft.speaker(**choice)
    others = []
    for statement in draft.scenario.statements:
        if statement.part != "body" or set(statement.says) != says or _FORMER.search(statement.text):
            continue
        if speaker.fits(statement):
            text = speaker.sentence(statement)
            if (
                abs(len(text.split()) - len(own.split())) <= MOST_WORDS_AWAY
                and not _ELLIPTIC.search(text)
                and not leans(text)
            ):
                others.append(text)
    return others


def leave_out(
    draft: Draft, claim: Claim, rng: Random, *, harmless: bool = False, alone: bool = False
) -> tuple[Edit, ...] | None:
    """Cut what states a claim out of the answer, at every place that states it, and nothing else that it must state.

    Args:
        harmless: whether what is left must say no more than it did, see `texts.limiting`.
        alone: whether no other fact may go along, and what the task names must be spoken of still.
    """
    edits: list[Edit] = []
    gone: list[Cut] = []
    for finding in draft.report.of(claim.id):
        if overlaps(edits, finding.start, finding.end):
            continue
        cut = _cut_for(draft, claim, finding.start, finding.end, rng, harmless=harmless, alone=alone)
        if cut is None or overlaps(edits, cut.start, cut.end):
            return None
        gone.append(cut)
        edits += _edits_of(draft.text, cut)
    if len(gone) > 1 and _loses(draft, claim, gone):
        return None
    if leaves_unknown(draft.text, [(cut.start, cut.end) for cut in gone], draft.scenario.task):
        return None
    return tuple(edits) or None


def _edits_of(text: str, cut: Cut) -> tuple[Edit, ...]:
    """A cut as what goes and what is repaired, so that no span holds words that stay.

    Example: ", 3 ropes and 1 bag" becomes " and 3 ropes" by " and" for "," and nothing for " and 1 bag".
    """
    old = text[cut.start : cut.end]
    if cut.text and old[-1:].upper() == cut.text:
        return Edit(cut.start, cut.end - 1, ""), Edit(cut.end - 1, cut.end, cut.text)
    for size in range(1, len(cut.text)):
        head, tail = cut.text[:size], cut.text[size:]
        at = old.find(tail)
        if at < 0:
            continue
        same = int(head[0] == old[0])
        stays = cut.start + at
        return Edit(cut.start + same, stays, head[same:]), Edit(stays + len(tail), cut.end, "")
    return (Edit(cut.start, cut.end, cut.text),)


def _cut_for(
    draft: Draft,
    claim: Claim,
    start: int,
    end: int,
    rng: Random,
    *,
    harmless: bool = False,
    alone: bool = False,
) -> Cut | None:
    """A cut that takes a claim along and no other claim that the answer must state."""
    usable = [
        cut
        for cut in cuts(draft.text, start, end)
        if not _loses(draft, claim, [cut])
        and not (harmless and limits(draft.text, cut.start, cut.end))
        and not (alone and _takes_along(draft, claim, cut))
    ]
    return usable[rng.randrange(len(usable))] if usable else None


def _takes_along(draft: Draft, claim: Claim, cut: Cut) -> bool:
    """Whether a cut takes along another fact, or the last fact that an answer gives of what the task names.

    A letter on the earn-out that says not one word on the earn-out is no right answer, whatever the source demands.
    """
    kept = [f for f in draft.report.findings if not cut.start <= f.start < cut.end]
    facts = {c.id: c for c in draft.scenario.claims if c.kind not in (ClaimKind.citation, ClaimKind.constraint)}
    left = {f.claim for f in kept if f.claim in facts}
    gone = {f.claim for f in draft.report.findings if f.claim in facts} - left
    asked = content(claim.label) & content(draft.scenario.task)
    named = frozenset[str]().union(*(content(facts[other].label) for other in left))
    return bool(gone - {claim.id}) or not asked <= named


def _loses(draft: Draft, claim: Claim, gone: Sequence[Cut]) -> bool:
    """Whether cuts take the last mention of another claim that the answer must state, or of its choice."""
    for other in draft.scenario.claims:
        if other.id == claim.id or not (other.required or other.kind is ClaimKind.option):
            continue
        taken = [
            finding
            for finding in draft.report.of(other.id)
            for cut in gone
            # What is repaired may hold the words of the place.
            if cut.start <= finding.start < cut.end and draft.text[finding.start : finding.end] not in cut.text
        ]
        if taken and loses(draft, other, taken):
            return True
    return False


def optional_cuts(draft: Draft, rng: Random, *, alone: bool = False) -> Iterator[tuple[Claim, tuple[Edit, ...]]]:
    """Cuts that take out a statement that nobody asked for, each with the claim that goes.

    What limits another statement stays: "You may film, provided that nobody objects" keeps its condition.

    Args:
        alone: as for `leave_out`. A right answer that lost three facts in one cut would be a poor answer.
    """
    optional = [
        claim
        for claim in draft.scenario.claims
        if not claim.required
        and claim.id in draft.report.stated
        and claim.kind not in (ClaimKind.option, ClaimKind.constraint, ClaimKind.behaviour)
    ]
    rng.shuffle(optional)
    optional.sort(key=lambda claim: claim.kind is ClaimKind.citation)
    for claim in optional:
        edits = leave_out(draft, claim, rng, harmless=True, alone=alone)
        if edits is not None:
            yield claim, edits
