"""Give a text plain spaces and unbroken lines, without moving a character.

Models write no-break spaces between a number and its unit, and some wrap their lines. "5<no-break space>days" and
"5<line break>days" mean "5 days". Every change replaces one character by one, so places in the changed text are places
in the text.
"""

import re
from collections.abc import Mapping

_PLAIN = dict.fromkeys("\r\u00a0\u2007\u2009\u200a\u202f", " ") | dict.fromkeys("\u2010\u2011", "-")
# A long line that does not end as a sentence ends, before a line that begins no list item, heading, quotation or table.
# The pattern begins with the line break, because a look back at every character would take most of the time of a
# report.
_LONG_LINE = r"[^\n]{50}[^\s.!?:;\n|]"
_WRAPPED = re.compile(
    rf"\n(?:(?<={_LONG_LINE}\n)|(?<={_LONG_LINE}[ ]\n))(?=[ \t]{{0,8}}[^\s*#>|`\u2022+-])"
    r"(?![ \t]{0,8}\d{1,2}[.)]\s)"
)


def plain_spaces(text: str) -> str:
    """The text with ordinary spaces and hyphens."""
    return exchanged(text, _PLAIN)


def exchanged(text: str, signs: Mapping[str, str]) -> str:
    """The text with some signs in the place of others, each a single character."""
    # Nine searches for one character are much faster than one search for nine, and than `str.translate`.
    for odd, plain in signs.items():
        if odd in text:
            text = text.replace(odd, plain)
    return text


def unwrapped(text: str) -> str:
    """The text with a space in place of each line break that only wraps a line."""
    return _WRAPPED.sub(" ", text)
