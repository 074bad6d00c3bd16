"""An arena of short episodes, and a tiny real model that writes verdicts, right or wrong, and can learn from them."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from forge_agents.client import ArenaClient
from forge_arena.types import Verdict
from forge_arena.verdicts import messages, observation_text, verdict_text

from ...server_process import FORGE_ARENA, running

SERVE = ("-c", FORGE_ARENA, "serve", "--scenarios", "short", "--log-level", "error")
# A run of four steps of two episodes with four attempts each, which takes seconds.
SMALL: dict[str, Any] = {
    "about": "for tests",
    "steps": 4,
    "batch": 8,
    "generations": 4,
    "learning_rate": 1e-3,
    "warmup_steps": 0,
    "temperature": 1.0,
    "max_completion": 24,
    "save_every": 2,
    "keep_checkpoints": 9,
    "patience": 5.0,
    "trackers": [],
    "held_out": {"episodes": 8, "batch": 8},
}

# So many tokens that a prompt has a few hundred of them; with 600 it would be read almost letter by letter.
VOCABULARY = 1200
# Steps of the optimizer after which the tiny model writes verdicts.
TEACHING = 60


# Of the tests that share the arena and the model below: one process runs them all, so that both are made once.
MODEL = pytest.mark.xdist_group("model")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(MODEL)


@dataclass(frozen=True, slots=True)
class Served:
    """An arena, and the file in which it keeps what it was asked and what it answered."""

    url: str
    store: Path

    def attempts(self, split: str = "train", below: int = 1_000_000) -> dict[int, list[str]]:
        """The ids of the episodes of each index below `below`, once for every verdict that was given on them."""
        asked = (
            "select key, id from episodes join verdicts on id = episode_id where split = ? order by verdicts.created"
        )
        with closing(sqlite3.connect(f"file:{self.store}?mode=ro", uri=True)) as store:
            found = store.execute(asked, (split,)).fetchall()
        made: dict[int, list[str]] = {}
        for key, episode in found:
            index = int(key.split(":")[3])
            if index < below:
                made.setdefault(index, []).append(episode)
        return made


@pytest.fixture(scope="session")
def short(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    store = tmp_path_factory.mktemp("short") / "arena.db"
    with running(*SERVE, "--port", "0", "--store", f"sqlite:///{store}") as url:
        yield Served(url, store)


@pytest.fixture
def short_client(short: Served) -> Iterator[ArenaClient]:
    with ArenaClient(short.url, patience=5.0) as client:
        yield client


@pytest.fixture(scope="session")
def shown(short: Served) -> list[Any]:
    """Demonstrations of the short families, some of which check before the verdict."""
    from forge_agents.train.demonstrations import demonstrations

    with ArenaClient(short.url) as client:
        return list(demonstrations(client, suite="short:5", start=10_000_000, count=120, checking=0.4))


@pytest.fixture(scope="session")
def untaught(shown: list[Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny model that knows nothing."""
    pytest.importorskip("torch")
    from forge_agents.train.presets import Scratch
    from forge_agents.train.tiny.model import make_model

    folder = tmp_path_factory.mktemp("untaught")
    texts = [f"{observation_text(d.observation)}\n{d.completion}" for d in shown]
    # So that each of the words that a verdict turns on becomes one token.
    texts += ["true", "false"] * 200
    make_model(folder, texts, Scratch(vocabulary=VOCABULARY, hidden=32, layers=1, heads=2, copying=0, comparing=0), 0)
    return folder


@pytest.fixture(scope="session")
def taught(untaught: Path, shown: list[Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny model that writes short verdicts of either label and any confidence, whatever it reads."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("trl")
    from forge_agents.models import load_model

    loaded = load_model(untaught, device="cpu")
    model, tokenizer = loaded.model.train(), loaded.tokenizer
    verdicts = [
        verdict_text(Verdict(detection=detection, explanation="bias", correction="", confidence=confidence))
        for detection, confidence in product((True, False), (0.6, 0.7, 0.8, 0.9))
    ]
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-2)
    torch.manual_seed(0)
    # A loop of its own: the trainers of TRL, which other tests are about, take a minute for this.
    for step in range(TEACHING):
        some = [shown[(step * len(verdicts) + number) % len(shown)] for number in range(len(verdicts))]
        chats = [
            [*messages(demonstration.observation), {"role": "assistant", "content": verdict}]
            for demonstration, verdict in zip(some, verdicts, strict=True)
        ]
        # Padding is on the left, so that all of the verdicts stand at the end.
        batch = tokenizer(
            tokenizer.apply_chat_template(chats, tokenize=False),
            return_tensors="pt",
            padding=True,
            add_special_tokens=False,
        )
        written = min(len(tokenizer.encode(verdict, add_special_tokens=False)) for verdict in verdicts) + 1
        logits = model(**batch, logits_to_keep=written + 1).logits[:, :-1]  # (verdicts, written, vocabulary)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch["input_ids"][:, -written:].flatten())
        for group in optimizer.param_groups:
            group["lr"] = 2e-2 * min(1.0, 2 * (TEACHING - step) / TEACHING)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    folder = tmp_path_factory.mktemp("taught")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def preset_file(taught: Path, tmp_path: Path) -> Callable[..., Path]:
    """Writes a preset for the taught model: the small run with some of its settings replaced."""

    return lambda **changes: write_preset(tmp_path / "small.yaml", taught, **changes)


def write_preset(path: Path, taught: Path, /, **changes: Any) -> Path:
    path.write_text(yaml.safe_dump({"model": str(taught), **SMALL, **changes}), encoding="utf-8")
    return path


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
