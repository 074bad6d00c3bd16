"""The model from scratch: its tokenizer gives back what it is given, and a seed makes the same model again."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from forge_agents.models import load_model, load_tokenizer  # noqa: E402
from forge_agents.train.demonstrations import Demonstration  # noqa: E402
from forge_agents.train.presets import Scratch  # noqa: E402
from forge_agents.train.tiny.model import make_model  # noqa: E402
from forge_agents.train.tiny.tokenizer import FIXED  # noqa: E402
from forge_arena.verdicts import messages  # noqa: E402

from .conftest import VOCABULARY  # noqa: E402


def test_the_tokenizer_gives_back_any_text(untaught: Path) -> None:
    tokenizer = load_tokenizer(untaught)

    @given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
    def gives_back(text: str) -> None:
        ids = tokenizer.encode(text, add_special_tokens=False)
        # Qwen2's tokenizer takes characters in their canonical composition.
        assert tokenizer.decode(ids, clean_up_tokenization_spaces=False) == unicodedata.normalize("NFC", text)

    gives_back()


def test_the_fixed_parts_are_a_token_each(untaught: Path) -> None:
    tokenizer = load_tokenizer(untaught)
    assert [len(tokenizer.encode(part, add_special_tokens=False)) for part in FIXED] == [1] * len(FIXED)
    assert len(tokenizer) <= VOCABULARY


def test_a_prompt_is_the_beginning_of_prompt_and_completion(untaught: Path, shown: list[Demonstration]) -> None:
    tokenizer = load_tokenizer(untaught)
    for one in shown[:20]:
        chat = messages(one.observation)
        both = [*chat, {"role": "assistant", "content": one.completion}]
        prompt = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=False)
        whole = tokenizer.apply_chat_template(both, return_dict=False)
        assert whole[: len(prompt)] == prompt
        assert tokenizer.decode(whole[len(prompt) :]) == one.completion + "<|im_end|>"
        assert whole[-1] == tokenizer.eos_token_id


def test_the_loss_on_completions_covers_the_completion_and_its_end(untaught: Path, shown: list[Demonstration]) -> None:
    tokenizer = load_tokenizer(untaught)
    both = [*messages(shown[0].observation), {"role": "assistant", "content": shown[0].completion}]
    found = tokenizer.apply_chat_template(both, return_dict=True, return_assistant_tokens_mask=True)
    said = [id for id, mine in zip(found["input_ids"], found["assistant_masks"], strict=True) if mine]
    assert tokenizer.decode(said) == shown[0].completion + "<|im_end|>"


def test_the_same_seed_makes_the_same_model_and_another_one_another(tmp_path: Path) -> None:
    texts = ["The late fine is $37, replacing $4."] * 20
    size = Scratch(vocabulary=600, hidden=16, layers=1, heads=2, copying=2, comparing=2)
    weights = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        make_model(tmp_path / name, texts, size, seed)
        weights.append(load_model(tmp_path / name).model.model.embed_tokens.weight)
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
