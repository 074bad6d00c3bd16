"""Say which sentence of an answer speaks of a choice, by the words of its forms and of the passage that decides it."""

import math
import re
from collections.abc import Mapping

from forge_arena.corruptions.draft import Draft
from forge_arena.texts.fitting import Phrase
from forge_arena.texts.sentences import lower, sentences
from forge_arena.texts.words import content, placed_stems, stem
from forge_arena.types import Alternative, Claim

# A sentence with this share of a passage, rare words counting more, speaks of what the passage decides.
SPEAKS = 0.2
# A sentence with no more than this share does not speak of it.
SILENT = 0.12
FEWEST_SHARED = 2
# The weight of a word that at most two sentences of the source have.
RARE = 0.5
# So many first letters show that two words are of one family: "waived" and "waiver".
SAME_LETTERS = 4
# Words that any sentence may have.
_EVERYWHERE = frozenset(["not", "no", "none", "never", "nor", "may", "must", "shall", "cannot"])
CODE = re.compile(r"`[^`]+`")


def deciding_words(draft: Draft, claim: Claim) -> dict[str, float]:
    """The words of the passage that decides a choice. The weight of a word is one over the sentences that have it."""
    source = draft.scenario.source_material
    spans = sentences(source)
    words = frozenset[str]().union(
        *(
            content(source[start:end])
            for start, end in spans
            if any(start < span.end and span.start < end for span in claim.source_spans)
        )
    )
    return {
        word: 1 / max(1, sum(word in content(source[start:end]) for start, end in spans))
        for word in words - _EVERYWHERE
    }


def share_of(weights: Mapping[str, float], text: str) -> float:
    """How much of a passage a text has, from 0 to 1. A single word of the passage proves nothing."""
    shared = content(text) & set(weights)
    if len(shared) < FEWEST_SHARED:
        return 0.0
    # A plain sum depends on the order, and the order of a set is another one in every process.
    return math.fsum(weights[word] for word in shared) / math.fsum(weights.values())


def speaks_of(claim: Claim, weights: Mapping[str, float], text: str) -> bool:
    """Whether a text speaks of a choice in words of a form or of the passage that decides the choice."""
    return names(claim.right, text) or share_of(weights, text) >= SPEAKS


def has_rare_word(claim: Claim, weights: Mapping[str, float], text: str) -> bool:
    """Whether a text is about a claim by a word that little but the passage on the claim has."""
    return any(weights.get(stem(word), 0.0) >= RARE for word in _words_about(claim, text))


def may_speak_of(claim: Claim, weights: Mapping[str, float], text: str) -> bool:
    """Whether a text that does not plainly speak of a choice may speak of it in words that nothing tells."""
    return bool(_words_about(claim, text)) or share_of(weights, text) > SILENT


def _words_about(claim: Claim, text: str) -> list[str]:
    """The words by which a text is known to be about a claim; none if it lacks a word of one group of `about`."""
    words = re.findall(r"[a-z]+", lower(text))
    groups = [[word for word in words if word.startswith(group)] for group in claim.about]
    return [word for group in groups for word in group] if all(groups) else []


def names(alternative: Alternative, text: str) -> bool:
    """Whether a text has words of the family of each content word of a form, or the code that a form names.

    A form of a single word is no name, because the word may stand for anything.
    """
    said = content(text)
    for form in alternative.forms:
        words = content(form)
        if len(words) > 1 and all(any(are_related(word, other) for other in said) for word in words):
            return True
        code = CODE.findall(form)
        if len(code) == 1 and code[0] in text:
            return True
    return False


def are_related(word: str, other: str) -> bool:
    """Whether two stems are of one family of words: "applic" and "appli"."""
    return word == other or (len(word) > SAME_LETTERS and word[:SAME_LETTERS] == other[:SAME_LETTERS])


def names_head(alternative: Alternative, other: Alternative, text: str) -> bool:
    """Whether a text has the noun of an option that is no word of the other option: "loop" of "a plain loop"."""
    heads = {_noun(form) for form in alternative.forms if not Phrase.of(form).preposition}
    return any(head and head not in content(" ".join(other.forms)) and head in content(text) for head in heads)


def _noun(form: str) -> str:
    """The stem of the noun of an option; empty if the option is no thing: "in money only", "`map`"."""
    phrase = Phrase.of(form)
    words = [word for word, _, _ in placed_stems(re.split(r" (?:of|in|to|for|with)\b", phrase.core)[0])]
    return words[-1] if phrase.determiner in ("a", "an") and words else ""
