"""Find the thoughts in what a model wrote, by the marks that model families put around them.

    <think> … </think>     [THINK] … [/THINK]     ◁think▷ … ◁/think▷     <seed:think> … </seed:think>
    <|START_THINKING|> … <|END_THINKING|>         <|begin_of_thought|> … <|end_of_thought|>
    <|channel|>analysis<|message|> … <|channel|>final<|message|>         <|channel>thought … <channel|>
    Here is my thought process: … Here is my response:

The name between the brackets may also be `thinking`, `thought`, `reasoning`, `reflection`, `analysis` or `scratchpad`,
and letters may be upper or lower case. A mark in quotes (`"<think>"`) is a mention and marks nothing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_MARK = re.compile(
    r"""
    # A tag. Only [THINK] opens in square brackets, because [Analysis] is a heading.
    [<◁]\|?[ ]?(?:(?:begin|start)_(?:of_)?)?(?:\w{1,20}:)?(?P<opens>NAME)[ ]?\|?[>▷]
    | \[(?P<square>think)\]
    | [<◁\[]\|?[ ]?(?:/|end_(?:of_)?)[ ]?(?:\w{1,20}:)?(?P<closes>NAME)[ ]?\|?[>▷\]]
    # A channel. If a decoder leaves the control tokens out, only their names are left, without a space.
    | (?:<\|end\|>)?(?:<\|start\|>assistant)?<\|channel\|?>[ ]?(?P<channel>\w{1,20})(?:[^<>\n]{0,40}<\|message\|>)?
    | (?P<channel_opens>\A\s*+analysis(?-i:(?=[A-Z])))
    | (?P<channel_closes><channel\|>|(?-i:assistantfinal))
    # A heading in words.
    | (?P<heading_opens>\A\s*+Here(?:'s|[ ]is)[ ]my[ ]thought[ ]process:)
    | (?P<heading_closes>Here(?:'s|[ ]is)[ ]my[ ]response:)
    """.replace("NAME", "think(?:ing)?|thoughts?|reasoning|reflection|analysis|scratchpad"),
    re.IGNORECASE | re.VERBOSE | re.ASCII,
)
_QUOTES = frozenset("\"'`")
_CHANNEL = "channel"
# The channel that holds the answer. Every other channel holds thoughts.
_ANSWER = "final"


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a text, `start` to `end`, where thoughts begin or end. A mark ends thoughts of its own family."""

    start: int
    end: int
    family: str
    closes: bool

    @property
    def divides(self) -> bool:
        """Whether everything before the answer is thoughts, because thoughts and answer each have a channel."""
        return self.family == _CHANNEL


def marks(text: str, start: int = 0) -> Iterator[Mark]:
    """All marks in the text from `start` on, in order."""
    for match in _MARK.finditer(text, start):
        before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
        if before == after and before in _QUOTES:
            continue
        family, closes = _meaning(match)
        yield Mark(match.start(), match.end(), family, closes)


def thoughts_end(text: str, opening: Mark) -> int | None:
    """Where the thoughts that `opening` begins are over, behind their closing mark; None if they never end."""
    ends = (mark.end for mark in marks(text, opening.end) if mark.closes and mark.family == opening.family)
    return next(ends, None)


def _meaning(match: re.Match[str]) -> tuple[str, bool]:
    """The family of a mark, and whether it closes."""
    if match["channel"]:
        return _CHANNEL, match["channel"].lower() == _ANSWER
    name = match["opens"] or match["square"] or match["closes"]
    if name:
        name = name.lower()
        return "think" if name.startswith(("think", "thought")) else name, bool(match["closes"])
    family, side = str(match.lastgroup).split("_")
    return family, side == "closes"
