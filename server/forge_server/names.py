"""Decide which names of overseers count as one: those that a reader of the leaderboard would confuse.

A name holds only the ASCII characters of `forge_arena.wire.OVERSEER_NAME`: no letters of other scripts, no accents, no
characters without width, none that turn the direction of writing. So names can only be confused by their case, by their
spaces, and by the few ASCII characters that Unicode's list of confusables (UTS 39) takes for each other.
"""

# For text in lower case. A capital I looks like a small l, so i, l and 1 count as one.
_CONFUSABLE = str.maketrans({"0": "o", "1": "l", "i": "l"})


def spelling(name: str) -> str:
    """The name as it is stored: with single spaces and none at the ends, because a page shows no others."""
    return " ".join(name.split())


def appearance(name: str) -> str:
    """A text that is equal for all names that look alike. It is not for showing."""
    return spelling(name).casefold().translate(_CONFUSABLE).replace("rn", "m")
