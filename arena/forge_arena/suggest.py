"""Suggest the known name that is nearest to an unknown one, for the messages of refusals."""

from collections.abc import Iterable

from rapidfuzz import fuzz, process

# Percent of the characters that two names must share before one is suggested for the other.
ALIKE = 50.0


def did_you_mean(name: str, known: Iterable[object]) -> str:
    """The sentence " Did you mean 'rules'?", with a space before it; empty if no known name is like this one.

    Args:
        name: what somebody wrote.
        known: the names that would have been right, as strings or as members of an enum of strings.
    """
    nearest = process.extractOne(name, [str(candidate) for candidate in known], scorer=fuzz.ratio, score_cutoff=ALIKE)
    return f" Did you mean {nearest[0]!r}?" if nearest else ""
