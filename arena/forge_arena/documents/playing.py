"""Play imported scenarios: a document and its near-duplicates are a family, and a draw picks one of its scenarios."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import Random

from pydantic import TypeAdapter

from forge_arena.corruptions import possible
from forge_arena.errors import ScenarioError
from forge_arena.files import read_json_lines
from forge_arena.scenarios import Source, open_set
from forge_arena.types import CorruptionType, Domain, Load, Scenario, Split


@dataclass(frozen=True)
class ImportedFamily:
    """The scenarios of one document, and of the documents that share most of its text, in the place of a family."""

    name: str
    scenarios: tuple[Scenario, ...]

    @property
    def split(self) -> Split:
        # Here, because families are found with scipy, which takes a second to import.
        from forge_arena.documents.splits import split_of

        return split_of(self.name)

    @property
    def domain(self) -> Domain:
        return self.scenarios[0].domain

    @cached_property
    def corruptions(self) -> frozenset[CorruptionType]:
        return frozenset[CorruptionType]().union(*(possible(scenario.claims) for scenario in self.scenarios))

    @property
    def specimen(self) -> str:
        return "\n".join(scenario.model_dump_json() for scenario in self.scenarios)

    def draw(self, rng: Random, wording: int = 0) -> Scenario:
        # No number is drawn for a single scenario, which every draw is.
        return self.scenarios[rng.randrange(len(self.scenarios))] if len(self.scenarios) > 1 else self.scenarios[0]

    def able_to_take(self, type: CorruptionType) -> "ImportedFamily":
        """The same family with the scenarios that can take a corruption. It has some for each of its `corruptions`."""
        return ImportedFamily(self.name, tuple(s for s in self.scenarios if type in possible(s.claims)))


def scenario_id(scenario: Scenario) -> str:
    """What names a scenario in reports and in lists of what to leave out.

    The id depends on the task and the source, and not on the claims. So a scenario that was left out stays left out if
    another version of the arena finds other claims in it.
    """
    # The first paragraphs are the task as it was set. The last one lists what the answer must state.
    task = scenario.task.rpartition("\n\n")[0] or scenario.task
    digest = hashlib.sha256("\0".join((task, scenario.source_material)).encode()).hexdigest()
    return f"{scenario.family}:{digest[:8]}"


def load_documents(path: Path) -> tuple[ImportedFamily, ...]:
    """The scenarios that `forge-arena scenarios import --out` wrote, by family. A family's name decides its split.

    Raises:
        ScenarioError: a line is no scenario, or two lines are the same one, with file and line; no scenario at all.
    """
    wanted = "what `forge-arena scenarios import --out` writes"
    families: dict[str, list[Scenario]] = {}
    lines: dict[str, int] = {}
    for number, scenario in read_json_lines(path, TypeAdapter(Scenario), wanted=wanted, error=ScenarioError):
        if (first := lines.setdefault(scenario_id(scenario), number)) != number:
            raise ScenarioError(
                f"{path}:{number}: this scenario of {scenario.family!r} stands in line {first} already: remove one "
                "of the two lines, or import all documents by one `forge-arena scenarios import`"
            )
        families.setdefault(scenario.family, []).append(scenario)
    if not families:
        raise ScenarioError(
            f"{path}: no scenarios; make some with `forge-arena scenarios import PATH --author SPEC --out FILE`"
        )
    return tuple(ImportedFamily(name, tuple(of_family)) for name, of_family in families.items())


def open_sources(
    *, documents: Path | None = None, scenarios: str | None = None, load: Load = Load.full
) -> tuple[Sequence[Source], str]:
    """What an arena draws from, and the suite in the keys of its episodes.

    Args:
        documents: a file of imported documents.
        scenarios: a set of families, see `open_set`; without it and without documents the arena's own families.
        load: how much the tasks ask.

    Raises:
        ScenarioError: the documents or the set cannot be read, or do not have this load.
    """
    if documents is None:
        return open_set(scenarios, load)
    if load is not Load.full:
        raise ScenarioError(f"documents have no load {load.value!r}: what their tasks ask stands in the file")
    imported = load_documents(documents)
    return imported, suite_of(imported)


def count_scenarios(sources: Iterable[Source]) -> dict[Split, int]:
    """How many scenarios each split has that has any. A family of the arena's own counts as one."""
    counts = Counter[Split]()
    for source in sources:
        counts[source.split] += len(source.scenarios) if isinstance(source, ImportedFamily) else 1
    return {split: counts[split] for split in Split if counts[split]}


def suite_of(families: Iterable[ImportedFamily]) -> str:
    """The suite in the keys of these documents. Another set has another suite, so no key names two episodes."""
    digest = hashlib.sha256("".join(family.specimen for family in families).encode())
    return f"documents-{digest.hexdigest()[:8]}"
