"""Write a model of Qwen2.5's architecture with random weights, to rehearse a preset where nothing can be downloaded.

    python agents/random_weights.py http://127.0.0.1:8000 models/random-1.5b

Memory and time are those of the real model; what it writes is noise. Its tokenizer is a BPE learned from episodes of
the arena, filled up to Qwen's 151,936 tokens, so that prompts are as long as with a real one.
"""

import argparse
import json
from pathlib import Path

import torch
from transformers import AutoTokenizer, GenerationConfig, Qwen2Config, Qwen2ForCausalLM

from forge_agents.client import ArenaClient
from forge_agents.train.tiny.tokenizer import END, PAD, byte_pairs
from forge_arena.keys import Key
from forge_arena.types import Split
from forge_arena.verdicts import messages

SIZES = {
    "0.5": {"hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24, "num_attention_heads": 14},
    "1.5": {"hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28, "num_attention_heads": 12},
}
TOKENS, LEARNED, CONTEXT = 151_936, 8_000, 32_768
EPISODES = range(0, 384, 64)
CHAT_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("arena", help="URL of a running arena")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", choices=SIZES, default="1.5", help="billions of parameters")
    arguments = parser.parse_args()
    write_tokenizer(prompts(arguments.arena), arguments.folder)
    write_model(arguments.size, arguments.folder)


def prompts(url: str) -> list[str]:
    """Prompts of the first episodes of the train split."""
    with ArenaClient(url) as client:
        stats = client.stats()
        episodes = [
            episode
            for first in EPISODES
            for episode in client.open_episodes(
                keys=[
                    str(Key.of(stats.suite_and_version, Split.train, index))
                    for index in range(first, first + EPISODES.step)
                ]
            ).episodes
        ]
    return ["\n".join(message["content"] for message in messages(episode.observation)) for episode in episodes]


def write_tokenizer(texts: list[str], folder: Path) -> None:
    """A BPE of the texts, with placeholders up to the size of Qwen's vocabulary."""
    tokenizer = byte_pairs(texts, LEARNED, CONTEXT)
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.save_pretrained(folder)
    path = folder / "tokenizer.json"
    written = json.loads(path.read_text(encoding="utf-8"))
    vocabulary = written["model"]["vocab"]
    vocabulary |= {f"~{number}": number for number in range(len(tokenizer), TOKENS)}
    path.write_text(json.dumps(written, ensure_ascii=False), encoding="utf-8")


def write_model(size: str, folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    end, pad = tokenizer.convert_tokens_to_ids([END, PAD])
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    model = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=TOKENS,
            num_key_value_heads=2,
            max_position_embeddings=CONTEXT,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=end,
            pad_token_id=pad,
            use_sliding_window=False,
            **SIZES[size],
        )
    )
    model.generation_config = GenerationConfig(eos_token_id=end, pad_token_id=pad)
    model.save_pretrained(folder)


if __name__ == "__main__":
    main()
