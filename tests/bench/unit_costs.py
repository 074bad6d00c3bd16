"""Print what one episode, one verdict and one recorded answer cost, as JSON: the factors of docs/scale.md.

    PYTHONPATH=tests python tests/bench/unit_costs.py [EPISODES]    (or: make unit-costs; some two minutes for 2,000)

Tokens are those of o200k_base where `bpe-openai` is installed, which carries its vocabulary; without it they are null,
and a quarter of the characters is near enough. CPU is of this machine; bytes and rows are the same everywhere.
"""

import asyncio
import json
import sqlite3
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from statistics import mean
from typing import Any

import httpx
from measure import serving

from forge_arena.collector import spare_the_collector
from forge_arena.episodes import Arena
from forge_arena.types import Episode, Split, Verdict
from forge_arena.verdicts import messages, verdict_text
from forge_arena.workers import ScriptedWorker
from forge_arena.workers.bank import Bank, BankWorker
from forge_arena.workers.prompts import answer_messages

EPISODES = 2_000
GROUP = 16
BATCH = 64


def counter_of_tokens() -> Callable[[str], int] | None:
    try:
        import bpe_openai
    except ModuleNotFoundError:
        return None
    encode = bpe_openai.get_encoding("o200k_base").encode
    return lambda text: len(encode(text))


def sizes(texts: dict[str, list[str]]) -> dict[str, Any]:
    """Mean characters and tokens of each kind of text."""
    count = counter_of_tokens()
    return {
        kind: {
            "characters": round(mean(map(len, written))),
            "tokens": round(mean(map(count, written))) if count else None,
        }
        for kind, written in texts.items()
    }


def prompt(chat: Iterable[Any]) -> str:
    return "\n".join(message["content"] for message in chat)


def right_verdict(episode: Episode) -> Verdict:
    """What an overseer writes that knows: the type and the words, and the answer put right."""
    truth = episode.truth
    if not truth.corrupted:
        return Verdict(detection=False, explanation="", correction="", confidence=0.9)
    words = " … ".join(episode.observation.worker_output[span.start : span.end] for span in truth.output_spans)
    said = f'{truth.corruption_type}: the answer says "{words}", which the source does not bear out.'
    return Verdict(detection=True, explanation=said, correction=truth.clean_output, confidence=0.9)


async def made(episodes: int, folder: Path) -> dict[str, Any]:
    """Make episodes with a scripted Worker whose answers are recorded: CPU, texts, and what a bank of them weighs."""
    arena = Arena(ScriptedWorker())
    texts: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    began = time.process_time()
    played = [await arena.make(arena.key(Split.train, index)) for index in range(episodes)]
    seconds = time.process_time() - began
    for episode in played:
        seen = episode.observation
        for domain in (seen.domain.value, "all"):
            of = texts[domain]
            of["Worker's prompt"].append(prompt(answer_messages(episode.scenario)))
            of["Worker's reasoning"].append(seen.worker_reasoning)
            of["Worker's answer"].append(seen.worker_output)
            of["overseer's prompt"].append(prompt(messages(seen)))
            of["right verdict"].append(verdict_text(right_verdict(episode)))
    with Bank(folder / "one.bank") as bank, Bank(folder / "other.bank") as other:
        recording = Arena(BankWorker(bank, ScriptedWorker()))
        for index in range(episodes):
            await recording.make(recording.key(Split.train, index))
        began = time.process_time()
        other.merge(bank)
        merging = time.process_time() - began
        answers, size = len(bank), bank.path.stat().st_size
    return {
        "CPU ms to make an episode": round(1000 * seconds / episodes, 2),
        "answers asked of the Worker an episode": round(answers / episodes, 3),
        "bytes of bank an answer": round(size / answers),
        "CPU ms to merge an answer": round(1000 * merging / answers, 4),
        "texts": {domain: sizes(of) for domain, of in sorted(texts.items())},
    }


def attempts(episode: dict[str, Any], count: int) -> Iterator[dict[str, Any]]:
    """Verdicts that quote, name a type and repair by a sentence that the grader has not read before."""
    output = episode["observation"]["worker_output"]
    for number in range(count):
        verdict = {
            "detection": number % 2 == 0,
            "confidence": 0.5 + number / (4 * count),
            "explanation": f'temporal_shift: the answer says "{output[:80]}", the source has another figure ({number}).',
            "correction": f"{output} This was read again, {number} times." if number % 2 == 0 else "",
        }
        yield {"episode_id": episode["episode_id"], "attempt": number, "verdict": verdict}


def served(episodes: int, group: int, folder: Path) -> dict[str, Any]:
    """Play episodes against a real server on SQLite over HTTP; its CPU for each half, and what its store holds then."""
    store = folder / f"arena-{group}.db"
    opened: list[dict[str, Any]] = []
    judged: list[int] = []
    outcomes: Counter[str] = Counter()
    opening = judging = 0.0
    with serving(store, stock=1) as server, httpx.Client(base_url=server.url, timeout=120) as http:
        # As a trainer does: a batch is judged before the next is opened.
        while len(opened) < episodes:
            at = [server.cpu_seconds()]
            asked = {"count": min(BATCH // group or 1, episodes - len(opened)), "attempts": group}
            batch = http.post("/v1/episodes", json=asked).raise_for_status().json()["episodes"]
            at.append(server.cpu_seconds())
            body = json.dumps({"verdicts": [attempt for episode in batch for attempt in attempts(episode, group)]})
            results = http.post("/v1/verdicts", content=body).raise_for_status().json()["results"]
            at.append(server.cpu_seconds())
            opening, judging = opening + at[1] - at[0], judging + at[2] - at[1]
            opened += batch
            judged.append(len(body))
            outcomes.update(result["outcome"] for result in results)
        memory = server.rss_bytes()
    verdicts = outcomes.total()
    with sqlite3.connect(store) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return {
        "episodes": len(opened),
        "outcomes": dict(outcomes),
        "CPU ms to open an episode, made on the way": round(1000 * opening / len(opened), 2),
        "CPU ms a verdict": round(1000 * judging / verdicts, 3),
        "verdicts a CPU second": round(verdicts / judging),
        "rows an episode": round(sum(rows.values()) / len(opened), 2),
        "bytes of store an episode": round(store.stat().st_size / len(opened)),
        "bytes of request a verdict": round(sum(judged) / verdicts),
        "MB of memory": memory >> 20,
    }


def empty_loop() -> float:
    """How slow this machine is at the moment."""
    began = time.process_time()
    for _ in range(300_000):
        pass
    return 1000 * (time.process_time() - began)


def main() -> None:
    episodes = int(sys.argv[1]) if len(sys.argv) > 1 else EPISODES
    spare_the_collector()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        costs = {
            "CPU ms of 300,000 turns of an empty loop": round(empty_loop(), 1),
            "arena": asyncio.run(made(episodes, folder)),
            "server, one attempt an episode": served(episodes, 1, folder),
            f"server, {GROUP} attempts an episode": served(max(episodes // 4, 1), GROUP, folder),
        }
    print(json.dumps(costs, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
