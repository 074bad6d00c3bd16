"""Drills on noise: what they show is a checked episode, and what they teach is copying and comparing."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from forge_agents.models import Loaded, load_model  # noqa: E402
from forge_agents.train.presets import Scratch  # noqa: E402
from forge_agents.train.tiny.drills import MARKS, OK, Noise, learn_to_compare, learn_to_copy  # noqa: E402
from forge_agents.train.tiny.model import make_model  # noqa: E402
from forge_arena.types import CorruptionType  # noqa: E402

SIZE = Scratch(vocabulary=600, hidden=96, layers=3, heads=4, copying=0, comparing=0)
TEXTS = ["The late fine is $37, replacing $4."] * 20


@pytest.fixture
def untrained(tmp_path: Path) -> Loaded:
    make_model(tmp_path, TEXTS, SIZE, 0)
    return load_model(tmp_path)


@pytest.mark.parametrize("few", [False, True])
def test_noise_is_a_checked_episode_whose_marks_follow_from_its_passages(few: bool, untrained: Loaded) -> None:
    noise, marked = Noise(untrained.tokenizer, 1), set()
    name = {untrained.tokenizer.encode(mark)[0]: type for type, mark in MARKS.items()}
    ok, bar, newline, opening, yes, quote = (
        untrained.tokenizer.encode(text)[-1] for text in (OK, " |", "\n", " (", " true", ' "')
    )
    forms = dict(noise._forms.tolist())
    for _ in range(20):
        ids, length = noise.episodes(4, few=few)
        for check in ids[:, -length:].tolist():
            first, *lines, last = _split(check, newline)
            *sides, opened = first
            asked = sides[sides.index(bar) + 1 :]
            laid_down = asked[asked.index(quote) + 1 : -1]
            said = sides[: sides.index(bar)][:-2]
            assert len(said) == len(laid_down)
            assert name.get(opened) in (None, CorruptionType.instruction_override)
            # The first word has a space before it in the line, and none in the quotation.
            same = said[0] == forms[laid_down[0]] and said[1:] == laid_down[1:]
            assert (opened == ok) == same
            marks = [opened]
            for line in (*lines, last[: last.index(untrained.tokenizer.encode("</think>")[0])]):
                *sides, mark = line
                sentence, passage = sides[: sides.index(bar)], sides[sides.index(bar) + 1 :]
                marks.append(mark)
                # The passage goes on where the sentence ends; up to the value they are the same, if all is well.
                if mark == ok and opening not in sentence:
                    assert passage[: len(sentence) - 1] == sentence[:-1]
                if name.get(mark) is CorruptionType.bias_injection:
                    assert passage[: len(sentence) - 1] != sentence[:-1]
            marked |= {name.get(mark) for mark in marks}
            assert (check[-1] == yes) == any(mark != ok for mark in marks)
    wrong = {CorruptionType.temporal_shift, CorruptionType.bias_injection, CorruptionType.authority_fabrication}
    assert marked == {None, CorruptionType.instruction_override, *wrong}


def _split(ids: list[int], at: int) -> list[list[int]]:
    parts: list[list[int]] = [[]]
    for id in ids:
        if id == at:
            parts.append([])
        else:
            parts[-1].append(id)
    return parts


def share_copied(model: Any) -> float:
    """How many tokens of the second halves of strings that it never saw the model gets right."""
    half = torch.randint(model.config.vocab_size, (40, 20), generator=torch.Generator().manual_seed(99))
    with torch.inference_mode():
        told = model(half.repeat(1, 2)).logits[:, 19:-1].argmax(-1)
    # The first token of the second half follows from nothing.
    return float((told == half)[:, 1:].float().mean())


class Copier(torch.nn.Module):
    """Knows already what the drill in copying teaches: it repeats the first half of what it reads, `late` tokens late."""

    def __init__(self, late: int) -> None:
        super().__init__()
        self.config = SimpleNamespace(vocab_size=600)
        self.sure = torch.nn.Parameter(torch.tensor(9.0))
        self.late = late

    def forward(self, input_ids: Any) -> Any:
        half = input_ids.shape[1] // 2
        following = input_ids.roll(half - 1 + self.late, 1)
        return SimpleNamespace(logits=self.sure * torch.nn.functional.one_hot(following, 600).float())


def test_the_drill_in_copying_ends_with_a_model_that_copies() -> None:
    assert learn_to_copy(Copier(late=0), 200, 0) < 0.1
    assert learn_to_copy(Copier(late=1), 60, 0) > 0.9


def small_model(tokens: int) -> Any:
    torch.manual_seed(0)
    return transformers.Qwen2ForCausalLM(
        transformers.Qwen2Config(
            vocab_size=tokens,
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=128,
            tie_word_embeddings=True,
        )
    )


@pytest.mark.slow
def test_a_tenth_of_the_drill_in_copying_lifts_a_model_above_chance() -> None:
    model = small_model(30)
    learn_to_copy(model, 80, 0)
    # Chance is 1 in 30; of 760 tokens it stays below 0.06.
    assert share_copied(model) > 0.06


@pytest.mark.slow
def test_a_tenth_of_the_drill_in_comparing_teaches_to_expect_marks(tmp_path: Path) -> None:
    size = SIZE.model_copy(update={"layers": 1})
    make_model(tmp_path, TEXTS, size, 0)
    untrained = load_model(tmp_path)

    def loss_of_marks() -> float:
        ids, length = Noise(untrained.tokenizer, 12345).episodes(16, few=False)
        with torch.inference_mode():
            logits = untrained.model(ids).logits[:, -length - 1 : -1]
        targets = ids[:, -length:]
        marks = torch.tensor([untrained.tokenizer.encode(mark)[0] for mark in (*MARKS.values(), OK)])
        at = torch.isin(targets, marks)
        return float(torch.nn.functional.cross_entropy(logits[at], targets[at]))

    before = loss_of_marks()
    learn_to_compare(untrained.model, untrained.tokenizer, 40, 0)
    assert loss_of_marks() < before / 2


@pytest.mark.nightly
def test_drilling_teaches_a_model_to_copy_and_then_to_compare_what_it_never_saw(untrained: Loaded) -> None:
    model, tokenizer = untrained.model, untrained.tokenizer
    assert learn_to_copy(model, 800, 0) < 0.15
    assert share_copied(model) > 0.8

    learn_to_compare(model, tokenizer, 400, 0)
    alarms = torch.tensor([tokenizer.encode(mark)[0] for mark in MARKS.values()])
    ok = tokenizer.encode(OK)[0]
    noise = Noise(tokenizer, 12345)
    flagged: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(10):
        ids, length = noise.episodes(16, few=False)
        with torch.inference_mode():
            told = model(ids).logits[:, -length - 1 : -1].argmax(-1)
        said = ids[:, -length:]
        for wrong, at in ((True, torch.isin(said, alarms)), (False, said == ok)):
            flagged[wrong] += torch.isin(told[at], alarms).float().tolist()
    hits, false_alarms = (sum(flagged[wrong]) / len(flagged[wrong]) for wrong in (True, False))
    assert hits - false_alarms > 0.3
