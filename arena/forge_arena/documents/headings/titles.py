"""Whether a text reads like a title: short, no sentence, its words with capitals; and a title without its marks."""

import re

from forge_arena.texts.words import SMALL_WORDS

LONGEST_TITLE = 100
MOST_TITLE_WORDS = 14
BULLET = re.compile(r"^\s*[-*+\u2022\u25e6\u25aa\u2013]\s")
_LINK = re.compile(r"!?\[(?P<text>[^\]]*)\]\([^)]*\)")
# "{#fees}", and what pandoc and its like take as attributes: "{.centred}", "{-}", "{: #fees width=3}".
_ANCHOR = re.compile(r"\s*\{#[^}]*\}|<[^<>]+>|\s*\{:?\s*(?:[.#][\w-][^{}]*|-|[\w-]+=[^{}]*)\}(?=\s*$)")
SENTENCE_END = re.compile(r"[.;,!][\"')\]\u201d\u2019]?$")
# A line of capitals that only calls for attention, or that joins the names of parties, names no section.
_NO_TITLE = frozenset({"note", "notes", "warning", "important", "caution", "tip", "and", "between", "whereas", "end"})
RUN_IN = re.compile(
    r"^(?P<open>\*\*|__|\*|_)?(?P<title>[A-Z][^.:;!?\n]{1,80}?)(?P<stop>[.:])?(?(open)(?P=open))(?(stop)|[.:])"
    r"(?P<gap>\s+)(?=[\"'(\u201c\u2018*]{0,3}[A-Z(\u201c\"])"
)


def is_title(text: str) -> bool:
    """Whether a text is short enough for a title and does not end as a sentence ends."""
    text = text.strip().strip("*_")
    words = text.split()
    return (
        0 < len(words) <= MOST_TITLE_WORDS
        and len(text) <= LONGEST_TITLE
        and any(c.isalpha() for c in text)
        and not SENTENCE_END.search(text)
        and not re.search(r"[.!;:] |\|", text)
    )


def is_name(text: str) -> bool:
    """Whether every word of weight begins with a capital: "Term and Termination", not "Terms are set here"."""
    words = re.findall(r"[^\W\d_][\w'\u2019-]*", text)
    weighty = [word for word in words if word.lower() not in SMALL_WORDS]
    return bool(words) and words[0][0].isupper() and len(words) <= 12 and all(word[0].isupper() for word in weighty)


def is_phrase(text: str) -> bool:
    """Whether a text is two or three words of weight: "Late payment", not "Go to the settings"."""
    words = text.lower().split()
    return len(words) <= 3 and not SMALL_WORDS & (set(words) - {"of", "and", "or"})


def is_capitals(text: str) -> bool:
    """Whether a line is a title of capitals, such as "POLICY" or "RETURNS AND REFUNDS"."""
    text = text.strip()
    bare = text.strip("*_").rstrip(":").strip()
    letters = [c for c in bare if c.isalpha()]
    words = bare.split()
    return (
        bool(letters)
        and all(c.isupper() for c in letters)
        and max((len(re.sub(r"[^A-Z]", "", word)) for word in words), default=0) >= 4
        and len(words) <= 10
        and is_title(bare)
        and bare.lower() not in _NO_TITLE
        and not BULLET.match(text)
        and not re.search(r"[{}\[\]<>=|_]|\d{4,}", bare)
    )


def clean_title(title: str) -> str:
    """A title without marks, links, anchors, and without the dot or colon at its end."""
    title = _ANCHOR.sub("", _LINK.sub(lambda link: link["text"], title))
    title = re.sub(r"[*`]+|(?<!\w)_+|_+(?!\w)", "", title)
    return " ".join(title.split()).strip().rstrip(".:-\u2013\u2014 ")
