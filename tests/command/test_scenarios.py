"""`forge-arena scenarios`: families are listed, shown and checked, and documents are imported."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from random import Random

from forge_arena.scenarios import load_families
from forge_arena.types import CorruptionType

from ..command_line import called
from .conftest import ROW

FAMILY = load_families()[0]
WriteRows = Callable[..., Path]


def test_families_are_listed() -> None:
    rows = json.loads(called("scenarios", "list", "--json", "-")[0])
    assert {row["family"] for row in rows} >= {FAMILY.name}
    assert all(row["split"] in ("train", "val", "test") and row["corruptions"] and row["summary"] for row in rows)
    assert FAMILY.name in called("scenarios", "list")[0]


def test_a_scenario_is_shown_with_its_claims() -> None:
    out, _ = called("scenarios", "show", FAMILY.name, "--index", "3")
    assert "source material" in out
    for claim in FAMILY.draw(Random(3)).claims:
        assert claim.id in out


def test_a_family_that_is_not_there_is_refused_with_those_that_are() -> None:
    _, err = called("scenarios", "show", "no_such_family", code=2)
    assert f"error: no family 'no_such_family'. There are {FAMILY.name}" in err


def test_a_family_is_checked() -> None:
    proofs = json.loads(called("scenarios", "check", FAMILY.name, "--draws", "2", "--json", "-")[0])
    assert [proof["load"] for proof in proofs] == ["light", "normal", "full"]
    assert all((proof["family"], proof["problems"]) == (FAMILY.name, {}) for proof in proofs)
    (proof,) = json.loads(
        called("scenarios", "check", FAMILY.name, "--draws", "1", "--load", "light", "--json", "-")[0]
    )
    assert (proof["load"], proof["rules"]) == ("light", 1)


def test_a_scenario_is_shown_under_a_load() -> None:
    light, full = (called("scenarios", "show", FAMILY.name, "--load", load)[0] for load in ("light", "full"))
    assert len(light.split()) < 0.9 * len(full.split())
    assert (
        "--load 'lihgt' is not known. Did you mean 'light'?"
        in called("scenarios", "show", FAMILY.name, "--load", "lihgt", code=2)[1]
    )


def test_a_broken_folder_of_families_is_refused(tmp_path: Path) -> None:
    _, err = called("scenarios", "check", "--folder", tmp_path, code=2)
    assert "error: no scenario files" in err


def test_documents_are_imported(write_rows: WriteRows, tmp_path: Path) -> None:
    path = write_rows("leases.jsonl", ROW, {**ROW, "source_material": "Too short."})
    out, err = called("scenarios", "import", path, "--out", tmp_path / "leases", "--json", "-")
    (summary,) = json.loads(out)
    assert (summary["file"], summary["rows"], summary["usable"]) == ("leases.jsonl", 2, 1)
    assert set(summary["corruptions"]) == set(CorruptionType)
    assert summary["corruptions"]["temporal_shift"] == 1
    assert "1 unusable: the source has fewer than 25 words" in err
    assert len((tmp_path / "leases").read_text(encoding="utf-8").splitlines()) == 1


def test_a_bad_row_is_refused_with_file_and_line(write_rows: WriteRows) -> None:
    _, err = called("scenarios", "import", write_rows("leases.jsonl", ROW, {"task": "x"}), code=2)
    assert re.search(r"error: .*leases\.jsonl:2: source_material: Field required", err)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    _, err = called("scenarios", "import", tmp_path / "none.jsonl", code=2)
    assert f"error: {tmp_path}/none.jsonl: there is no such file" in err
