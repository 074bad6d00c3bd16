"""Read a text against a rule, with the source at hand: a rule needs nothing to the letter that nobody was told.

A check compares letters. Three things show only beside the source:

* A phrase that neither task nor source states cannot be demanded to the letter. If the rule is "greet the customer by
  first name" and the check knows "Hi Mei" and "Hello Mei", then "Hi" and "Hello" are examples, and "Dear Mei" keeps the
  rule: what the phrases have in common at their end is the name. A name that stands nowhere cannot be demanded at all;
  then the rule is in doubt.
* "One recommendation is included" demands the content words of "we recommend", in whatever form.
* Words taken over from the source are not the author's own voice: "our clock" in an answer to a thread that says "our
  clock".
"""

import re
from dataclasses import dataclass
from itertools import takewhile

from forge_arena.texts.words import content
from forge_arena.types import Check, Span
from forge_arena.verify.checks import violation
from forge_arena.verify.passages import Passages

_DEMANDS = frozenset({"opens_with", "closes_with", "last_line_begins", "signs_with", "includes_any", "greets_by"})
_PERSONS = frozenset(
    {"first_person_singular", "first_person_plural", "no_first_person_singular", "no_first_person_plural"}
)
_POSSESSIVE = re.compile(r"\b(?:our|my)\s+[\w-]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RuleReading:
    """Whether a text keeps a rule, where it does not, and whether that is in doubt."""

    kept: bool
    places: tuple[Span, ...] = ()
    doubtful: bool = False


KEPT = RuleReading(kept=True)


def read_rule(check: Check, text: str, passages: Passages) -> RuleReading:
    """Whether a text keeps a rule.

    Raises:
        ValueError: no such check, or an argument that it does not take.
    """
    places = violation(check, text)
    if places is None:
        return KEPT
    if check.name in _PERSONS and violation(check, _without_borrowed(text, passages)) is None:
        return KEPT
    if check.name in _DEMANDS and isinstance(check.argument, tuple) and not any(map(passages.says, check.argument)):
        return _read_unsaid(check, check.argument, text, places, passages)
    return RuleReading(kept=False, places=places)


def _read_unsaid(
    check: Check, phrases: tuple[str, ...], text: str, places: tuple[Span, ...], passages: Passages
) -> RuleReading:
    """Judge a demand for phrases that nobody was told."""
    if check.name == "includes_any":
        kept = any(words and words <= content(text) for words in map(content, phrases))
        return KEPT if kept else RuleReading(kept=False, places=places)
    name = common_ending(phrases)
    if check.name == "opens_with" and name and passages.says(name):
        kept = violation(Check(name="greets_by", argument=(name,)), text) is None
        return KEPT if kept else RuleReading(kept=False, places=places)
    return RuleReading(kept=False, places=places, doubtful=True)


def common_ending(phrases: tuple[str, ...]) -> str:
    """The words with which all of several phrases end: "Mei" of "Hi Mei" and "Hello Mei"."""
    reversed_words = [phrase.split()[::-1] for phrase in phrases]
    same = takewhile(lambda words: len(set(words)) == 1, zip(*reversed_words, strict=False))
    ending = [words[0] for words in same]
    if len(phrases) < 2 or any(len(ending) == len(words) for words in reversed_words):
        return ""
    return " ".join(ending[::-1])


def _without_borrowed(text: str, passages: Passages) -> str:
    """The text without "our" and "my" where the source has the same words."""

    def erase(match: re.Match[str]) -> str:
        return "-" * len(match[0]) if passages.has_phrase(match[0]) else match[0]

    return _POSSESSIVE.sub(erase, text)
