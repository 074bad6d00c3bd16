"""Drills on noise: what they show is a checked episode, and what they teach is copying and comparing."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from forge_agents.models import Loaded, load_model  # noqa: E402
from forge_agents.train.drills import MARKS, OK, Noise, learn_to_compare, learn_to_copy  # noqa: E402
from forge_agents.train.presets import Scratch  # noqa: E402
from forge_agents.train.tiny import make_model  # noqa: E402
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


@pytest.mark.slow
def test_drilling_teaches_a_model_to_copy_and_then_to_compare_what_it_never_saw(untrained: Loaded) -> None:
    model, tokenizer = untrained.model, untrained.tokenizer
    assert learn_to_copy(model, 800, 0) < 0.15
    half = torch.randint(model.config.vocab_size, (40, 20), generator=torch.Generator().manual_seed(99))
    with torch.inference_mode():
        told = model(half.repeat(1, 2)).logits[:, 19:-1].argmax(-1)
    # The first token of the second half follows from nothing.
    assert float((told == half)[:, 1:].float().mean()) > 0.8

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
