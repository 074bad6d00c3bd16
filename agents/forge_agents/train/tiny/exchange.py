"""Let the tokens of words stand for one another, in each epoch anew.

`renaming` gives words other names before anything is read. An exchange acts on what has been read, so that the model
sees every token in every place. With words that mean nothing, the label can only be found by comparing, and the model
learns to copy every token, not only those of a few families.
"""

from collections.abc import Collection

import torch
from transformers import PreTrainedTokenizerBase

from forge_agents.train.tiny.drills import SPACE


class Exchange:
    """Draws which token stands for which, differently for each text.

    A token with a space before it and the same token without one are exchanged together, so that a word is one word
    both at the start of a line and within it. Numbers, signs and the tokens in `kept` stand for themselves.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, kept: Collection[str], seed: int) -> None:
        vocabulary: dict[str, int] = tokenizer.get_vocab()
        words = {
            token
            for token in vocabulary.keys() - set(kept)
            if (bare := token.removeprefix(SPACE)).isascii() and bare.isalpha()
        }
        # Words that the vocabulary has both ways, only with a space before them, and only without one.
        both = {token for token in words if SPACE + token in words}
        within = {token for token in words if token.startswith(SPACE)} - {SPACE + token for token in both}
        alone = words - both - {SPACE + token for token in both} - within
        # Groups of tokens that may stand for one another, each (tokens, forms): the forms of a word are exchanged
        # together.
        self._groups = [
            torch.tensor([[vocabulary[form] for form in forms] for forms in group], dtype=torch.long)
            for group in (
                [(token, SPACE + token) for token in sorted(both)],
                [(token,) for token in sorted(within)],
                [(token,) for token in sorted(alone)],
            )
            if group
        ]
        self._size = len(tokenizer)
        self._random = torch.Generator().manual_seed(seed)

    def draw(self, texts: int, share: float) -> torch.Tensor:
        """For each text the token that each token becomes, (texts, vocabulary); itself except in a `share` of the
        texts."""
        becomes = torch.arange(self._size).repeat(texts, 1)  # (texts, vocabulary)
        for text in range(texts):
            if float(torch.rand((), generator=self._random)) < share:
                for group in self._groups:
                    becomes[text, group] = group[torch.randperm(len(group), generator=self._random)]
        return becomes
