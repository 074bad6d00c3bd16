"""Exchange the tokens of words for one another, anew in each epoch.

`renaming` changes words before a text becomes tokens. An exchange changes the tokens of a text, so that the model sees
every token in every place. If words mean nothing, the model can find the label only by comparing, and it learns to copy
every token, not only the tokens of a few families.
"""

from collections.abc import Collection

import torch
from transformers import PreTrainedTokenizerBase

from forge_agents.train.tiny.drills import SPACE


class Exchange:
    """Draws the token that replaces each token, differently for each text.

    A token with a space before it and the same token without one are exchanged together, so that a word is the same
    word at the start of a line and within it. Numbers, signs and the tokens in `kept` stay.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, kept: Collection[str], seed: int) -> None:
        vocabulary: dict[str, int] = tokenizer.get_vocab()
        words = {
            token
            for token in vocabulary.keys() - set(kept)
            if (bare := token.removeprefix(SPACE)).isascii() and bare.isalpha()
        }
        # Words that the vocabulary has both ways, only with a space before them, and only without one.
        two_forms = {token for token in words if SPACE + token in words}
        within = {token for token in words if token.startswith(SPACE)} - {SPACE + token for token in two_forms}
        alone = words - two_forms - {SPACE + token for token in two_forms} - within
        # Groups of tokens that may replace one another, each (tokens, forms): the forms of a word change together.
        self._groups = [
            torch.tensor([[vocabulary[form] for form in forms] for forms in group], dtype=torch.long)
            for group in (
                [(token, SPACE + token) for token in sorted(two_forms)],
                [(token,) for token in sorted(within)],
                [(token,) for token in sorted(alone)],
            )
            if group
        ]
        self._size = len(tokenizer)
        self._random = torch.Generator().manual_seed(seed)

    def draw(self, texts: int, share: float) -> torch.Tensor:
        """The token that each token becomes, (texts, vocabulary). Tokens change only in a `share` of the texts."""
        becomes = torch.arange(self._size).repeat(texts, 1)  # (texts, vocabulary)
        for text in range(texts):
            if float(torch.rand((), generator=self._random)) < share:
                for group in self._groups:
                    becomes[text, group] = group[torch.randperm(len(group), generator=self._random)]
        return becomes
