"""Load a language model with transformers, refuse early what would fail late, and let it write. Needs the extra `train`."""

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

# In front of a chat template that knows no system role, or wants the roles to alternate. As part of the template it holds
# wherever a chat is rendered: in evaluation, in training, and by whoever serves the trained model.
SYSTEM_INTO_USER = (
    "{%- if messages | length > 1 and messages[0]['role'] == 'system' and messages[1]['role'] == 'user' %}"
    "{%- set messages = [{'role': 'user', 'content': messages[0]['content'] + '\\n\\n' + messages[1]['content']}]"
    " + messages[2:] %}{%- endif %}"
)
# A large file is named by so many pieces of so many bytes.
PIECES, PIECE = 256, 1 << 16


class ModelError(ForgeArenaError, ValueError):
    """A model cannot be used: the message says what it lacks and what to do."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model with its tokenizer, which pads on the left, and where it came from."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    source: str

    @property
    def context(self) -> int | None:
        """The tokens that it was made to read at most, None where it does not say."""
        return getattr(self.model.config, "max_position_embeddings", None)

    @property
    def on_cpu(self) -> bool:
        return bool(self.model.device.type == "cpu")


@dataclass(frozen=True, slots=True)
class Written:
    """What a model wrote: the text, its length in tokens, whether it came to an end by itself, and how many tokens it
    read before.

    `log_odds` are the model's own of `true` against `false` where it wrote the detection of its verdict; None where
    there is no readable verdict, or the words are several tokens.
    """

    text: str
    tokens: int
    ended: bool
    log_odds: float | None = None
    read: int = 0


def weights_digest(folder: Path) -> str | None:
    """Names the model in a folder by pieces of its files, spread over each: a model trained anew in its place has another
    name. None for a model of the Hub, whose name names it."""
    if not folder.is_dir():
        return None
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.iterdir() if path.suffix in (".safetensors", ".bin", ".json", ".jinja")):
        size = path.stat().st_size
        digest.update(f"{path.name} {size}\n".encode())
        with path.open("rb") as file:
            # All of a small file. Hashing a large model whole would take longer than loading it.
            for place in range(0, size, max(PIECE, size // PIECES)):
                file.seek(place)
                digest.update(file.read(PIECE))
    return digest.hexdigest()[:16]


def load_tokenizer(source: str | Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a model, padding on the left. Its chat template takes a system message: where the model's own
    template refuses one, the system message becomes the beginning of the first user message.

    Raises:
        ModelError: there is none, it has no chat template or one that fails, or neither a pad token nor an end-of-text
            token.
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
                f"the tokenizer of {str(source)!r} has neither a pad token nor an end-of-text token: set one and save it"
            )
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "left"
    _take_system_messages(tokenizer, source)
    return tokenizer


def _take_system_messages(tokenizer: PreTrainedTokenizerBase, source: str | Path) -> None:
    chat = [{"role": "system", "content": "How to judge."}, {"role": "user", "content": "What to judge."}]
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
    """A causal language model and its tokenizer; on `device`, by default a GPU where there is one.

    Raises:
        ModelError: see `load_tokenizer`; or there is no model.
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
    """The tokens of a chat as `write` asks it."""
    return len(loaded.tokenizer(_asked(loaded, chat), add_special_tokens=False)["input_ids"])


def _asked(loaded: Loaded, chat: Chat) -> str:
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
) -> Iterator[Written]:
    """Let the model answer each chat, in order, `batch` at a time. Temperature 0 is greedy.

    `begun` may give the beginning of each answer, which the model then goes on with and which is part of its text.

    Whoever wants n samples gives a chat n times. Randomness is torch's global generator, as everywhere in transformers.
    """
    model, tokenizer = loaded.model, loaded.tokenizer
    training = model.training
    model.eval()
    sampling: dict[str, Any] = {"do_sample": False}
    if temperature:
        sampling = {"do_sample": True, "temperature": temperature, "top_p": top_p, "top_k": 0}
    try:
        for first in range(0, len(chats), batch):
            some = slice(first, first + batch)
            texts = [_asked(loaded, chat) for chat in chats[some]]
            starts = begun[some] if begun is not None else [""] * len(texts)
            asked = [text + start for text, start in zip(texts, starts, strict=True)]
            inputs = tokenizer(asked, return_tensors="pt", padding=True, add_special_tokens=False).to(model.device)
            with torch.inference_mode():
                made = model.generate(
                    **inputs, max_new_tokens=max_tokens, pad_token_id=tokenizer.pad_token_id, **sampling
                )[:, inputs["input_ids"].shape[1] :]
            rows = [_until_end(row.tolist(), _ends(loaded)) for row in made]
            if begun is not None:
                rows = [
                    (tokenizer(start, add_special_tokens=False)["input_ids"] + row, ended)
                    for start, (row, ended) in zip(starts, rows, strict=True)
                ]
            answers = [tokenizer.decode(row, skip_special_tokens=True) for row, _ in rows]
            odds = _log_odds(loaded, texts, [row for row, _ in rows], answers) if log_odds else [None] * len(rows)
            read = inputs["attention_mask"].sum(1).tolist()
            for (row, ended), answer, odd, before in zip(rows, answers, odds, read, strict=True):
                yield Written(answer, len(row), ended, odd, before)
    finally:
        model.train(training)


def tokens_until(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> Callable[[int], int]:
    """How many of these tokens it takes until their text has so many characters."""

    def until(characters: int) -> int:
        low, high = 0, len(ids)
        while low < high:
            middle = (low + high) // 2
            short = len(tokenizer.decode(ids[:middle], skip_special_tokens=True)) < characters
            low, high = (middle + 1, high) if short else (low, middle)
        return low

    return until


def _ends(loaded: Loaded) -> set[int]:
    config = loaded.model.generation_config
    ends = config.eos_token_id if config is not None else None
    known = ends if isinstance(ends, list) else [ends]
    return {end for end in (*known, loaded.tokenizer.eos_token_id) if end is not None}


def _until_end(ids: list[int], ends: set[int]) -> tuple[list[int], bool]:
    for place, token in enumerate(ids):
        if token in ends:
            return ids[:place], True
    return ids, False


def _log_odds(
    loaded: Loaded, prompts: Sequence[str], rows: Sequence[list[int]], answers: Sequence[str]
) -> list[float | None]:
    """One more pass over each prompt and what stands before the detection, which tells both words' logits."""
    found: list[float | None] = [None] * len(rows)
    asked: list[tuple[int, list[int], int, int]] = []
    for number, (prompt, row, answer) in enumerate(zip(prompts, rows, answers, strict=True)):
        place = _detection(loaded.tokenizer, row, answer)
        if place is not None:
            before, true, false = place
            asked.append(
                (number, loaded.tokenizer(prompt, add_special_tokens=False)["input_ids"] + row[:before], true, false)
            )
    if not asked:
        return found
    padded = loaded.tokenizer.pad({"input_ids": [ids for _, ids, _, _ in asked]}, return_tensors="pt").to(
        loaded.model.device
    )
    with torch.inference_mode():
        logits = loaded.model(**padded, logits_to_keep=1).logits[:, -1].float()
    for line, (number, _, true, false) in enumerate(asked):
        found[number] = float(logits[line, true] - logits[line, false])
    return found


def _detection(tokenizer: PreTrainedTokenizerBase, row: list[int], answer: str) -> tuple[int, int, int] | None:
    """How many tokens stand before the detection's word, and the tokens of `true` and `false` there."""
    try:
        start = field_starts(answer)["detection"]
    except InvalidVerdict:
        return None
    # The token that holds the first letter of the word; it may begin with a space.
    place = tokens_until(tokenizer, row)(start + 1) - 1
    word = tokenizer.decode([row[place]])
    if word.strip() not in ("true", "false"):
        return None
    both = [tokenizer.encode(word.replace(word.strip(), name), add_special_tokens=False) for name in ("true", "false")]
    if any(len(ids) != 1 for ids in both):
        return None
    return place, both[0][0], both[1][0]


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
