"""Loading and asking a language model: deterministic, the model's own log-odds, refused early where it cannot work."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from forge_agents import writing  # noqa: E402
from forge_agents.models import Loaded, ModelError, first_line, load_model, load_tokenizer  # noqa: E402
from forge_agents.reading import read_once  # noqa: E402
from forge_agents.writing import (  # noqa: E402
    Generation,
    _Asked,
    _DetectionWords,
    _log_odds,
    _Written,
    probabilities,
    tokens_until,
    write,
)
from forge_arena.types import Verdict  # noqa: E402
from forge_arena.verdicts import verdict_text  # noqa: E402

SAID = verdict_text(Verdict(detection=True, explanation="late", correction="", confidence=0.8))
ASKED = (
    "The late fine is $37.",
    "Your loan runs for 28 days, and a lost book calls for a payment.",
    "x",
    "Until 8 August 10 days.",
)
CHATS = [[{"role": "user", "content": text}] for text in ASKED]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model that knows the words of a verdict as tokens, and nothing else."""
    from forge_agents.train.presets import Scratch
    from forge_agents.train.tiny.model import make_model

    folder = tmp_path_factory.mktemp("tiny")
    size = Scratch(vocabulary=600, hidden=32, layers=1, heads=2, copying=0, comparing=0)
    make_model(folder, [*ASKED, *["true", "false", SAID] * 50], size, 0)
    return folder


@pytest.fixture(scope="module")
def loaded(folder: Path) -> Loaded:
    return load_model(folder, device="cpu")


def said(loaded: Loaded, chats: list[Any], **settings: Any) -> list[Generation]:
    return list(write(loaded, chats, **{"max_tokens": 24, **settings}))


def prompt(loaded: Loaded, chat: list[dict[str, str]]) -> Any:
    text = loaded.tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
    return loaded.tokenizer(text, return_tensors="pt", add_special_tokens=False)["input_ids"]


def test_greedy_text_is_the_same_in_any_batch_and_what_generate_gives(loaded: Loaded) -> None:
    found = said(loaded, CHATS, batch=4)
    assert found == said(loaded, CHATS, batch=1) == said(loaded, CHATS, batch=3)
    for chat, one in zip(CHATS, found, strict=True):
        asked = prompt(loaded, chat)
        made = loaded.model.generate(asked, max_new_tokens=24, do_sample=False)[0, asked.shape[1] :]
        assert one.text == loaded.tokenizer.decode(made, skip_special_tokens=True)


def test_a_text_ends_at_the_end_token_or_is_cut_off(loaded: Loaded) -> None:
    assert [(one.tokens, one.ended) for one in said(loaded, CHATS[:1], max_tokens=3)] == [(3, False)]
    torch.manual_seed(0)
    many = said(loaded, CHATS[:1] * 200, max_tokens=60, temperature=2.0, batch=100)
    assert {one.ended for one in many} == {True, False}
    assert all(one.tokens < 60 for one in many if one.ended)
    assert all(one.tokens == 60 for one in many if not one.ended)
    assert not any("<|im_end|>" in one.text for one in many)


def test_sampling_follows_the_seed_and_leaves_the_mode_of_the_model(loaded: Loaded) -> None:
    loaded.model.train()
    try:
        texts = []
        for seed in (1, 1, 2):
            torch.manual_seed(seed)
            texts.append([one.text for one in said(loaded, CHATS, temperature=1.0)])
        assert loaded.model.training
    finally:
        loaded.model.eval()
    assert texts[0] == texts[1] != texts[2]


def test_an_answer_that_is_begun_is_gone_on_with_and_counts_as_written(loaded: Loaded) -> None:
    begun = [SAID[:20], "", SAID[:-1], "x"]
    found = said(loaded, CHATS, begun=begun, batch=3)
    for chat, start, one in zip(CHATS, begun, found, strict=True):
        assert one.text.startswith(start)
        start_ids = loaded.tokenizer(start, return_tensors="pt", add_special_tokens=False)["input_ids"]
        asked = torch.cat([prompt(loaded, chat), start_ids.long()], dim=1)
        made = loaded.model.generate(asked, max_new_tokens=24, do_sample=False)[0, asked.shape[1] :]
        assert one.text == start + loaded.tokenizer.decode(made, skip_special_tokens=True)
        assert one.tokens >= start_ids.shape[1]


@pytest.mark.parametrize("detection", [True, False])
def test_log_odds_are_the_models_own_at_the_word_of_the_detection(loaded: Loaded, detection: bool) -> None:
    text = f"<think>{ASKED[0]}</think>" + SAID.replace("true", str(detection).lower())
    begun = [text, SAID.replace("true", str(detection).lower()), text]
    found = said(loaded, CHATS[:3], begun=begun, log_odds=True, max_tokens=1)
    true, false = (loaded.tokenizer.encode(f" {word}", add_special_tokens=False)[0] for word in ("true", "false"))
    for chat, start, one in zip(CHATS, begun, found, strict=False):
        ids = loaded.tokenizer(start, return_tensors="pt", add_special_tokens=False)["input_ids"][0]
        (place,) = [number for number, id in enumerate(ids.tolist()) if id in (true, false)]
        with torch.inference_mode():
            logits = loaded.model(torch.cat([prompt(loaded, chat), ids[None, :place]], dim=1)).logits[0, -1]
        assert one.log_odds == pytest.approx(float(logits[true] - logits[false]), abs=1e-4)


def test_where_there_is_no_verdict_there_are_no_log_odds(loaded: Loaded) -> None:
    found = said(loaded, CHATS, log_odds=True)
    assert [one.log_odds for one in found] == [None] * 4
    assert said(loaded, CHATS, begun=["no", SAID, "no", "no"], max_tokens=1)[1].log_odds is None
    mixed = said(loaded, CHATS, begun=["no", SAID, "no", "no"], log_odds=True, max_tokens=1)
    assert [one.log_odds is None for one in mixed] == [True, False, True, True]


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_the_probability_of_a_beginning_is_the_product_of_its_tokens(loaded: Loaded, temperature: float) -> None:
    start = loaded.tokenizer.encode(SAID[:20], add_special_tokens=False)
    assert len(start) > 2
    for chat, found in zip(
        CHATS, probabilities(loaded, CHATS, SAID[:20], temperature=temperature, batch=3), strict=True
    ):
        ids, expected = prompt(loaded, chat)[0].tolist(), 1.0
        for token in start:
            with torch.inference_mode():
                expected *= float(loaded.model(torch.tensor([ids])).logits[0, -1].div(temperature).softmax(-1)[token])
            ids.append(token)
        assert found == pytest.approx(expected, rel=1e-3)


def test_tokens_are_counted_until_their_text_is_long_enough(loaded: Loaded) -> None:
    ids = loaded.tokenizer.encode("退款 " + SAID, add_special_tokens=False)
    until = tokens_until(loaded.tokenizer, ids)
    assert until(0) == 0
    assert until(len(SAID) + 3) == len(ids)
    for characters in range(3, len(SAID) + 4):
        count = until(characters)
        assert len(loaded.tokenizer.decode(ids[:count])) >= characters
        assert len(loaded.tokenizer.decode(ids[: count - 1])) < characters


def changed(folder: Path, to: Path, **settings: Any) -> Path:
    """A copy of the model's folder with some of its tokenizer's settings changed (None: taken away)."""
    to.mkdir()
    for path in folder.iterdir():
        (to / path.name).write_bytes(path.read_bytes())
    path = to / "tokenizer_config.json"
    known = json.loads(path.read_text(encoding="utf-8")) | settings
    path.write_text(json.dumps({name: value for name, value in known.items() if value is not None}), encoding="utf-8")
    return to


def test_a_tokenizer_pads_on_the_left_with_the_end_where_it_has_no_pad(folder: Path, tmp_path: Path) -> None:
    assert load_tokenizer(folder).padding_side == "left"
    without = load_tokenizer(changed(folder, tmp_path / "m", pad_token=None))
    assert (without.pad_token, without.padding_side) in ((without.eos_token, "left"), ("<|endoftext|>", "left"))


def test_a_tokenizer_without_a_chat_template_is_refused(folder: Path, tmp_path: Path) -> None:
    path = changed(folder, tmp_path / "m", chat_template=None)
    (path / "chat_template.jinja").unlink(missing_ok=True)
    with pytest.raises(ModelError, match="has no chat template: take the model's instruct form"):
        load_tokenizer(path)


ALTERNATING = (
    "{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "<{{ message['role'] }}>{{ message['content'] | trim }}{% endfor %}"
)
WITHOUT_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    + ALTERNATING
)


def with_template(folder: Path, to: Path, template: str) -> Path:
    path = changed(folder, to, chat_template=None)
    (path / "chat_template.jinja").write_text(template, encoding="utf-8")
    return path


@pytest.mark.parametrize("template", [WITHOUT_SYSTEM, ALTERNATING])
def test_a_template_without_a_system_role_gets_its_message_in_the_first_user_message(
    folder: Path, tmp_path: Path, template: str
) -> None:
    loaded = load_model(with_template(folder, tmp_path / "m", template), device="cpu")
    chat = [{"role": "system", "content": "Review."}, {"role": "user", "content": "The late fine is $37."}]
    answered = [*chat, {"role": "assistant", "content": SAID}]
    loaded.tokenizer.save_pretrained(tmp_path / "saved")
    for tokenizer in (loaded.tokenizer, transformers.AutoTokenizer.from_pretrained(tmp_path / "saved")):
        text = tokenizer.apply_chat_template(answered, tokenize=False)
        assert text == f"<user>Review.\n\nThe late fine is $37.<assistant>{SAID}"
    alone = loaded.tokenizer.apply_chat_template(chat[1:], tokenize=False)
    assert alone == "<user>The late fine is $37."
    assert len(said(loaded, [chat])) == 1


def test_a_template_with_a_system_role_is_left_as_it_is(folder: Path) -> None:
    own = transformers.AutoTokenizer.from_pretrained(folder).chat_template
    assert load_tokenizer(folder).chat_template == own


def test_a_template_that_fails_whatever_is_asked_is_refused(folder: Path, tmp_path: Path) -> None:
    path = with_template(folder, tmp_path / "m", "{{ raise_exception('not today') }}")
    with pytest.raises(ModelError, match="fails on a chat of one user message: not today"):
        load_tokenizer(path)


def test_a_tokenizer_with_neither_pad_nor_end_is_refused(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models

    bare = transformers.PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE(vocab={"a": 0}, merges=[])))
    bare.chat_template = "{{ messages[0]['content'] }}"
    bare.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="has neither a pad token nor an end-of-text token: set one and save it"):
        load_tokenizer(tmp_path)


def test_a_folder_without_a_model_is_refused_in_one_line(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"^no tokenizer in '.*nowhere': .*$"):
        load_model(tmp_path / "nowhere")
    path = changed(folder, tmp_path / "m")
    (path / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"^no model in '.*': .*$"):
        load_model(path)


LONG = " ".join(ASKED) * 3
SHARING = [[{"role": "user", "content": f"{LONG} {text} {'late ' * n}"}] for n, text in enumerate(reversed(ASKED))]


@pytest.fixture
def read_tokens(loaded: Loaded) -> Iterator[list[int]]:
    """How many tokens each forward pass of the model reads: rows times places."""
    read: list[int] = []
    hook = loaded.model.register_forward_pre_hook(
        lambda _, args, given: read.append((args[0] if args else given["input_ids"]).numel()), with_kwargs=True
    )
    yield read
    hook.remove()


def first_logits(loaded: Loaded, chats: list[Any]) -> Any:
    """The logits from which the first token of each answer is chosen."""
    last: list[Any] = []
    hook = loaded.model.register_forward_hook(lambda _, __, outputs: last.append(outputs.logits[:, -1]))
    said(loaded, chats, max_tokens=1)
    hook.remove()
    return last[-1]


def test_what_all_chats_begin_with_is_read_once_and_changes_no_answer(loaded: Loaded, read_tokens: list[int]) -> None:
    alone = [said(loaded, [chat], log_odds=True)[0] for chat in SHARING]
    read_tokens.clear()
    together = said(loaded, SHARING, log_odds=True)
    assert [one.text for one in together] == [one.text for one in alone]
    assert [one.read for one in together] == [one.read for one in alone]
    prefix, first, *_ = read_tokens
    # Of the first token that each writes, too, the model thinks the same: padding between prefix and rest is not read.
    lonely = torch.stack([first_logits(loaded, [chat])[0] for chat in SHARING])
    assert torch.allclose(first_logits(loaded, SHARING), lonely, atol=1e-5)
    shortest = min(one.read for one in alone)
    assert shortest / 2 < prefix < shortest
    longest = max(one.read for one in alone)
    assert first == len(SHARING) * (longest - prefix)


@pytest.mark.parametrize("chats", [[CHATS[1], CHATS[0], CHATS[1]], [SHARING[0]] * 3, [*SHARING, SHARING[1]]])
def test_equal_chats_are_read_once_and_change_no_answer(
    loaded: Loaded, read_tokens: list[int], chats: list[Any]
) -> None:
    alone = [said(loaded, [chat], log_odds=True)[0] for chat in chats]
    read_tokens.clear()
    together = said(loaded, chats, log_odds=True)
    # The last token of each chat, and what is written, is read by each row.
    read = [tokens for tokens in read_tokens if tokens != len(chats)]
    different = {str(chat): one.read for chat, one in zip(chats, alone, strict=True)}
    assert 0 < sum(read) <= len(different) * (max(different.values()) - 1)
    assert [one.text for one in together] == [one.text for one in alone]
    lonely = torch.stack([first_logits(loaded, [chat])[0] for chat in chats])
    assert torch.allclose(first_logits(loaded, chats), lonely, atol=1e-5)


def test_what_a_model_of_learned_places_says_does_not_depend_on_the_padding(loaded: Loaded) -> None:
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=len(loaded.tokenizer), n_embd=32, n_layer=1, n_head=2, initializer_range=0.5
    )
    learned = Loaded(transformers.GPT2LMHeadModel(config).eval(), loaded.tokenizer, "gpt2")
    alone = [probabilities(learned, [chat], SAID[:20])[0] for chat in CHATS]
    assert probabilities(learned, CHATS, SAID[:20], batch=4) == pytest.approx(alone, rel=1e-3, abs=0.0)
    words = _DetectionWords.of(loaded.tokenizer)
    whole = loaded.tokenizer.encode(SAID, add_special_tokens=False)
    asked = [_Asked(prompt(loaded, chat)[0].tolist(), [], 0) for chat in CHATS]

    def odds(numbers: list[int]) -> list[float]:
        return _log_odds(learned, words, asked, [whole] * 4, [SAID] * 4, numbers)

    assert odds([0, 1, 2, 3]) == pytest.approx([odds([n])[0] for n in range(4)], abs=1e-4)


def test_equal_chats_of_a_model_without_places_are_read_once() -> None:
    torch.manual_seed(0)
    config = transformers.BloomConfig(vocab_size=50, hidden_size=32, n_layer=1, n_head=2)
    model = transformers.BloomForCausalLM(config).eval()
    ids = torch.randint(1, 50, (1, 9)).repeat(3, 1)
    mask = torch.ones_like(ids)
    with torch.inference_mode():
        read = read_once(model, ids, mask)
        plain, shared = (
            model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=5, do_sample=False, **given)
            for given in ({}, read)
        )
    assert read
    assert torch.equal(plain, shared)


def test_chats_of_like_length_share_a_batch_and_answers_come_in_order(loaded: Loaded, read_tokens: list[int]) -> None:
    lengths = [3, 40, 4, 41, 5, 42]
    chats = [[{"role": "user", "content": "x " * length}] for length in lengths]
    alone = [said(loaded, [chat])[0] for chat in chats]
    read_tokens.clear()
    together = said(loaded, chats, batch=3)
    assert together == alone
    read = [one.read for one in alone]
    # Two batches: the three short chats, and the three long ones. A pass that reads one token a row is of writing.
    assert [tokens for tokens in read_tokens if tokens > 3] == [3 * max(read[0::2]), 3 * max(read[1::2])]


def test_log_odds_that_were_noted_are_those_of_another_pass(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    # The untaught model writes no verdict, so it is made to: each step's logits are those of the model, and its choice
    # is the next token of the verdict.
    ids = [*loaded.tokenizer.encode(SAID, add_special_tokens=False), loaded.tokenizer.eos_token_id]
    generate = type(loaded.model).generate

    def forced(model: Any, *args: Any, **settings: Any) -> Any:
        begin = settings["input_ids"].shape[1]
        allowed = lambda _, row: [ids[min(len(row) - begin, len(ids) - 1)]]  # noqa: E731
        return generate(model, *args, **settings, prefix_allowed_tokens_fn=allowed)

    monkeypatch.setattr(type(loaded.model), "generate", forced)
    chats = CHATS[:3]
    noted = said(loaded, chats, log_odds=True)
    assert [one.text for one in noted] == [SAID] * 3
    passes = []
    monkeypatch.setattr(writing, "_log_odds", lambda *args: passes.append(args[-1]) or _log_odds(*args))
    again = said(loaded, chats, log_odds=True)
    assert passes == [[]] * len(passes)
    # A model that is no longer hooked cannot be noted.
    monkeypatch.setattr(writing, "_Written", lambda ids, logits: _Written(ids, None))
    other = said(loaded, chats, log_odds=True)
    assert passes[-1] == [0, 1, 2]
    odds = [one.log_odds for one in noted]
    assert all(odd is not None for odd in odds)
    assert [one.log_odds for one in again] == odds
    assert [one.log_odds for one in other] == pytest.approx(odds, abs=1e-4)


@pytest.mark.parametrize(
    ("text", "said"),
    [("no such file\nmore", "no such file"), ("one of: \n(1) a file, \n(2)", "one of: (1) a file,"), ("", "OSError")],
)
def test_an_error_of_many_lines_is_told_in_one(text: str, said: str) -> None:
    assert first_line(OSError(text)) == said
