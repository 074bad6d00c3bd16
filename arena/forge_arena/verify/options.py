"""Find an option in prose: it is named in its own words or in a form of them, and it is chosen, turned down or
described.

"We are refunding the charge" names the option "a refund" and chooses it. "We cannot offer a refund" turns it down. "If
the card had paid, there would be a refund" describes a refund and chooses nothing.
"""

import re
from functools import lru_cache

from forge_arena.texts.sentences import lower
from forge_arena.texts.words import placed_stems
from forge_arena.types import Alternative
from forge_arena.verify.terms import CONTRACTED, NEGATIONS, Saying, clause_start, exactly

_ACTS = re.compile(
    r"(?:\b(?:we|i|you)(?: (?:are|am|will|shall|have|can|could|may|might)|['\u2019](?:re|m|ll|ve))"
    r"|\b(?:is|are|has|have|will) be(?:en|ing)?)(?: \w+){0,3} $",
    re.IGNORECASE,
)
# "We" that begins a clause is no part of a clause such as "up to which we refund".
_DOES = re.compile(
    r"(?:^|[,;:.!?)]\s)(?:(?:and|but|so|then|therefore|thus|hence|accordingly|instead|now),? )*"
    r"(?:we|i)(?: (?:\w+ly|therefore|then|now|hereby|also))? $",
    re.IGNORECASE,
)
_WOULD = re.compile(r"(?: \w+){0,3} (?:would|could|might)\b", re.IGNORECASE)
_COMMITS = re.compile(r"\b(?:we|i|you)(?:['\u2019]\w+)?(?: \w+){0,4} $", re.IGNORECASE)
# "The next best, the Halden, reaches 16": what is named second is not chosen.
_RUNNER_UP = re.compile(
    r"\b(?:(?:next|second|third)[- ](?:best|[a-z]+est)|runners?-up)(?: \w+)?,? "
    r"(?:(?:is|would be|comes?) )?(?:an?|the|our)? ?$",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\s+[$\u20ac\u00a3]?\d")
_SUPPOSED = re.compile(
    r"\b(?:if|unless|whether|where|when|whenever|would|could|might|had|only|except|otherwise|normally|as a rule"
    r"|in general)\b",
    re.IGNORECASE,
)


def option_in(sentence: str, alternative: Alternative) -> Saying | None:
    """Where a sentence names an option; None if nowhere.

    An option of several content words is named by all of them in their order. An option of one content word is named by
    another form of this word only if somebody does so now: "we are refunding the charge" names "a refund"; "the amount
    up to which we refund" and "a year later" name nothing.
    """
    exact = exactly(sentence, alternative.forms)
    if exact is not None:
        return exact
    if any(len(_form_words(form)) > 1 for form in alternative.forms):
        return next((at for form in alternative.forms if (at := _in_one_piece(sentence, form)) is not None), None)
    words = {word for form in alternative.forms for word in _form_words(form)}
    for word, start, end in placed_stems(sentence):
        if word not in words or _NUMBER.match(sentence, end):
            continue
        if _ACTS.search(sentence, 0, start) is not None or _DOES.search(sentence, 0, start) is not None:
            return Saying(start, end)
    return None


def denies(sentence: str, start: int, end: int) -> bool:
    """Whether a sentence denies or turns down what stands at a place."""
    before = lower(sentence[clause_start(sentence, start) : start])
    after = lower(sentence[end : end + 40])
    words = [word for word, _, _ in placed_stems(before)]
    return (
        any(word in NEGATIONS for word in words)
        or CONTRACTED.search(before) is not None
        or re.search(r"\b(?:rather than|instead of|in place of|unlike|nor|over)\s+(?:an?|the|by|as)?\s*$", before)
        is not None
        or _RUNNER_UP.search(sentence, 0, start) is not None
        or re.match(
            r"\W*(?:is|are|was|were|will|would|does|do|can|could|has|have)?\s*(?:be\s+)?"
            r"(?:not\b|no longer\b|ruled out)",
            after,
        )
        is not None
    )


def commits(sentence: str, start: int) -> bool:
    """Whether writer or reader does what stands at a place: "we will refund the price", "you get a refund"."""
    return _COMMITS.search(sentence, 0, start) is not None


def is_only_imagined(sentence: str, end: int) -> bool:
    """Whether what ends at a place would do something: "a repair would cost more" chooses no repair."""
    return _WOULD.match(sentence, end) is not None


def supposes(sentence: str) -> bool:
    """Whether a sentence speaks of a case, or of what holds in general, and not of what is done."""
    return _SUPPOSED.search(sentence) is not None


def _in_one_piece(sentence: str, form: str) -> Saying | None:
    """Where a sentence has the content words of a form in their order, with at most a word between two of them."""
    wanted = _form_words(form)
    if len(wanted) < 2:
        return None
    placed = placed_stems(sentence)
    words = [word for word, _, _ in placed]
    for start in (place for place, word in enumerate(words) if word == wanted[0]):
        at = start
        for word in wanted[1:]:
            if word not in words[at + 1 : at + 3]:
                break
            at = words.index(word, at + 1)
        else:
            return Saying(placed[start][1], placed[at][2])
    return None


@lru_cache(maxsize=8_192)
def _form_words(form: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for word, _, _ in placed_stems(form)))
