"""Write a tiny random Qwen2 checkpoint that a real vLLM serves: python tests/tiny_checkpoint.py FOLDER

Runs in the environment of that vLLM, where torch and transformers are. What the model writes is garbage, one token a
byte, and ends after some thirty tokens.
"""

import sys
from pathlib import Path

import torch
from tokenizers import pre_tokenizers
from transformers import AutoTokenizer, GenerationConfig, Qwen2Config, Qwen2ForCausalLM, Qwen2Tokenizer

CONTEXT = 4096
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def write(folder: Path) -> None:
    tokens = [*SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokenizer = Qwen2Tokenizer(
        vocab={token: number for number, token in enumerate(tokens)},
        merges=[],
        eos_token=SPECIAL[2],
        additional_special_tokens=[SPECIAL[1]],
        model_max_length=CONTEXT,
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.save_pretrained(folder)

    torch.manual_seed(0)
    model = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=len(tokens),
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            max_position_embeddings=CONTEXT,
            tie_word_embeddings=False,
            bos_token_id=None,
            eos_token_id=2,
            pad_token_id=0,
        )
    )
    # A random model hardly ever draws one given token: with several that end the text, answers stay short.
    model.generation_config = GenerationConfig(eos_token_id=[2, *range(4, 12)], pad_token_id=0)
    model.save_pretrained(folder)

    text = "<think>5 to 7 days, $89.99</think>\n\tnaïve 退款 😀 def f(x): return x['a']"
    loaded = AutoTokenizer.from_pretrained(folder)
    if loaded.decode(loaded.encode(text)) != text:
        raise RuntimeError(f"the tokenizer in {folder} does not give back what it is given")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
