"""Import documents: read files, put the documents into families, have a scenario made of each stretch, and keep count.

A run can be stopped at any time. What an author replied is on record in the file beside the scenarios (`journal_of`),
and the next run asks only for what is not there. The scenarios themselves are made anew each time, in the order of the
documents, so a run that was stopped ends with the same file as a run that was not.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forge_arena.corruptions import possible, registry
from forge_arena.documents.author import Author, AuthorFailed, ReplyKind, Written
from forge_arena.documents.document import Document, Refused
from forge_arena.documents.facts import Dropped
from forge_arena.documents.keeping import Kept, keep
from forge_arena.documents.labelled import propose
from forge_arena.documents.playing import scenario_id
from forge_arena.documents.reading import File, find_files, read_file
from forge_arena.documents.sections import Stretch, stretches
from forge_arena.documents.splits import places
from forge_arena.together import work_together
from forge_arena.types import HOMES, ClaimKind, CorruptionType, Domain, Scenario, Split

# Stretches in a row, for each that is asked for at a time, after which the author counts as down for good.
HOPELESS = 2
# The parts of a proposal that name a section: "fact 2 (the fee): its section", "the section on the fee".
_SECTION = re.compile(r": its section$|^the section on ")
_QUOTED = re.compile("\u201c.*\u201d")
_NUMBERS = re.compile(r"\d[\d,.]*\d|\d")


@dataclass
class Reading:
    """The documents of the paths, and what was refused with the reason."""

    documents: list[Document] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


def read_all(
    paths: Iterable[Path],
    on_files: Callable[[int, int], object] = lambda done, total: None,
    *,
    without: Iterable[Path] = (),
) -> Reading:
    """Read all files of the paths. A text that comes twice with the same task is read once.

    Args:
        without: files that are no documents, such as what an earlier run has written into a folder of documents.
        on_files: called after each file with the number of files that are done and of all.

    Raises:
        FileError: a path does not exist.
    """
    passed_over = {path.resolve() for path in without}
    files = [file for file in find_files(paths) if isinstance(file, Refused) or file.path.resolve() not in passed_over]
    reading = Reading()
    names: dict[tuple[str, str | None], str] = {}
    for number, file in enumerate(files, start=1):
        for document in read_file(file) if isinstance(file, File) else (file,):
            if isinstance(document, Refused):
                reading.refused.append(document)
                continue
            content = document.digest, document.task
            if content in names:
                reading.refused.append(Refused(document.name, f"{names[content]} has the same text"))
                continue
            names[content] = document.name
            reading.documents.append(document)
        on_files(number, len(files))
    return reading


@dataclass(frozen=True)
class Part:
    """A stretch to make a scenario of, and where its document belongs."""

    stretch: Stretch
    family: str
    split: Split


@dataclass
class Import:
    """A run: what is to be made, and what was made of it so far.

    Attributes:
        reading: the documents.
        parts: the stretches of the documents, in order.
        made: what came of each part, by its number. A part that is missing was not reached.
        failed: why the author's endpoint gave no reply for a part, by its number.
        left_out: the ids of scenarios that somebody has looked at and does not want.
    """

    reading: Reading
    parts: Sequence[Part]
    left_out: frozenset[str] = frozenset()
    made: dict[int, Written] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)

    @property
    def missing(self) -> int:
        """How many parts were not reached, or got no reply."""
        return len(self.parts) - len(self.made)

    def numbered(self) -> Iterator[tuple[int, Part, Scenario]]:
        """The scenarios with the numbers of their parts, in the order of the documents, also those that are left out.

        All scenarios of a family have the domain of most of them, because a family is of one domain.
        """
        domains: dict[str, Counter[Domain]] = {}
        kept = [(number, self.parts[number], self.made[number].kept.scenario) for number in sorted(self.made)]
        for _, part, scenario in kept:
            if scenario is not None:
                domains.setdefault(part.family, Counter())[scenario.domain] += 1
        for number, part, scenario in kept:
            if scenario is not None:
                domain = domains[part.family].most_common(1)[0][0]
                same = scenario if scenario.domain is domain else scenario.model_copy(update={"domain": domain})
                yield number, part, same

    def scenarios(self) -> Iterator[tuple[Part, Scenario]]:
        """The scenarios with their parts, also those that are left out."""
        return ((part, scenario) for _, part, scenario in self.numbered())

    def wanted(self) -> Iterator[tuple[Part, Scenario]]:
        """The scenarios that are not left out."""
        return ((part, scenario) for part, scenario in self.scenarios() if scenario_id(scenario) not in self.left_out)


def plan(reading: Reading, left_out: Iterable[str] = ()) -> Import:
    """The run that makes scenarios of documents. Families and splits are settled before anything is asked."""
    parts = [
        Part(stretch, place.family, place.split)
        for document, place in zip(reading.documents, places(reading.documents), strict=True)
        for stretch in stretches(document)
    ]
    return Import(reading, parts, frozenset(left_out))


def make_without_author(run: Import, on_part: Callable[[], object] = lambda: None) -> None:
    """Make what can be made of natural labels alone."""
    for number, part in enumerate(run.parts):
        proposal = propose(part.stretch)
        if isinstance(proposal, str):
            kept = Kept(None, (Dropped("the document", proposal),))
        else:
            kept = keep(part.stretch, proposal, family=part.family)
        run.made[number] = Written(kept)
        on_part()


async def make_from_record(run: Import, author: Author, on_part: Callable[[], object] = lambda: None) -> None:
    """Make what can be made of recorded replies alone: the author is not asked."""
    for number, part in enumerate(run.parts):
        try:
            run.made[number] = await author.write(part.stretch, part.family)
        except AuthorFailed:
            continue
        on_part()
        # Nothing here waits, and an interruption must have its turn.
        await asyncio.sleep(0)


async def make_with_author(
    run: Import, author: Author, *, concurrency: int, on_part: Callable[[], object] = lambda: None
) -> None:
    """Let an author propose for every part that is missing. What is made stands in `run` from then on.

    Raises:
        AuthorFailed: the endpoint gave no reply for so many parts in a row that it must be down.
    """
    numbers = iter([number for number in range(len(run.parts)) if number not in run.made])
    in_a_row = 0

    async def work() -> None:
        nonlocal in_a_row
        for number in numbers:
            part = run.parts[number]
            try:
                run.made[number] = await author.write(part.stretch, part.family)
                in_a_row = 0
            except AuthorFailed as failure:
                run.failed[number] = failure.reason
                in_a_row += 1
                if in_a_row >= HOPELESS * concurrency:
                    raise AuthorFailed(f"{in_a_row} failures in a row, the last: {failure.reason}") from None
            on_part()
            await asyncio.sleep(0)

    await work_together(work, concurrency)


def journal_of(out: Path) -> Path:
    """The file beside the scenarios that holds the author's replies. It is a bank, so `bank:FILE` is an author, too."""
    return out.with_name(f"{out.name}.author")


def report(run: Import) -> dict[str, Any]:
    """The numbers of a run, as JSON."""
    made = [run.made[number] for number in sorted(run.made)]
    everything, wanted = list(run.scenarios()), list(run.wanted())
    types = Counter(type for _, scenario in wanted for type in possible(scenario.claims))
    kinds = Counter(kind for written in made for kind in written.replies)
    again = [written for written in made if len(written.replies) > 1]
    return {
        "documents": len(run.reading.documents),
        "refused": [
            {"document": refused.name, "file": refused.name, "reason": refused.reason}
            for refused in run.reading.refused
        ],
        "stretches": len(run.parts),
        "missing": run.missing,
        "scenarios": len(wanted),
        "left_out": len(everything) - len(wanted),
        "families": len({part.family for part, _ in wanted}),
        "splits": {split.value: sum(part.split is split for part, _ in wanted) for split in HOMES},
        "domains": dict(Counter(scenario.domain.value for _, scenario in wanted).most_common()),
        "facts": {
            "proposed": sum(written.kept.proposed for written in made),
            "kept": sum(written.kept.facts for written in made),
        },
        "corruptions": {type.value: types[type] for type in CorruptionType},
        "dropped": dict(reasons(written.kept for written in made).most_common()),
        "dropped_parts": [
            {"document": run.parts[number].stretch.name, "what": part.what, "reason": part.reason}
            for number, written in sorted(run.made.items())
            for part in written.kept.dropped
        ],
        "replies": {
            **{kind.value: kinds[kind] for kind in ReplyKind},
            "asked_again": len(again),
            "kept_after_asking_again": sum(written.kept.scenario is not None for written in again),
        },
        "no_scenario": [
            _named(run.parts[number], written.kept.dropped[-1].reason)
            for number, written in sorted(run.made.items())
            if written.kept.scenario is None
        ],
        "no_reply": [
            _named(run.parts[number], run.failed[number]) for number in sorted(run.failed) if number not in run.made
        ],
        "of_each": [
            _row(run.parts[number], scenario, run.made[number].kept)
            for number, _, scenario in run.numbered()
            if scenario_id(scenario) not in run.left_out
        ],
    }


def _named(part: Part, reason: str) -> dict[str, str]:
    """A part with a reason. `document` says which part of the file it is, and `file` is the name of the whole."""
    return {"document": part.stretch.name, "file": part.stretch.document.name, "reason": reason}


def _row(part: Part, scenario: Scenario, kept: Kept) -> dict[str, Any]:
    pages = part.stretch.pages
    possible_types = possible(scenario.claims)
    return {
        "id": scenario_id(scenario),
        "document": part.stretch.name,
        "pages": None if pages is None else list(pages),
        "split": part.split.value,
        "required": sum(claim.required and claim.kind is not ClaimKind.constraint for claim in scenario.claims),
        "corruptions": sorted(type.value for type in possible_types),
        "impossible": {
            type.value: why_impossible(type, part.stretch, kept)
            for type in sorted(set(CorruptionType) - possible_types)
        },
    }


def why_impossible(type: CorruptionType, stretch: Stretch, kept: Kept) -> str:
    """What a scenario lacks if no answer to it can take a corruption, and what to do about it."""
    if type is not CorruptionType.authority_fabrication:
        return registry()[type].lacking
    if not stretch.sections:
        return "the document has no section to cite: give it headings"
    lost = next((part for part in kept.dropped if _SECTION.search(part.what)), None)
    if lost is None:
        return "no section is named for a fact that the answer must state"
    return f"no section is kept for a fact that the answer must state ({lost.what}: {lost.reason})"


def reasons(made: Iterable[Kept]) -> Counter[str]:
    """How often each reason was given for what was dropped, whatever it was said of."""
    return Counter(in_general(part.reason) for kept in made for part in kept.dropped)


def in_general(reason: str) -> str:
    """A reason without what it quotes and counts, so that the same reasons are counted together."""
    return _NUMBERS.sub("N", _QUOTED.sub("\u201c\u2026\u201d", re.sub(r" ?\([^()]*\)", "", reason)))
