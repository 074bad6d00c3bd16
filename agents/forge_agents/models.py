"""Load a language model with transformers, and refuse early what would fail late.

Needs the extra `train`.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from forge_agents.devices import default_device
from forge_arena.errors import ForgeArenaError

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
        raise ModelError(f"no tokenizer in {str(source)!r}: {first_line(error)}") from None
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
            f"the chat template of {str(source)!r} fails on a chat of one user message: {first_line(error)}"
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
        raise ModelError(f"no model in {str(source)!r}: {first_line(error)}") from None
    if quantization is None:
        model = model.to(device or default_device())
    return Loaded(model, tokenizer, str(source))


def keep_head_precise(model: PreTrainedModel) -> None:
    """Let a model compute its logits in float32, whatever the type of its weights.

    A bfloat16 has three decimal digits. The log-odds, which are the difference of two logits of 10 to 25, would be
    multiples of an eighth, and many episodes would share the same one.
    """
    head = model.get_output_embeddings()
    if not isinstance(head, torch.nn.Linear) or head.weight.dtype == torch.float32:
        return
    # Another tensor than before, because the embedding may have the same one.
    head.weight = torch.nn.Parameter(head.weight.detach().float(), requires_grad=False)
    if head.bias is not None:
        head.bias = torch.nn.Parameter(head.bias.detach().float(), requires_grad=False)
    head.register_forward_pre_hook(lambda _, inputs: (inputs[0].float(), *inputs[1:]))


def first_line(error: Exception) -> str:
    """The first line of an error's text, with the second line if the first ends in a colon; else the error's name."""
    lines = [line.strip() for line in str(error).splitlines()] or [type(error).__name__]
    return " ".join(lines[: 2 if lines[0].endswith(":") else 1])
