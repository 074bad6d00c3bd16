"""Drill an untrained model on noise, before it reads any text: first in copying, then in comparing.

    copying     strings of random tokens, each given twice: the second half can be told from the first
    comparing   noise in the shape of a checked episode: passages, an answer that repeats some of them and gets some
                wrong, each sentence beside its passage with a mark, and the detection that follows from the marks

On texts a model of half a million parameters learns phrases first, and the circuit that looks something up (the
induction head of Olsson et al. 2022) had not formed after ten minutes. On noise, where there is nothing else to learn,
it forms in under a minute, and once a model copies it learns to compare in two more. The order matters: a model that
was not drilled in copying learned nothing at all from comparing.
"""

from collections.abc import Callable
from math import prod

import torch
from transformers import PreTrainedTokenizerBase, Qwen2ForCausalLM

from forge_agents.train.demonstrations import OK as RIGHT
from forge_arena.types import CorruptionType

OK = f" = {RIGHT}"
MARKS = {type: f" = {type.value}" for type in CorruptionType}
ALARMS = tuple(MARKS.values())
# What else of an episode is not noise.
FRAME = (
    ".",
    "\n",
    " |",
    " (",
    ")",
    ' "',
    '".',
    "<|im_start|>",
    "<think>",
    "</think>",
    '{"detection":',
    " true",
    " false",
)

# How a byte-level vocabulary writes the space before a word.
SPACE = "Ġ"

RATE, WARMUP = 3e-3, 50
# Copying: tokens of a batch, lengths of half a string; drilled once a running mean of the share of wrong tokens is low.
TOKENS, LENGTHS = 2048, (8, 49)
MEMORY, DRILLED = 0.05, 0.1
# Comparing: episodes of a batch; the weights of what decides among what is copied.
EPISODES = 16
DECISION, ALARM = 5.0, 10.0
# From here on a batch is made of few different tokens, so that one token no longer tells a place: this share of steps.
EASY = 0.3


def learn_to_copy(model: Qwen2ForCausalLM, steps: int, seed: int) -> float:
    """Teach an untrained model to copy, in `steps` at most; the share of tokens that it still gets wrong."""
    random = torch.Generator().manual_seed(seed)
    optimizer = _optimizer(model)
    wrong = 1.0
    for step in range(steps):
        length = int(torch.randint(*LENGTHS, (1,), generator=random))
        half = torch.randint(model.config.vocab_size, (TOKENS // (2 * length), length), generator=random)
        logits = model(input_ids=half.repeat(1, 2)).logits[:, length - 1 : -1]
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), half.flatten())
        _step(model, optimizer, loss, RATE * min(1.0, (step + 1) / WARMUP))
        wrong += MEMORY * (float((logits.argmax(-1) != half).float().mean()) - wrong)
        if wrong < DRILLED:
            break
    return wrong


def learn_to_compare(model: Qwen2ForCausalLM, tokenizer: PreTrainedTokenizerBase, steps: int, seed: int) -> None:
    """Teach a model that can copy to set a sentence beside its passage, and to say whether they agree."""
    noise = Noise(tokenizer, seed)
    optimizer = _optimizer(model)
    for step in range(steps):
        ids, length = noise.episodes(EPISODES, few=step >= EASY * steps)
        logits, said = model(input_ids=ids).logits[:, -length - 1 : -1], ids[:, -length:]
        lost = torch.nn.functional.cross_entropy(logits.flatten(0, 1), said.flatten(), reduction="none")
        weight = noise.weights[said.flatten()]
        left = min(1.0, (steps - step) / (EASY * steps))
        _step(model, optimizer, (lost * weight).sum() / weight.sum(), RATE * min((step + 1) / WARMUP, left))


class Noise:
    """Random tokens in the shape of checked episodes.

    A passage reads `number article subject verb value word old-value .`; article, verb and word are one of two in an
    episode, as "The", "costs" and "formerly" are, and subjects often begin alike. The answer says some passages again,
    up to the value, in another order, and in half of the episodes with the passage's number. A value may be the old one
    (a temporal shift) or another (bias), and a number may be wrong (authority).

    One passage more lays an opening down: `number begin with "opening".`; the answer opens with it and a name, or with
    another (an override).
    """

    PASSAGES = 5
    # Kinds of sentences, all as likely: below OLD with the old value, OTHER with another one, NUMBER with another number.
    KINDS, OLD, OTHER, NUMBER = 10, 2, 2, 3
    # Of the openings so many are another than was laid down.
    OVERRIDDEN = 0.2

    def __init__(self, tokenizer: PreTrainedTokenizerBase, seed: int) -> None:
        self._random = torch.Generator().manual_seed(seed)
        self._one: Callable[[str], int] = lambda text: tokenizer.encode(text, add_special_tokens=False)[-1]
        self._marks = {type: self._one(mark) for type, mark in MARKS.items()}
        frame = {self._one(text) for text in (*FRAME, OK, *ALARMS)}
        self._words = torch.tensor(sorted(set(range(len(tokenizer))) - frame))
        self._forms = _forms(tokenizer, self._words)
        self.weights = torch.ones(len(tokenizer))
        self.weights[[self._one(OK), self._one(" true"), self._one(" false")]] = DECISION
        self.weights[list(self._marks.values())] = ALARM

    def episodes(self, count: int, *, few: bool) -> tuple[torch.Tensor, int]:
        """`count` episodes of the same length, (count, tokens), and how many of their last tokens are to be learned.

        With `few` the words of an episode come from a pool of ten to sixty tokens.
        """
        one, upto = self._one, self._upto
        word = self._pool(count, 10 + upto(50)) if few else self._any
        sides = (count, self.PASSAGES)

        article, verb, before = (self._two(sides, word) for _ in range(3))
        subject = word(*sides, 1 + upto(5 if few else 3))
        if subject.shape[-1] > 1:
            alike = torch.rand(sides, generator=self._random) < 0.3
            subject[..., 0] = torch.where(alike, subject[:, :1, 0], subject[..., 0])
        value, old = self._any(*sides, 1), self._any(*sides, 1)
        number = torch.cat([self._any(count, 1, 1).expand(-1, self.PASSAGES, 1), self._any(*sides, 1)], -1)
        passage = torch.cat([article, subject, verb, value, before, old, self._full(sides, ".")], -1)
        source = torch.cat([number, passage, self._full(sides, "\n")], -1)

        said = 2 + upto(3)
        order = torch.rand(sides, generator=self._random).argsort(1)[:, :said]

        def of(parts: torch.Tensor) -> torch.Tensor:
            """What belongs to the passages that the answer says, in its order."""
            return parts.gather(1, order.unsqueeze(-1).expand(-1, -1, parts.shape[-1]))

        kind = torch.randint(self.KINDS, (count, said), generator=self._random)
        stated = torch.where(kind.unsqueeze(-1) < self.OLD, of(old), of(value))
        stated = torch.where(kind.unsqueeze(-1) == self.OTHER, self._any(count, said, 1), stated)
        sentence, quoted = [of(article), of(subject), of(verb), stated], [of(passage)]
        wrong_number = torch.zeros_like(kind, dtype=torch.bool)
        if upto(2):
            right = of(number)
            cited = self._cited(right, number, kind == self.NUMBER)
            wrong_number = (cited != right).any(-1)
            opened, closed = self._full(kind.shape, " ("), self._full(kind.shape, ")")
            sentence += [opened, cited, closed]
            quoted += [opened, right, closed]
        answer = torch.cat([*sentence, self._full(kind.shape, ".")], -1)

        # What was drawn to be wrong may be right by chance.
        differs = (stated != of(value)).squeeze(-1)
        mark = torch.full(kind.shape, one(OK))
        mark[differs & (kind < self.OLD)] = self._marks[CorruptionType.temporal_shift]
        mark[differs & (kind == self.OTHER)] = self._marks[CorruptionType.bias_injection]
        mark[wrong_number] = self._marks[CorruptionType.authority_fabrication]
        lines = torch.cat(
            [answer, self._full(kind.shape, " |"), *quoted, mark.unsqueeze(-1), self._full(kind.shape, "\n")], -1
        )
        rule, begun, first, overridden = self._opening(count, number[:, :1, 0])
        at = upto(self.PASSAGES + 1)
        told = torch.cat([source[:, :at].flatten(1), rule, source[:, at:].flatten(1)], 1)
        asked = torch.tensor([one("<|im_start|>"), one("<think>")]).expand(count, -1)
        wrong = (mark != one(OK)).any(1, keepdim=True) | overridden
        check = torch.cat(
            [
                first,
                lines.flatten(1)[:, :-1],
                *(torch.full((count, 1), one(text)) for text in ("</think>", '{"detection":')),
                torch.where(wrong, one(" true"), one(" false")),
            ],
            1,
        )
        return torch.cat([told, begun, answer.flatten(1), asked, check], 1), check.shape[1]

    def _opening(
        self, count: int, number: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """The passage that lays an opening down, how the answer opens, the line that holds both, and whether they differ.

        A word at the start of a paragraph or a quotation has no space before it, and one in a line has.
        """

        def full(text: str) -> torch.Tensor:
            return torch.full((count, 1), self._one(text))

        length = self._upto(3)
        drawn = torch.randint(len(self._forms), (count, 2), generator=self._random)
        rest = self._any(count, 2, length)
        other = torch.rand((count, 1), generator=self._random) < self.OVERRIDDEN
        place = torch.where(other, drawn[:, 1:], drawn[:, :1]).squeeze(1)
        after = torch.where(other, rest[:, 1], rest[:, 0])
        words = torch.cat([self._any(count, 2), full(' "'), self._forms[drawn[:, 0], :1], rest[:, 0], full('".')], 1)
        rule = torch.cat([number, self._any(count, 1), words, full("\n")], 1)
        end = torch.cat([after, self._any(count, 1), full(".")], 1)
        differs = other & ((place != drawn[:, 0]).unsqueeze(1) | (after != rest[:, 0]).any(1, keepdim=True))
        mark = torch.where(differs, self._marks[CorruptionType.instruction_override], self._one(OK))
        line = torch.cat([self._forms[place, 1:], end, full(" |"), words, mark, full("\n")], 1)
        return rule, torch.cat([self._forms[place, :1], end], 1), line, differs

    def _cited(self, right: torch.Tensor, number: torch.Tensor, wrong: torch.Tensor) -> torch.Tensor:
        """The right numbers, but where they are to be wrong another passage's, or none's."""
        elsewhere = number[..., 1].gather(1, torch.randint(self.PASSAGES, wrong.shape, generator=self._random))
        nowhere = self._any(*wrong.shape)
        other = torch.where(torch.rand(wrong.shape, generator=self._random) < 0.5, nowhere, elsewhere)
        return torch.stack([right[..., 0], torch.where(wrong, other, right[..., 1])], -1)

    def _upto(self, end: int) -> int:
        return int(torch.randint(end, (1,), generator=self._random))

    def _any(self, *shape: int) -> torch.Tensor:
        return self._words[torch.randint(len(self._words), shape, generator=self._random)]

    def _pool(self, count: int, size: int) -> Callable[..., torch.Tensor]:
        """Draws from a few tokens, others in each episode."""
        tokens = self._any(count, size)

        def drawn(*shape: int) -> torch.Tensor:
            places = torch.randint(size, (count, prod(shape[1:])), generator=self._random)
            return tokens.gather(1, places).view(shape)

        return drawn

    def _two(self, sides: tuple[int, int], word: Callable[..., torch.Tensor]) -> torch.Tensor:
        """One of two words for each passage."""
        either = torch.randint(2, sides, generator=self._random)
        return word(sides[0], 2).gather(1, either).unsqueeze(-1)

    def _full(self, sides: tuple[int, ...] | torch.Size, text: str) -> torch.Tensor:
        return torch.full((*sides, 1), self._one(text))


def _forms(tokenizer: PreTrainedTokenizerBase, words: torch.Tensor) -> torch.Tensor:
    """Words without and with a space before them, (words, 2); where a vocabulary knows none both ways, each twice."""
    ids, vocabulary = set(words.tolist()), tokenizer.get_vocab()
    both = [[id, vocabulary[SPACE + token]] for token, id in vocabulary.items() if SPACE + token in vocabulary]
    found = [forms for forms in sorted(both) if ids >= set(forms)]
    return torch.tensor(found) if found else words.unsqueeze(1).expand(-1, 2)


def _optimizer(model: Qwen2ForCausalLM) -> torch.optim.AdamW:
    return torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.98), weight_decay=0.0)


def _step(model: Qwen2ForCausalLM, optimizer: torch.optim.AdamW, loss: torch.Tensor, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
