"""Let a model on this machine use tools before its verdict, turn by turn, exactly as TRL lets it in training.

A prompt, its tools, the calls and the tools' answers are rendered and read by TRL's own functions, and the tokens of a
turn are never rendered again. So an evaluation shows a model the tokens that training showed it. `max_tokens` counts
all turns and the tools' answers together, as TRL's `max_completion_length` does.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from trl.chat_template_utils import (
    add_response_schema,
    get_training_chat_template,
    is_chat_template_prefix_preserving,
    parse_response,
    supports_tool_calling,
)

from forge_agents.client import ArenaError
from forge_agents.models import Loaded, ModelError
from forge_agents.overseers.base import Completion, ToolAccess
from forge_agents.overseers.tools import OVER, OverseerTools, tools_of
from forge_agents.writing import Generation
from forge_arena.types import Trouble, Usage, Verdict
from forge_arena.verdicts import Chat, verdict_text

NO_CALL = "the model ended without a call of submit_verdict, and a text is no verdict in the form with tools"


class ToolFormat:
    """How a model is told of its tools, calls them and reads their answers.

    Raises:
        ModelError: the model's chat template cannot show tools, or TRL cannot read the calls of this template.
    """

    def __init__(self, loaded: Loaded) -> None:
        tokenizer = loaded.tokenizer
        self.loaded, self._tokenizer = loaded, tokenizer
        if not supports_tool_calling(tokenizer):
            raise ModelError(
                f"the chat template of {loaded.source!r} shows no tools: take a model whose template does, such as "
                "Qwen2.5 or Qwen3, or leave the tools out"
            )
        if (
            getattr(tokenizer, "response_template", None) is None
            and getattr(tokenizer, "response_schema", None) is None
        ):
            try:
                add_response_schema(tokenizer)
            except ValueError as error:
                raise ModelError(
                    f"the calls that the chat template of {loaded.source!r} asks for cannot be read: {error}"
                ) from None
        kept = is_chat_template_prefix_preserving(tokenizer)
        self._template = None if kept else get_training_chat_template(tokenizer)

    def prompt(self, chat: Chat, tools: OverseerTools) -> list[int]:
        """The tokens of a chat, with the tools that the model may call."""
        return self._render(chat, tools=list(tools_of(tools).values()))

    def calls(self, prompt: Sequence[int], written: Sequence[int], tools: OverseerTools) -> list[dict[str, Any]]:
        """The calls in what the model wrote after a prompt: a name and arguments each."""
        offered = list(tools_of(tools).values())
        read = parse_response(self._tokenizer, list(written), prefix=list(prompt), tools=offered)
        return [call.get("function", call) for call in read.get("tool_calls") or []]

    def answers(self, said: Sequence[tuple[str, str]]) -> list[int]:
        """The tokens between a call and the model's next turn: what the tools of these names said."""
        dummy: list[dict[str, Any]] = [
            {"role": "user", "content": "dummy"},
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"type": "function", "function": {"name": said[0][0], "arguments": {}}}],
            },
        ]
        before = self._render(dummy, add_generation_prompt=False)
        # A template may write a line break after the token that ends a turn. The model did not write it.
        ends = [place for place, token in enumerate(before) if token == self._tokenizer.eos_token_id]
        length = ends[-1] + 1 if ends else len(before)
        messages = [{"role": "tool", "name": name, "content": content} for name, content in said]
        return self._render([*dummy, *messages])[length:]

    def text(self, tokens: Sequence[int]) -> str:
        text: str = self._tokenizer.decode(list(tokens), skip_special_tokens=True)
        return text

    def _render(
        self, chat: Sequence[Mapping[str, Any]], *, add_generation_prompt: bool = True, **given: Any
    ) -> list[int]:
        tokens: list[int] = self._tokenizer.apply_chat_template(
            list(chat),
            chat_template=self._template,
            add_generation_prompt=add_generation_prompt,
            tokenize=True,
            return_dict=False,
            **given,
        )
        return tokens


class _Tools(OverseerTools):
    """The tools of one attempt. The verdict is kept, because the evaluation submits it."""

    def __init__(self, access: ToolAccess) -> None:
        self._access = access
        self.verdict: Verdict | None = None

    def _use(self, name: str, **arguments: Any) -> str:
        self._check_open()
        return self._access.use(name, arguments)

    def _submit(self, verdict: Verdict) -> None:
        self._check_open()
        self.verdict = verdict

    def _check_open(self) -> None:
        if self.verdict is not None:
            raise ValueError(OVER)


class Conversation:
    """The turns of a model on one episode, until it gives its verdict, calls no tool, or reaches the limit.

    Attributes:
        tokens: the prompt and all turns so far, which the model continues.
        left: how many tokens the limit leaves.
        ended: whether the conversation is over.
    """

    def __init__(self, form: ToolFormat, chat: Chat, access: ToolAccess, max_tokens: int) -> None:
        self._form, self._tools, self._max_tokens = form, _Tools(access), max_tokens
        self.tokens = form.prompt(chat, self._tools)
        self._begins = len(self.tokens)
        context = form.loaded.context
        self._fits = context is None or self._begins < context
        self.ended = not self._fits
        self._is_cut = False
        self._read = self._written = 0
        self._log_odds: float | None = None
        self._last = self._begins

    @property
    def left(self) -> int:
        return self._max_tokens - (len(self.tokens) - self._begins)

    def take(self, turn: Generation) -> None:
        """Take what the model wrote next, and let it use the tools that it calls.

        Raises:
            ArenaError: the arena could not answer for a tool.
        """
        written = turn.ids[: self.left]
        self._read += turn.read
        self._written += len(written)
        calls = self._form.calls(self.tokens, written, self._tools) if written else []
        self._last = len(self.tokens)
        self.tokens = [*self.tokens, *written]
        if not calls:
            self.ended, self._is_cut = True, not turn.ended or len(written) < len(turn.ids)
            return
        said = [(str(call.get("name")), self._say(call)) for call in calls]
        if self._tools.verdict is not None:
            self.ended, self._log_odds = True, turn.log_odds
            return
        longer = [*self.tokens, *self._form.answers(said)]
        context = self._form.loaded.context
        # With nothing left to write, or beyond the context, the rollout ends where it is, as in training.
        if len(longer) - self._begins >= self._max_tokens or (context is not None and len(longer) >= context):
            self.ended = self._is_cut = True
            return
        self.tokens = longer

    def completion(self) -> Completion:
        """The verdict as a text, with what came before it as thoughts; empty if there is no verdict."""
        usage = Usage(input_tokens=self._read, output_tokens=self._written)
        if not self._fits:
            context = self._form.loaded.context
            reason = f"the prompt with its tools has {self._begins} tokens, the model takes {context}"
            return Completion("", trouble=Trouble.too_long, reason=reason)
        if (verdict := self._tools.verdict) is not None:
            thoughts = self._form.text(self.tokens[self._begins : self._last])
            return Completion(verdict_text(verdict), self._log_odds, usage=usage, thoughts=thoughts or None)
        cut = f"the turns and the tools' answers reached {self._max_tokens} tokens, or the context, without a verdict"
        return Completion(
            "",
            usage=usage,
            trouble=Trouble.cut if self._is_cut else None,
            reason=cut if self._is_cut else NO_CALL,
            thoughts=self._form.text(self.tokens[self._begins :]) or None,
        )

    def _say(self, call: Mapping[str, Any]) -> str:
        """What a tool says; a wrong call is answered in TRL's words."""
        name = call.get("name")
        tool = tools_of(self._tools).get(str(name))
        try:
            if tool is None:
                raise ValueError(f"Tool {name} not found.")
            return tool(**call["arguments"])
        except ArenaError:
            raise
        except Exception as error:  # noqa: BLE001 - as in TRL, whatever a model calls is answered.
            return str({"error": str(error)})
