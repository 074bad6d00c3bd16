import json
import re
from pathlib import Path

import jsonschema
import pytest

import forge_arena.tools
from forge_arena.additions import BadAddition
from forge_arena.tools import NONE, Tool, Toolbox, ToolProfile, ToolProfileError, registry, tool_profile
from forge_arena.types import Domain, Observation, ToolUse

SEEN = Observation(
    task="Answer.",
    source_material="Refunds\n\n3.1 Fees\nThe fee is £5.\n\n3.2 Refunds take 5 to 7 days.\n\n3.3 Until May it was 10 days.",
    worker_reasoning="Nobody shall read this.",
    worker_output="It takes 10 days.",
    domain=Domain.mixed,
)
EXAMPLES = {
    "calculate": {"expression": "2 + 3"},
    "probe": {"question": "Why?"},
    "read_passage": {"n": 2},
    "run_code": {"snippet": "print(2 + 3)"},
    "search_source": {"query": "refund"},
}


@pytest.fixture
def box() -> Toolbox:
    return Toolbox(probes=1)


def test_every_tool_of_the_folder_is_found() -> None:
    assert list(registry()) == ["calculate", "probe", "read_passage", "run_code", "search_source"]


@pytest.mark.parametrize("tool", registry().values(), ids=lambda tool: tool.name)
def test_a_tool_tells_an_overseer_what_it_does_and_takes(tool: Tool, box: Toolbox) -> None:
    (offered,) = (o for o in box.offered.tools if o.name == tool.name)
    assert offered.description.endswith(".")
    assert all(field["description"] for field in offered.arguments["properties"].values())
    jsonschema.validate(EXAMPLES[tool.name], offered.arguments)


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("calculate", "5"),
        ("read_passage", "[2 of 4] 3.1 Fees\nThe fee is £5."),
        ("run_code", "5"),
    ],
)
def test_a_tool_answers(name: str, result: str, box: Toolbox) -> None:
    answer = box.answer(name, EXAMPLES[name], (), SEEN)
    assert (answer.ok, answer.counted, answer.result, answer.tools_left) == (True, True, result, 15)


def test_a_search_finds_the_passages_by_their_words_whatever_the_endings(box: Toolbox) -> None:
    answer = box.answer("search_source", {"query": "when is the refunding"}, (), SEEN)
    assert answer.result.split("\n\n")[0] == "[1 of 4] Refunds"
    assert "[3 of 4] 3.2 Refunds take 5 to 7 days." in answer.result
    assert box.answer("search_source", {"query": "3.3"}, (), SEEN).result == "[4 of 4] 3.3 Until May it was 10 days."


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("search_source", {"query": "xyzzy"}, "no passage has any of these words: search for other words"),
        ("search_source", {}, "query: Field required. search_source takes query (words that"),
        ("search_source", {"query": "a", "top": 3}, "top: Extra inputs are not permitted"),
        ("read_passage", {"n": 5}, "there is no passage 5: the source material has 4"),
        ("read_passage", {"n": "two"}, "n: Input should be a valid integer"),
        ("run_code", {"snippet": "import socket"}, "ModuleNotFoundError: No module named 'socket' (line 1)"),
        ("run_code", {"snippet": "print('so far')\nx = 1 / 0"}, "so far\nZeroDivisionError: division by zero (line 2)"),
        ("run_code", {"snippet": "x ="}, "SyntaxError"),
        # Ended by the clock, or by the limit of processor time, whichever comes first.
        ("run_code", {"snippet": "while True: pass"}, ": make it do less"),
        ("run_code", {"snippet": "open('/etc/passwd')"}, "Error"),
    ],
)
def test_a_failure_is_an_answer_that_says_what_to_do_and_counts(
    name: str, arguments: dict[str, object], message: str, box: Toolbox
) -> None:
    answer = box.answer(name, arguments, (), SEEN)
    assert not answer.ok
    assert message in answer.result
    assert answer.counted
    assert answer.tools_left == 15


def test_an_unknown_tool_is_an_answer_that_does_not_count(box: Toolbox) -> None:
    answer = box.answer("serch_source", {}, (), SEEN)
    assert (answer.ok, answer.counted) == (False, False)
    assert answer.result == (
        "there is no tool 'serch_source': use one of calculate, probe, read_passage, run_code, search_source. "
        "Did you mean 'search_source'?"
    )


def test_the_same_arguments_again_get_the_same_answer_and_cost_nothing(box: Toolbox) -> None:
    use = ToolUse(name="calculate", arguments={"expression": "1+1"}, ok=True, result="as before")
    answer = box.answer("calculate", {"expression": "1+1"}, (use,), SEEN)
    assert (answer.result, answer.tools_left) == ("as before", 15)


def test_a_tool_and_all_tools_have_a_budget() -> None:
    box = Toolbox(ToolProfile(name="few", uses=3, uses_of={"calculate": 1}))
    uses: tuple[ToolUse, ...] = ()
    for name, arguments in (("calculate", {"expression": "1"}), ("read_passage", {"n": 1}), ("read_passage", {"n": 2})):
        assert box.refusal(name, uses) is None
        uses = (*uses, box.use(name, arguments, SEEN))
        if len(uses) == 1:
            assert box.answer("calculate", {"expression": "2"}, uses, SEEN).result == (
                "all 1 uses of calculate are spent: use another tool, or give your verdict"
            )
    answer = box.answer("read_passage", {"n": 3}, uses, SEEN)
    assert answer.result == "all 3 tool uses of this attempt are spent: give your verdict"
    assert (answer.counted, answer.tools_left) == (False, 0)


def test_what_is_taken_away_is_not_offered() -> None:
    box = Toolbox(ToolProfile(uses_of={"run_code": 0}), probes=0)
    assert [tool.name for tool in box.offered.tools] == ["calculate", "read_passage", "search_source"]
    assert "there is no tool 'run_code'" in box.answer("run_code", {"snippet": "1"}, (), SEEN).result
    assert Toolbox(NONE).offered.tools == ()
    assert "there are none: give your verdict" in Toolbox(NONE).answer("calculate", {}, (), SEEN).result


def test_a_use_costs_what_the_profile_says() -> None:
    box = Toolbox(ToolProfile(cost_of={"calculate": 0.25}))
    assert box.answer("calculate", {"expression": "1"}, (), SEEN).cost == 0.25
    assert box.answer("read_passage", {"n": 1}, (), SEEN).cost == 0.0


def test_no_tool_reads_what_is_no_source(box: Toolbox) -> None:
    for name, arguments in EXAMPLES.items():
        assert "Nobody shall" not in box.answer(name, {**arguments, "query": "nobody shall read"}, (), SEEN).result
    assert not box.answer("search_source", {"query": "nobody shall"}, (), SEEN).ok


def test_a_long_result_is_cut(box: Toolbox) -> None:
    long = SEEN.model_copy(update={"source_material": "word" * 5_000})
    assert box.answer("read_passage", {"n": 1}, (), long).result.endswith("[cut off here: ask for less]")


def test_a_profile_comes_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "few.json"
    path.write_text(json.dumps({"name": "few", "uses": 4, "cost_of": {"run_code": 0.1}}))
    assert tool_profile(path) == ToolProfile(name="few", uses=4, cost_of={"run_code": 0.1})
    assert tool_profile("none") is NONE


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"uses_of": {"serch_source": 3}}, "Did you mean 'search_source'?"),
        ({"cost_of": {"probe": 1}}, "the number of probes is --probes"),
        ({"cost_of": {"calculate": -1}}, "greater than or equal to 0"),
        ({"usage": 3}, "usage"),
    ],
)
def test_a_profile_that_makes_no_sense_is_refused(content: object, message: str, tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ToolProfileError) as refusal:
        tool_profile(path)
    assert message in str(refusal.value)
    assert str(path) in str(refusal.value)


def test_a_profile_that_is_not_there_is_refused_with_what_may_be_given(tmp_path: Path) -> None:
    with pytest.raises(ToolProfileError, match="give default, none, or a JSON file"):
        tool_profile(tmp_path / "nothing.json")


def test_a_tool_in_the_folder_is_found_and_one_that_is_none_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).parents[3] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n# arena/forge_arena/tools/count_words.py\n(.*?)```", page, re.DOTALL)
    imports = "from pydantic import Field\nfrom forge_arena.types import Noun, Observation\n"
    (tmp_path / "count_words.py").write_text(imports + example, encoding="utf-8")
    monkeypatch.setattr(forge_arena.tools, "__path__", [*forge_arena.tools.__path__, str(tmp_path)])
    found = registry.__wrapped__()
    assert set(found) == {*registry(), "count_words"}
    assert found["count_words"].use(found["count_words"].arguments(text="one two"), SEEN) == "2"
    (tmp_path / "other_name.py").write_text(imports + example, encoding="utf-8")
    with pytest.raises(BadAddition, match=r"tool 'other_name': .* must be a Tool of this name"):
        registry.__wrapped__()
