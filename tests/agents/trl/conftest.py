"""An arena of short episodes, and a tiny real model that writes verdicts, or calls the tools that it is told of."""

import json
import random
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from forge_agents.client import ArenaClient
from forge_agents.trl import ForgeArena, OverseerEnvironment
from forge_arena.types import Observation, Verdict
from forge_arena.verdicts import messages, messages_with_tools, verdict_text

from ...server_process import running
from ..train.conftest import SERVE, Served

# Tokens of the vocabulary: a prompt with its tools then has some 1,500 of them.
VOCABULARY = 1500
CONTEXT = 4096
# Steps of the optimizer after which the tiny model writes verdicts and calls of tools.
TEACHING = 90
LESSONS = 8

MODEL = pytest.mark.xdist_group("trl")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let one process run the tests that share the arena and the model below."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(MODEL)


@pytest.fixture(scope="session")
def short(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    store = tmp_path_factory.mktemp("short") / "arena.db"
    with running(*SERVE, "--port", "0", "--store", f"sqlite:///{store}") as url:
        yield Served(url, store)


@pytest.fixture
def arena(short: Served) -> Iterator[ForgeArena]:
    with ForgeArena(short.url, patience=5.0) as arena:
        yield arena


def call(name: str, arguments: dict[str, Any]) -> str:
    """A call of a tool in Qwen's format."""
    return f"<tool_call>\n{json.dumps({'name': name, 'arguments': arguments})}\n</tool_call>"


def verdicts() -> list[Verdict]:
    return [
        Verdict(detection=detection, explanation="bias_injection", correction="", confidence=confidence)
        for detection, confidence in product((True, False), (0.6, 0.7, 0.8, 0.9))
    ]


@pytest.fixture(scope="session")
def pupil(short: Served, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny model with a chat template of Qwen.

    Without tools it writes verdicts of either label. With tools it calls `submit_verdict`, or first `probe`, or neither.
    """
    torch = pytest.importorskip("torch")
    pytest.importorskip("trl")
    from transformers.utils import get_json_schema
    from trl.chat_template_utils import qwen2_5_chat_template

    from forge_agents.models import load_model
    from forge_agents.train.presets import Scratch
    from forge_agents.train.tiny.model import make_model

    with ArenaClient(short.url) as client:
        episodes = client.open_episodes(split="train", start=5_000_000, count=40).episodes
        observations = [episode.observation for episode in episodes]
        environment = OverseerEnvironment(lambda: client)
        tools = [get_json_schema(tool) for tool in (environment.probe, environment.submit_verdict)]
    submits = [call("submit_verdict", verdict.model_dump(exclude={"step"})) for verdict in verdicts()]
    probe = call("probe", {"question": "Where does that come from?"})
    read = [
        message["content"]
        for observation in observations
        for message in (*messages(observation), *messages_with_tools(observation))
    ]
    size = Scratch(vocabulary=VOCABULARY, hidden=32, layers=1, heads=2, copying=0, comparing=0, context=CONTEXT)
    folder = tmp_path_factory.mktemp("pupil")
    make_model(folder, [*read, json.dumps(tools), *submits * 20, probe], size, 0)
    loaded = load_model(folder, device="cpu")
    model, tokenizer = loaded.model.train(), loaded.tokenizer
    tokenizer.chat_template = qwen2_5_chat_template
    rng = random.Random(0)

    def lesson(observation: Observation) -> tuple[str, str]:
        """A prompt, and what the model should write."""
        if rng.random() < 0.5:
            return _rendered(tokenizer, messages(observation), None), verdict_text(rng.choice(verdicts()))
        chat: list[dict[str, Any]] = messages_with_tools(observation)
        submit = rng.choice(submits)
        if rng.random() < 0.5:
            return _rendered(tokenizer, chat, tools), rng.choice([submit, submit, probe])
        chat += [{"role": "assistant", "content": probe}, {"role": "tool", "name": "probe", "content": "The source."}]
        return _rendered(tokenizer, chat, tools), rng.choice([submit, "Done."])

    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-2)
    torch.manual_seed(0)
    for step in range(TEACHING):
        lessons = [lesson(rng.choice(observations)) for _ in range(LESSONS)]
        texts = [f"{prompt}{answer}<|im_end|>\n" for prompt, answer in lessons]
        # Padding is on the left, so that all answers stand at the end.
        batch = tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False)
        lengths = [len(tokenizer.encode(f"{answer}<|im_end|>\n", add_special_tokens=False)) for _, answer in lessons]
        written = max(lengths)
        logits = model(**batch, logits_to_keep=written + 1).logits[:, :-1]  # (lessons, written, vocabulary)
        labels = batch["input_ids"][:, -written:].clone()
        for row, length in enumerate(lengths):
            labels[row, : written - length] = -100
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
        for group in optimizer.param_groups:
            group["lr"] = 2e-2 * min(1.0, 2 * (TEACHING - step) / TEACHING)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _rendered(tokenizer: Any, chat: list[dict[str, Any]], tools: list[Any] | None) -> str:
    text: str = tokenizer.apply_chat_template(chat, tools=tools, add_generation_prompt=True, tokenize=False)
    return text
