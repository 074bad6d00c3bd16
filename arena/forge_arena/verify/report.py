"""What the Verifier says of a text: which claims it makes and breaks, and where."""

from dataclasses import dataclass
from typing import NamedTuple

from forge_arena.types import ClaimKind

# The name under which a report lists a copy of the source among what is broken.
COPY = "copy of the source"
# Begins the name under which a report lists an invention among what is broken.
INVENTED = "invented:"


class Finding(NamedTuple):
    """A claim that the text makes at one place.

    `alternative` names what the text says of the claim. It is None if the text says something that is no alternative.
    `start` and `end` are code points in the text.
    """

    claim: str
    alternative: str | None
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A value of the text that neither task nor source bears out and that belongs to no claim.

    `start` and `end` are code points in the text. `misplaced` says that the source has the value, a section that is
    cited for what another section says.
    """

    kind: ClaimKind
    words: str
    start: int
    end: int
    misplaced: bool = False


@dataclass(frozen=True, slots=True)
class ClaimReport:
    """What a text says: three values for each claim, and what the text asserts beyond the source.

    A claim is *stated*, *contradicted* or *not found*. "Not found" is not "wrong": the text may say the same in words
    that the Verifier cannot read. A claim that is not required and that the text does not speak of is in none of the
    three.

    Attributes:
        stated: the claims that the text states rightly, and nowhere wrongly.
        contradicted: the claims that the text states wrongly or violates.
        not_found: the required claims for which no place was found.
        unsupported: the values that the source does not bear out.
        findings: the places where the text makes a claim.
        doubtful: the claims that the text perhaps makes, and that are therefore neither stated nor contradicted. A
            required claim in doubt is not found as well, so that a text in doubt about what it must say is not clean.
        copies_source: whether the text holds most of the source to the letter. Such a text gives superseded values
            beside those in force, and chooses nothing.
    """

    stated: frozenset[str]
    contradicted: frozenset[str]
    not_found: frozenset[str]
    unsupported: tuple[Unsupported, ...]
    findings: tuple[Finding, ...]
    doubtful: frozenset[str] = frozenset()
    copies_source: bool = False

    @property
    def broken(self) -> frozenset[str]:
        """All that keeps the text from being clean: claims, and each unsupported value as `invented:<words>`."""
        copied = {COPY} if self.copies_source else set()
        return self.contradicted | self.not_found | {f"{INVENTED}{value.words}" for value in self.unsupported} | copied

    @property
    def clean(self) -> bool:
        """Whether nothing is contradicted, unsupported or copied, and every required claim is stated."""
        return not (self.contradicted or self.not_found or self.unsupported or self.copies_source)

    def of(self, claim_id: str) -> tuple[Finding, ...]:
        """The places where the text speaks of a claim."""
        return tuple(finding for finding in self.findings if finding.claim == claim_id)
