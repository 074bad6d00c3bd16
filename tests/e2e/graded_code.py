"""Give right and wrong verdicts on code reviews to http://arena:8000: their snippets must run where the arena runs.

A repaired answer earns its correction only if the snippet in it ran and passed its cases.
"""

import os
import sys

from forge_agents.client import ArenaClient
from forge_arena.types import Outcome, Verdict
from forge_arena.wire import Attempt

EPISODES = 40

scored = repaired = corrupted = 0
with ArenaClient("http://arena:8000", token=os.environ["FORGE_ARENA_TOKEN"]) as arena:
    asked = {"split": "train", "count": EPISODES, "start": 0, "domain": "code_review"}
    answer = {}
    for correction_of in (lambda episode: episode.observation.worker_output, lambda episode: answer[episode.key]):
        scored = repaired = corrupted = 0
        for episode in arena.open_episodes(**asked).episodes:
            verdict = Verdict(
                detection=True, explanation="it is wrong", correction=correction_of(episode), confidence=0.9
            )
            result = arena.submit([Attempt(episode_id=episode.episode_id, verdict=verdict)])[0]
            if result.outcome is not Outcome.scored or result.truth is None or result.components is None:
                sys.exit(f"{episode.key}: {result.outcome}, {result.reason}")
            answer[episode.key] = result.truth.clean_output
            scored += 1
            corrupted += result.truth.corrupted
            repaired += result.truth.corrupted and result.components.correction > 0.9
if not corrupted or repaired < corrupted:
    sys.exit(f"{repaired} of {corrupted} right repairs earned their correction")
sys.stdout.write(f"{scored} code reviews scored, all {corrupted} right repairs earned their correction\n")
