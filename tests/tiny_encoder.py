"""Make the folder of a tiny BERT whose weights are random: an encoder with the form of a real one."""

from collections.abc import Iterable
from pathlib import Path

import torch
from tokenizers import BertWordPieceTokenizer
from transformers import BertConfig, BertModel, BertTokenizerFast

LAYERS, WIDTH, CONTEXT = 3, 32, 128


def make_encoder(folder: Path, texts: Iterable[str]) -> Path:
    """A BERT of three layers whose vocabulary is learned from the texts. Returns the folder."""
    words = BertWordPieceTokenizer(lowercase=True)
    words.train_from_iterator(list(texts), vocab_size=600, min_frequency=1, show_progress=False)
    folder.mkdir(parents=True, exist_ok=True)
    (words_file,) = words.save_model(str(folder))
    BertTokenizerFast(vocab=words_file, model_max_length=CONTEXT).save_pretrained(folder)
    torch.manual_seed(0)
    BertModel(
        BertConfig(
            vocab_size=words.get_vocab_size(),
            hidden_size=WIDTH,
            num_hidden_layers=LAYERS,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=CONTEXT,
        )
    ).save_pretrained(folder)
    return folder
