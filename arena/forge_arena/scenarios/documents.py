"""Play imported documents: each takes the place of a family, in the split that the hash of its name gives."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from pydantic import TypeAdapter

from forge_arena.corruptions import possible
from forge_arena.errors import ScenarioError
from forge_arena.files import read_json_lines
from forge_arena.scenarios import Source, open_set
from forge_arena.types import CorruptionType, Domain, Load, Scenario, Split

SPLIT_SHARES = ((Split.train, 70), (Split.val, 15), (Split.test, 15))


@dataclass(frozen=True)
class Document:
    """An imported scenario in the place of a family: every draw is the same scenario."""

    scenario: Scenario
    split: Split

    @property
    def name(self) -> str:
        return self.scenario.family

    @property
    def domain(self) -> Domain:
        return self.scenario.domain

    @property
    def corruptions(self) -> frozenset[CorruptionType]:
        return possible(self.scenario.claims)

    @property
    def specimen(self) -> str:
        return self.scenario.model_dump_json()

    def draw(self, rng: Random, wording: int = 0) -> Scenario:
        return self.scenario


def load_documents(path: Path) -> tuple[Document, ...]:
    """The scenarios that `forge-arena scenarios import --out` wrote, each in the split that the hash of its name gives.

    Raises:
        ScenarioError: a line is no scenario, or two have one name, with file and line; no scenario at all.
    """
    wanted = "what `forge-arena scenarios import --out` writes"
    documents = []
    lines: dict[str, int] = {}
    for number, scenario in read_json_lines(path, TypeAdapter(Scenario), wanted=wanted, error=ScenarioError):
        if (first := lines.setdefault(scenario.family, number)) != number:
            raise ScenarioError(
                f"{path}:{number}: a scenario is called {scenario.family!r} already, in line {first}: names must differ; "
                "import all rows by one `forge-arena scenarios import`, which says whose names are the same"
            )
        documents.append(Document(scenario, _split_of(scenario.family)))
    if not documents:
        raise ScenarioError(
            f"{path}: no scenarios; make some with `forge-arena scenarios import ROWS.jsonl --out FILE`"
        )
    return tuple(documents)


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


def suite_of(documents: Sequence[Document]) -> str:
    """The suite in the keys of these documents. Another set of documents has another suite, so no key names two episodes."""
    digest = hashlib.sha256("".join(d.scenario.model_dump_json() for d in documents).encode())
    return f"documents-{digest.hexdigest()[:8]}"


def _split_of(name: str) -> Split:
    at = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") % 100
    for split, share in SPLIT_SHARES:
        if at < share:
            return split
        at -= share
    return Split.test
