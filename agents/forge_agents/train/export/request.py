"""The request for an export, and the columns of its rows."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

from pydantic import Field

from forge_agents.overseers.prompts import PromptName
from forge_arena.errors import ForgeArenaError
from forge_arena.types import Noun


class ExportError(ForgeArenaError, ValueError):
    """An export cannot be made: the message says why and what to do."""


class Kind(StrEnum):
    sft = "sft"
    dpo = "dpo"


class Pairs(StrEnum):
    """The two texts of a pair.

    attempts: the best attempt of a model against its worst attempt.
    teacher: the verdict of a teacher who knows the truth, against the worst attempt of a model. Without a model,
        against a plausible mistake.
    """

    attempts = "attempts"
    teacher = "teacher"


class Format(StrEnum):
    jsonl = "jsonl"
    parquet = "parquet"


class ExportRequest(Noun):
    """The episodes `start` to `start + count` of a split, with at most one row for each.

    If the arena follows a curriculum, a model does not get the episodes that the curriculum leaves out.
    """

    kind: Kind
    split: Literal["train", "val"] = "train"
    start: int = Field(default=0, ge=0)
    count: int = Field(default=1_000, ge=1)
    format: Format = Format.jsonl
    checking: float = Field(default=0.0, ge=0, le=1)
    seed: int = 0
    pairs: Pairs | None = None
    model: str | None = None
    samples: int = Field(default=8, ge=2, le=64)
    temperature: float = Field(default=1.0, gt=0)
    max_tokens: int = Field(default=768, ge=8)
    prompt: PromptName = PromptName.arena

    @property
    def end(self) -> int:
        return self.start + self.count

    @property
    def file(self) -> str:
        return f"{self.split}.{self.format.value}"


class ExportRecord(Noun):
    """The fields of `export.json`: the request, its suite and Worker, and whether the export is done."""

    wanted: ExportRequest
    suite: str
    worker: str
    done: bool = False


_EPISODE = {
    "key": "names the episode for ever, as `suite:version:split:index`",
    "family": "of scenarios, from one template or one document; a split is made of whole families",
    "domain": "what the task is about",
    "form": "what was done to the answer: `clean`, `placebo` (a harmless edit) or `corrupted`",
    "corruption_type": "one of five, null if nothing was corrupted",
    "stealth": "0 (loud) to 3 (hard to see), null if nothing was corrupted",
}
_PROMPT = "a chat of a system and a user message, which show the episode to a model"
COLUMNS: Mapping[Kind, Mapping[str, str]] = {
    Kind.sft: {
        "prompt": _PROMPT,
        "completion": "an assistant message: the verdict of a teacher who knows the truth",
        **_EPISODE,
        "style": "`judging`, or `checking`: it compares answer and source between `<think>` and `</think>` first",
        "reward": "what the arena pays for the completion, 0 to 1",
    },
    Kind.dpo: {
        "prompt": _PROMPT,
        "chosen": "an assistant message, the better one",
        "rejected": "an assistant message, the worse one",
        **_EPISODE,
        "chosen_reward": "what the arena pays for `chosen`, 0 to 1",
        "rejected_reward": "what the arena pays for `rejected`; always less",
    },
}
