"""Give a text plain spaces and unbroken lines, without moving a character.

Models write no-break spaces between a number and its unit, and some wrap their lines. "5<no-break space>days" and "5<line
break>days" mean "5 days". Every change replaces one character by one, so places in the changed text are places in the text.
"""

import re

_ODD = re.compile("[\r\u00a0\u2007\u2009\u200a\u202f\u2010\u2011]")
_PLAIN = str.maketrans(dict.fromkeys("\r\u00a0\u2007\u2009\u200a\u202f", " ") | dict.fromkeys("\u2010\u2011", "-"))
# A long line that does not end as a sentence ends, before a line that begins no list item, heading, quotation or table.
_WRAPPED = re.compile(r"(?<=[^\n]{50}[^\s.!?:;\n|])[ ]?\n(?=[ \t]{0,8}[^\s*#>|`\u2022+-])(?![ \t]{0,8}\d{1,2}[.)]\s)")


def plain_spaces(text: str) -> str:
    """The text with ordinary spaces and hyphens."""
    if text.isascii() and "\r" not in text:
        return text
    return text.translate(_PLAIN) if _ODD.search(text) else text


def unwrapped(text: str) -> str:
    """The text with a space in place of each line break that only wraps a line."""
    return _WRAPPED.sub(lambda match: " " * len(match[0]), text)
