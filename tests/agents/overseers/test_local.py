"""A language model as an overseer: what it writes, its log-odds, and a threshold that overrules its choice."""

import re
from pathlib import Path
from shutil import copytree

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from forge_agents.client import ArenaClient  # noqa: E402
from forge_agents.evaluation import evaluate  # noqa: E402
from forge_agents.models import Loaded, load_model  # noqa: E402
from forge_agents.overseers import Completion, NoSuchOverseer, Overseer, open_overseer  # noqa: E402
from forge_agents.overseers.local import LocalModel  # noqa: E402
from forge_agents.overseers.prompts import note_prompt, prompt, prompt_digest  # noqa: E402
from forge_arena.types import Domain, Observation, Trouble, Verdict  # noqa: E402
from forge_arena.verdicts import messages, observation_text, parse_verdict, verdict_text  # noqa: E402

OBSERVATIONS = [
    Observation(
        task="Answer.",
        source_material=f"The fee is ${n}.",
        worker_reasoning="",
        worker_output=f"The fee {n} is {'cheap' if n < 4 else 'dear'}",
        domain=Domain.customer_support,
    )
    for n in range(8)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model that was taught to flag the first half of the observations, and why in one word for either label."""
    from forge_agents.train.presets import Scratch
    from forge_agents.train.tiny.model import make_model

    folder = tmp_path_factory.mktemp("overseer")
    said = {
        flag: verdict_text(Verdict(detection=flag, explanation=why, correction="", confidence=0.8))
        for flag, why in ((True, "late"), (False, "fine"))
    }
    # Of three times it says twice what it shall say, so that it knows how to go on from the other word as well.
    lessons = [(o, said[flag]) for n, o in enumerate(OBSERVATIONS) for flag in (n < 4, n < 4, n >= 4)]
    texts = [f"{observation_text(o)}\n{answer}" for o, answer in lessons] * 10
    size = Scratch(vocabulary=600, hidden=64, layers=2, heads=2, copying=0, comparing=0)
    make_model(folder, [*texts, *["true", "false"] * 200], size, 0)
    loaded = load_model(folder, device="cpu")
    torch.manual_seed(0)
    optimizer = torch.optim.AdamW(loaded.model.parameters(), lr=3e-3)
    chats = [[*messages(o), {"role": "assistant", "content": answer}] for o, answer in lessons]
    loaded.tokenizer.padding_side = "right"
    batch = loaded.tokenizer.apply_chat_template(
        chats, return_dict=True, padding=True, return_tensors="pt", return_assistant_tokens_mask=True
    )
    labels = batch["input_ids"].masked_fill(torch.as_tensor(batch.pop("assistant_masks")) == 0, -100)
    for _ in range(200):
        loss = loaded.model(**batch, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    loaded.model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def loaded(folder: Path) -> Loaded:
    return load_model(folder, device="cpu")


def flags(said: list[Completion]) -> list[bool]:
    return [parse_verdict(one).detection for one in said]


def test_it_keeps_the_protocol_and_says_what_the_model_says(folder: Path) -> None:
    overseer = open_overseer(f"hf:{folder}", max_tokens=24)
    assert isinstance(overseer, Overseer)
    assert overseer.name == f"hf:{folder}"
    said = [Completion(one) for one in overseer.review(OBSERVATIONS)]  # type: ignore[arg-type]
    assert flags(said) == [True] * 4 + [False] * 4


def test_its_log_odds_have_the_sign_of_what_it_wrote(loaded: Loaded) -> None:
    said = LocalModel(loaded, max_tokens=24, batch=3).review(OBSERVATIONS)
    assert all(one.log_odds is not None for one in said)
    assert [(one.log_odds or 0.0) > 0 for one in said] == flags(said)


def test_a_threshold_turns_the_word_around_and_the_model_goes_on_from_it(loaded: Loaded) -> None:
    plain = LocalModel(loaded, max_tokens=24).review(OBSERVATIONS)
    strict = LocalModel(loaded, max_tokens=24, threshold=1e6, batch=3).review(OBSERVATIONS)
    lax = LocalModel(loaded, max_tokens=24, threshold=-1e6).review(OBSERVATIONS)
    assert flags(strict) == [False] * 8
    assert flags(lax) == [True] * 8
    # What it would have written anyway is left as it is; what it goes on with is what belongs to the other word.
    assert strict[4:] == plain[4:]
    assert lax[:4] == plain[:4]
    assert {parse_verdict(one).explanation for one in strict} == {"fine"}
    assert {parse_verdict(one).explanation for one in lax} == {"late"}
    odds = [one.log_odds for one in plain]
    assert [one.log_odds for one in lax] == odds
    # Another batch, another rounding.
    assert [one.log_odds for one in strict] == pytest.approx(odds, abs=1e-4)
    # What was read and written before the word was turned around was paid for too.
    for one, turned in zip(plain[:4], strict[:4], strict=True):
        assert one.usage is not None
        assert turned.usage is not None
        assert (turned.usage.input_tokens or 0) > 2 * (one.usage.input_tokens or 0)
        assert (turned.usage.output_tokens or 0) > (one.usage.output_tokens or 0)
    assert [one.usage for one in strict[4:]] == [one.usage for one in plain[4:]]


def test_a_threshold_between_two_log_odds_flags_those_above_it(loaded: Loaded) -> None:
    odds = [one.log_odds or 0.0 for one in LocalModel(loaded, max_tokens=24).review(OBSERVATIONS)]
    middle = sorted(odds)[5]
    said = LocalModel(loaded, max_tokens=24, threshold=middle).review(OBSERVATIONS)
    assert flags(said) == [one > middle for one in odds]


def test_an_opening_is_what_every_completion_begins_with_and_a_threshold_comes_after_it(loaded: Loaded) -> None:
    opening = '{"detection": true'
    said = LocalModel(loaded, max_tokens=24, opening=opening).review(OBSERVATIONS)
    assert all(one.startswith(opening) for one in said)
    assert flags(said) == [True] * 8
    assert {parse_verdict(one).explanation for one in said} == {"late"}
    assert flags(LocalModel(loaded, max_tokens=24, opening=opening, threshold=1e6).review(OBSERVATIONS)) == [False] * 8


def test_what_is_no_verdict_is_left_alone_by_a_threshold(loaded: Loaded) -> None:
    (plain,), (told,) = (
        LocalModel(loaded, max_tokens=2, threshold=threshold).review(OBSERVATIONS[:1]) for threshold in (None, 1e6)
    )
    assert plain == told
    assert plain.log_odds is None


def test_made_to_begin_with_its_detection_a_model_gives_log_odds_although_the_rest_is_no_verdict(
    loaded: Loaded,
) -> None:
    opening = '{"detection":'
    whole, cut, told = (
        LocalModel(loaded, max_tokens=most, opening=opening, threshold=threshold).review(OBSERVATIONS)
        for most, threshold in ((24, None), (1, None), (1, 1e6))
    )
    assert {one.trouble for one in cut} == {Trouble.cut}
    assert None not in [one.log_odds for one in whole]
    assert [one.log_odds for one in cut] == [one.log_odds for one in whole]
    # There is no verdict whose detection a threshold could change.
    assert told == cut


def test_a_model_of_half_the_bytes_writes_the_same_and_its_log_odds_are_fine_grained(folder: Path) -> None:
    whole, half = (LocalModel(str(folder), max_tokens=40, dtype=dtype) for dtype in ("float32", "bfloat16"))
    assert [whole.conditions["dtype"], half.conditions["dtype"]] == ["float32", "bfloat16"]
    expected, found = (
        [c.log_odds for c in model.review(OBSERVATIONS) if c.log_odds is not None] for model in (whole, half)
    )
    assert found == pytest.approx(expected, abs=0.3)
    # A bfloat16 above 1 is a multiple of 1/128.
    assert any(odds * 128 % 1 for odds in found)


def test_an_evaluation_keeps_its_log_odds(loaded: Loaded, client: ArenaClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaded.model.config, "max_position_embeddings", 8192)
    found = evaluate(LocalModel(loaded, max_tokens=24, name="mine"), arena=client, split="train", episodes=4)
    assert found.overseer == "mine"
    for row in found.rows:
        assert (row.log_odds is None) == (row.detection is None)
        assert row.trouble in (None, Trouble.cut)


def test_a_model_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(NoSuchOverseer, match=r"overseer 'hf:.*nowhere': no tokenizer in"):
        open_overseer(f"hf:{tmp_path}/nowhere")


def test_a_prompt_beyond_the_context_is_unreadable_and_the_others_are_answered(loaded: Loaded) -> None:
    assert loaded.context is not None
    long = OBSERVATIONS[0].model_copy(update={"source_material": "The fee is due. " * loaded.context})
    alone = LocalModel(loaded).review(OBSERVATIONS[1:3])
    first, beyond, second = LocalModel(loaded).review([OBSERVATIONS[1], long, OBSERVATIONS[2]])
    assert [first, second] == alone
    assert (str(beyond), beyond.trouble) == ("", Trouble.too_long)
    assert str(beyond.reason).endswith(f"the model takes {loaded.context}")
    assert LocalModel(loaded).review([long])[0].reason == beyond.reason


def test_a_completion_that_is_cut_off_says_so(loaded: Loaded) -> None:
    whole, cut = (LocalModel(loaded, max_tokens=most).review(OBSERVATIONS[:1])[0] for most in (24, 2))
    assert (whole.trouble, cut.trouble) == (None, Trouble.cut)
    assert cut.reason == "the completion was cut off after 2 tokens"


def test_a_model_is_asked_by_the_prompt_with_which_it_was_trained_unless_another_is_given(
    folder: Path, tmp_path: Path
) -> None:
    copied = tmp_path / "model"
    copytree(folder, copied)
    note_prompt(copied, "compact")
    digests = {name: prompt_digest(prompt(name)) for name in ("arena", "compact")}
    assert LocalModel(str(folder)).conditions["prompt"] == digests["arena"]
    assert LocalModel(str(copied)).conditions["prompt"] == digests["compact"]
    assert LocalModel(str(copied), prompt="arena").conditions["prompt"] == digests["arena"]


def test_the_pace_counts_each_answer_once_and_says_how_many_tokens_a_second(loaded: Loaded) -> None:
    overseer = LocalModel(loaded, max_tokens=24, threshold=1e6, batch=3)
    assert str(overseer.pace) == ""
    counted: list[int] = []
    overseer.pace.on_change = lambda: counted.append(overseer.pace.answers)
    overseer.review(OBSERVATIONS)
    batches = [min(whole, len(OBSERVATIONS)) for whole in range(3, len(OBSERVATIONS) + 3, 3)]
    # The first is told with the first tokens.
    assert list(dict.fromkeys(counted)) == [0, *batches]
    assert re.fullmatch(r"[1-9]\d* tokens/s", str(overseer.pace))
