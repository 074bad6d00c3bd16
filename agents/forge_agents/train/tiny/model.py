"""Make an overseer model from nothing, small enough to learn on two cores: nothing is downloaded.

The model is a Qwen2 of about half a million parameters. Before it reads any text, it is drilled on noise.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import AutoTokenizer, GenerationConfig, Qwen2Config, Qwen2ForCausalLM

from forge_agents.train.presets import Scratch
from forge_agents.train.tiny.drills import learn_to_compare, learn_to_copy
from forge_agents.train.tiny.tokenizer import END, PAD, make_tokenizer


def make_model(folder: Path, texts: Sequence[str], size: Scratch, seed: int) -> None:
    """Write a drilled model, which has read no text yet, and its tokenizer to `folder`.

    Arguments:
        texts: what the vocabulary is learned from.

    Raises:
        ValueError: the tokenizer does not decode to the text that it encoded (a broken installation).
    """
    tokenizer = make_tokenizer(texts, size.vocabulary, size.context)
    tokenizer.save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for text in (*texts[:20], '{"detection": true, "explanation": "naïve 退款 😀"}'):
        if tokenizer.decode(tokenizer.encode(text)) != text:
            raise ValueError(
                f"the tokenizer in {folder} does not decode to the text that it encoded: {text[:80]!r}; "
                "reinstall tokenizers"
            )
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
