"""The flaws of a text that make it no usable answer, whatever claims it makes: cut off, empty, a copy of the source.

A flaw is never a label. A flawed answer makes no episode; it is counted, and the Worker may be told of the flaw and
asked again (`forge_arena.asking`).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from forge_arena.texts.sentences import sentences
from forge_arena.texts.thinking import marks
from forge_arena.types import MAX_CORRECTION, ClaimKind, Scenario

# A text is a copy if it holds this share of the source's sentences word for word. A short source may be quoted whole.
COPIED = 0.8
SHORTEST_SOURCE = 8
SHORTEST_SENTENCE = 5
# Two texts of one language share its small words. Of the words of a text in another language, names are shared at most.
SHARED_WORDS = 0.2
FEWEST_WORDS = 20

_WORD = re.compile(r"[^\W\d_]+")
_FENCED = re.compile(r"\s*```[^\n]*\n(?P<inside>.*?)\n?[ \t]*```\s*", re.DOTALL)


class Flaw(StrEnum):
    """Why a text is no usable answer."""

    cut = "cut"
    empty = "empty"
    withheld = "withheld"
    declined = "declined"
    prompt_too_long = "prompt_too_long"
    overlong = "overlong"
    copied = "copied"
    foreign = "foreign"
    json = "json"
    fenced = "fenced"
    unclosed = "unclosed"
    repeated = "repeated"
    told = "told"
    thought_of = "thought_of"


@dataclass(frozen=True, slots=True)
class Words:
    """The words for a flaw.

    Attributes:
        reason: the flaw in counts and complaints.
        objection: what the Worker is told of it; empty if another try cannot help.
    """

    reason: str
    objection: str = ""


WORDS: Mapping[Flaw, Words] = {
    Flaw.cut: Words("cut answer", "The answer was cut off before its end: think and write more briefly."),
    Flaw.empty: Words("empty answer", "There is no answer: write the answer itself after your thoughts."),
    Flaw.withheld: Words("withheld answer"),
    Flaw.declined: Words("declined task"),
    Flaw.prompt_too_long: Words("overlong prompt"),
    Flaw.overlong: Words("overlong answer", "The answer is far too long: write only what the task asks for."),
    Flaw.copied: Words(
        "copied source", "The answer repeats the source material: write the answer to the task instead."
    ),
    Flaw.foreign: Words(
        "foreign language", "The answer is not in the language of the task and of the source material."
    ),
    Flaw.json: Words("JSON answer", "The answer is JSON: write it in sentences."),
    Flaw.fenced: Words("fenced answer", "The whole answer stands in a code block: write it as plain text."),
    Flaw.unclosed: Words("unclosed thoughts", "The thoughts never end: close them with </think> before the answer."),
    Flaw.repeated: Words("repeated answer"),
    Flaw.told: Words(
        "told revision", "The answer speaks of remarks or of an earlier answer: its reader knows of neither."
    ),
    Flaw.thought_of: Words(
        "told thoughts",
        "The thoughts speak of nothing but remarks or an earlier answer: think about the task and the material alone.",
    ),
}
# A text with one of these flaws is no answer, even if the Verifier finds every claim in it.
REJECTS = frozenset({Flaw.overlong, Flaw.copied, Flaw.told, Flaw.thought_of})


def flaws_of(scenario: Scenario, text: str, *, clean: bool) -> tuple[Flaw, ...]:
    """The flaws that a text shows by itself, in the order of `Flaw`.

    Args:
        clean: whether the text verifies clean. Then only the flaws of `REJECTS` count.
    """
    flaws: list[Flaw] = []
    # No overseer could give back such an answer corrected.
    if len(text) > MAX_CORRECTION:
        flaws.append(Flaw.overlong)
    if _copies(scenario.source_material, text):
        flaws.append(Flaw.copied)
    if clean:
        return tuple(flaws)
    fence = _FENCED.fullmatch(text)
    inside = fence["inside"] if fence is not None else text
    if _is_json(inside) and "json" not in f"{scenario.task} {scenario.source_material}".lower():
        flaws.append(Flaw.json)
    elif fence is not None and all(claim.kind is not ClaimKind.behaviour for claim in scenario.claims):
        flaws.append(Flaw.fenced)
    elif _is_foreign(f"{scenario.task} {scenario.source_material}", text):
        flaws.append(Flaw.foreign)
    first = next(marks(text), None)
    if first is not None and not first.closes and not text[: first.start].strip():
        flaws.append(Flaw.unclosed)
    return tuple(flaws)


def _copies(source: str, text: str) -> bool:
    # Cheap, and true of almost every answer.
    if len(text) < COPIED / 2 * len(source):
        return False
    whole = " ".join(text.split())
    lines = [" ".join(source[start:end].split()) for start, end in sentences(source)]
    lines = [line for line in lines if len(line.split()) >= SHORTEST_SENTENCE]
    return len(lines) >= SHORTEST_SOURCE and sum(line in whole for line in lines) >= COPIED * len(lines)


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict | list)
    except (ValueError, RecursionError):
        return False


def _is_foreign(known: str, text: str) -> bool:
    """Whether hardly a word of the text is a word of the known text. Code has words of its own and is left out."""
    prose = [text[start:end] for start, end in sentences(text) if not text[start:end].lstrip().startswith("```")]
    words = _WORD.findall(" ".join(prose).lower())
    if len(words) < FEWEST_WORDS:
        return False
    vocabulary = set(_WORD.findall(known.lower()))
    return sum(word in vocabulary for word in words) < SHARED_WORDS * len(words)
