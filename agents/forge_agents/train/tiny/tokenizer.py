"""A small byte-level vocabulary for a model from nothing, in which each decision of a verdict is one token.

The chat template leaves the system prompt out and writes a short mark in place of each role. A model that has never
read English cannot follow instructions, and four hundred words that never change would only cost time. The user text
and the JSON verdict are the same as for every overseer.
"""

from collections.abc import Iterable

from tokenizers import pre_tokenizers
from transformers import PreTrainedTokenizerBase
from transformers import Qwen2Tokenizer as Tokenizer

from forge_agents.train.tiny.drills import ALARMS, OK
from forge_arena.rewards import AGAINST, BORNE_OUT
from forge_arena.types import CorruptionType

PAD, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
CHAT_TEMPLATE = (
    "{% for message in messages %}{% if message['role'] == 'user' %}{{ message['content'] }}\n<|im_start|>"
    "{% elif message['role'] == 'assistant' %}{% generation %}{{ message['content'] }}<|im_end|>{% endgeneration %}"
    "{% endif %}{% endfor %}"
)
# The ends of a quotation and of a correction. A model that misses the end goes on copying, and writes no verdict.
ENDS = ('\\"", "correction": "', '", "confidence":')
# The words that decide in a verdict. Each is one token, so that a decision is one choice.
DECISIONS = (" true", " false", OK, *ALARMS, *ENDS)
# All fixed tokens: the decisions, and the parts that every verdict has. These parts carry no information, and each
# would cost several steps if it were several tokens.
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
# A number below a hundred is one token, as a word is. Two values are then the same token or different tokens, and no
# digits must be compared one by one.
NUMBERS = (*(f" ${n}" for n in range(1, 100)), *(f" {n}" for n in range(1, 100)), *(str(n) for n in range(10, 100)))


def byte_pairs(texts: Iterable[str], size: int, context: int) -> PreTrainedTokenizerBase:
    """A byte-level BPE of `size` tokens learned from `texts`. It cuts words as Qwen2 does, and has Qwen2's special
    tokens.

    transformers uses Qwen2's pre-tokenizer whatever was saved, so the tokenizer must be trained with Qwen2's.
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
    """A tokenizer of `size` tokens: the parts of a verdict, numbers, and for the rest a BPE of `texts`."""
    tokenizer = byte_pairs(texts, size - len(FIXED) - len(NUMBERS), context)
    tokenizer.add_tokens([*FIXED, *NUMBERS])
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer
