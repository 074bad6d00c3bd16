"""Let a language model write: completions of chats in batches, with the log-odds of the detection.

Five things save time and change no answer: see `write`. Needs the extra `train`.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Self

import torch
from transformers import PreTrainedTokenizerBase

from forge_agents.decoding import on_cpu
from forge_agents.models import Loaded
from forge_agents.pace import Pace
from forge_agents.reading import Prefix, base_model, positions, read_once
from forge_arena.errors import InvalidVerdict
from forge_arena.verdicts import Chat, field_starts

DETECTIONS = ("true", "false")
# The end of a beginning after which a model gives its detection.
BEFORE_DETECTION = re.compile(r'"detection"\s*:\s*$')


@dataclass(frozen=True, slots=True)
class Generation:
    """One completion of a model.

    Attributes:
        text: the completion.
        tokens: its length.
        ended: whether the model ended it. False if it was cut off.
        log_odds: log P(true) - log P(false) at the place where the model wrote the detection of its verdict. None if
            there is no readable verdict, or if these words are several tokens. A completion that was begun with
            `{"detection":` has its detection at once, so the rest need not be readable.
        read: the length of the prompt in tokens.
        ids: the tokens that the model wrote, with the one that ended the completion, if it ended.
    """

    text: str
    tokens: int
    ended: bool
    log_odds: float | None = None
    read: int = 0
    ids: tuple[int, ...] = ()


def prompt_length(loaded: Loaded, chat: Chat) -> int:
    """The length of a chat in tokens, rendered as `write` renders it."""
    return len(_tokens(loaded, _render(loaded, chat)))


def _tokens(loaded: Loaded, text: str) -> list[int]:
    ids: list[int] = loaded.tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


def _render(loaded: Loaded, chat: Chat) -> str:
    text: str = loaded.tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
    return text


def write(
    loaded: Loaded,
    chats: Sequence[Chat],
    *,
    max_tokens: int,
    temperature: float = 0.0,
    top_p: float = 1.0,
    batch: int = 32,
    log_odds: bool = False,
    begun: Sequence[str] | None = None,
    pace: Pace | None = None,
    on_written: Callable[[int], None] = lambda answers: None,
) -> Iterator[Generation]:
    """Let the model answer each chat, `batch` at a time; the answers come in order. For n samples, give a chat n times.

    Five things save time and change no answer. Chats of about the same length share a batch, so that little padding is
    read. What all chats have in common at their beginning, such as the system prompt, is read once. Equal chats of a
    batch are read once. On a CPU a row that has ended is not computed any more. And the log-odds are noted while the
    model writes.

    Randomness comes from torch's global generator, as everywhere in transformers.

    Args:
        loaded: the model.
        chats: what it answers.
        max_tokens: the longest completion.
        temperature: 0 is greedy.
        top_p: the share of probability from which tokens are sampled.
        batch: chats that the model reads at a time.
        log_odds: also give the log-odds of the detection.
        begun: the beginning of each completion, which the model continues and which is a part of its text.
        pace: counts the tokens as they come.
        on_written: called with the number of answers of each batch when they are whole. An answer is only given after
            those before it, which may be in a later batch.
    """
    texts = [_render(loaded, chat) for chat in chats]
    starts = list(begun) if begun is not None else [""] * len(texts)
    prompts = [_tokens(loaded, text + start) for text, start in zip(texts, starts, strict=True)]
    asked = [
        _Asked(_tokens(loaded, text), _tokens(loaded, start), len(prompt)) if start else _Asked(prompt, [], len(prompt))
        for text, start, prompt in zip(texts, starts, prompts, strict=True)
    ]
    return _write_all(
        loaded,
        prompts,
        asked,
        max_tokens=max_tokens,
        temperature=temperature,
        top_p=top_p,
        batch=batch,
        log_odds=log_odds,
        pace=pace,
        on_written=on_written,
    )


def write_after(
    loaded: Loaded,
    prompts: Sequence[Sequence[int]],
    *,
    max_tokens: int,
    temperature: float = 0.0,
    batch: int = 32,
    log_odds: bool = False,
    pace: Pace | None = None,
) -> Iterator[Generation]:
    """As `write`, after prompts that are tokens already."""
    ids = [list(prompt) for prompt in prompts]
    asked = [_Asked(prompt, [], len(prompt)) for prompt in ids]
    return _write_all(
        loaded,
        ids,
        asked,
        max_tokens=max_tokens,
        temperature=temperature,
        top_p=1.0,
        batch=batch,
        log_odds=log_odds,
        pace=pace,
    )


def probabilities(
    loaded: Loaded, chats: Sequence[Chat], begun: str, *, temperature: float = 1.0, batch: int = 8
) -> list[float]:
    """For each chat, the probability that a completion that is sampled at this temperature begins like this."""
    start = _tokens(loaded, begun)
    prompts = [_tokens(loaded, _render(loaded, chat)) + start for chat in chats]
    found: list[float] = []
    for first in range(0, len(prompts), batch):
        padded = _pad(loaded, prompts[first : first + batch])
        with torch.inference_mode():
            # Padding is on the left, so the last places are those of the beginning.
            logits = loaded.model(**padded, logits_to_keep=len(start) + 1).logits[:, :-1]
        chosen = torch.tensor(start, device=logits.device).expand(len(logits), -1)[..., None]  # (rows, tokens, 1)
        found += (logits.float() / temperature).log_softmax(-1).gather(-1, chosen).sum(dim=(1, 2)).exp().tolist()
    return found


def _pad(loaded: Loaded, rows: Sequence[list[int]]) -> dict[str, Any]:
    """Rows of tokens, padded on the left, as the arguments of the model."""
    padded = loaded.tokenizer.pad({"input_ids": rows}, return_tensors="pt").to(loaded.model.device)
    return {**padded, **positions(loaded.model, padded["attention_mask"])}


def _write_all(
    loaded: Loaded,
    prompts: Sequence[list[int]],
    asked: "Sequence[_Asked]",
    *,
    max_tokens: int,
    temperature: float,
    top_p: float,
    batch: int,
    log_odds: bool,
    pace: Pace | None,
    on_written: Callable[[int], None] = lambda answers: None,
) -> Iterator[Generation]:
    sampling: dict[str, Any] = {"do_sample": False}
    if temperature:
        sampling = {"do_sample": True, "temperature": temperature, "top_p": top_p, "top_k": 0}
    words = _DetectionWords.of(loaded.tokenizer) if log_odds else None
    order = list(range(len(prompts)))
    if len(prompts) > batch:
        order.sort(key=lambda number: len(prompts[number]))
    done: dict[int, Generation] = {}
    given = 0
    training = loaded.model.training
    loaded.model.eval()
    try:
        prefix = Prefix.of(loaded, prompts)
        for first in range(0, len(order), batch):
            numbers = order[first : first + batch]
            written = _write_batch(loaded, [prompts[n] for n in numbers], prefix, max_tokens, sampling, words, pace)
            done |= zip(numbers, _generations(loaded, [asked[n] for n in numbers], written, words), strict=True)
            on_written(len(numbers))
            while given in done:
                yield done.pop(given)
                given += 1
    finally:
        loaded.model.train(training)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the model was asked: the tokens of the chat and of a begun completion, and the length of both together."""

    prompt: list[int]
    begun: list[int]
    length: int


@dataclass(frozen=True, slots=True)
class _Written:
    """What the model wrote on a batch: token ids of each row, and the logits of some words at each place, if noted."""

    ids: list[list[int]]
    logits: torch.Tensor | None  # (places, rows, words)


def _write_batch(
    loaded: Loaded,
    prompts: Sequence[list[int]],
    prefix: Prefix | None,
    max_tokens: int,
    sampling: dict[str, Any],
    words: "_DetectionWords | None",
    pace: Pace | None,
) -> _Written:
    model, tokenizer = loaded.model, loaded.tokenizer
    shared = prefix.ids if prefix is not None else []
    inputs = tokenizer.pad({"input_ids": [ids[len(shared) :] for ids in prompts]}, return_tensors="pt")
    if prefix is not None:
        # Padding stands between the prefix and the rest of a row. It is masked, and does not count as a position.
        ahead = torch.tensor([shared] * len(prompts))  # (rows, prefix)
        inputs["input_ids"] = torch.cat([ahead, inputs["input_ids"]], 1)  # (rows, prefix + rest)
        inputs["attention_mask"] = torch.cat([torch.ones_like(ahead), inputs["attention_mask"]], 1)
    inputs = inputs.to(model.device)
    with torch.inference_mode():
        read = read_once(model, inputs["input_ids"], inputs["attention_mask"], prefix)
    noted: list[tuple[torch.Tensor, torch.Tensor]] = []  # rows that go on (r,), and their logits (r, words)

    def note(rows: torch.Tensor, logits: torch.Tensor) -> None:
        if words is not None:
            noted.append((rows, logits[:, words.ids].float()))
        if pace is not None:
            pace.add_tokens(len(rows))

    faster = on_cpu(model, note, read)
    every = torch.arange(len(prompts))

    def note_all(_: Any, __: Any, outputs: Any) -> None:
        note(every, outputs.logits[:, -1])

    # On the model that generates, which is the base of an adapter's wrapper.
    watched = nullcontext() if faster else base_model(model).register_forward_hook(note_all)
    with watched, torch.inference_mode():
        ids = model.generate(
            **inputs,
            **read,
            **faster,
            max_new_tokens=max_tokens,
            pad_token_id=tokenizer.pad_token_id,
            **sampling,
        )  # (rows, prompt + new)
    new = ids[:, inputs["input_ids"].shape[1] :]  # (rows, new)
    # A model that does not write token by token cannot be noted; the log-odds then take another pass.
    whole = words is not None and len(noted) >= new.shape[1] > 0
    return _Written(new.tolist(), _logits_of_all(noted, len(prompts)) if whole else None)


def _logits_of_all(noted: Sequence[tuple[torch.Tensor, torch.Tensor]], rows: int) -> torch.Tensor:
    """The noted logits as (places, rows, words), with zeros where a row had ended."""
    logits = noted[0][1].new_zeros(len(noted), rows, noted[0][1].shape[1])
    for place, (going, known) in enumerate(noted):
        logits[place, going] = known
    return logits


def _generations(
    loaded: Loaded,
    asked: Sequence[_Asked],
    written: _Written,
    words: "_DetectionWords | None",
) -> list[Generation]:
    """The completions of a batch."""
    ends = _ends(loaded)
    rows = [_until_end(ids, ends) for ids in written.ids]
    with_end = [tuple(new[: len(ids) + ended]) for new, (ids, ended) in zip(written.ids, rows, strict=True)]
    whole = [one.begun + ids for one, (ids, _) in zip(asked, rows, strict=True)]
    answers = [loaded.tokenizer.decode(ids, skip_special_tokens=True) for ids in whole]
    odds: list[float | None] = [None] * len(rows)
    if words is not None:
        again: list[int] = []
        for number, one in enumerate(asked):
            place = words.place(whole[number], answers[number], one.begun)
            if place is None:
                continue
            if written.logits is None or place.at < len(one.begun):
                again.append(number)
            else:
                logits = written.logits[place.at - len(one.begun), number]  # (words,)
                odds[number] = float(logits[words.column[place.true]] - logits[words.column[place.false]])
        for number, odd in zip(again, _log_odds(loaded, words, asked, whole, answers, again), strict=True):
            odds[number] = odd
    return [
        Generation(answer, len(ids), ended, odd, one.length, written_ids)
        for answer, ids, (_, ended), odd, one, written_ids in zip(
            answers, whole, rows, odds, asked, with_end, strict=True
        )
    ]


def tokens_until(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> Callable[[int], int]:
    """A function from a number of characters to the fewest of these tokens whose text is that long."""

    def until(characters: int) -> int:
        low, high = 0, len(ids)
        while low < high:
            middle = (low + high) // 2
            short = len(tokenizer.decode(ids[:middle], skip_special_tokens=True)) < characters
            low, high = (middle + 1, high) if short else (low, middle)
        return low

    return until


def _ends(loaded: Loaded) -> set[int]:
    """The tokens with which the model ends a completion."""
    config = loaded.model.generation_config
    ends = config.eos_token_id if config is not None else None
    all_ends = ends if isinstance(ends, list) else [ends]
    return {end for end in (*all_ends, loaded.tokenizer.eos_token_id) if end is not None}


def _until_end(ids: list[int], ends: set[int]) -> tuple[list[int], bool]:
    """The tokens before the first end, and whether there is one."""
    for place, token in enumerate(ids):
        if token in ends:
            return ids[:place], True
    return ids, False


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a completion has its detection: how many tokens come before it, and what `true` and `false` are there."""

    at: int
    true: int
    false: int


@dataclass(frozen=True, slots=True)
class _DetectionWords:
    """The tokens that are `true` or `false`, with or without a space, and the column of each among noted logits."""

    tokenizer: PreTrainedTokenizerBase
    ids: list[int]
    column: dict[int, int]

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase) -> Self:
        like = sorted(id for token, id in tokenizer.get_vocab().items() if "true" in token or "false" in token)
        ids = [id for id in like if tokenizer.decode([id]).strip() in DETECTIONS]
        return cls(tokenizer, ids, {id: column for column, id in enumerate(ids)})

    def place(self, row: list[int], answer: str, begun: Sequence[int]) -> _Place | None:
        """The place of the detection in a completion that was begun with these tokens.

        None if there is no readable verdict and the completion was not begun with `{"detection":`, or if `true` or
        `false` is several tokens there.
        """
        try:
            start = field_starts(answer)["detection"]
        except InvalidVerdict:
            opening = self.tokenizer.decode(begun, skip_special_tokens=True)
            if not BEFORE_DETECTION.search(opening) or not answer[len(opening) :].strip():
                return None
            start = len(answer) - len(answer[len(opening) :].lstrip())
        # The token that holds the first letter of the word; it may begin with a space.
        at = tokens_until(self.tokenizer, row)(start + 1) - 1
        word = self.tokenizer.decode([row[at]])
        if word.strip() not in DETECTIONS:
            return None
        both = [
            self.tokenizer.encode(word.replace(word.strip(), name), add_special_tokens=False) for name in DETECTIONS
        ]
        if any(len(ids) != 1 or ids[0] not in self.column for ids in both):
            return None
        return _Place(at, both[0][0], both[1][0])


def _log_odds(
    loaded: Loaded,
    words: _DetectionWords,
    asked: Sequence[_Asked],
    rows: Sequence[list[int]],
    answers: Sequence[str],
    numbers: Sequence[int],
) -> list[float]:
    """The log-odds of `true` against `false` in the completions of these numbers, by another pass.

    Each prompt is read once more, with the tokens of the completion before the detection. The next token would be the
    detection: the difference of its two logits is log P(true) - log P(false).
    """
    if not numbers:
        return []
    places = [place for n in numbers if (place := words.place(rows[n], answers[n], asked[n].begun)) is not None]
    ids = [asked[n].prompt + rows[n][: place.at] for n, place in zip(numbers, places, strict=True)]
    padded = _pad(loaded, ids)
    with torch.inference_mode():
        # Padding is on the left, so the last position is the one before the detection in each row.
        logits = loaded.model(**padded, logits_to_keep=1).logits[:, -1].float()  # (places, vocabulary)
    return [float(row[place.true] - row[place.false]) for row, place in zip(logits, places, strict=True)]
