"""Find a term or an option in prose that says it in other words.

A term is known by its forms, such as "a socket that must be in the hallway". Prose turns them: "There is one catch: the socket
must be in the hallway." Both have the content words *socket*, *must* and *hallway* in this order, so the sentence states the
term.

A sentence with all content words of a form does not state the term for certain

* if the sentence denies what the form does not deny ("the socket must not be in the hallway"), or
* if the words of a longer form stand in another order ("the rent is raised by the tenant and paid to the landlord"), or if the
  form has a word such as "by" or "to", between whose neighbours a change of places changes the meaning. The few words of a
  plain form may stand as they like: "the fan wheel is cracked" says "a cracked fan wheel".

Then the term is read with doubt. An option is chosen, turned down, or merely described: "If the card had paid, there would be a
refund" describes a refund and chooses nothing.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from forge_arena.texts.sentences import lower, whole_starts_of
from forge_arena.texts.words import content, placed_stems
from forge_arena.types import Alternative

# Words of the form that may be missing if the sentence is about the claim, and how far the words may stand apart.
ALL_WORDS, MOST_WORDS = 1.0, 0.8
APART, APART_PER_WORD = 3, 2

_NEGATIONS = frozenset(
    {"not", "cannot", "never", "no", "none", "nor", "neither", "without", "nothing", "nobody", "hard"}
)
_CONTRACTED = re.compile(r"n['\u2019]t\b", re.IGNORECASE)
# Between these words stand two things that must not change places.
_PARTED = re.compile(r"\b(?:by|to|than|from|before|after|over|against|into|onto|under|instead)\b", re.IGNORECASE)
FREE_ORDER = 3
_ACTS = re.compile(
    r"(?:\b(?:we|i|you)(?: (?:are|am|will|shall|have|can|could|may|might)|['\u2019](?:re|m|ll|ve))|\b(?:is|are|has|have|will) be(?:en|ing)?)"
    r"(?: \w+){0,3} $",
    re.IGNORECASE,
)
_ARTICLE = re.compile(r"^(?:an?|the) ")
_NUMBER = re.compile(r"\s+[$\u20ac\u00a3]?\d")
_SUPPOSED = re.compile(
    r"\b(?:if|unless|whether|where|when|whenever|would|could|might|had|only|except|otherwise|normally|as a rule|in general)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Saying:
    """A place of a sentence that says something, and whether it says so for certain."""

    start: int
    end: int
    certain: bool


def says(sentence: str, alternative: Alternative, *, is_about: bool) -> Saying | None:
    """Where a sentence says an alternative, in the words of one of its forms or in other words; None if nowhere.

    Args:
        is_about: whether other words of the sentence show that it speaks of the claim.
    """
    exact = _exactly(sentence, alternative.forms)
    if exact is not None:
        return exact
    doubtful = None
    for form in alternative.forms:
        saying = _in_other_words(sentence, form, is_about)
        if saying is not None and saying.certain:
            return saying
        doubtful = doubtful or saying
    return doubtful


def says_option(sentence: str, alternative: Alternative) -> Saying | None:
    """Where a sentence names an option.

    An option of several content words is named by all of them in their order. An option of one content word is named by another form of this word only if somebody does so now: "we are refunding the
    charge" names "a refund"; "the amount up to which we refund" and "a year later" name nothing.
    """
    saying = says(sentence, alternative, is_about=True)
    if saying is None or _exactly(sentence, alternative.forms) is not None:
        return saying
    if _NUMBER.match(sentence, saying.end):
        return None
    if any(len(_form_words(form)) > 1 for form in alternative.forms):
        return saying if any(_in_one_piece(sentence, form) for form in alternative.forms) else None
    return saying if _ACTS.search(sentence, 0, saying.start) is not None else None


def denies(sentence: str, start: int, end: int) -> bool:
    """Whether a sentence denies or turns down what stands at a place."""
    before = lower(sentence[_clause_start(sentence, start) : start])
    after = lower(sentence[end : end + 40])
    words = [word for word, _, _ in placed_stems(before)]
    return (
        any(word in _NEGATIONS for word in words)
        or _CONTRACTED.search(before) is not None
        or re.search(r"\b(?:rather than|instead of|in place of|unlike|nor|over)\s+(?:an?|the|by|as)?\s*$", before)
        is not None
        or re.match(
            r"\W*(?:is|are|was|were|will|would|does|do|can|could|has|have)?\s*(?:be\s+)?(?:not\b|no longer\b|ruled out)",
            after,
        )
        is not None
    )


def supposes(sentence: str) -> bool:
    """Whether a sentence speaks of a case, or of what holds in general, and not of what is done."""
    return _SUPPOSED.search(sentence) is not None


def _exactly(sentence: str, forms: Iterable[str]) -> Saying | None:
    low = lower(sentence)
    for form in map(_without_article, map(lower, forms)):
        at = next(whole_starts_of(low, form), None) if form in low else None
        if at is not None:
            return Saying(at, at + len(form), certain=True)
    return None


def _in_one_piece(sentence: str, form: str) -> bool:
    """Whether a sentence has the content words of a form in their order, with at most a word between two of them."""
    wanted = _form_words(form)
    words = [word for word, _, _ in placed_stems(sentence)]
    for start in (place for place, word in enumerate(words) if word == wanted[0]):
        at = start
        for word in wanted[1:]:
            if word not in words[at + 1 : at + 3]:
                break
            at = words.index(word, at + 1)
        else:
            return True
    return False


def _without_article(form: str) -> str:
    """A form without its article, unless only one word would be left: "no room for the mark" names "the room for the mark"."""
    rest = _ARTICLE.sub("", form)
    return rest if " " in rest else form


@lru_cache(maxsize=8_192)
def _form_words(form: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for word, _, _ in placed_stems(form)))


def _in_other_words(sentence: str, form: str, is_about: bool) -> Saying | None:
    wanted = _form_words(form)
    # What is missing is denied by the word "missing" as well: "no second currency".
    needed = tuple(word for word in wanted if word != "no") if is_about else wanted
    if not needed or (len(needed) < 2 and not is_about):
        return None
    share = MOST_WORDS if is_about else ALL_WORDS
    if len(content(sentence) & set(needed)) < share * len(needed):
        return None
    placed = [(word, start, end) for word, start, end in placed_stems(sentence)]
    window = _narrowest(placed, set(needed) & {word for word, _, _ in placed})
    if window is None or window[1] - window[0] >= APART + APART_PER_WORD * len(needed):
        return None
    inside = placed[window[0] : window[1] + 1]
    start, end = inside[0][1], inside[-1][2]
    text = sentence[_clause_start(sentence, start) : end]
    order = [word for word in dict.fromkeys(word for word, _, _ in inside) if word in needed]
    in_order = order == [word for word in needed if word in order] or (
        len(needed) <= FREE_ORDER and _PARTED.search(form) is None
    )
    return Saying(start, end, certain=in_order and _denials(text) <= _denials(form) + (is_about and "no" in wanted))


def _narrowest(placed: list[tuple[str, int, int]], wanted: set[str]) -> tuple[int, int] | None:
    """The first and the last index of the narrowest stretch of words that holds all wanted ones."""
    counts: dict[str, int] = {}
    best: tuple[int, int] | None = None
    left = 0
    for right, (word, _, _) in enumerate(placed):
        if word not in wanted:
            continue
        counts[word] = counts.get(word, 0) + 1
        while len(counts) == len(wanted):
            if best is None or right - left < best[1] - best[0]:
                best = (left, right)
            leaving = placed[left][0]
            left += 1
            if leaving in counts:
                counts[leaving] -= 1
                if counts[leaving] == 0:
                    del counts[leaving]
    return best


def _denials(text: str) -> int:
    return sum(word in _NEGATIONS for word, _, _ in placed_stems(text)) + len(_CONTRACTED.findall(text))


def _clause_start(sentence: str, at: int) -> int:
    return max(sentence.rfind(mark, 0, at) for mark in (",", ";", ":", "(", "\u2014", "\u2013", " and ", " but ")) + 1
