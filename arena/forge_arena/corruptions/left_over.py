"""Say whether a text still gives a fact after an edit, in words that the Verifier does not read as the fact.

"The fee is £2,500." is cut out, and "In short: two and a half thousand" stays. "A dose every 2 weeks" becomes "every 3
weeks", and "so come once a fortnight" stays. Then nothing was left out, or the answer contradicts itself. This reader
looks for amounts in other words, for the ends of a range, for the parts of a date, and for the rare words of a
statement. A doubt counts as "still given", because another edit will be tried.
"""

import re
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from forge_arena.corruptions.choices.speaking import CODE, RARE, SPEAKS, are_related, deciding_words, share_of
from forge_arena.corruptions.draft import Draft, Edit, overlaps
from forge_arena.texts.leaning import has_verb
from forge_arena.texts.modality import signs
from forge_arena.texts.spoken_amounts import spoken_durations, spoken_numbers, spoken_shares
from forge_arena.texts.values import MONTHS, mentions, same_amount, value_of
from forge_arena.texts.words import content
from forge_arena.types import VALUE_KINDS, Claim, ClaimKind, Span
from forge_arena.verify import Finding
from forge_arena.verify.code import code_blocks

# A share in words is a round one. A number up to the limit stands in any text, and one from the other in few.
_ROUNDED = 2
_COMMON, _LARGE = 2, 13
FEWEST_WORDS = 3
# A number before this place may be that of a list.
BEHIND_MARK = 4
# A term of more words is no number with its unit.
MOST_WORDS_OF_AMOUNT = 3
# "You keep both of them" says that there are two. "Both the fee and the bail" counts nothing else.
_TWO = re.compile(
    r"\b(?:both(?! (?:the |a |an |your |our )?[\w-]+(?: [\w-]+)? and\b)|the two|either of|neither of)\b", re.IGNORECASE
)
_NO_COUNT = re.compile(
    r"^\W*\d{1,2}[.)](?=\s)|(?:sections?|clauses?|articles?|rules?|paragraphs?|chapters?|version|step|\u00a7) ?[\d.]*$",
    re.I,
)


@dataclass(frozen=True, slots=True)
class _Rest:
    """What an edit leaves of a sentence. `others` says that the sentence states another claim."""

    text: str
    others: bool


def gives_still(draft: Draft, claim: Claim, edits: Sequence[Edit]) -> bool:
    """Whether an answer may still give the right form of a claim after edits that should have left it out."""
    return (
        gives_amount_still(draft, claim, edits, in_part=True)
        or speaks_still(draft, claim, edits)
        or shows_in_code(draft, claim)
        or concludes_still(draft, claim, edits)
    )


def shows_in_code(draft: Draft, claim: Claim) -> bool:
    """Whether the code of an answer does what a statement says of its names: "a wait over `cap` stays at `cap`".

    A reader of `min(wait, cap)` would not say that the answer leaves it out.
    """
    if claim.kind is not ClaimKind.term:
        return False
    code = " ".join(span.of(draft.text) for span in code_blocks(draft.text))
    told = " ".join((*claim.right.forms, *(span.of(draft.scenario.source_material) for span in claim.source_spans)))
    names = {name for quoted in CODE.findall(told) for name in re.findall(r"[A-Za-z_]\w+", quoted)}
    return any(re.search(rf"\b{name}\b", code) for name in names)


def gives_amount_still(draft: Draft, claim: Claim, edits: Sequence[Edit], *, in_part: bool = False) -> bool:
    """Whether an answer may still give the right value of a claim after edits, in whatever words.

    Args:
        in_part: whether an end of a range counts as the value.
    """
    if not claim.right.forms or claim.kind not in VALUE_KINDS | {ClaimKind.term}:
        return False
    form = claim.right.forms[0]
    if claim.kind is ClaimKind.term and len(form.split()) > MOST_WORDS_OF_AMOUNT:
        return False
    about = content(claim.label)
    value = same_amount(value_of(claim.kind, form))
    rests = _rests(draft, claim, edits, of_amounts=True)
    return any(_gives(claim, value, about, rest.text, in_part) for rest in rests)


def speaks_still(draft: Draft, claim: Claim, edits: Sequence[Edit], *, surely: bool = False) -> bool:
    """Whether an answer may still speak of a statement after edits, by the rare words of the statement's passage.

    Args:
        surely: whether one rare word is too little, and a sentence that states another claim speaks of that alone.
    """
    if claim.kind is not ClaimKind.term:
        return False
    weights = deciding_words(draft, claim)
    rare = {word for word, weight in weights.items() if weight >= RARE and not word.isdigit()}
    for rest in _rests(draft, claim, edits):
        if not rest.others and len(content(rest.text) & rare) > surely:
            return True
        if not (surely and rest.others) and share_of(weights, rest.text) >= SPEAKS:
            return True
    return False


def concludes_still(draft: Draft, claim: Claim, edits: Sequence[Edit]) -> bool:
    """Whether what stands beside a cut says in other words what the cut statement said.

    "We cannot promise that your fault will be mended. Not every fault is mended." Who writes so gives the point first
    and then its ground. "Credits lower the next bill; no money is paid out" gives the point twice. So the sentence
    before a cut, or the other side of a semicolon, may be the point if it allows, demands, denies or commands,
    states nothing else, has no amount of its own and has a word of the statement or of its label.
    """
    if claim.kind is not ClaimKind.term:
        return False
    about = content(f"{claim.label} {' '.join(claim.right.forms[:1])}")
    others = _of_others(draft, claim)
    return any(
        not any(f.start < span.end and span.start < f.end for f in others)
        and not mentions(span.of(draft.text))
        and (any(signs(span.of(draft.text))) or not has_verb(span.of(draft.text)))
        and any(are_related(word, other) for word in content(span.of(draft.text)) for other in about)
        for span in _beside(draft, edits)
    )


def _beside(draft: Draft, edits: Sequence[Edit]) -> Iterator[Span]:
    """The sentence of the paragraph before each cut, and the other side of a semicolon."""
    for number, span in enumerate(draft.sentences):
        if not overlaps(edits, span.start, span.end):
            continue
        before = draft.sentences[number - 1] if number else None
        is_asked = before is not None and before.of(draft.text).endswith("?")
        if before is not None and not is_asked and "\n" not in draft.text[before.end : span.start]:
            yield before
        for side in re.finditer(r"[^;]+", span.of(draft.text)):
            part = Span(start=span.start + side.start(), end=span.start + side.end())
            # A cut may take the first letter of what stays, to repair its capital.
            if part.end - part.start < span.end - span.start and not overlaps(edits, part.start + 2, part.end):
                yield part


def _of_others(draft: Draft, claim: Claim) -> list[Finding]:
    """The places that state another claim, a rule on the answer aside."""
    return [
        f
        for f in draft.report.findings
        if f.claim != claim.id and draft.scenario.claim(f.claim).kind is not ClaimKind.constraint
    ]


def _rests(draft: Draft, claim: Claim, edits: Sequence[Edit], *, of_amounts: bool = False) -> Iterator[_Rest]:
    """What the edits leave of each sentence, without what states other claims. A label is no sentence.

    Args:
        of_amounts: whether a whole statement of another claim stays, because it may give the amount of this claim, too.
    """
    others = [
        (f.start, f.end)
        for f in draft.report.findings
        if f.claim != claim.id and not (of_amounts and _is_without_amount(draft.scenario.claim(f.claim)))
    ]
    for span in draft.sentences:
        own = [(a, b) for a, b in others if a < span.end and span.start < b]
        left = "".join(
            " " if overlaps(edits, at, at + 1) or any(a <= at < b for a, b in own) else character
            for at, character in enumerate(span.of(draft.text), span.start)
        )
        if len(left.split()) >= FEWEST_WORDS:
            yield _Rest(" ".join(left.split()), bool(own))


def _is_without_amount(claim: Claim) -> bool:
    """Whether a claim is a statement that names no amount: "something overdue cannot be renewed"."""
    return claim.kind is ClaimKind.term and not any(
        re.search(r"\d", form) or mentions(form) for form in claim.right.forms
    )


def _gives(claim: Claim, value: Hashable, about: frozenset[str], text: str, in_part: bool) -> bool:
    """Whether a text may give a value, in whatever words."""
    found = [mention.value for mention in mentions(text) if mention.kind is claim.kind]
    if claim.kind is ClaimKind.duration:
        found += [spoken for spoken, _, _ in spoken_durations(text)]
    if claim.kind is not ClaimKind.term and any(_meets(value, same_amount(other), in_part) for other in found):
        return True
    number = value[0] if isinstance(value, tuple) else None
    if in_part and _TWO.search(text) and {n for n, _, _ in spoken_numbers(claim.right.forms[0])} == {2}:
        return True
    words = content(text)
    is_about = any(are_related(word, other) for word in words for other in about)
    if claim.kind is ClaimKind.date:
        return in_part and _names_part_of_date(value, text, is_about)
    if claim.kind is ClaimKind.percent and isinstance(number, Decimal):
        return any(abs(share - number) <= _ROUNDED for share, _, _ in spoken_shares(text))
    if claim.kind is ClaimKind.money:
        return any(n == number and n >= _LARGE for n, _, _ in spoken_numbers(text))
    return in_part and is_about and _has_number(claim, text)


def _meets(value: Hashable, other: Hashable, in_part: bool) -> bool:
    """Whether another value is a value or has an end of it: "up to 3 points" for "0 to 3 points"."""
    if value == other or not in_part:
        return value == other
    if not (isinstance(value, tuple) and isinstance(other, tuple) and len(value) == len(other) == 3):
        return False
    if value[2] != other[2] or not all(isinstance(v[0], Decimal) for v in (value, other)):
        return False
    return bool({end for end in value[:2] if end} & {end for end in other[:2] if end})


def _counts(text: str) -> Iterator[Decimal]:
    """The numbers of a text that count something: not those of a list or of a section."""
    for number, start, end in spoken_numbers(text):
        if number > _COMMON and not _NO_COUNT.search(text[: end + 1 if start < BEHIND_MARK else start]):
            yield number


def _has_number(claim: Claim, text: str) -> bool:
    """Whether a text has a number of the right form, in whatever unit."""
    own = {n for n, _, _ in spoken_numbers(claim.right.forms[0].replace("-", " "))}
    return not own.isdisjoint(_counts(text))


def _names_part_of_date(value: Hashable, text: str, is_about: bool) -> bool:
    """Whether a text names the month of a day, or its year in a sentence about the claim."""
    if not (isinstance(value, tuple) and len(value) == 3 and isinstance(value[1], int)):
        return False
    others = [m.value for m in mentions(text) if m.kind is ClaimKind.date]
    month = MONTHS[value[1] - 1]
    is_named = re.search(
        rf"\b{month}\b" if month != "May" else r"\b(?:in|of|until|by|since|mid|late|early) May\b", text
    )
    if is_named and not any(isinstance(v, tuple) and v[1:2] == (value[1],) for v in others):
        return True
    return is_about and not others and re.search(rf"\b{value[0]}\b", text) is not None
