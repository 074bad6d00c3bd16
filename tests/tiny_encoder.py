"""Make the folder of a tiny BERT whose weights are random: an encoder with the form of a real one."""

import re
from collections.abc import Iterable
from pathlib import Path

import torch
from transformers import BertConfig, BertModel, BertTokenizerFast

LAYERS, WIDTH, CONTEXT = 3, 32, 128


def make_encoder(folder: Path, texts: Iterable[str]) -> Path:
    """A BERT of three layers whose vocabulary is the words and characters of the texts. Returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = _vocabulary(texts)
    words_file = folder / "vocab.txt"
    words_file.write_text("".join(f"{word}\n" for word in vocabulary), encoding="utf-8")
    BertTokenizerFast(vocab=str(words_file), model_max_length=CONTEXT).save_pretrained(folder)
    torch.manual_seed(0)
    BertModel(
        BertConfig(
            vocab_size=len(vocabulary),
            hidden_size=WIDTH,
            num_hidden_layers=LAYERS,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=CONTEXT,
        )
    ).save_pretrained(folder)
    return folder


def _vocabulary(texts: Iterable[str]) -> list[str]:
    """Special tokens, characters and words, in the same order in each process.

    The trainers of `tokenizers` number the words in another order each time, and the numbers decide with which weights a
    word begins.
    """
    words = {word for text in texts for word in re.findall(r"\w+|[^\w\s]", text.lower())}
    characters = sorted({character for word in words for character in word})
    pieces = [*characters, *(f"##{character}" for character in characters)]
    return ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *pieces, *sorted(words - set(pieces))]
