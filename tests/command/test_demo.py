"""`forge-arena demo`: five overseers play against a real server."""

import json

import pytest

from ..command_line import called


@pytest.mark.slow
def test_the_demo_plays_five_overseers() -> None:
    out, err = called("demo", "--episodes", "20", "--json", "-")
    result = json.loads(out)
    assert set(result["overseers"]) == {"always_clean", "always_corrupted", "random", "rules_without_source", "rules"}
    assert (result["episodes"], result["split"]) == (20, "val")
    for card in result["overseers"].values():
        assert card["episodes"] == 20
        assert 0 <= card["reward"]["value"] <= 1
    assert "reward" in err
