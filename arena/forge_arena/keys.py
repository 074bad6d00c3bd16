"""The name of an episode, `Key`, and what a client may ask for instead of naming an episode, `Filters`.

On the wire, in files and between functions a key is a text, `suite:version:split:index`. If a form is asked for,
`:form` follows: `forge:4:train:7`, `forge:4:train:7:corrupted`. `Key` is that text in its parts.
"""

import re
from dataclasses import dataclass, replace
from typing import Any, Self

from pydantic import Field

from forge_arena.types import CorruptionType, Domain, Form, Mechanism, Noun, Split

# Indices are below this bound. JSON readers that know only doubles read them without loss.
MAX_INDEX = 2**53

_SPLITS = frozenset(Split)
_FORMS = frozenset(Form)
# One spelling for each index, because two spellings would be two names of one episode.
_INDEX = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)


def key_pattern(suite: str = "SUITE", version: str = "VERSION") -> str:
    """How keys read, as a sentence for messages."""
    return (
        f"a key reads {suite}:{version}:SPLIT:INDEX with SPLIT one of {', '.join(Split)}, "
        f"and may end in :FORM with FORM one of {', '.join(Form)}"
    )


@dataclass(frozen=True, slots=True)
class Key:
    """The name of an episode, in its parts. Keys of one stream are ordered by index: `train:9` before `train:10`.

    Without a `form` a key names the episode as it was drawn.
    """

    suite: str
    version: str
    split: Split
    index: int
    form: Form | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """The key that a text spells.

        Raises:
            ValueError: the text is no key.
        """
        parts = text.split(":")
        form = parts.pop() if len(parts) == 5 else None
        if (
            len(parts) != 4
            or not all(parts)
            or parts[2] not in _SPLITS
            or not _INDEX.fullmatch(parts[3])
            or int(parts[3]) >= MAX_INDEX
            or (form is not None and form not in _FORMS)
        ):
            raise ValueError(f"malformed episode key; {key_pattern()}")
        return cls(parts[0], parts[1], Split(parts[2]), int(parts[3]), None if form is None else Form(form))

    @classmethod
    def of(cls, suite_and_version: str, split: Split, index: int, form: Form | None = None) -> Self:
        """A key of a suite that is named together with its version, as in reports: `forge:4`."""
        suite, version = suite_and_version.split(":")
        return cls(suite, version, split, index, form)

    def __str__(self) -> str:
        draw = f"{self.suite}:{self.version}:{self.split.value}:{self.index}"
        return draw if self.form is None else f"{draw}:{self.form.value}"

    def __lt__(self, other: Self) -> bool:
        return self._order < other._order

    @property
    def draw(self) -> Self:
        """The key without its form. All forms of one draw share it."""
        return self if self.form is None else replace(self, form=None)

    def in_form(self, form: Form) -> Self:
        """The key of the same draw in a form."""
        return replace(self, form=form)

    @property
    def suite_and_version(self) -> str:
        """The suite with its version, such as `forge:4`."""
        return f"{self.suite}:{self.version}"

    @property
    def _order(self) -> tuple[str, str, str, int, str]:
        return self.suite, self.version, self.split, self.index, self.form or ""


class Filters(Noun):
    """Which episodes a client asks for. A filter that is None lets everything pass; so does the domain `mixed`.

    All filters but `form` choose among the keys of a stream. `form` asks for the chosen keys in that form.
    """

    domain: Domain | None = None
    corruption: CorruptionType | None = None
    stealth: int | None = Field(default=None, ge=0, le=3)
    mechanism: Mechanism | None = None
    form: Form | None = None

    @property
    def narrow(self) -> bool:
        """Whether the filters pass over some keys of a stream."""
        return bool(self.given().keys() - {"form"})

    def allow(self, domain: Domain, corruption: CorruptionType, stealth: int, mechanism: Mechanism) -> bool:
        """Whether a key with this domain, corruption, stealth and mechanism passes."""
        return (
            self.domain in (None, Domain.mixed, domain)
            and self.corruption in (None, corruption)
            and self.stealth in (None, stealth)
            and self.mechanism in (None, mechanism)
        )

    def given(self) -> dict[str, Any]:
        """The filters that are not None, by name."""
        return self.model_dump(include=set(Filters.model_fields), exclude_none=True)


EVERYTHING = Filters()
