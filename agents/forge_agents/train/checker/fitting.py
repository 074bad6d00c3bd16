"""Fit an encoder to labelled pairs, in batches of about the same length, and continue from a checkpoint.

The loss of a pair is the sum of three cross-entropies: of the sentence, of its tokens where the wrong places are known,
and of the type where the type is known. The word embeddings and the layers that read each text by itself stay as they
are. So words that no pair has keep the meaning that they had, and a text is read once by these layers.
"""

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from forge_agents.overseers.checker.encoder import QUESTIONS, TYPES, Encoder
from forge_agents.train.checker.pairs import LabelledPair
from forge_agents.train.checker.settings import Settings
from forge_agents.train.progress import Reporter

CHECKPOINT = "checkpoint.pt"
# Batches that are sorted by length together: more of them are quicker, and less random.
SORTED_TOGETHER = 32
# How much the tokens and the type weigh in the loss, beside 1 for the sentence.
TOKENS, TYPE = 1.0, 0.3
# How much more a wrong token weighs than a right one: some 15% of the tokens of a wrong sentence are wrong.
ALARM = 3.0
# The heads know nothing at first, and learn faster than the model below them.
HEADS_FASTER = 10.0
WARM_UP = 0.1


def fit(encoder: Encoder, pairs: Sequence[LabelledPair], settings: Settings, folder: Path, reporter: Reporter) -> None:
    """Fit the encoder in place. `folder` holds the checkpoint, from which a stopped run continues."""
    batches = [batch for epoch in range(settings.epochs) for batch in _batches(pairs, settings, epoch)]
    joint = [value for layer in encoder.joint for value in layer.parameters()]
    heads = [value for name, value in encoder.named_parameters() if not name.startswith("body.")]
    rates = (settings.learning_rate, HEADS_FASTER * settings.learning_rate)
    optimizer = torch.optim.AdamW(
        [{"params": group, "lr": rate, "base": rate} for group, rate in zip((joint, heads), rates, strict=True)],
        weight_decay=0.01,
    )
    texts = {text for pair in pairs for text in pair.pair.texts}
    for read in encoder.learn_texts(texts):
        reporter.progress("reading", read, len(texts), "")
    done = _resume(folder, encoder, optimizer)
    torch.manual_seed(settings.seed + done)
    encoder.train()
    mean = 0.0
    for step in range(done, len(batches)):
        share = _schedule(step / len(batches))
        for group in optimizer.param_groups:
            group["lr"] = group["base"] * share
        loss = loss_of(encoder, [pairs[n] for n in batches[step]])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([*joint, *heads], 1.0)
        optimizer.step()
        now = float(loss.detach())
        mean = now if step == done else 0.98 * mean + 0.02 * now
        reporter.progress("fitting", step + 1, len(batches), f"loss {mean:.3f}")
        if (step + 1) % settings.save_every == 0 and step + 1 < len(batches):
            _save(folder, encoder, optimizer, step + 1)


def loss_of(encoder: Encoder, pairs: Sequence[LabelledPair]) -> Tensor:
    """The mean loss of some pairs."""
    batch = encoder.collate([pair.pair for pair in pairs])
    device = encoder.device
    tokens, sentences, types = encoder(batch)
    rows = torch.arange(len(pairs), device=device)
    asked = torch.tensor([QUESTIONS.index(pair.question) for pair in pairs], device=device)
    wrong = torch.tensor([float(pair.wrong) for pair in pairs], device=device)
    loss = functional.binary_cross_entropy_with_logits(sentences[rows, asked], wrong)
    known = torch.tensor([pair.spans is not None for pair in pairs], device=device)
    if known.any():
        own = batch.own.to(device) & known.unsqueeze(1)
        marks = _marks(batch.offsets, pairs).to(device)  # (pairs, tokens)
        each = functional.binary_cross_entropy_with_logits(tokens, marks, reduction="none") * (1 + (ALARM - 1) * marks)
        # First the mean of each sentence, so that a long one does not weigh more.
        of_pair = (each * own).sum(1) / own.sum(1).clamp(min=1)
        loss = loss + TOKENS * of_pair.sum() / known.sum()
    typed = [n for n, pair in enumerate(pairs) if pair.type is not None]
    if typed:
        right = torch.tensor([TYPES.index(pairs[n].type) for n in typed], device=device)
        loss = loss + TYPE * functional.cross_entropy(types[typed], right)
    return loss


def _marks(offsets: Tensor, pairs: Sequence[LabelledPair]) -> Tensor:
    """1 for each token that overlaps a wrong place of its sentence: (pairs, tokens)."""
    marks = torch.zeros(offsets.shape[:2])
    for row, pair in enumerate(pairs):
        for span in pair.spans or ():
            marks[row] += (offsets[row, :, 0] < span.end) & (span.start < offsets[row, :, 1])
    return marks.clamp(max=1.0)


def _schedule(share: float) -> float:
    """The share of the learning rate: it rises to 1 in the first tenth of the steps, and falls to 0 at the end."""
    return min(share / WARM_UP, 1.0) if share < WARM_UP else (1.0 - share) / (1.0 - WARM_UP)


def _batches(pairs: Sequence[LabelledPair], settings: Settings, epoch: int) -> list[list[int]]:
    """The numbers of the pairs in batches, in an order that the seed and the epoch decide."""
    rng = Random(f"{settings.seed}|{epoch}")
    numbers = list(range(len(pairs)))
    rng.shuffle(numbers)
    together = settings.batch * SORTED_TOGETHER
    batches: list[list[int]] = []
    for first in range(0, len(numbers), together):
        alike = sorted(numbers[first : first + together], key=lambda n: sum(map(len, pairs[n].pair.texts)))
        batches += [alike[at : at + settings.batch] for at in range(0, len(alike), settings.batch)]
    rng.shuffle(batches)
    return batches


def _save(folder: Path, encoder: Encoder, optimizer: Any, step: int) -> None:
    new = folder / f"{CHECKPOINT}.new"
    torch.save({"step": step, "learned": encoder.learned(), "optimizer": optimizer.state_dict()}, new)
    # Whole or not there at all, because a run may be killed while it writes.
    new.replace(folder / CHECKPOINT)


def _resume(folder: Path, encoder: Encoder, optimizer: Any) -> int:
    """Load the checkpoint, if there is one; returns the steps that are done."""
    path = folder / CHECKPOINT
    if not path.is_file():
        return 0
    kept = torch.load(path, map_location=encoder.device, weights_only=True)
    encoder.load_state_dict(kept["learned"], strict=False)
    optimizer.load_state_dict(kept["optimizer"])
    return int(kept["step"])
