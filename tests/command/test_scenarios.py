"""`forge-arena scenarios`: families are listed, shown and checked."""

import json
import subprocess
from pathlib import Path
from random import Random

from forge_arena.scenarios import files_of_set, load_families

from ..command_line import ENVIRONMENT, called, command

FAMILY = load_families()[0]


def test_families_are_listed() -> None:
    rows = json.loads(called("scenarios", "list", "--json", "-")[0])
    assert {row["family"] for row in rows} >= {FAMILY.name}
    assert all(row["split"] in ("train", "val", "test") and row["corruptions"] and row["summary"] for row in rows)
    assert FAMILY.name in called("scenarios", "list")[0]


def test_on_80_columns_each_name_is_whole_as_show_and_check_take_it() -> None:
    def printed(*arguments: str) -> str:
        narrow = ENVIRONMENT | {"COLUMNS": "80"}
        return subprocess.run(command(*arguments), env=narrow, capture_output=True, text=True, check=True).stdout

    names = [family.name for family in load_families()]
    listed = printed("scenarios", "list").split()
    assert set(names) <= set(listed)
    longest = max(names, key=len)
    checked = printed("scenarios", "check", longest, "--draws", "1", "--load", "full")
    assert longest in checked.split()
    assert "…" not in checked


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


def test_a_family_may_be_named_by_its_file_in_the_set_and_no_other_is_read_in_its_place(tmp_path: Path) -> None:
    file = next(file for file in files_of_set() if file.stem == FAMILY.name)
    (proof,) = json.loads(called("scenarios", "check", file, "--draws", "1", "--load", "full", "--json", "-")[0])
    assert proof["family"] == FAMILY.name
    copy = tmp_path / file.name
    assert f"{copy}: there is no such file" in called("scenarios", "check", copy, code=2)[1]
    copy.write_bytes(file.read_bytes())
    refused = called("scenarios", "check", copy, code=2)[1]
    assert f"{copy} is of another set of families: name by --folder the folder above its domain's" in refused


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
