"""Say which names of overseers are one: those that a reader of the leaderboard would take for one another.

A name has only the ASCII characters of `forge_arena.wire.OVERSEER_NAME`: no letters of other scripts, no accents, and
nothing that has no width or turns the direction of writing. What is left to be mistaken are case, spaces, and the few
characters of ASCII that Unicode's list of confusables (UTS 39) takes for each other.
"""

# Lower case already: a capital I looks like a small l, so i, l and 1 are one.
_CONFUSABLE = str.maketrans({"0": "o", "1": "l", "i": "l"})


def spelling(name: str) -> str:
    """A name as it is kept: a page shows a run of spaces as one, and none at the end."""
    return " ".join(name.split())


def appearance(name: str) -> str:
    """The same for all names that look alike; not to be shown."""
    return spelling(name).casefold().translate(_CONFUSABLE).replace("rn", "m")
