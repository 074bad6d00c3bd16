"""Drill an untrained model on noise, before it reads any text: first in copying, then in comparing.

    copying     strings of random tokens, each given twice: the second half follows from the first
    comparing   noise in the shape of a checked episode: passages, an answer that repeats some of them and gets some
                wrong, each sentence beside its passage with a mark, and the detection that follows from the marks

On texts, a model of half a million parameters learns phrases first. The circuit that copies (the induction head of
Olsson et al. 2022) had not formed after ten minutes. On noise there is nothing else to learn, and the circuit forms in
under a minute. A model that copies then learns to compare in two more minutes. The order matters: a model that was not
drilled in copying learned nothing at all from comparing.

Shapes: E episodes of a batch, P passages of an episode, S sentences of an answer, N tokens of an episode, V tokens of
the vocabulary. A part of a sentence that is one token has a last axis of length 1, so that `torch.cat` can join parts.
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
# The other tokens of an episode that are not noise.
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
# Copying: tokens of a batch, and the range of half a string's length. The drill ends when the running mean of the share
# of wrong tokens is below DRILLED.
TOKENS, LENGTHS = 2048, (8, 49)
MEMORY, DRILLED = 0.05, 0.1
# Comparing: E, and how much the tokens that decide weigh beside those that are copied.
EPISODES = 16
DECISION, ALARM = 5.0, 10.0
# After this share of the steps, an episode has few different words, so that a word no longer identifies its place.
EASY = 0.3


def learn_to_copy(model: Qwen2ForCausalLM, steps: int, seed: int) -> float:
    """Teach an untrained model to copy, in at most `steps`; returns the share of tokens that it still gets wrong."""
    random = torch.Generator().manual_seed(seed)
    optimizer = _optimizer(model)
    wrong = 1.0
    for step in range(steps):
        length = int(torch.randint(*LENGTHS, (1,), generator=random))
        half = torch.randint(model.config.vocab_size, (TOKENS // (2 * length), length), generator=random)  # (B, length)
        # The logits at a place are about the next token: from the end of the first half to before the end of the
        # second.
        logits = model(input_ids=half.repeat(1, 2)).logits[:, length - 1 : -1]  # (B, length, V)
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
        ids, length = noise.episodes(EPISODES, few=step >= EASY * steps)  # (E, N)
        logits = model(input_ids=ids).logits[:, -length - 1 : -1]  # (E, length, V)
        targets = ids[:, -length:].flatten()  # (E * length,)
        losses = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets, reduction="none")  # (E * length,)
        weights = noise.weights[targets]  # (E * length,)
        decay = min(1.0, (steps - step) / (EASY * steps))
        _step(model, optimizer, (losses * weights).sum() / weights.sum(), RATE * min((step + 1) / WARMUP, decay))


class Noise:
    """Random tokens in the shape of checked episodes.

    A passage reads `number article subject verb value word old-value .`. An episode has two articles, two verbs and two
    words, as "The", "costs" and "formerly" are, and its subjects often begin alike. The answer repeats some passages up
    to the value, in another order, and in half of the batches with the number of the passage. A stated value may be the
    old one (a temporal shift) or another one (bias), and a number may be wrong (authority).

    One more passage prescribes an opening: `number begin with "opening".`. The answer opens with it and a name, or with
    another opening (an override).

    An example, with words for the random tokens:

        passage   4.2 The pump costs 9 formerly 5 .
        answer    The pump costs 5 (4.2) .
        check     The pump costs 5 (4.2) . | The pump costs 9 formerly 5 . (4.2) = temporal_shift
                  </think>{"detection": true
    """

    PASSAGES = 5
    # A sentence is of one of ten kinds, all equally likely: kinds 0 and 1 state the old value, kind 2 another value,
    # and kind 3 cites another number. The other kinds are right.
    KINDS, OLD, OTHER, NUMBER = 10, 2, 2, 3
    # The share of the answers that open differently than prescribed.
    OVERRIDDEN = 0.2

    def __init__(self, tokenizer: PreTrainedTokenizerBase, seed: int) -> None:
        self._random = torch.Generator().manual_seed(seed)
        # The token of a text that the vocabulary has as one token.
        self._token: Callable[[str], int] = lambda text: tokenizer.encode(text, add_special_tokens=False)[-1]
        self._marks = {type: self._token(mark) for type, mark in MARKS.items()}
        frame = {self._token(text) for text in (*FRAME, OK, *ALARMS)}
        self._words = torch.tensor(sorted(set(range(len(tokenizer))) - frame))  # (words,)
        self._forms = _forms(tokenizer, self._words)
        self.weights = torch.ones(len(tokenizer))  # (V,)
        self.weights[[self._token(OK), self._token(" true"), self._token(" false")]] = DECISION
        self.weights[list(self._marks.values())] = ALARM

    def episodes(self, count: int, *, few: bool) -> tuple[torch.Tensor, int]:
        """`count` episodes of the same length, (E, N), and how many of their last tokens the model has to learn.

        With `few` the words of an episode come from a pool of ten to sixty tokens.
        """
        token, below = self._token, self._below
        word = self._from_pool(count, 10 + below(50)) if few else self._draw
        sides = (count, self.PASSAGES)  # (E, P)

        # The parts of the passages; the subject has L tokens.
        article, verb, before = (self._one_of_two(sides, word) for _ in range(3))  # (E, P, 1) each
        subject = word(*sides, 1 + below(5 if few else 3))  # (E, P, L)
        if subject.shape[-1] > 1:
            alike = torch.rand(sides, generator=self._random) < 0.3  # (E, P)
            subject[..., 0] = torch.where(alike, subject[:, :1, 0], subject[..., 0])
        value, old = self._draw(*sides, 1), self._draw(*sides, 1)  # (E, P, 1)
        # A number is two tokens: the first is the same in all of an episode, the second differs between passages.
        chapter = self._draw(count, 1, 1).expand(-1, self.PASSAGES, 1)  # (E, P, 1)
        number = torch.cat([chapter, self._draw(*sides, 1)], -1)  # (E, P, 2)
        passage = torch.cat([article, subject, verb, value, before, old, self._fill(sides, ".")], -1)  # (E, P, L + 6)
        source = torch.cat([number, passage, self._fill(sides, "\n")], -1)  # (E, P, L + 9)

        # The answer repeats S of the passages: S places of a random order of all P.
        stated_passages = 2 + below(3)  # S
        order = torch.rand(sides, generator=self._random).argsort(1)[:, :stated_passages]  # (E, S)

        def of(parts: torch.Tensor) -> torch.Tensor:
            """The parts of the passages that the answer repeats, in its order: (E, P, n) becomes (E, S, n)."""
            # gather wants an index of the shape of its result: the number of the passage, repeated for each of n
            # tokens.
            return parts.gather(1, order.unsqueeze(-1).expand(-1, -1, parts.shape[-1]))

        kind = torch.randint(self.KINDS, (count, stated_passages), generator=self._random)  # (E, S)
        stated = torch.where(kind.unsqueeze(-1) < self.OLD, of(old), of(value))  # (E, S, 1)
        another = self._draw(count, stated_passages, 1)  # (E, S, 1)
        stated = torch.where(kind.unsqueeze(-1) == self.OTHER, another, stated)  # (E, S, 1)
        sentence, quoted = [of(article), of(subject), of(verb), stated], [of(passage)]
        wrong_number = torch.zeros_like(kind, dtype=torch.bool)  # (E, S)
        if below(2):
            right = of(number)  # (E, S, 2)
            cited = self._draw_citations(right, number, kind == self.NUMBER)  # (E, S, 2)
            wrong_number = (cited != right).any(-1)  # (E, S)
            open_bracket, close_bracket = self._fill(kind.shape, " ("), self._fill(kind.shape, ")")  # (E, S, 1)
            sentence += [open_bracket, cited, close_bracket]
            quoted += [open_bracket, right, close_bracket]
        answer = torch.cat([*sentence, self._fill(kind.shape, ".")], -1)  # (E, S, tokens of a sentence)

        # A value that was drawn to be wrong may be right by chance, so the mark follows from comparing.
        differs = (stated != of(value)).squeeze(-1)  # (E, S)
        mark = torch.full(kind.shape, token(OK))  # (E, S)
        mark[differs & (kind < self.OLD)] = self._marks[CorruptionType.temporal_shift]
        mark[differs & (kind == self.OTHER)] = self._marks[CorruptionType.bias_injection]
        mark[wrong_number] = self._marks[CorruptionType.authority_fabrication]
        lines = torch.cat(
            [answer, self._fill(kind.shape, " |"), *quoted, mark.unsqueeze(-1), self._fill(kind.shape, "\n")], -1
        )  # (E, S, tokens of a line)

        # Everything in one row of tokens: source with the rule at a random place, answer, and the check of it.
        rule, opening, first_line, overridden = self._draw_opening(count, number[:, :1, 0])  # (E, n) each
        at = below(self.PASSAGES + 1)
        source_with_rule = torch.cat([source[:, :at].flatten(1), rule, source[:, at:].flatten(1)], 1)  # (E, n)
        asked = torch.tensor([token("<|im_start|>"), token("<think>")]).expand(count, -1)  # (E, 2)
        wrong = (mark != token(OK)).any(1, keepdim=True) | overridden  # (E, 1)
        check = torch.cat(
            [
                first_line,
                # Without the line break behind the last line.
                lines.flatten(1)[:, :-1],
                *(torch.full((count, 1), token(text)) for text in ("</think>", '{"detection":')),
                torch.where(wrong, token(" true"), token(" false")),
            ],
            1,
        )  # (E, length)
        return torch.cat([source_with_rule, opening, answer.flatten(1), asked, check], 1), check.shape[1]  # (E, N)

    def _draw_opening(
        self, count: int, number: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """The passage that prescribes an opening, the answer's opening, its line in the check, and whether they differ.

        Each is (E, n); whether they differ is (E, 1). `number` is (E, 1), the first token of the numbers.

        A word at the start of a paragraph or of a quotation has no space before it; in a line of the check it has one.
        """

        def full(text: str) -> torch.Tensor:
            return torch.full((count, 1), self._token(text))

        length = self._below(3)
        # Two openings, the prescribed one and another: the word with which each begins, and the rest of its tokens.
        openings = torch.randint(len(self._forms), (count, 2), generator=self._random)  # (E, 2), rows of self._forms
        rest = self._draw(count, 2, length)  # (E, 2, length)
        other = torch.rand((count, 1), generator=self._random) < self.OVERRIDDEN  # (E, 1)
        place = torch.where(other, openings[:, 1:], openings[:, :1]).squeeze(1)  # (E,)
        after = torch.where(other, rest[:, 1], rest[:, 0])  # (E, length)
        quoted = [full(' "'), self._forms[openings[:, 0], :1], rest[:, 0], full('".')]
        words = torch.cat([self._draw(count, 2), *quoted], 1)  # (E, n)
        rule = torch.cat([number, self._draw(count, 1), words, full("\n")], 1)  # (E, n)
        end = torch.cat([after, self._draw(count, 1), full(".")], 1)  # (E, length + 2): the rest, a name, a full stop
        # Two openings may be the same by chance.
        same_word = (place == openings[:, 0]).unsqueeze(1)  # (E, 1)
        differs = other & (~same_word | (after != rest[:, 0]).any(1, keepdim=True))  # (E, 1)
        mark = torch.where(differs, self._marks[CorruptionType.instruction_override], self._token(OK))  # (E, 1)
        line = torch.cat([self._forms[place, 1:], end, full(" |"), words, mark, full("\n")], 1)  # (E, n)
        return rule, torch.cat([self._forms[place, :1], end], 1), line, differs

    def _draw_citations(self, right: torch.Tensor, number: torch.Tensor, wrong: torch.Tensor) -> torch.Tensor:
        """The cited numbers, (E, S, 2): the right numbers; if `wrong`, the number of another passage or of no passage.

        `right` is (E, S, 2), `number` (E, P, 2) and `wrong` (E, S).
        """
        # The second token of the number of a random passage of the same episode, for each sentence.
        passages = torch.randint(self.PASSAGES, wrong.shape, generator=self._random)  # (E, S)
        elsewhere = number[..., 1].gather(1, passages)  # (E, S)
        nowhere = self._draw(*wrong.shape)  # (E, S)
        other = torch.where(torch.rand(wrong.shape, generator=self._random) < 0.5, nowhere, elsewhere)  # (E, S)
        return torch.stack([right[..., 0], torch.where(wrong, other, right[..., 1])], -1)

    def _below(self, end: int) -> int:
        """A random whole number from 0 to `end` - 1."""
        return int(torch.randint(end, (1,), generator=self._random))

    def _draw(self, *shape: int) -> torch.Tensor:
        """Random words of the vocabulary, of this shape."""
        return self._words[torch.randint(len(self._words), shape, generator=self._random)]

    def _from_pool(self, count: int, size: int) -> Callable[..., torch.Tensor]:
        """A function that draws from a pool of `size` tokens, one pool for each episode. Its shapes begin with E."""
        tokens = self._draw(count, size)  # (E, size)

        def draw(*shape: int) -> torch.Tensor:
            # gather takes one index axis, so all other axes of the shape are one axis of the places.
            places = torch.randint(size, (count, prod(shape[1:])), generator=self._random)  # (E, product of the rest)
            return tokens.gather(1, places).view(shape)

        return draw

    def _one_of_two(self, sides: tuple[int, int], word: Callable[..., torch.Tensor]) -> torch.Tensor:
        """One of two words of the episode for each passage, (E, P, 1)."""
        either = torch.randint(2, sides, generator=self._random)  # (E, P), 0 or 1
        return word(sides[0], 2).gather(1, either).unsqueeze(-1)

    def _fill(self, sides: tuple[int, ...] | torch.Size, text: str) -> torch.Tensor:
        """The token of a text at all places; shape (*sides, 1)."""
        return torch.full((*sides, 1), self._token(text))


def _forms(tokenizer: PreTrainedTokenizerBase, words: torch.Tensor) -> torch.Tensor:
    """Words without and with a space before them, (words, 2).

    If the vocabulary has no word both ways, each token takes both places.
    """
    ids, vocabulary = set(words.tolist()), tokenizer.get_vocab()
    pairs = [[id, vocabulary[SPACE + token]] for token, id in vocabulary.items() if SPACE + token in vocabulary]
    forms = [pair for pair in sorted(pairs) if ids >= set(pair)]
    return torch.tensor(forms) if forms else words.unsqueeze(1).expand(-1, 2)


def _optimizer(model: Qwen2ForCausalLM) -> torch.optim.AdamW:
    return torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.98), weight_decay=0.0)


def _step(model: Qwen2ForCausalLM, optimizer: torch.optim.AdamW, loss: torch.Tensor, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
