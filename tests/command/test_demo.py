"""`forge-arena demo`: five overseers play against a real server, or in this process where no server can run."""

import json
import re
from typing import Any

import pytest

from forge_command import demo

from ..command_line import called


@pytest.fixture(scope="module")
def served() -> tuple[str, str]:
    return called("demo", "--episodes", "20", "--json", "-")


@pytest.mark.slow
def test_the_demo_plays_five_overseers(served: tuple[str, str]) -> None:
    out, err = served
    result: dict[str, Any] = json.loads(out)
    assert set(result["overseers"]) == {"always_clean", "always_corrupted", "random", "rules_without_source", "rules"}
    assert (result["episodes"], result["split"]) == (20, "val")
    for card in result["overseers"].values():
        assert card["episodes"] == 20
        assert 0 <= card["reward"]["value"] <= 1
    assert "reward" in err
    assert re.search(r"always_clean(, \w+)*: nothing was flagged, so precision and type accuracy are not defined", err)


@pytest.mark.slow
def test_without_the_packages_of_the_server_the_demo_gives_the_same_table(
    served: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "find_spec", lambda _: None)
    out, err = called("demo", "--episodes", "20", "--json", "-")
    assert json.loads(out) == json.loads(served[0])
    assert "arena: in this process, because the extra 'server' is not installed" in err
