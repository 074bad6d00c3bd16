"""A cross-encoder: a BERT-like model that reads a sentence and passages together, and says what is wrong.

The lower layers read each text by itself, so that a passage is read once and not again for each sentence beside which
it stands. The upper layers read a sentence and its passages as one sequence. Between the two, each token is told how
like the other side's tokens are to it: by the word alone, and by the word in its context. "Is this word over there, and
is it used there as it is used here?" is what a checker asks, and two layers would need many examples to find out how to
ask it.

Three heads stand on the model. The first says of each token of the sentence whether the token is wrong, the second
whether the sentence is (one logit for each question), the third of which type the mistake would be.

Needs the extra `train`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoModel, AutoTokenizer, PreTrainedTokenizerBase

from forge_agents.devices import default_device, gains_by_bfloat16
from forge_agents.models import ModelError, first_line
from forge_agents.overseers.checker.reading import Pair, Question
from forge_arena.types import CorruptionType

HEADS = "heads.safetensors"
QUESTIONS = tuple(Question)
TYPES = tuple(sorted(CorruptionType, key=str))
# The longest sentence or passage in tokens. `reading` cuts by words; code and tables have more tokens a word.
LONGEST = 96
# The longest sequence of a sentence and its passages; the last passages are cut.
WINDOW = 224
# Texts and pairs that are read at a time. They are sorted by length first, so that little is read in vain.
TEXTS, PAIRS = 128, 32
# The ways in which a token is compared with the tokens of the other side.
MATCHES = 3
# The layers that read each text by itself, as a share of all layers.
APART = 2 / 3
# What stands for minus infinity where a token may not be looked at.
NEVER = -1e4


@dataclass(frozen=True, slots=True)
class Text:
    """A text as the lower layers read it.

    Attributes:
        ids: the tokens, with the first and the last special token: (tokens,).
        states: (tokens, width).
        offsets: start and end of each token in characters; equal for a special token: (tokens, 2).
    """

    ids: Tensor
    states: Tensor
    offsets: Tensor


@dataclass(frozen=True, slots=True)
class Batch:
    """Sentences and their passages as sequences.

    Attributes:
        ids: (pairs, tokens). states: (pairs, tokens, width). offsets: (pairs, tokens, 2).
        first: 1 for the tokens of the sentence with its special tokens, 0 for the others: (pairs, tokens).
        inside: whether there is a token: (pairs, tokens). own: whether it is a token of the sentence's words.
    """

    ids: Tensor
    states: Tensor
    offsets: Tensor
    first: Tensor
    inside: Tensor
    own: Tensor


@dataclass(frozen=True, slots=True)
class Read:
    """What the encoder makes of a pair.

    Attributes:
        logit: the log-odds that the sentence is wrong, or that the demand is not met.
        tokens: (start, end, log-odds that it is wrong) of each token of the sentence, in characters of the piece.
        types: the log-odds of each of `TYPES`.
    """

    logit: float
    tokens: tuple[tuple[int, int, float], ...]
    types: tuple[float, ...]

    @property
    def highest(self) -> float:
        """The highest log-odds of a token; the sentence's own if it has no token."""
        return max((odds for _, _, odds in self.tokens), default=self.logit)


class Encoder(nn.Module):  # type: ignore[misc]
    """The model with its heads.

    Args:
        apart: how many of the layers, from the lowest, read each text by itself.
    """

    def __init__(self, body: Any, tokenizer: PreTrainedTokenizerBase, apart: int) -> None:
        super().__init__()
        width = int(body.config.hidden_size)
        self.body = body
        self.tokenizer = tokenizer
        self.register_buffer("apart", torch.tensor(apart))
        self.side = nn.Embedding(2, width)
        self.matches = nn.Linear(MATCHES, width)
        self.tokens = nn.Linear(width + MATCHES, 1)
        pooled = 3 * width + 2 * MATCHES
        self.sentence = nn.Linear(pooled, len(QUESTIONS))
        self.types = nn.Linear(pooled, len(TYPES))
        for layer in (self.side, self.matches):
            nn.init.normal_(layer.weight, std=0.02)
        self._known: dict[str, Text] = {}

    @classmethod
    def of(cls, model: str, *, apart: int | None = None, device: str | None = None, seed: int = 0) -> Self:
        """A pretrained model, with heads if its folder has them, and otherwise with heads that know nothing.

        Raises:
            ModelError: there is no model, it is no encoder, its tokenizer cannot say where its tokens stand, or it has
                too few layers.
        """
        try:
            tokenizer = AutoTokenizer.from_pretrained(model)
            body = AutoModel.from_pretrained(model, attn_implementation="eager")
        except (OSError, ValueError) as error:
            raise ModelError(f"no encoder in {model!r}: {first_line(error)}") from None
        if not tokenizer.is_fast:
            raise ModelError(f"the tokenizer of {model!r} does not say where its tokens stand: it needs tokenizer.json")
        layers = getattr(getattr(body, "encoder", None), "layer", None)
        if body.config.is_decoder or layers is None or tokenizer.sep_token_id is None:
            raise ModelError(
                f"{model!r} is a {body.config.model_type}: a checker needs a BERT-like encoder, such as "
                "all-MiniLM-L6-v2"
            )
        heads = load_file(Path(model) / HEADS) if (Path(model) / HEADS).is_file() else None
        if heads is not None:
            apart = int(heads["apart"])
        apart = round(APART * len(layers)) if apart is None else apart
        if not 0 <= apart < len(layers):
            raise ModelError(
                f"{model!r} has {len(layers)} layers, so apart must be 0 to {len(layers) - 1}, got {apart}"
            )
        torch.manual_seed(seed)
        encoder = cls(body, tokenizer, apart)
        if heads is not None:
            encoder.load_state_dict(heads, strict=False)
        encoder.to(device or default_device())
        return encoder

    def save(self, folder: Path) -> None:
        """Write model, tokenizer and heads into a folder; `of` reads them back."""
        self.body.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        # The heads come last and whole, because a run that was killed takes an encoder with heads for finished.
        new = folder / f"{HEADS}.new"
        save_file({name: value.contiguous() for name, value in self.learned().items() if "body" not in name}, new)
        new.replace(folder / HEADS)

    def learned(self) -> dict[str, Tensor]:
        """The heads and the layers that read two texts together, by name: all that fitting changes."""
        kept = tuple(f"body.encoder.layer.{n}." for n in range(int(self.apart), len(self._layers)))
        return {
            name: value
            for name, value in self.state_dict().items()
            if not name.startswith("body.") or name.startswith(kept)
        }

    @property
    def joint(self) -> Sequence[nn.Module]:
        """The layers that read a sentence and its passages together."""
        return self._layers[int(self.apart) :]

    @property
    def _layers(self) -> Sequence[nn.Module]:
        return tuple(self.body.encoder.layer)

    @property
    def device(self) -> torch.device:
        return self.side.weight.device

    @property
    def vectors(self) -> Tensor:
        """What each token means by itself: (vocabulary, width)."""
        vectors: Tensor = self.body.embeddings.word_embeddings.weight
        return vectors

    def learn_texts(self, texts: Iterable[str]) -> Iterator[int]:
        """Let the lower layers read texts that they have not read; yields how many were read so far."""
        training = self.training
        self.eval()
        fresh = sorted({text for text in texts if text not in self._known}, key=lambda text: (len(text), text))
        for first in range(0, len(fresh), TEXTS):
            part = fresh[first : first + TEXTS]
            with torch.no_grad():
                self._known.update(zip(part, self._read_texts(part), strict=True))
            yield first + len(part)
        self.train(training)

    def _arithmetic(self) -> torch.autocast:
        """bfloat16 where the device gains by it. The states between the layers are kept in bfloat16 in any case."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=gains_by_bfloat16(self.device))

    def forget_texts(self) -> None:
        """Free the memory of the texts that were read."""
        self._known.clear()

    def _read_texts(self, texts: Sequence[str]) -> Iterator[Text]:
        batch = self.tokenizer(
            list(texts),
            truncation=True,
            max_length=min(LONGEST, int(self.body.config.max_position_embeddings) - 2),
            padding=True,
            return_offsets_mapping=True,
            return_tensors="pt",
        )
        inside = batch["attention_mask"].bool()
        with self._arithmetic():
            states = self.body.embeddings(input_ids=batch["input_ids"].to(self.device))
            mask = _additive(inside.to(self.device))
            for layer in self._layers[: int(self.apart)]:
                states = layer(states, mask)
        states = states.to(torch.bfloat16)
        for row, length in enumerate(inside.sum(1).tolist()):
            yield Text(
                batch["input_ids"][row, :length],
                # A copy, because a part of a batch would keep the whole batch in memory.
                states[row, :length].clone(),
                batch["offset_mapping"][row, :length],
            )

    def collate(self, pairs: Sequence[Pair]) -> Batch:
        """The pairs as sequences: the sentence, then its passages without their first special tokens."""
        for _ in self.learn_texts(text for pair in pairs for text in pair.texts):
            pass
        rows = [[self._known[text] for text in pair.texts] for pair in pairs]
        parts = [[row[0], *(Text(t.ids[1:], t.states[1:], t.offsets[1:]) for t in row[1:])] for row in rows]
        ids = pad_sequence([torch.cat([t.ids for t in row])[:WINDOW] for row in parts], batch_first=True)
        states = pad_sequence([torch.cat([t.states for t in row])[:WINDOW] for row in parts], batch_first=True)
        offsets = pad_sequence([torch.cat([t.offsets for t in row])[:WINDOW] for row in parts], batch_first=True)
        lengths = torch.tensor([min(WINDOW, sum(len(t.ids) for t in row)) for row in parts])
        places = torch.arange(ids.shape[1]).unsqueeze(0)
        first = places < torch.tensor([len(row[0].ids) for row in parts]).unsqueeze(1)
        inside = places < lengths.unsqueeze(1)
        # A special token has no characters.
        own = first & (offsets[..., 1] > offsets[..., 0])
        return Batch(ids, states, offsets, first, inside, own)

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Log-odds of each token (pairs, tokens), of each question (pairs, questions), of each type (pairs, types)."""
        device = self.device
        states, first = batch.states.to(device).float(), batch.first.to(device)
        own, inside = batch.own.to(device), batch.inside.to(device)
        with torch.no_grad():
            matches = self._compare(batch.ids.to(device), states, first, inside)  # (pairs, tokens, MATCHES)
        with self._arithmetic():
            states = states + self.side(first.long()) + self.matches(matches)
            mask = _additive(inside)
            for layer in self.joint:
                states = layer(states, mask)
        states = states.float()
        seen = own.unsqueeze(-1)
        count = seen.sum(1).clamp(min=1)
        pooled = torch.cat(
            [
                states[:, 0],
                (states * seen).sum(1) / count,
                states.masked_fill(~seen, -30.0).amax(1),
                (matches * seen).sum(1) / count,
                matches.masked_fill(~seen, 30.0).amin(1),
            ],
            dim=-1,
        )
        tokens: Tensor = self.tokens(torch.cat([states, matches], dim=-1)).squeeze(-1)
        return tokens, self.sentence(pooled), self.types(pooled)

    def _compare(self, ids: Tensor, states: Tensor, first: Tensor, inside: Tensor) -> Tensor:
        """How like the other side's tokens each token is: (pairs, tokens, MATCHES), each about -2 to 2.

        The highest likeness of the words by themselves, the highest likeness of the words in their contexts, and the
        likeness in context of the words that are most like by themselves. "5" in "a fee of 5" and "5" in "5 days" are
        alike by themselves, and less so in their contexts.
        """
        others = (first.unsqueeze(2) != first.unsqueeze(1)) & inside.unsqueeze(1)  # (pairs, tokens, tokens)
        words = normalize(self.vectors[ids].float(), dim=-1)
        by_word = (words @ words.transpose(1, 2)).masked_fill(~others, -1.0)
        contexts = normalize(states, dim=-1)
        in_context = (contexts @ contexts.transpose(1, 2)).masked_fill(~others, -1.0)
        most = by_word.amax(2)
        # Of several places with the same word, the one with the likest context.
        same = by_word >= most.unsqueeze(2) - 1e-4
        there = in_context.masked_fill(~same, -1.0).amax(2)
        return 4.0 * torch.stack([most, in_context.amax(2), there], dim=-1) - 2.0

    def read(self, pairs: Sequence[Pair]) -> Iterator[tuple[int, Read]]:
        """The number of each pair and what the encoder makes of the pair, in the order in which they are read."""
        self.eval()
        order = sorted(range(len(pairs)), key=lambda n: sum(map(len, pairs[n].texts)))
        for first in range(0, len(order), PAIRS):
            numbers = order[first : first + PAIRS]
            batch = self.collate([pairs[n] for n in numbers])
            with torch.no_grad():
                tokens, sentences, types = (_array(values) for values in self(batch))
            for row, n in enumerate(numbers):
                places = np.flatnonzero(batch.own[row].numpy())
                spans = batch.offsets[row].numpy()
                yield (
                    n,
                    Read(
                        logit=float(sentences[row, QUESTIONS.index(pairs[n].question)]),
                        tokens=tuple((int(spans[at, 0]), int(spans[at, 1]), float(tokens[row, at])) for at in places),
                        types=tuple(map(float, types[row])),
                    ),
                )
        self.forget_texts()


def _additive(inside: Tensor) -> Tensor:
    """A mask that is added to attention: (rows, tokens) -> (rows, 1, 1, tokens)."""
    return (~inside).float()[:, None, None, :] * NEVER


def _array(values: Tensor) -> NDArray[np.float64]:
    array: NDArray[np.float64] = values.double().cpu().numpy()
    return array
