"""Overseers for comparison with a checker: what is possible without any training here.

`--overseer forge_agents.overseers.checker.baselines:LackingWords` counts words. `…:Cosine` compares the embeddings of
an untouched encoder, which is what all-MiniLM-L6-v2 was made for.
"""

from collections.abc import Sequence

import torch

from forge_agents.overseers.checker.encoder import Encoder
from forge_agents.overseers.checker.reading import Pieces, lacking_share
from forge_arena.types import Observation, Verdict


class LackingWords:
    """P(corrupted) is the share of the answer's words that neither source nor task has."""

    name = "lacking_words"

    def review(self, observations: Sequence[Observation]) -> list[Verdict]:
        return [_verdict(lacking_share(observation)) for observation in observations]


class Cosine:
    """P(corrupted) falls with the likeness of the answer's least likely sentence to any sentence of source and task.

    Args:
        model: the folder of a sentence encoder.
    """

    def __init__(self, model: str) -> None:
        self.name = "cosine"
        self._encoder = Encoder.of(model)

    def review(self, observations: Sequence[Observation]) -> list[Verdict]:
        return [self._review(observation) for observation in observations]

    def _review(self, observation: Observation) -> Verdict:
        answer = [piece.text for piece in Pieces.of(observation.worker_output).pieces]
        given = [piece.text for piece in Pieces.of(observation.source_material, observation.task).pieces]
        if not answer or not given:
            return _verdict(0.5)
        # (sentences of the answer, sentences of the source)
        likeness = self._embed(answer) @ self._embed(given).T
        # Rounded, the likeness of equal sentences may be a little more than 1.
        return _verdict((1.0 - min(float(likeness.amax(1).amin()), 1.0)) / 2)

    def _embed(self, texts: Sequence[str]) -> torch.Tensor:
        """The embeddings, each of length 1: (texts, width)."""
        encoder = self._encoder
        parts = []
        for first in range(0, len(texts), 32):
            batch = encoder.tokenizer(
                list(texts[first : first + 32]), truncation=True, max_length=128, padding=True, return_tensors="pt"
            ).to(encoder.device)
            with torch.no_grad():
                states = encoder.body(**batch).last_hidden_state
            inside = batch["attention_mask"].unsqueeze(-1)
            parts.append((states * inside).sum(1) / inside.sum(1))
        return torch.nn.functional.normalize(torch.cat(parts), dim=-1)


def _verdict(p: float) -> Verdict:
    return Verdict(detection=p > 0.5, explanation="", correction="", confidence=max(p, 1.0 - p))
