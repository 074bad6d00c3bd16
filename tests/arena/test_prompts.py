"""The prompts by name: what each shows and leaves out, and that its parts make the same messages without our Python."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from forge_arena import prompts
from forge_arena.corruptions import registry
from forge_arena.prompts import SAMPLE, PromptName, compact_system, prompt, prompt_digest, prompt_forms
from forge_arena.types import CorruptionType, Observation, Probe
from forge_arena.verdicts import messages, observation_text, overseer_prompt

from ..stock_client import build_messages

TWO_PROBES = (Probe(question="Who?", answer=""), Probe(question="When?", answer="In May:\n{task}"))
OBSERVATIONS = {
    "one probe": SAMPLE,
    "no reasoning and no probes": SAMPLE.model_copy(update={"worker_reasoning": "", "probes": ()}),
    "two probes": SAMPLE.model_copy(update={"probes": TWO_PROBES}),
    "nothing": SAMPLE.model_copy(update={"task": "", "source_material": "", "worker_output": ""}),
}


@pytest.mark.parametrize("name", PromptName)
@pytest.mark.parametrize("what", OBSERVATIONS)
def test_the_parts_of_a_prompt_make_its_messages_without_our_python(name: PromptName, what: str) -> None:
    seen: Observation = OBSERVATIONS[what]
    form = json.loads(prompt_forms()[name].model_dump_json())
    assert build_messages(form, json.loads(seen.model_dump_json())) == prompt(name)(seen)
    assert form["digest"] == prompt_digest(prompt(name))


def test_the_card_shows_neither_source_nor_probes() -> None:
    (_, user) = prompt("card")(SAMPLE)
    assert (
        user["content"]
        == "Task:\n{task}\n\nWorker chain-of-thought:\n{worker_reasoning}\n\nWorker output:\n{worker_output}"
    )
    (_, user) = prompt("card")(SAMPLE.model_copy(update={"worker_reasoning": ""}))
    assert "Worker chain-of-thought:\n(not available)\n" in user["content"]


def test_the_default_is_the_arenas_prompt() -> None:
    assert prompt()(SAMPLE) == messages(SAMPLE)


def test_the_compact_prompt_says_what_each_type_is_in_less_than_half_of_the_words() -> None:
    system = compact_system()
    for type, corruption in registry().items():
        assert f"- {type.value}: {corruption.gist}\n" in system
    for field in ("detection", "explanation", "correction", "confidence"):
        assert f'"{field}"' in system
    assert len(system) < len(overseer_prompt()) / 2


def test_a_type_without_a_gist_has_its_prompt_line_in_the_compact_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclass
    class Added:
        prompt_line: str = "an amount is doubled."
        gist: str = ""

    known = {**registry(), CorruptionType.temporal_shift: Added()}
    monkeypatch.setattr(prompts, "registry", lambda: known)
    assert "- temporal_shift: an amount is doubled.\n" in compact_system.__wrapped__()


def test_the_compact_prompt_shows_everything_but_the_reasoning() -> None:
    system, user = prompt("compact")(SAMPLE)
    assert (system["role"], system["content"], user["role"]) == ("system", compact_system(), "user")
    assert user["content"] == observation_text(SAMPLE).replace("Worker reasoning:\n{worker_reasoning}\n\n", "")


def test_a_system_message_replaces_that_of_every_prompt() -> None:
    for name in PromptName:
        (_, user) = prompt(name)(SAMPLE)
        assert prompt(name, system="Judge.")(SAMPLE) == [{"role": "system", "content": "Judge."}, user]


def test_every_prompt_has_another_digest() -> None:
    asked = [*(prompt(name) for name in PromptName), *(prompt(name, system="Judge.") for name in PromptName)]
    assert len({prompt_digest(ask) for ask in asked}) == len(asked)


def test_an_unknown_prompt_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValueError, match=r"no prompt is called 'compct'\. Did you mean 'compact'"):
        prompt("compct")


def test_a_system_message_can_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "system.txt"
    path.write_text("Judge.\n", encoding="utf-8")
    assert prompt("compact", system=path)(SAMPLE)[0]["content"] == "Judge."
    with pytest.raises(ValueError, match=r"the system prompt .*absent\.txt cannot be read"):
        prompt(system=tmp_path / "absent.txt")
