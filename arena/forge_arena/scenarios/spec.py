"""The form of a family's file (YAML, see `scenarios/README.md`); `reading` refuses what does not fit together."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from forge_arena.scenarios.slots import Number, SlotSpec
from forge_arena.types import HOMES, Alternative, Case, Claim, ClaimKind, Domain, Load, Noun, Split, Standing

# How many values that stand nowhere in the source each claim has as wrong alternatives.
ABSENT_PER_CLAIM = 2


class WordCount(Noun):
    """A reading of which only the length matters: a text of so many words, such as `most` or `most + 1`."""

    words: Number


class OptionSpec(Noun):
    """One alternative of an option, term or constraint: its spellings, or the check that it demands.

    `allows` are answers that the words of the rule allow, and `forbids` are answers that they forbid. The check must accept
    the first and refuse the second (see `forge_arena.scenarios.fairness`).
    """

    forms: tuple[str, ...] = ()
    check: str | None = None
    argument: int | str | tuple[str, ...] = ()
    allows: tuple[str | WordCount, ...] = ()
    forbids: tuple[str | WordCount, ...] = ()


class ClaimSpec(Noun):
    """A claim as a file states it. `scenarios/README.md` explains each field."""

    kind: ClaimKind
    label: str = ""
    about: tuple[tuple[str, ...], ...] = ()
    required: Literal["never", "sometimes", "always", "task"] = "never"
    slot: str | None = None
    superseded: str | None = None
    elsewhere: tuple[str, ...] = ()
    options: dict[str, OptionSpec] = {}
    right: str | None = None
    of: str | None = None
    values: dict[str, str] = {}
    subject: str | None = None
    authority: str | None = None
    fabricated: tuple[str, ...] = ()
    cases: tuple[Case, ...] = ()
    rule: str | None = None
    load: Load = Load.light
    habit: str | None = None

    def outline(self, name: str) -> Claim:
        """The claim as every draw has it. Its alternatives have a standing and no forms yet.

        A claim that the answer must state in some draws counts as required.
        """
        names = [other for other in (*self.options, *self.values) if other != self.right]
        standings = (
            Standing.right,
            *([] if self.superseded is None else [Standing.superseded]),
            *[Standing.elsewhere for _ in self.elsewhere],
            *[Standing.unfit for _ in names],
            *([] if self.slot is None and not self.fabricated else [Standing.absent]),
        )
        return Claim(
            id=name,
            kind=self.kind,
            label=self.label,
            about=self.about,
            required=self.required != "never",
            alternatives=tuple(
                Alternative(name=f"{standing.value}_{place}", standing=standing)
                for place, standing in enumerate(standings)
            ),
            of=self.of,
            subject=self.subject,
            cases=self.cases,
        )

    def alternative_names(self) -> frozenset[str] | None:
        """The names that an alternative of the claim may have in a draw; None for a citation, whose names are authorities."""
        if self.kind is ClaimKind.citation:
            return None
        if self.options or self.values:
            return frozenset((*self.options, *self.values))
        elsewhere = (f"elsewhere_{number}" for number in range(1, len(self.elsewhere) + 1))
        absent = (f"absent_{number}" for number in range(ABSENT_PER_CLAIM))
        superseded = () if self.superseded is None else ("superseded",)
        return frozenset(("current", *superseded, *elsewhere, *absent))


class AuthoritySpec(Noun):
    """Something outside the document's own numbering that may be cited: a statute, a standard, a test lab."""

    forms: tuple[str, ...] = Field(min_length=1)
    supports: tuple[str, ...] = ()


# One wording or several.
Wordings = str | Annotated[tuple[str, ...], Field(min_length=1)]


class SectionSpec(Noun):
    """A passage of the source. `text` is one wording or several; `chance` is how often a draw has the section.

    `load` is the least load under which the section stands, whatever it states. Without a `load` the section stands under
    a lighter load if it states a claim in play, or if it states no claim at all.
    """

    id: str
    heading: str = ""
    text: Wordings
    number: bool = True
    chance: float = Field(default=1.0, gt=0, le=1)
    place: Literal["anywhere", "first", "last"] = "anywhere"
    load: Load | None = None


class SourceSpec(Noun):
    """The document: its title, the names for a passage in a citation, the least and most words, and the passages."""

    title: str
    cited_as: tuple[str, ...] = Field(default=("section",), min_length=1)
    words: tuple[int, int] = (150, 1_500)
    sections: tuple[SectionSpec, ...] = Field(min_length=1)


class StatementSpec(Noun):
    """A sentence in one or several wordings; see `Statement`."""

    text: Wordings
    says: tuple[str, ...] = ()
    when: dict[str, str] = {}
    part: Literal["opening", "body", "closing", "reasoning", "probe"] = "body"
    topic: str = ""
    rank: int = Field(default=5, ge=1, le=9)


class FamilySpec(Noun):
    """A whole scenario file."""

    family: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    domain: Domain
    split: Split
    summary: str
    slots: dict[str, SlotSpec]
    claims: dict[str, ClaimSpec] = Field(min_length=1)
    authorities: dict[str, AuthoritySpec] = {}
    source: SourceSpec
    task: Wordings
    statements: tuple[StatementSpec, ...] = Field(min_length=1)

    @field_validator("split")
    @classmethod
    def _is_a_home(cls, split: Split) -> Split:
        if split not in HOMES:
            raise ValueError(
                f"no family belongs to {split.value}, which draws those of {split.home.value}; give {', '.join(HOMES)}"
            )
        return split


def as_argument(text: str) -> int | str:
    """The argument of a check that a text gives: a whole number if it is one."""
    return int(text) if text.isdigit() else text


def wordings(text: Wordings) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else text
