"""What a person chose on the page Play: which episodes come next.

The choices stand in the query of each address of an episode, so that "Next episode" keeps all of them, also without
scripts and in several windows.
"""

from dataclasses import dataclass
from typing import Protocol, Self
from urllib.parse import urlencode

from forge_arena.curriculum import STEALTH_LEVELS
from forge_arena.keys import Filters
from forge_arena.types import CorruptionType, Domain, Split
from forge_server.errors import InvalidRequest

# What each choice may be. An empty one leaves it to the stream.
OPTIONS: dict[str, tuple[str, ...]] = {
    "split": tuple(Split),
    "domain": tuple(domain for domain in Domain if domain is not Domain.mixed),
    "corruption": tuple(CorruptionType),
    "stealth": tuple(str(level) for level in range(STEALTH_LEVELS)),
}


class Fields(Protocol):
    """The fields of a form or of a query."""

    def get(self, name: str, default: str, /) -> str: ...


@dataclass(frozen=True, slots=True)
class Choices:
    """The split, and the filters over its episodes. Empty texts are no choice."""

    split: str = Split.train
    domain: str = ""
    corruption: str = ""
    stealth: str = ""

    @classmethod
    def of(cls, fields: Fields, split: str = Split.train) -> Self:
        """From a form or a query. Without a split it is `split`.

        Raises:
            InvalidRequest: a choice is none of its options.
        """
        given = {name: fields.get(name, "") for name in OPTIONS}
        for name, value in given.items():
            if value not in ("", *OPTIONS[name]):
                raise InvalidRequest(f"{name}: choose from the list of the page Play")
        return cls(**given | {"split": given["split"] or split})

    @property
    def given(self) -> dict[str, str]:
        """The choices that were made, by name."""
        return {name: value for name in OPTIONS if (value := getattr(self, name))}

    @property
    def query(self) -> str:
        """The choices as the query of an address, with its question mark."""
        return f"?{urlencode(self.given)}"

    @property
    def filters(self) -> Filters:
        """The filters over the episodes of the split."""
        return Filters(
            domain=Domain(self.domain) if self.domain else None,
            corruption=CorruptionType(self.corruption) if self.corruption else None,
            stealth=int(self.stealth) if self.stealth else None,
        )
