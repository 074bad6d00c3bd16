"""The menu of rules for the form of an answer: what an author may ask for, the words of the task, and the check.

The words of a rule and its check stand in one entry, so that the task never asks for something else than is checked.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Entry:
    """One rule of the menu.

    Attributes:
        check: the name of the check (`forge_arena.verify.checks`).
        asked: how the menu explains the rule to an author.
        words: the words of the rule in the task, from its argument.
        limits: the least and the greatest number, for a rule with a number.
        takes_phrase: whether the argument is a phrase, which `instead` replaces in a broken answer.
        group: rules of one group contradict each other.
    """

    check: str
    asked: str
    words: Callable[[str | int], str]
    group: str
    limits: tuple[int, int] | None = None
    takes_phrase: bool = False


_ENTRIES = (
    Entry(
        "max_words",
        '{"rule": "max_words", "argument": 150}: at most so many words (60 to 300, enough for all facts)',
        lambda limit: f"Use at most {limit} words.",
        "length",
        limits=(60, 300),
    ),
    Entry(
        "bullets",
        '{"rule": "bullets", "argument": 3}: a list of at least so many points (2 to 8)',
        lambda least: f"Give the points as a bulleted list with at least {least} items.",
        "lists",
        limits=(2, 8),
    ),
    Entry(
        "no_bullets",
        '{"rule": "no_bullets"}: running text without lists',
        lambda _: "Write running text, without lists.",
        "lists",
    ),
    Entry(
        "greets_by",
        '{"rule": "greets_by", "argument": "Ms Roe", "instead": "Anna"}: the name in the greeting',
        lambda name: f"Greet the reader as {name}.",
        "opening",
        takes_phrase=True,
    ),
    Entry(
        "opens_with",
        '{"rule": "opens_with", "argument": "In short:", "instead": "Summary:"}: the first words of the answer',
        lambda phrase: f"Begin the answer with the words \u201c{phrase}\u201d.",
        "opening",
        takes_phrase=True,
    ),
    Entry(
        "signs_with",
        '{"rule": "signs_with", "argument": "The Service Desk", "instead": "The Sales Team"}: who signs',
        lambda name: f"Sign as {name}.",
        "closing",
        takes_phrase=True,
    ),
    Entry(
        "last_line_begins",
        '{"rule": "last_line_begins", "argument": "Next step:", "instead": "To do:"}: the first words of the last line',
        lambda phrase: f"Begin the last line with the words \u201c{phrase}\u201d.",
        "closing",
        takes_phrase=True,
    ),
    Entry(
        "first_person_plural",
        '{"rule": "first_person_plural"}: the writer says "we", never "I"',
        lambda _: "Write as \u201cwe\u201d, never as \u201cI\u201d.",
        "person",
    ),
    Entry(
        "first_person_singular",
        '{"rule": "first_person_singular"}: the writer says "I", never "we"',
        lambda _: "Write as \u201cI\u201d, never as \u201cwe\u201d.",
        "person",
    ),
    Entry(
        "no_second_person",
        '{"rule": "no_second_person"}: nobody is addressed as "you"',
        lambda _: "Do not address the reader as \u201cyou\u201d.",
        "address",
    ),
    Entry(
        "no_calendar_date",
        '{"rule": "no_calendar_date"}: no calendar date is named (only if no fact is a date)',
        lambda _: "Name no calendar date.",
        "dates",
    ),
)  # fmt: skip

MENU: Mapping[str, Entry] = MappingProxyType({entry.check: entry for entry in _ENTRIES})
