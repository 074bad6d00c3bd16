"""Suggest the known name that is nearest to an unknown one, for the messages of refusals."""

from collections.abc import Iterable

from rapidfuzz import fuzz, process

# Percent of the characters that two names must share before one is suggested for the other.
ALIKE = 50.0


def nearest_name(name: str, known: Iterable[object]) -> str | None:
    """The known name that is most like this one; None if none is like it. See `did_you_mean`."""
    nearest = process.extractOne(name, [str(candidate) for candidate in known], scorer=fuzz.ratio, score_cutoff=ALIKE)
    return None if nearest is None else nearest[0]


def did_you_mean(name: str, known: Iterable[object]) -> str:
    """The sentence " Did you mean 'rules'?", with a space before it; empty if no known name is like this one.

    Args:
        name: what somebody wrote.
        known: the names that would have been right, as strings or as members of an enum of strings.
    """
    nearest = nearest_name(name, known)
    return f" Did you mean {nearest!r}?" if nearest is not None else ""
