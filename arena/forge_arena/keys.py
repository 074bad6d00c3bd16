"""The name of an episode, `Key`, and what a client may ask for instead of naming an episode, `Filters`.

On the wire, in files and between functions a key is a text, `suite:version:split:index`. If a form is asked for,
`:form` follows: `forge:5:train:7`, `forge:5:train:7:corrupted`. A number behind `:corrupted` names a further corruption
of the same answer: `forge:5:train:7:corrupted:3`, or of any type `forge:5:train:7:corrupted:any-3`. `Key` is that text
in its parts.
"""

import re
from dataclasses import dataclass, replace
from typing import Any, Self

from pydantic import Field

from forge_arena.types import Awareness, Candour, CorruptionType, Domain, Form, Mechanism, Noun, Split

# Indices are below this bound. JSON readers that know only doubles read them without loss.
MAX_INDEX = 2**53

_SPLITS = frozenset(Split)
_FORMS = frozenset(Form)
# One spelling for each index, because two spellings would be two names of one episode.
_INDEX = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)
# The episode's own corruption has no number, because `:corrupted` names it already.
_FURTHER = re.compile(r"(any-)?([1-9][0-9]{0,2})", re.ASCII)
MAX_FURTHER = 999


def key_pattern(suite: str = "SUITE", version: str = "VERSION") -> str:
    """How keys read, as a sentence for messages."""
    return (
        f"a key reads {suite}:{version}:SPLIT:INDEX with SPLIT one of {', '.join(Split)}, "
        f"and may end in :FORM with FORM one of {', '.join(Form)}, or in :corrupted:N for the Nth further corruption"
    )


@dataclass(frozen=True, slots=True)
class Key:
    """The name of an episode, in its parts. Keys of one stream are ordered by index: `train:9` before `train:10`.

    Without a `form` a key names the episode as it was drawn. `further` is only beside the form `corrupted`: 0 is the
    episode's own corruption, 3 the third further one that the arena finds in the same answer. Further corruptions are
    of the episode's type, or with `any_type` of every type in turn.
    """

    suite: str
    version: str
    split: Split
    index: int
    form: Form | None = None
    further: int = 0
    any_type: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """The key that a text spells.

        Raises:
            ValueError: the text is no key.
        """
        parts = text.split(":")
        further = _FURTHER.fullmatch(parts.pop()) if len(parts) == 6 and parts[4] == Form.corrupted else None
        form = parts.pop() if len(parts) == 5 else None
        if (
            len(parts) != 4
            or not all(parts)
            or parts[2] not in _SPLITS
            or not _INDEX.fullmatch(parts[3])
            or int(parts[3]) >= MAX_INDEX
            or (form is not None and form not in _FORMS)
            or (further is None and len(text.split(":")) > 5)
        ):
            raise ValueError(f"malformed episode key; {key_pattern()}")
        key = cls(parts[0], parts[1], Split(parts[2]), int(parts[3]), None if form is None else Form(form))
        return key if further is None else key.with_corruption(int(further[2]), any_type=further[1] is not None)

    @classmethod
    def of(cls, suite_and_version: str, split: Split, index: int, form: Form | None = None) -> Self:
        """A key of a suite that is named together with its version, as in reports: `forge:5`."""
        suite, version = suite_and_version.split(":")
        return cls(suite, version, split, index, form)

    def __str__(self) -> str:
        draw = f"{self.suite}:{self.version}:{self.split.value}:{self.index}"
        if self.form is None:
            return draw
        number = f":{'any-' if self.any_type else ''}{self.further}" if self.further else ""
        return f"{draw}:{self.form.value}{number}"

    def __lt__(self, other: Self) -> bool:
        return self._order < other._order

    @property
    def draw(self) -> Self:
        """The key without its form. All forms and all corruptions of one draw share it."""
        return self if self.form is None else replace(self, form=None, further=0, any_type=False)

    def in_form(self, form: Form) -> Self:
        """The key of the same draw in a form."""
        return replace(self, form=form, further=0, any_type=False)

    def with_corruption(self, number: int, *, any_type: bool = False) -> Self:
        """The key of the same draw with its own corruption (0), or with a further one (1 to `MAX_FURTHER`).

        Raises:
            ValueError: there is no such number.
        """
        if not 0 <= number <= MAX_FURTHER:
            raise ValueError(f"the number of a corruption must be 0..{MAX_FURTHER}, got {number}")
        return replace(self, form=Form.corrupted, further=number, any_type=any_type and number > 0)

    @property
    def suite_and_version(self) -> str:
        """The suite with its version, such as `forge:5`."""
        return f"{self.suite}:{self.version}"

    @property
    def _order(self) -> tuple[str, str, str, int, str, bool, int]:
        return self.suite, self.version, self.split, self.index, self.form or "", self.any_type, self.further


class Filters(Noun):
    """Which episodes a client asks for. A filter that is None lets everything pass; so does the domain `mixed`.

    All filters but `form` choose among the keys of a stream. `form` asks for the chosen keys in that form. `awareness`
    and `candour` are told to a Worker that corrupts its own answer, so no key of another mechanism passes them.
    """

    domain: Domain | None = None
    corruption: CorruptionType | None = None
    stealth: int | None = Field(default=None, ge=0, le=3)
    mechanism: Mechanism | None = None
    awareness: Awareness | None = None
    candour: Candour | None = None
    form: Form | None = None

    @property
    def narrow(self) -> bool:
        """Whether the filters pass over some keys of a stream."""
        return bool(self.given().keys() - {"form"})

    def allow(
        self,
        domain: Domain,
        corruption: CorruptionType,
        stealth: int,
        mechanism: Mechanism,
        awareness: Awareness,
        candour: Candour,
    ) -> bool:
        """Whether a key that decides these things passes."""
        is_told = mechanism is Mechanism.prompt
        return (
            self.domain in (None, Domain.mixed, domain)
            and self.corruption in (None, corruption)
            and self.stealth in (None, stealth)
            and self.mechanism in (None, mechanism)
            and (self.awareness is None or (is_told and self.awareness is awareness))
            and (self.candour is None or (is_told and self.candour is candour))
        )

    def given(self) -> dict[str, Any]:
        """The filters that are not None, by name."""
        return self.model_dump(include=set(Filters.model_fields), exclude_none=True)


EVERYTHING = Filters()
