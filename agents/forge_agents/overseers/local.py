"""An overseer that is a language model on this machine: `hf:PATH`, prompted through the model's own chat template."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from forge_agents.models import Loaded, keep_head_precise, load_model, weights_digest
from forge_agents.overseers.base import Completion, ToolAccess
from forge_agents.overseers.conversation import Conversation, ToolFormat
from forge_agents.overseers.prompts import PromptName, prompt_digest, prompt_text, trained_prompt, trained_with_tools
from forge_agents.overseers.prompts import prompt as named_prompt
from forge_agents.pace import Pace
from forge_agents.writing import Generation, prompt_length, write, write_after
from forge_arena.errors import BadArgument, InvalidVerdict
from forge_arena.types import JsonObject, Observation, Trouble, Usage
from forge_arena.verdicts import Chat, field_ends, field_starts, messages_with_tools

# The rows of a batch wait for its longest completion. A CPU gains little from more rows, and waits with more of them.
ON_CPU, ON_GPU = 16, 32


class LocalModel:
    """Asks a transformers model for its verdicts.

    Args:
        model: a folder, a name on the Hub, or a model that is loaded already.
        max_tokens: the longest completion. A verdict repeats the answer in its correction.
        temperature: 0 is greedy.
        batch: observations that the model reads at a time; by default 16 on a CPU and 32 on a GPU.
        prompt: the name of a prompt, see `forge_agents.overseers.prompts`. By default the prompt with which the model
            was trained, if its folder names one, otherwise `arena`.
        system: replaces the prompt's system message; a `Path` is read.
        device: by default a GPU if there is one.
        threshold: flag if the model's log-odds of `true` are above this, whatever the model wrote; the model then
            continues from the other word. None keeps the model's choice. A threshold from other episodes shows how much
            of a gain comes from a mere shift of the operating point.
        dtype: of the weights that are loaded. `bfloat16` is two to three times as fast on a processor with AMX, and
            may be slower on others. The log-odds are computed in float32 all the same.
        opening: the beginning of every completion, which the model continues. `<think>` makes it think first, and
            `{"detection":` makes it give the log-odds of its detection, also if the rest cannot be read.
        tools: let the model use tools in several turns, and give its verdict by the tool `submit_verdict`, as in
            `train run --tools`. The form has a prompt of its own, and `max_tokens` counts all turns. By default the
            form in which the model was trained, if its folder names it, otherwise one turn.
        name: for records and reports; `hf:` and the model's source if empty.

    Attributes:
        pace: how fast the model writes.
        wants_tools: whether the model is asked with tools.

    Raises:
        ModelError: the model cannot be loaded, or its chat template cannot show tools.
        ValueError: a setting does not go with tools.
    """

    def __init__(
        self,
        model: str | Loaded,
        *,
        max_tokens: int = 768,
        temperature: float = 0.0,
        batch: int | None = None,
        threshold: float | None = None,
        opening: str = "",
        prompt: str | None = None,
        system: str | Path | None = None,
        device: str | None = None,
        dtype: str = "float32",
        tools: bool | None = None,
        name: str = "",
    ) -> None:
        if tools is None:
            tools = isinstance(model, str) and trained_with_tools(Path(model))
        if tools and (system is not None or threshold is not None or opening or prompt not in (None, PromptName.arena)):
            raise BadArgument(
                "the form with tools has one prompt of its own: leave prompt, system, threshold, opening out"
            )
        if prompt is None and isinstance(model, str):
            prompt = trained_prompt(Path(model))
        self.wants_tools = tools
        self._prompt = messages_with_tools if tools else named_prompt(prompt or PromptName.arena, system=system)
        self.loaded = load_model(model, dtype=dtype, device=device) if isinstance(model, str) else model
        if isinstance(model, str):
            keep_head_precise(self.loaded.model)
        self.name = name or f"hf:{self.loaded.source}"
        batch = batch or (ON_CPU if self.loaded.on_cpu else ON_GPU)
        self._settings: dict[str, Any] = {"max_tokens": max_tokens, "temperature": temperature, "batch": batch}
        self.pace = Pace()
        self._threshold = threshold
        self._opening = opening
        self._weights = weights_digest(Path(model)) if isinstance(model, str) else None
        # Refuses a model that cannot use tools now, and not after the first episodes were opened.
        self._form = ToolFormat(self.loaded) if tools else None

    @property
    def conditions(self) -> JsonObject:
        """The weights, the prompt and the sampling: see `forge_agents.overseers.conditions`."""
        return {
            "weights": self._weights,
            "prompt": prompt_digest(self._prompt),
            "max_tokens": self._settings["max_tokens"],
            "temperature": self._settings["temperature"],
            "dtype": str(self.loaded.model.dtype).removeprefix("torch."),
            "threshold": self._threshold,
            "opening": self._opening,
        }

    @property
    def details(self) -> JsonObject:
        """The model and the words of the prompt: see `forge_agents.overseers.details`."""
        return {
            "model": self.loaded.source,
            "context": self.loaded.context,
            "batch": self._settings["batch"],
            "prompt": prompt_text(self._prompt),
        }

    def review(self, observations: Sequence[Observation]) -> list[Completion]:
        """One completion for each observation, with the log-odds that the model itself gave its detection.

        If a prompt is longer than the model's context, its completion is empty and carries the trouble.

        Raises:
            ValueError: the model is asked with tools.
        """
        if self.wants_tools:
            raise BadArgument(
                f"{self.name} gives its verdict by a tool, and there are no tools here: ask for a text by tools=false "
                "(--set tools=false)"
            )
        chats = [self._prompt(observation) for observation in observations]
        lengths = [prompt_length(self.loaded, chat) for chat in chats]
        context = self.loaded.context
        fits = [context is None or length < context for length in lengths]
        completions = iter(self._ask([chat for chat, fit in zip(chats, fits, strict=True) if fit]))
        return [
            next(completions)
            if fit
            else Completion(
                "", trouble=Trouble.too_long, reason=f"the prompt has {length} tokens, the model takes {context}"
            )
            for fit, length in zip(fits, lengths, strict=True)
        ]

    def review_with_tools(self, observations: Sequence[Observation], tools: Sequence[ToolAccess]) -> list[Completion]:
        """As `review`. The model may use tools in several turns before it gives its verdict.

        Raises:
            ValueError: the model is asked in one turn.
            ArenaError: the arena could not answer for a tool.
        """
        if self._form is None:
            raise BadArgument(f"{self.name} is asked in one turn: give it tools=true (--set tools=true)")
        limit = self._settings["max_tokens"]
        talks = [
            Conversation(self._form, self._prompt(observation), access, limit)
            for observation, access in zip(observations, tools, strict=True)
        ]
        sampling = {name: self._settings[name] for name in ("temperature", "batch")}
        while going := [talk for talk in talks if not talk.ended]:
            longest = max(talk.left for talk in going)
            turns = write_after(
                self.loaded,
                [talk.tokens for talk in going],
                max_tokens=longest,
                log_odds=True,
                pace=self.pace,
                **sampling,
            )
            for talk, turn in zip(going, turns, strict=True):
                talk.take(turn)
                if talk.ended:
                    self.pace.add_answers(1)
        return [talk.completion() for talk in talks]

    def _ask(self, chats: Sequence[Chat]) -> list[Completion]:
        openings = [self._opening] * len(chats) if self._opening else None
        counted: dict[str, Any] = {"pace": self.pace, "on_written": self.pace.add_answers}
        generations = list(write(self.loaded, chats, log_odds=True, begun=openings, **counted, **self._settings))
        written = [[generation] for generation in generations]
        if self._threshold is not None:
            # The generations whose detection is not the threshold's: their numbers and their new beginnings.
            starts = {n: start for n, generation in enumerate(generations) if (start := self._new_start(generation))}
            again = write(self.loaded, [chats[n] for n in starts], begun=list(starts.values()), **self._settings)
            for n, generation in zip(starts, again, strict=True):
                generations[n] = replace(generation, log_odds=generations[n].log_odds)
                written[n].append(generation)
        return [
            Completion(
                generation.text,
                generation.log_odds,
                usage=Usage(input_tokens=sum(g.read for g in each), output_tokens=sum(g.tokens for g in each)),
                trouble=None if generation.ended else Trouble.cut,
                reason=None if generation.ended else f"the completion was cut off after {generation.tokens} tokens",
            )
            for generation, each in zip(generations, written, strict=True)
        ]

    def _new_start(self, generation: Generation) -> str | None:
        """The beginning of the verdict with the threshold's detection; None if the model wrote this detection, or no
        verdict that can be read."""
        if generation.log_odds is None or self._threshold is None:
            return None
        detection = "true" if generation.log_odds > self._threshold else "false"
        text = generation.text
        try:
            start, end = field_starts(text)["detection"], field_ends(text)["detection"]
        except InvalidVerdict:
            return None
        return None if text[start:end] == detection else text[:start] + detection
