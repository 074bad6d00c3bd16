"""Show what a text hides: characters without a picture, which reorder the characters around them or cannot be seen.

A model that writes U+202E lets a reader see "5 yad" where the text has "day 5" (https://trojansource.codes).
"""

import re
from typing import Any

# Controls except tab and line ends, marks of direction, fillers without a width, halves of characters, and tags.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    """The text with each hidden character as its number: `[U+202E]`."""
    return _HIDDEN.sub(lambda match: f"[U+{ord(match[0]):04X}]", text)


def visible_value(value: Any) -> Any:
    """A value as a template shows it, for jinja2's `finalize`. Markup stays as it is."""
    return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
