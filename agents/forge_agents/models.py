"""Load a language model with transformers, refuse early what would fail late, and let it write.

Needs the extra `train`.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from forge_arena.errors import ForgeArenaError, InvalidVerdict
from forge_arena.verdicts import Chat, field_starts

# Goes in front of a chat template that has no system role, or that wants the roles to alternate. It becomes a part of
# the template, so it works wherever a chat is rendered: in evaluation, in training, and when the trained model is
# served.
SYSTEM_INTO_USER = (
    "{%- if messages | length > 1 and messages[0]['role'] == 'system' and messages[1]['role'] == 'user' %}"
    "{%- set messages = [{'role': 'user', 'content': messages[0]['content'] + '\\n\\n' + messages[1]['content']}]"
    " + messages[2:] %}{%- endif %}"
)
# How many pieces of a large file are hashed, and the bytes of each.
PIECES, PIECE = 256, 1 << 16


class ModelError(ForgeArenaError, ValueError):
    """A model cannot be used: the message says what it lacks and what to do."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model, its tokenizer, which pads on the left, and the folder or name that both came from."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    source: str

    @property
    def context(self) -> int | None:
        """The longest input that the model was made for, in tokens; None if its configuration does not say."""
        return getattr(self.model.config, "max_position_embeddings", None)

    @property
    def on_cpu(self) -> bool:
        return bool(self.model.device.type == "cpu")


@dataclass(frozen=True, slots=True)
class Generation:
    """One completion of a model.

    Attributes:
        text: the completion.
        tokens: its length.
        ended: whether the model ended it. False if it was cut off.
        log_odds: log P(true) - log P(false) at the place where the model wrote the detection of its verdict. None if
            there is no readable verdict, or if these words are several tokens.
        read: the length of the prompt in tokens.
    """

    text: str
    tokens: int
    ended: bool
    log_odds: float | None = None
    read: int = 0


def weights_digest(folder: Path) -> str | None:
    """A name for the weights in a folder, from pieces that are spread over each of its files.

    A model that is trained anew in the same folder has another name. None if the folder does not exist: a model of the
    Hub is known by its own name.
    """
    if not folder.is_dir():
        return None
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.iterdir() if path.suffix in (".safetensors", ".bin", ".json", ".jinja")):
        size = path.stat().st_size
        digest.update(f"{path.name} {size}\n".encode())
        with path.open("rb") as file:
            # A small file is hashed whole. Hashing all of a large model would take longer than loading it.
            for place in range(0, size, max(PIECE, size // PIECES)):
                file.seek(place)
                digest.update(file.read(PIECE))
    return digest.hexdigest()[:16]


def load_tokenizer(source: str | Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a model. It pads on the left, and its chat template takes a system message.

    If the model's own template refuses a system message, the message becomes the beginning of the first user message.

    Raises:
        ModelError: there is no tokenizer, it has no chat template or one that fails, or it has neither a pad token nor
            an end-of-text token.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(source))
    except (OSError, ValueError) as error:
        raise ModelError(f"no tokenizer in {str(source)!r}: {_first_line(error)}") from None
    if tokenizer.chat_template is None:
        raise ModelError(
            f"the tokenizer of {str(source)!r} has no chat template: take the model's instruct form, or set "
            "tokenizer.chat_template and save it"
        )
    if tokenizer.pad_token is None:
        if tokenizer.eos_token is None:
            raise ModelError(
                f"the tokenizer of {str(source)!r} has neither a pad token nor an end-of-text token: set one and "
                "save it"
            )
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "left"
    _take_system_messages(tokenizer, source)
    return tokenizer


def _take_system_messages(tokenizer: PreTrainedTokenizerBase, source: str | Path) -> None:
    """Change the chat template so that it takes a system message, unless it does already."""
    chat = [{"role": "system", "content": "How to review."}, {"role": "user", "content": "What to review."}]
    try:
        tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
    except jinja2.TemplateError:
        pass
    else:
        return
    own = tokenizer.chat_template
    tokenizer.chat_template = (
        {name: SYSTEM_INTO_USER + template for name, template in own.items()}
        if isinstance(own, dict)
        else SYSTEM_INTO_USER + own
    )
    try:
        tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
    except jinja2.TemplateError as error:
        raise ModelError(
            f"the chat template of {str(source)!r} fails on a chat of one user message: {_first_line(error)}"
        ) from None


def load_model(
    source: str | Path, *, dtype: str = "float32", quantization: Any = None, device: str | None = None
) -> Loaded:
    """A causal language model and its tokenizer.

    Args:
        source: a folder, or a name on the Hub.
        dtype: the name of a torch type, such as `bfloat16`.
        quantization: a configuration of transformers; it also places the model.
        device: by default a GPU if there is one.

    Raises:
        ModelError: there is no model, or its tokenizer cannot be used (see `load_tokenizer`).
    """
    tokenizer = load_tokenizer(source)
    try:
        model = AutoModelForCausalLM.from_pretrained(
            str(source), dtype=getattr(torch, dtype), quantization_config=quantization, attn_implementation="sdpa"
        )
    except (OSError, ValueError) as error:
        raise ModelError(f"no model in {str(source)!r}: {_first_line(error)}") from None
    if quantization is None:
        model = model.to(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    return Loaded(model, tokenizer, str(source))


def prompt_length(loaded: Loaded, chat: Chat) -> int:
    """The length of a chat in tokens, rendered as `write` renders it."""
    return len(loaded.tokenizer(_render(loaded, chat), add_special_tokens=False)["input_ids"])


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
) -> Iterator[Generation]:
    """Let the model answer each chat, in order, `batch` at a time. For n samples, give a chat n times.

    Randomness comes from torch's global generator, as everywhere in transformers.

    Args:
        loaded: the model.
        chats: what it answers.
        max_tokens: the longest completion.
        temperature: 0 is greedy.
        top_p: the share of probability from which tokens are sampled.
        batch: chats that the model reads at a time.
        log_odds: also compute the log-odds of the detection, which takes one more pass.
        begun: the beginning of each completion, which the model continues and which is a part of its text.
    """
    model, tokenizer = loaded.model, loaded.tokenizer
    training = model.training
    model.eval()
    sampling: dict[str, Any] = {"do_sample": False}
    if temperature:
        sampling = {"do_sample": True, "temperature": temperature, "top_p": top_p, "top_k": 0}
    try:
        for first in range(0, len(chats), batch):
            part = slice(first, first + batch)
            texts = [_render(loaded, chat) for chat in chats[part]]
            starts = begun[part] if begun is not None else [""] * len(texts)
            prompts = [text + start for text, start in zip(texts, starts, strict=True)]
            inputs = tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False).to(model.device)
            with torch.inference_mode():
                ids = model.generate(
                    **inputs, max_new_tokens=max_tokens, pad_token_id=tokenizer.pad_token_id, **sampling
                )  # (batch, prompt + new)
            ids = ids[:, inputs["input_ids"].shape[1] :]  # (batch, new)
            rows = [_until_end(row.tolist(), _ends(loaded)) for row in ids]
            if begun is not None:
                rows = [
                    (tokenizer(start, add_special_tokens=False)["input_ids"] + row, ended)
                    for start, (row, ended) in zip(starts, rows, strict=True)
                ]
            answers = [tokenizer.decode(row, skip_special_tokens=True) for row, _ in rows]
            odds = _log_odds(loaded, texts, [row for row, _ in rows], answers) if log_odds else [None] * len(rows)
            lengths = inputs["attention_mask"].sum(1).tolist()  # (batch, prompt) -> (batch,)
            for (row, ended), answer, odd, length in zip(rows, answers, odds, lengths, strict=True):
                yield Generation(answer, len(row), ended, odd, length)
    finally:
        model.train(training)


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


def _log_odds(
    loaded: Loaded, prompts: Sequence[str], rows: Sequence[list[int]], answers: Sequence[str]
) -> list[float | None]:
    """The log-odds of `true` against `false` in each completion.

    Each prompt is read once more, with the tokens of the completion before the detection. The next token would be the
    detection: the difference of its two logits is log P(true) - log P(false).
    """
    log_odds: list[float | None] = [None] * len(rows)
    # The number of the completion, the tokens before its detection, the tokens of `true` and of `false`.
    places: list[tuple[int, list[int], int, int]] = []
    for number, (prompt, row, answer) in enumerate(zip(prompts, rows, answers, strict=True)):
        detection = _find_detection(loaded.tokenizer, row, answer)
        if detection is not None:
            before, true, false = detection
            ids = loaded.tokenizer(prompt, add_special_tokens=False)["input_ids"] + row[:before]
            places.append((number, ids, true, false))
    if not places:
        return log_odds
    padded = loaded.tokenizer.pad({"input_ids": [ids for _, ids, _, _ in places]}, return_tensors="pt").to(
        loaded.model.device
    )
    with torch.inference_mode():
        # Padding is on the left, so the last position is the one before the detection in each row.
        logits = loaded.model(**padded, logits_to_keep=1).logits[:, -1].float()  # (places, vocabulary)
    for line, (number, _, true, false) in enumerate(places):
        log_odds[number] = float(logits[line, true] - logits[line, false])
    return log_odds


def _find_detection(tokenizer: PreTrainedTokenizerBase, row: list[int], answer: str) -> tuple[int, int, int] | None:
    """How many tokens come before the word of the detection, and the tokens of `true` and `false` at that place.

    None if there is no readable verdict, or if either word is several tokens.
    """
    try:
        start = field_starts(answer)["detection"]
    except InvalidVerdict:
        return None
    # The token that holds the first letter of the word; it may begin with a space.
    place = tokens_until(tokenizer, row)(start + 1) - 1
    word = tokenizer.decode([row[place]])
    if word.strip() not in ("true", "false"):
        return None
    words = [tokenizer.encode(word.replace(word.strip(), name), add_special_tokens=False) for name in ("true", "false")]
    if any(len(ids) != 1 for ids in words):
        return None
    return place, words[0][0], words[1][0]


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
