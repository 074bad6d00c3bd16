"""An overseer that is a language model on this machine: `hf:PATH`, with the arena's prompt and the model's chat template."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from forge_agents.models import Loaded, Written, load_model, prompt_length, weights_digest, write
from forge_agents.overseers import Completion
from forge_agents.overseers.prompts import prompt as named_prompt
from forge_agents.overseers.prompts import prompt_digest
from forge_arena.types import JsonObject, Observation, Trouble, Usage
from forge_arena.verdicts import Chat, field_ends, field_starts


class LocalModel:
    """Judges with a transformers model, given as a folder or Hub name, or loaded already.

    Arguments:
        model: what to ask.
        max_tokens: of one completion; a verdict repeats the answer in its correction.
        temperature: 0 is greedy.
        batch: how many observations are answered at a time.
        prompt: `arena` or `card`, see `forge_agents.overseers.prompts`.
        system: takes the place of the prompt's system message; a `Path` is read.
        device: by default a GPU where there is one.
        threshold: flag where the model's log-odds of `true` are above this, whatever it wrote; it then goes on from the
            other word. None leaves its choice alone. With a threshold from other episodes this is the control of how
            much a mere shift of the operating point gains.
        opening: the beginning of every completion, which the model goes on with: `<think>` makes it read before it judges.
    """

    def __init__(
        self,
        model: str | Loaded,
        *,
        max_tokens: int = 768,
        temperature: float = 0.0,
        batch: int = 32,
        threshold: float | None = None,
        opening: str = "",
        prompt: str = "arena",
        system: str | Path | None = None,
        device: str | None = None,
        name: str = "",
    ) -> None:
        self._prompt = named_prompt(prompt, system=system)
        self.loaded = load_model(model, device=device) if isinstance(model, str) else model
        self.name = name or f"hf:{self.loaded.source}"
        self._settings: dict[str, Any] = {"max_tokens": max_tokens, "temperature": temperature, "batch": batch}
        self._threshold = threshold
        self._opening = opening
        self._weights = weights_digest(Path(model)) if isinstance(model, str) else None

    @property
    def conditions(self) -> JsonObject:
        """Weights, prompt, and how is sampled: see `forge_agents.overseers.conditions`."""
        return {
            "weights": self._weights,
            "prompt": prompt_digest(self._prompt),
            "max_tokens": self._settings["max_tokens"],
            "temperature": self._settings["temperature"],
            "threshold": self._threshold,
            "opening": self._opening,
        }

    def review(self, observations: Sequence[Observation]) -> list[Completion]:
        """One completion for each observation, with the log-odds that the model itself gave its detection; an empty one
        that says so where the prompt is beyond the model's context."""
        chats = [self._prompt(observation) for observation in observations]
        lengths = [prompt_length(self.loaded, chat) for chat in chats]
        context = self.loaded.context
        fits = [context is None or length < context for length in lengths]
        found = iter(self._answered([chat for chat, fit in zip(chats, fits, strict=True) if fit]))
        return [
            next(found)
            if fit
            else Completion(
                "", trouble=Trouble.too_long, reason=f"the prompt has {length} tokens, the model takes {context}"
            )
            for fit, length in zip(fits, lengths, strict=True)
        ]

    def _answered(self, chats: Sequence[Chat]) -> list[Completion]:
        begun = [self._opening] * len(chats) if self._opening else None
        written = list(write(self.loaded, chats, log_odds=True, begun=begun, **self._settings))
        if self._threshold is not None:
            others = {number: start for number, said in enumerate(written) if (start := self._otherwise(said))}
            again = write(
                self.loaded, [chats[number] for number in others], begun=list(others.values()), **self._settings
            )
            for number, said in zip(others, again, strict=True):
                written[number] = replace(said, log_odds=written[number].log_odds)
        return [
            Completion(
                said.text,
                said.log_odds,
                usage=Usage(input_tokens=said.read, output_tokens=said.tokens),
                trouble=None if said.ended else Trouble.cut,
                reason=None if said.ended else f"the completion was cut off after {said.tokens} tokens",
            )
            for said in written
        ]

    def _otherwise(self, said: Written) -> str | None:
        """The beginning of what the model should have written by the threshold; None where it did."""
        if said.log_odds is None or self._threshold is None:
            return None
        flags = said.log_odds > self._threshold
        start, end = field_starts(said.text)["detection"], field_ends(said.text)["detection"]
        if said.text[start:end] == ("true" if flags else "false"):
            return None
        return said.text[:start] + ("true" if flags else "false")
