"""What an evaluation costs beside the making of its episodes: CPU by part here and at another revision, and memory.

    python tests/bench/evaluation_costs.py REVISION [ROUNDS]
    python tests/bench/evaluation_costs.py --memory EPISODES [TREE]

The first form evaluates the overseer `rules` on episodes that were made before, under keys that no overseer has met.
Two processes, one for each revision, take turns as in `side_by_side.py`, 100 episodes a round.

The second form prints the most memory of a process that evaluates a cheap overseer with long completions. The same 16
episodes come under all keys, because only what an evaluation keeps is of interest. TREE is a folder with another
revision (`git archive`); by default it is this one.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from side_by_side import ROOT, Parts, compare, given_rounds

EPISODES = 100
FEW = 16


class LongThinker:
    """Says the same of all answers, at the length of a model that thinks: 8,000 characters, and 8,000 apart from them."""

    name = "long_thinker"

    def review(self, observations: Sequence[Any]) -> list[Any]:
        from forge_agents.overseers import Completion

        verdict = '{"detection": true, "explanation": "", "correction": "", "confidence": 0.6}'
        return [
            Completion(f"{n:06d} and so on. " * 500 + verdict, thoughts=f"{n:06d} as I said. " * 500)
            for n, _ in enumerate(observations)
        ]


def watched_parts() -> Parts:
    from forge_agents import evaluation
    from forge_agents.batch import Reviewer
    from forge_agents.local import LocalArena
    from forge_agents.records import Records

    parts = Parts()
    parts.watch(Reviewer, "review", "the overseer reads")
    parts.watch(LocalArena, "submit", "verdicts are graded")
    parts.watch(Records, "add", "records are written")
    # Older revisions have the second name.
    scores = next(name for name in ("score_rows", "_result") if hasattr(evaluation, name))
    parts.watch(evaluation, scores, "scores and intervals")
    return parts


def measure() -> None:
    """The child: evaluate as each line of input says, and answer with a line of JSON."""
    import forge_agents.evaluation
    from forge_agents.local import LocalArena
    from forge_arena.keys import Key
    from forge_arena.types import Split

    parts = watched_parts()
    with LocalArena() as arena, tempfile.TemporaryDirectory() as folder:
        suite = arena.stats().suite_and_version
        for line in sys.stdin:
            first, count = json.loads(line)
            arena.open_episodes(keys=[str(Key.of(suite, Split.train, n)) for n in range(first, first + count)])
            parts.seconds.clear()
            parts.begin("the rest")
            forge_agents.evaluation.evaluate(
                "rules", arena=arena, split="train", start=first, episodes=count, records=Path(folder, f"{first}.jsonl")
            )
            parts.end()
            # The scores of a hundred episodes cost as much an episode as those of thousands cost together.
            whole = "evaluate an episode, without its scores"
            costs = {f"{whole}: {part}": 1000 * seconds / count for part, seconds in parts.seconds.items()}
            scores = costs.pop(f"{whole}: scores and intervals")
            named = {f"scores and intervals of {count} episodes": scores * count}
            print(json.dumps({whole: sum(costs.values()), **costs, **named}), flush=True)


def evaluate_few(episodes: int) -> None:
    """The child of the second form: evaluate, and print the most memory in MB and the CPU seconds."""
    from forge_agents.evaluation import evaluate
    from forge_agents.local import LocalArena
    from forge_arena.keys import Key
    from forge_arena.types import Split

    class FewEpisodes(LocalArena):
        def _make(self, key: str) -> Any:
            shown = Key.parse(key)
            made = super()._make(str(Key.of(self.stats().suite_and_version, Split.train, shown.index % FEW)))
            return made.model_copy(update={"key": key})

    with FewEpisodes() as arena, tempfile.TemporaryDirectory() as folder:
        result = evaluate(
            LongThinker(), arena=arena, split="train", episodes=episodes, records=Path(folder, "records.jsonl")
        )
        Path(folder, "result.json").write_text(result.to_json())
        print(
            json.dumps(
                {
                    "episodes": episodes,
                    "most memory MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
                    "CPU seconds": time.process_time(),
                    "records MB": Path(folder, "records.jsonl").stat().st_size / 1e6,
                }
            )
        )


def memory(episodes: int, tree: Path) -> None:
    paths = os.pathsep.join([*(str(tree / folder) for folder in ("arena", "server", "agents")), str(ROOT / "tests")])
    subprocess.run(
        [sys.executable, __file__, "--evaluate-few", str(episodes)],
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        check=True,
    )


def main() -> None:
    match sys.argv[1:]:
        case ["--measure"]:
            measure()
        case ["--evaluate-few", episodes]:
            evaluate_few(int(episodes))
        case ["--memory", episodes, *tree]:
            memory(int(episodes), Path(*tree).resolve() if tree else ROOT)
        case [revision, *_]:
            compare(revision, given_rounds(sys.argv[1:]), script=__file__, episodes=EPISODES)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
