"""Let a model propose a scenario for a stretch of a document, and ask once more if too little can be kept of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random
from typing import Any

from forge_arena.documents.facts import Dropped
from forge_arena.documents.keeping import Kept, keep
from forge_arena.documents.prompt import asked_again, author_messages
from forge_arena.documents.proposal import Proposal, read_proposal
from forge_arena.documents.sections import Stretch
from forge_arena.errors import BadArgument, WorkerFailed
from forge_arena.flaws import WORDS, Flaw
from forge_arena.texts.json_within import json_in
from forge_arena.types import JsonObject
from forge_arena.workers.base import BadAnswer, ChatModel, JsonModel, Message
from forge_arena.workers.registry import open_worker, with_defaults

# A proposal of ten facts with their quotations has some 1,500 tokens, and a small model writes 20 tokens a second.
MOST_TOKENS, LONGEST_WAIT = 4_096, 300
# What the author is told of its first proposal.
MOST_REASONS = 20


class AuthorFailed(WorkerFailed):
    """The author's endpoint gave no reply. Nothing is concluded from that about the document."""


class ReplyKind(StrEnum):
    """What a reply was: a proposal, a text without a JSON object, cut off before its end, or nothing at all."""

    proposal = "proposal"
    no_json = "no_json"
    cut = "cut"
    none = "no_reply"


@dataclass(frozen=True, slots=True)
class Written:
    """What was kept of the proposals for a stretch, and what each reply of the author was."""

    kept: Kept
    replies: tuple[ReplyKind, ...] = ()


@dataclass(frozen=True)
class Author:
    """Asks a model for proposals."""

    model: ChatModel

    @property
    def name(self) -> str:
        return self.model.name

    async def start(self) -> None:
        """Make ready. Raises `AuthorFailed` if the model cannot be had."""
        try:
            await self.model.start()
        except WorkerFailed as failure:
            raise AuthorFailed(f"the author did not start: {failure.reason}") from failure

    async def aclose(self) -> None:
        await self.model.aclose()

    async def write(self, stretch: Stretch, family: str) -> Written:
        """What can be kept of the author's proposals for a stretch. The author is asked twice at most.

        Raises:
            AuthorFailed: the endpoint gave no reply.
        """
        messages = author_messages(stretch.text, task=stretch.document.task)
        first = await self._ask(messages)
        kept = first.keep(stretch, family)
        if kept.scenario is not None or first.kind is ReplyKind.none:
            return Written(kept, (first.kind,))
        # The last reason says why there is no scenario, so the first ones give way.
        reasons = [f"{part.what}: {part.reason}" for part in kept.dropped][-MOST_REASONS:]
        second = await self._ask(asked_again(messages, first.text, reasons))
        again = second.keep(stretch, family)
        is_better = again.scenario is not None or again.facts >= kept.facts
        return Written(again if is_better else kept, (first.kind, second.kind))

    async def _ask(self, messages: list[Message]) -> "_Reply":
        # Always the same number, so that a recorded reply is found again.
        rng = Random("author")
        try:
            if isinstance(self.model, JsonModel):
                text = await self.model.chat_json(messages, rng, SCHEMA)
            else:
                text = await self.model.chat(messages, rng)
        except BadAnswer as bad:
            if bad.flaw is Flaw.cut:
                return _Reply(ReplyKind.cut, bad.written.output, None, (_CUT,))
            return _Reply(ReplyKind.none, "", None, (f"the author gave no reply: {WORDS[bad.flaw].reason}",))
        except WorkerFailed as failure:
            raise AuthorFailed(failure.reason) from failure
        proposal, problems = read_proposal(json_in(text))
        kind = ReplyKind.no_json if proposal is None else ReplyKind.proposal
        return _Reply(kind, text, proposal, problems)


_CUT = "the reply was cut off before its end: give fewer facts, or raise the author's #max_tokens="


@dataclass(frozen=True, slots=True)
class _Reply:
    """A reply as it came, the proposal in it, and what could not be read."""

    kind: ReplyKind
    text: str
    proposal: Proposal | None
    problems: tuple[str, ...]

    def keep(self, stretch: Stretch, family: str) -> Kept:
        dropped = tuple(_dropped(problem) for problem in self.problems)
        if self.proposal is None:
            return Kept(None, dropped)
        kept = keep(stretch, self.proposal, family=family)
        return replace(kept, dropped=(*dropped, *kept.dropped))


def _dropped(problem: str) -> Dropped:
    what, colon, reason = problem.partition(": ")
    return Dropped(what, reason) if colon else Dropped("the reply", problem)


def open_author(
    spec: str,
    *,
    api_key: str | None = None,
    vllm_executable: str = "vllm",
    vllm_args: tuple[str, ...] = (),
    concurrency: int = 16,
) -> ChatModel:
    """Open the model that is to propose; nothing is connected or spawned before its `start`.

    Args:
        spec: the spec of a Worker with a model, such as `openai:MODEL@URL`. Unless the spec says otherwise, its
            temperature is 0, and a reply may be long.

    Raises:
        BadArgument: the spec names no Worker, or a Worker without a model.
    """
    model = open_worker(
        with_defaults(spec, temperature=0, max_tokens=MOST_TOKENS, timeout=LONGEST_WAIT),
        api_key=api_key,
        vllm_executable=vllm_executable,
        vllm_args=vllm_args,
        concurrency=concurrency,
    )
    if not isinstance(model, ChatModel):
        raise BadArgument(
            f"{spec!r} cannot be an author: a {model.name} Worker has no model; "
            "give openai:MODEL@URL, vllm:MODEL, or bank:FILE for recorded replies"
        )
    return model


def _plain(schema: Any) -> Any:
    """A JSON schema without what servers refuse or ignore: words about fields, limits and defaults.

    Every field is required and no other is allowed, because strict servers want it so. A field that may be left out is
    null or empty then.
    """
    if isinstance(schema, list):
        return [_plain(part) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    if "prefixItems" in schema:
        raise AssertionError("a tuple of parts of different kinds has no plain schema")
    plain = {name: _plain(part) for name, part in schema.items() if name in _KEPT_KEYWORDS}
    for name in ("properties", "$defs"):
        if name in schema:
            plain[name] = {key: _plain(part) for key, part in schema[name].items()}
    if "properties" in schema:
        plain |= {"required": list(schema["properties"]), "additionalProperties": False}
    return plain


_KEPT_KEYWORDS = frozenset({"type", "anyOf", "items", "enum", "$ref"})

# The form of a proposal, for servers that can hold a reply to it.
SCHEMA: JsonObject = _plain(Proposal.model_json_schema())
