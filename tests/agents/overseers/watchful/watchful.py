"""Flag what is long."""

from forge_arena.types import Verdict


class Watchful:
    """Flags answers with more than `words` words."""

    name = "watchful"

    def __init__(self, words: int = 80) -> None:
        self.words = words

    def review(self, observations):
        return [
            Verdict(
                detection=len(seen.worker_output.split()) > self.words,
                explanation="It is long.",
                correction="",
                confidence=0.6,
            )
            for seen in observations
        ]
