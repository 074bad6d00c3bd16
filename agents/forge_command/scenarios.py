"""`forge-arena scenarios`: list, show and check families, and import documents."""

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from random import Random
from statistics import median
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Column, Table

from forge_arena.scenarios import Family, files_of_set, open_set
from forge_arena.suggest import did_you_mean
from forge_arena.types import CorruptionType, Load
from forge_command import importing
from forge_command.console import deliver, fail, load_named, printer
from forge_command.options import JsonFile
from forge_command.progress import progress

if TYPE_CHECKING:
    from forge_arena.scenarios.proof import Proof

app = typer.Typer(
    help="List, show and check the families of tasks that a Worker answers, or import documents of your own.",
    no_args_is_help=True,
)

Folder = Annotated[
    str | None,
    typer.Option(help="A set shipped with the arena (short), or a folder like scenarios/; default: the arena's own."),
]


def _find_families(names: list[str], folder: str | None, load: Load) -> list[Family]:
    known = {family.name: family for family in open_set(folder, load)[0]}
    wanted = [_family_name(name, folder) for name in names]
    for name in wanted:
        if name not in known:
            raise fail(f"no family {name!r}.{did_you_mean(name, known)} There are {', '.join(known)}")
    return [known[name] for name in wanted] if wanted else list(known.values())


def _family_name(given: str, folder: str | None) -> str:
    """The name of a family, which is given by its name or by its file in the set."""
    path = Path(given)
    if path.suffix == ".yaml":
        if not path.is_file():
            raise fail(f"{given}: there is no such file")
        # Otherwise a family of the same name would be read in the place of this file.
        if path.resolve() not in files_of_set(folder):
            raise fail(f"{given} is of another set of families: name by --folder the folder above its domain's")
    return path.stem


def _family_column(names: Iterable[str]) -> Column:
    """A column with room for each name as a whole, because `show` and `check` take the name."""
    return Column("family", no_wrap=True, min_width=max(map(len, names), default=0))


def _corrupted(proof: "Proof") -> str:
    """How many injections found a place, of all, and below it each type of which some found none."""
    tried = 4 * proof.answers
    found = {type: proof.corrupted.get(type, 0) for type in CorruptionType}
    missing = [f"{type.value.replace('_', ' ')} {count}/{tried}" for type, count in found.items() if count < tried]
    return "\n".join([f"{sum(found.values())}/{tried * len(found)}", *missing])


def _loads(folder: str | None) -> list[Load]:
    """The loads that a set can be drawn under: all, or only `full` if its files do not say how to leave out a rule."""
    return [load for load in Load if all(family.has(load) for family in open_set(folder)[0])]


@app.command("list", epilog="Example: forge-arena scenarios list --folder short")
def list_families(folder: Folder = None, json: JsonFile = None) -> None:
    """Name every family, its split, and the corruptions that it makes possible."""
    rows = [
        {
            "family": family.name,
            "domain": family.spec.domain.value,
            "split": family.spec.split.value,
            "corruptions": [type.value for type in sorted(family.corruptions)],
            "summary": family.spec.summary,
        }
        for family in open_set(folder)[0]
    ]
    table = Table(_family_column(family.name for family in open_set(folder)[0]), "domain", "split", "types", "summary")
    for row in rows:
        types = f"{len(row['corruptions'])}/{len(CorruptionType)}"
        table.add_row(row["family"], row["domain"], row["split"], types, row["summary"])  # type: ignore[arg-type]
    deliver(rows, json, lambda out: out.print(table))


@app.command(epilog="Example: forge-arena scenarios show duplicate_charge --index 3")
def show(
    family: Annotated[str, typer.Argument(help="A family, as `scenarios list` names it, or its file.")],
    index: Annotated[int, typer.Option(min=0, help="Which draw of the family: another index is another scenario.")] = 0,
    folder: Folder = None,
    load: Annotated[str, typer.Option(metavar="LOAD", help="How much the task asks: light, normal or full.")] = "full",
) -> None:
    """Print one scenario of a family: the task, the source, and what a right answer says."""
    scenario = _find_families([family], folder, load_named(load))[0].draw(Random(index))
    out = printer()
    out.rule("task")
    out.print(scenario.task, highlight=False, markup=False)
    out.rule("source material")
    out.print(scenario.source_material, highlight=False, markup=False)
    table = Table("claim", "kind", "required", "right", "wrong, by stealth", title="claims")
    for claim in scenario.claims:
        wrong = "; ".join(f"{a.stealth}: {a.forms[0] if a.forms else a.name}" for a in claim.wrong)
        right = claim.right.forms[0] if claim.right.forms else claim.right.name
        table.add_row(claim.id, claim.kind.value, "yes" if claim.required else "", right, wrong)
    out.print(table)


@app.command(epilog="Example: forge-arena scenarios check scenarios/customer_support/duplicate_charge.yaml --draws 50")
def check(
    families: Annotated[list[str] | None, typer.Argument(help="Families or their files; default: all.")] = None,
    draws: Annotated[int, typer.Option(min=1, help="Scenarios to draw from each family.")] = 20,
    folder: Folder = None,
    load: Annotated[
        str | None,
        typer.Option(metavar="LOAD", help="Only the load light, normal or full; default: every load of the families."),
    ] = None,
    json: JsonFile = None,
) -> None:
    """Prove families under each load. Exit code 1 if a proof finds a problem.

    Every statement must make its claims, and every corruption must break its target. Under a lighter load a rule that
    is not asked must not stand in the source, and what is left of the source must read as a whole.
    """
    from forge_arena.scenarios.proof import prove

    named = [
        family
        for wanted in ([load_named(load)] if load else _loads(folder))
        for family in _find_families(families or [], folder, wanted)
    ]
    with progress() as bar:
        proofs = [prove(family, draws) for family in bar.track(named, description="checking")]
    names = [proof.family for proof in proofs]
    table = Table(_family_column(names), "load", "answers", "rejected", "corrupted", "problems", box=SIMPLE_HEAD)
    for proof in proofs:
        counts = (str(proof.answers), str(proof.rejected))
        table.add_row(proof.family, proof.load.value, *counts, _corrupted(proof), str(len(proof.problems)))

    sizes = Table("load", "words of source", "facts asked", "rules", title="a task, in the middle of the families")
    for of_load, group in groupby(proofs, key=lambda proof: proof.load):
        asked = [(proof.words, proof.facts, proof.rules) for proof in group]
        sizes.add_row(of_load.value, *[f"{median(column):g}" for column in zip(*asked, strict=True)])

    def show(out: Console) -> None:
        out.print(table)
        out.print(sizes)
        for proof in proofs:
            for problem, times in proof.problems.items():
                out.print(f"{proof.family}, {proof.load.value}: {times}x {problem}", highlight=False, markup=False)

    deliver([proof.model_dump() for proof in proofs], json, show)
    if any(proof.problems for proof in proofs):
        raise typer.Exit(1)


app.command("import", epilog=importing.EPILOG)(importing.import_documents)
