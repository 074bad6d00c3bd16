"""Compare what making and scoring cost here and at another revision: ratios of CPU time, from interleaved rounds.

    python tests/bench/side_by_side.py REVISION [ROUNDS]    (or: make side-by-side REVISION=v0.1.0)

Two processes, one for each revision, take turns: both make the same episodes, under keys that neither has met before,
and score the same verdicts. A busy machine slows both alike, so that only the ratios mean something there. Each ratio has
a 95% interval over the rounds (of Student's t, on logarithms). "Of it" are parts of the line above, without what they
call of one another.
"""

import asyncio
import inspect
import io
import json
import math
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

ROUNDS = 10
EPISODES = 24
# Of the same length as in `test_reward_bench`.
LENGTH = 2_000
ATTEMPTS = 8
ROOT = Path(__file__).parents[2]
FIRST = 500_000


class Parts:
    """The CPU time of each part, without the parts that it calls."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._open: list[str] = []
        self._since = 0.0

    def _turn(self) -> None:
        now = time.thread_time()
        if self._open:
            self.seconds[self._open[-1]] += now - self._since
        self._since = now

    def begin(self, part: str) -> None:
        self._turn()
        self._open.append(part)

    def end(self) -> None:
        self._turn()
        self._open.pop()

    def watch(self, owner: Any, name: str, part: str) -> None:
        """Count the time of a function for a part from now on."""
        function = getattr(owner, name)

        def watched(*args: Any, **kwargs: Any) -> Any:
            self.begin(part)
            try:
                return function(*args, **kwargs)
            finally:
                self.end()

        async def watched_coroutine(*args: Any, **kwargs: Any) -> Any:
            self.begin(part)
            try:
                return await function(*args, **kwargs)
            finally:
                self.end()

        def watched_generator(*args: Any, **kwargs: Any) -> Iterator[Any]:
            values = function(*args, **kwargs)
            while True:
                self.begin(part)
                try:
                    value = next(values)
                except StopIteration:
                    return
                finally:
                    self.end()
                yield value

        if asyncio.iscoroutinefunction(function):
            setattr(owner, name, watched_coroutine)
        else:
            setattr(owner, name, watched_generator if inspect.isgeneratorfunction(function) else watched)


def measure() -> None:
    """The child: make and score as each line of input says, and answer with a line of JSON."""
    spare_the_collector()
    parts = watched_parts()
    for line in sys.stdin:
        first, count = json.loads(line)
        print(json.dumps(costs_of_round(parts, first, count)), flush=True)


def spare_the_collector() -> None:
    """As the server does it, whatever module has it at this revision."""
    for module in ("forge_arena.collector", "forge_server.running", "forge_server.process"):
        with suppress(ImportError, AttributeError):
            import_module(module).spare_the_collector()
            return
    sys.exit("this revision has no spare_the_collector")


def watched_parts() -> Parts:
    from forge_arena import episodes, placebos, rewards
    from forge_arena.corruptions import thoughts
    from forge_arena.scenarios.family import Family
    from forge_arena.verify import Verifier
    from forge_arena.workers import ScriptedWorker

    parts = Parts()
    for name in ("draw", "draw_to_reword"):
        if hasattr(Family, name):
            parts.watch(Family, name, "draw the scenario")
    parts.watch(ScriptedWorker, "answer", "write the answer")
    parts.watch(Verifier, "__init__", "verify")
    parts.watch(Verifier, "verify", "verify")
    if hasattr(Verifier, "breaks"):
        parts.watch(Verifier, "breaks", "verify")
    # Older revisions ask for one injection, newer ones for one after the other, the newest before its reasoning is written.
    names = ("corrupted_answers", "injections", "inject")
    parts.watch(episodes, next(name for name in names if hasattr(episodes, name)), "corrupt")
    parts.watch(episodes, "edit_harmlessly", "edit harmlessly")
    parts.watch(thoughts, "apply_trade", "write the reasoning")
    parts.watch(placebos, "apply_trade", "write the reasoning")
    parts.watch(rewards, "explanation", "explanation")
    parts.watch(rewards, "correction", "correction, without what it verifies")
    parts.watch(rewards, "locality", "locality")
    return parts


def costs_of_round(parts: Parts, first: int, count: int) -> dict[str, float]:
    """Milliseconds of CPU by part: `count` episodes from an index on are made, and verdicts on them are scored."""
    from test_reward_bench import lengthened, said

    from forge_arena import rewards
    from forge_arena.episodes import Arena, Made
    from forge_arena.errors import Unfit
    from forge_arena.types import Domain, Split
    from forge_arena.verify import Verifier
    from forge_arena.workers import ScriptedWorker

    arena = Arena(ScriptedWorker())
    made: list[Made] = []

    async def make() -> None:
        for index in range(first, first + count):
            with suppress(Unfit):
                made.append(await arena.make_with_verifier(arena.key(Split.train, index)))

    costs = taken(parts, "make an episode", count, lambda: asyncio.run(make()))
    # Code that is run would cost more than all the rest.
    corrupted = [m for m in made if m.episode.truth.corrupted and m.episode.scenario.domain is not Domain.code_review]
    fresh = [(m.episode, said(m.episode, 0), m.verifier) for m in corrupted]
    costs |= taken(
        parts, "score a verdict, the first on its episode", len(fresh), lambda: [rewards.score(*v) for v in fresh]
    )
    long = [(episode, Verifier(episode.scenario)) for episode in (lengthened(e, LENGTH) for e, _, _ in fresh)]
    for episode, verifier in long:
        rewards.score(episode, said(episode, 0), verifier)
    further = [(e, said(e, number), verifier) for e, verifier in long for number in range(1, 1 + ATTEMPTS)]
    name = f"score a verdict, another on {LENGTH:,} characters"
    return costs | taken(parts, name, len(further), lambda: [rewards.score(*v) for v in further])


def taken(parts: Parts, whole: str, count: int, work: Callable[[], object]) -> dict[str, float]:
    """Milliseconds of CPU of a work that is done `count` times, and of its parts."""
    parts.seconds.clear()
    parts.begin("the rest")
    work()
    parts.end()
    costs = {f"{whole}: {part}": 1000 * seconds / count for part, seconds in parts.seconds.items()}
    return {whole: 1000 * sum(parts.seconds.values()) / count, **costs}


def start(tree: Path, script: str) -> "subprocess.Popen[str]":
    paths = os.pathsep.join(str(tree / folder) for folder in ("arena", "server", "agents"))
    path = os.pathsep.join((paths, str(ROOT / "tests")))
    return subprocess.Popen(
        [sys.executable, script, "--measure"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
    )


def ask(child: "subprocess.Popen[str]", first: int, count: int) -> dict[str, float]:
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(json.dumps([first, count]) + "\n")
    child.stdin.flush()
    costs: dict[str, float] = json.loads(child.stdout.readline())
    return costs


def interval(before: list[float], after: list[float]) -> tuple[float, float, float]:
    """The ratio of the costs after and before over the rounds, and its 95% interval."""
    from scipy.stats import t

    logs = [math.log(b / a) for a, b in zip(before, after, strict=True)]
    middle = fmean(logs)
    margin = float(t.ppf(0.975, len(logs) - 1)) * stdev(logs) / math.sqrt(len(logs))
    return math.exp(middle), math.exp(middle - margin), math.exp(middle + margin)


def compare(revision: str, rounds: int, *, script: str = __file__, episodes: int = EPISODES) -> None:
    """Play the rounds and print the table.

    Args:
        revision: what git names.
        rounds: how many count, at least 2; one more comes first and fills the caches.
        script: the program of the children. With `--measure` it answers each line of input, which has the first index
            and the number of the episodes, with a line of JSON: milliseconds of CPU by part.
        episodes: in each round.
    """
    packed = subprocess.run(
        ["git", "archive", revision, "arena", "server", "agents", "scenarios"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
            archive.extractall(folder, filter="data")
        children = {"before": start(Path(folder), script), "after": start(ROOT, script)}
        costs: dict[str, defaultdict[str, list[float]]] = {name: defaultdict(list) for name in children}
        try:
            for number in range(rounds + 1):
                order = list(children) if number % 2 else list(children)[::-1]
                for name in order:
                    for part, cost in ask(children[name], FIRST + number * episodes, episodes).items():
                        # The first round fills the caches that every process fills once.
                        if number:
                            costs[name][part].append(cost)
                print(f"round {number} of {rounds}", file=sys.stderr, flush=True)
        finally:
            for child in children.values():
                child.kill()
                child.wait()
    print(f"{'CPU ms':62} {'before':>8} {'after':>8}   after / before (95%)")
    for part, before in costs["before"].items():
        after = costs["after"].get(part, [])
        # A part that some rounds lack has no ratio.
        if len(before) == len(after) == rounds:
            ratio, low, high = interval(before, after)
            name = "    of it: " + part.partition(": ")[2] if ": " in part else part
            print(f"{name:62} {fmean(before):8.3f} {fmean(after):8.3f}   {ratio:.2f} ({low:.2f} to {high:.2f})")


def given_rounds(arguments: Sequence[str]) -> int:
    """The number of rounds in the arguments `REVISION [ROUNDS]`."""
    rounds = int(arguments[1]) if len(arguments) > 1 else ROUNDS
    if rounds < 2:
        sys.exit(f"an interval needs at least 2 rounds, got {rounds}")
    return rounds


def main() -> None:
    if sys.argv[1:] == ["--measure"]:
        measure()
    elif len(sys.argv) > 1:
        compare(sys.argv[1], given_rounds(sys.argv[1:]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
