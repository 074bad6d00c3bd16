"""Write a tiny Qwen2 checkpoint that a real vLLM serves: python tests/tiny_checkpoint.py FOLDER [LESSONS]

Runs in the environment of that vLLM, where torch and transformers are. Without LESSONS what the model writes is
garbage, one token a byte, and ends after some thirty tokens. LESSONS is a file of lines {"messages": a chat, "answer":
what to write}: the model learns them by heart, until it writes each answer whole at any temperature up to 1.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from tokenizers import pre_tokenizers
from transformers import AutoTokenizer, GenerationConfig, Qwen2Config, Qwen2ForCausalLM, Qwen2Tokenizer

CONTEXT = 4096
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
VOCABULARY = 1024
LIKELY = 0.98
SHARPENING = 3.0
SURE = 0.9999
STEPS = 600


def byte_tokenizer() -> Qwen2Tokenizer:
    tokens = [*SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokenizer = Qwen2Tokenizer(
        vocab={token: number for number, token in enumerate(tokens)},
        merges=[],
        eos_token=SPECIAL[2],
        additional_special_tokens=[SPECIAL[1]],
        model_max_length=CONTEXT,
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def new_model(vocabulary: int) -> Qwen2ForCausalLM:
    torch.manual_seed(0)
    return Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=vocabulary,
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


def write(folder: Path) -> None:
    tokenizer = byte_tokenizer()
    tokenizer.save_pretrained(folder)
    model = new_model(len(tokenizer))
    # A random model hardly ever draws one given token: with several that end the text, answers stay short.
    model.generation_config = GenerationConfig(eos_token_id=[2, *range(4, 12)], pad_token_id=0)
    model.save_pretrained(folder)
    check(folder)


def write_taught(folder: Path, lessons: list[dict[str, Any]]) -> None:
    asked = [[message["content"] for message in lesson["messages"]] for lesson in lessons]
    texts = [text for contents in asked for text in contents] + [lesson["answer"] for lesson in lessons]
    # Tokens longer than a byte: the texts are short, and so is the learning.
    tokenizer = byte_tokenizer().train_new_from_iterator(texts, VOCABULARY)
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.save_pretrained(folder)
    # What vLLM will load, which need not be what was saved.
    tokenizer = AutoTokenizer.from_pretrained(folder)
    end = tokenizer.convert_tokens_to_ids(SPECIAL[2])
    model = new_model(len(tokenizer))
    batch = []
    for lesson in lessons:
        prompt = tokenizer.apply_chat_template(lesson["messages"], add_generation_prompt=True, return_dict=False)
        answer = [*tokenizer.encode(lesson["answer"]), end]
        batch.append((torch.tensor([prompt + answer]), len(answer)))
    learn(model, batch)
    model.generation_config = GenerationConfig(eos_token_id=[end], pad_token_id=0)
    model.config.eos_token_id = end
    model.save_pretrained(folder)
    check(folder)


def least_sure(model: Qwen2ForCausalLM, tokens: torch.Tensor, length: int) -> tuple[torch.Tensor, float]:
    """The loss over the last `length` tokens, and the probability of the one that is least likely."""
    logits = model(tokens, logits_to_keep=length + 1).logits[0, :-1]
    logprobs = logits.log_softmax(-1).gather(1, tokens[0, -length:, None])
    return -logprobs.mean(), logprobs.min().exp().item()


def learn(model: Qwen2ForCausalLM, batch: list[tuple[torch.Tensor, int]]) -> None:
    """Fit until every token of every answer is likely, then sharpen the model until it is sure."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.0)
    least = 0.0
    steps = 0
    while least < LIKELY and steps < STEPS:
        optimizer.zero_grad()
        least = 1.0
        for tokens, length in batch:
            loss, probability = least_sure(model, tokens, length)
            loss.backward()
            least = min(least, probability)
        optimizer.step()
        steps += 1
    with torch.no_grad():
        # The last per mille take longer to learn than all the rest; a lower temperature gives them at once.
        model.lm_head.weight *= SHARPENING
        least = min(least_sure(model, tokens, length)[1] for tokens, length in batch)
    lengths = [tokens.shape[1] for tokens, _ in batch]
    if least < SURE:
        raise RuntimeError(f"after {steps} steps on {lengths} tokens the least sure one has {least:.6f}, wanted {SURE}")
    print(f"learnt {lengths} tokens in {steps} steps; the least sure one has {least:.6f}")


def check(folder: Path) -> None:
    text = "<think>5 to 7 days, $89.99</think>\n\tnaïve 退款 😀 def f(x): return x['a']"
    loaded = AutoTokenizer.from_pretrained(folder)
    if loaded.decode(loaded.encode(text)) != text:
        raise RuntimeError(f"the tokenizer in {folder} does not give back what it is given")


if __name__ == "__main__":
    if len(sys.argv) > 2:
        lines = Path(sys.argv[2]).read_text(encoding="utf-8").splitlines()
        write_taught(Path(sys.argv[1]), [json.loads(line) for line in lines])
    else:
        write(Path(sys.argv[1]))
