"""Say whether an edit tears a text: a bracket without its pair, two signs in a row, half a number.

"You get a gift card, since it was lost (6.7)." must not become "You get a refund.7)." Such a seam shows without the
source that somebody edited the text. What the text had before the edit is its author's, and no seam.
"""

import re
from collections import Counter
from operator import eq

# The words of a sentence up to its end, as few as possible. The dot in "section 6.7" ends nothing.
WORDS = r"(?:[^;.\n]|\.(?=\w))*?"
# Where the words of a sentence or of its part end: at its last sign, or at a citation in brackets before that sign.
END = r"(?=(?: [(\[][^()\[\];]*\d[^()\[\];]*[)\]])?[;.](?!\w))"

_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_LIST_MARK = re.compile(r"^[ \t]*(?:\d{1,2}|[a-z])[.)](?=\s)", re.MULTILINE)
_PAIRS = tuple((*pair, re.compile(f"[{re.escape(pair)}]")) for pair in ("()", "[]", "\u201c\u201d"))
_EVEN = ('"', "**", "`")
# Each begins with a sign where it can, and looks back from there, because a search for a sign is fast.
_SEAMS = {
    "two signs in a row": re.compile(r"\.\.(?<!\.\.\.)(?!\.)|[,;:]\s*[,;:.!?]|[!?]\s*[,;.]|\.[;:](?!\w)"),
    "a space before a sign": re.compile(r"[,;.!?](?<=\w [,;.!?])(?=\s|$)"),
    "an empty bracket": re.compile(r"\(\W*\)|\[\W*\]|\([,;:.]|[,;:]\)"),
    "half a number": re.compile(r"\.(?<=[A-Za-z]{2}\.)\d"),
    "a small letter behind a full stop": re.compile(r"[.!?](?<=[a-z]{2}[.!?]) [a-z]"),
    "a gap": re.compile(r" (?<=\S ) +(?=\S)"),
}
_WORD = re.compile(r"[a-z]+")
_WORD_TWICE = re.compile(r"\b(?!had\b|that\b)([a-z]+) \1\b")


def tears(before: str, after: str) -> bool:
    """Whether an edit has left a seam that the text did not have before the edit."""
    return bool(_seams_of(after) - _seams_of(before))


def _seams_of(text: str) -> Counter[str]:
    """How often a text has each kind of seam. Signs inside of code are none."""
    prose = _CODE.sub("`code`", text)
    marked = _LIST_MARK.sub("", prose)
    seams = Counter({sign: prose.count(sign) % 2 for sign in _EVEN})
    for opening, closing, either in _PAIRS:
        depth = 0
        for sign in either.findall(marked):
            depth += sign == opening
            if sign == closing:
                seams[closing] += depth == 0
                depth = max(depth - 1, 0)
        seams[opening] += depth
    seams.update({name: len(pattern.findall(marked)) for name, pattern in _SEAMS.items()})
    words = _WORD.findall(marked)
    if any(map(eq, words, words[1:])):
        seams["a word twice"] = len(_WORD_TWICE.findall(marked))
    return seams
