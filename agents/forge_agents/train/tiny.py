"""Make an overseer model from scratch, small enough to learn on two cores: nothing is downloaded.

A Qwen2 of about half a million parameters with a byte-level BPE of its own. Its chat template leaves the system prompt
out and writes a short mark in place of each role: a model that has never read English cannot follow instructions, and
four hundred words that never change would only cost time. Everything else (the user text, the JSON verdict) is what
every overseer reads and writes.

Before any text it is drilled on noise (drills.py), in copying and in comparing.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from tokenizers import pre_tokenizers
from transformers import AutoTokenizer, GenerationConfig, PreTrainedTokenizerBase, Qwen2Config, Qwen2ForCausalLM
from transformers import Qwen2Tokenizer as Tokenizer

from forge_agents.train.drills import ALARMS, OK, learn_to_compare, learn_to_copy
from forge_agents.train.presets import Scratch
from forge_arena.rewards import AGAINST, BORNE_OUT
from forge_arena.types import CorruptionType

PAD, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
CHAT_TEMPLATE = (
    "{% for message in messages %}{% if message['role'] == 'user' %}{{ message['content'] }}\n<|im_start|>"
    "{% elif message['role'] == 'assistant' %}{% generation %}{{ message['content'] }}<|im_end|>{% endgeneration %}"
    "{% endif %}{% endfor %}"
)
# What a verdict decides, a token each, so that a decision is one choice; and its fixed parts, which carry no information
# and would cost a step each.
# Where a quotation and a correction end: a model that misses the place copies on, and writes no verdict.
ENDS = ('\\"", "correction": "', '", "confidence":')
DECISIONS = (" true", " false", OK, *ALARMS, *ENDS)
FIXED = (
    *DECISIONS,
    "<think>",
    "</think>",
    '{"detection":',
    ', "explanation": "',
    '", "correction": "',
    *(type.value for type in CorruptionType),
    rf"{AGAINST} \"",
    r"\n\n",
    BORNE_OUT,
    "Task:\n",
    "\n\nSource material:\n",
    "\n\nWorker reasoning:\n(none)",
    "\n\nWorker output:\n",
)
# A number below a hundred is a token, as a word is: two values are the same or they are not, and no digit is carried.
NUMBERS = (*(f" ${n}" for n in range(1, 100)), *(f" {n}" for n in range(1, 100)), *(str(n) for n in range(10, 100)))


def byte_pairs(texts: Iterable[str], size: int, context: int) -> PreTrainedTokenizerBase:
    """A byte-level BPE of `size` tokens learned from `texts`, with Qwen2's own way of cutting words and its special tokens.

    transformers takes Qwen2's pre-tokenizer whatever was saved, so none other may be trained with.
    """
    tokens = [PAD, START, END, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    bytewise = Tokenizer(
        vocab={token: number for number, token in enumerate(tokens)},
        merges=[],
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=[START],
        model_max_length=context,
    )
    return bytewise.train_new_from_iterator(texts, size, show_progress=False)


def make_tokenizer(texts: Iterable[str], size: int, context: int) -> PreTrainedTokenizerBase:
    """A tokenizer of `size` tokens: those of a verdict's parts and of numbers, and for the rest a BPE of `texts`."""
    tokenizer = byte_pairs(texts, size - len(FIXED) - len(NUMBERS), context)
    tokenizer.add_tokens([*FIXED, *NUMBERS])
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def make_model(folder: Path, texts: Sequence[str], size: Scratch, seed: int) -> None:
    """Write an untrained model and its tokenizer to `folder`.

    Raises:
        ValueError: the tokenizer does not give back what it is given (a broken installation).
    """
    tokenizer = make_tokenizer(texts, size.vocabulary, size.context)
    tokenizer.save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for text in (*texts[:20], '{"detection": true, "explanation": "naïve 退款 😀"}'):
        if tokenizer.decode(tokenizer.encode(text)) != text:
            raise ValueError(f"the tokenizer in {folder} does not give back what it is given: {text[:80]!r}")
    torch.manual_seed(seed)
    end, pad = tokenizer.convert_tokens_to_ids([END, PAD])
    model = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=len(tokenizer),
            hidden_size=size.hidden,
            intermediate_size=2 * size.hidden,
            num_hidden_layers=size.layers,
            num_attention_heads=size.heads,
            num_key_value_heads=size.heads,
            max_position_embeddings=size.context,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=end,
            pad_token_id=pad,
            use_sliding_window=False,
        )
    )
    learn_to_copy(model, size.copying, seed)
    learn_to_compare(model, tokenizer, size.comparing, seed)
    model.generation_config = GenerationConfig(eos_token_id=end, pad_token_id=pad)
    model.save_pretrained(folder)
