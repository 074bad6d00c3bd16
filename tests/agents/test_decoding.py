"""The decoding loop for CPUs: the same tokens as `generate` of transformers, and no row is computed after its end."""

from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from forge_agents.decoding import OF_TORCH, _attend, on_cpu  # noqa: E402

VOCABULARY, PROMPT, NEW = 40, 9, 12
SIZE = {"vocab_size": VOCABULARY, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
WIDE = {**SIZE, "intermediate_size": 48, "num_key_value_heads": 2}
KINDS = {
    "llama": transformers.LlamaConfig(**WIDE),
    "qwen3": transformers.Qwen3Config(**WIDE, head_dim=16),
    "mixtral": transformers.MixtralConfig(**WIDE, num_local_experts=2),
    "gpt2": transformers.GPT2Config(vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=4),
    "bloom": transformers.BloomConfig(vocab_size=VOCABULARY, hidden_size=32, n_layer=2, n_head=4),
    "neox": transformers.GPTNeoXConfig(**SIZE, intermediate_size=48),
}


def made(config: Any) -> Any:
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    # Larger weights, so that the rows do not all write the same.
    for weight in model.parameters():
        weight.data *= 6
    # Several ends, so that the rows end at different places.
    model.generation_config.update(eos_token_id=list(range(0, VOCABULARY, 4)), pad_token_id=0)
    return model


@pytest.fixture
def llama() -> Any:
    return made(KINDS["llama"])


def prompts() -> dict[str, Any]:
    """Six prompts of different lengths, padded on the left."""
    torch.manual_seed(1)
    mask = torch.ones(6, PROMPT, dtype=torch.long)
    for row in range(6):
        mask[row, :row] = 0
    return {"input_ids": torch.randint(1, VOCABULARY, (6, PROMPT)) * mask, "attention_mask": mask}


def written(model: Any, asked: dict[str, Any], **settings: Any) -> Any:
    return model.generate(**asked, **{"max_new_tokens": NEW, "do_sample": False, **settings})


@pytest.mark.parametrize("kind", KINDS)
def test_the_tokens_are_those_of_generate(kind: str) -> None:
    model = made(KINDS[kind])
    watched: list[tuple[Any, Any]] = []
    faster = on_cpu(model, lambda rows, logits: watched.append((rows, logits)))
    assert faster
    plain = written(model, prompts(), output_logits=True, return_dict_in_generate=True)
    assert torch.equal(written(model, prompts(), **faster), plain.sequences)
    assert len(watched) == len(plain.logits)
    for (rows, logits), all_logits in zip(watched, plain.logits, strict=True):
        assert torch.allclose(logits, all_logits[rows], atol=1e-4)
    counts = [len(rows) for rows, _ in watched]
    assert counts == sorted(counts, reverse=True)
    new = plain.sequences[:, PROMPT:]
    ends = torch.isin(new, torch.tensor(model.generation_config.eos_token_id))
    # A row is computed up to its end, and not behind it.
    lengths = [int(row.nonzero()[0]) + 1 if row.any() else new.shape[1] for row in ends]
    assert len(set(lengths)) > 1
    assert sum(counts) == sum(lengths)


def test_what_was_read_before_is_not_read_again(llama: Any) -> None:
    asked = {name: part[:1].repeat(3, 1) for name, part in prompts().items()}
    begun = llama(input_ids=asked["input_ids"][:, :-1], use_cache=True)
    read: list[int] = []
    llama.model.embed_tokens.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0].shape[1]))
    plain = written(llama, asked)
    read.clear()
    name = "cache" if "cache" in begun else "past_key_values"
    assert torch.equal(written(llama, asked, **{name: begun[name]}, **on_cpu(llama)), plain)
    assert set(read) == {1}


def test_tokens_are_sampled_as_often_as_they_are_likely(llama: Any) -> None:
    asked = {name: part[:1].repeat(20_000, 1) for name, part in prompts().items()}
    logits = llama(input_ids=asked["input_ids"][:1]).logits[0, -1] / 5.0
    likely = logits.topk(6).indices
    expected = torch.zeros(VOCABULARY).scatter(0, likely, logits[likely].softmax(-1))
    torch.manual_seed(2)
    sampling = {"do_sample": True, "temperature": 5.0, "top_k": 6, "top_p": 1.0, "max_new_tokens": 1}
    found = written(llama, asked, **sampling, **on_cpu(llama))[:, -1].bincount(minlength=VOCABULARY) / 20_000
    assert expected.max() < 0.9
    # Four standard deviations of a share of 20,000.
    assert (found - expected).abs().max() < 4 * 0.5 / 20_000**0.5
    assert found[expected == 0].sum() == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("masked", [False, True])
def test_attention_of_one_token_is_as_exact_as_torchs_own(dtype: Any, masked: bool) -> None:
    torch.manual_seed(3)
    query = torch.randn(5, 6, 1, 16).to(dtype)
    key, value = torch.randn(2, 5, 2, 30, 16).to(dtype)
    mask = torch.rand(5, 1, 1, 30) > 0.3 if masked else None
    several = {"attn_mask": mask, "enable_gqa": True}
    exact, of_torch = (
        torch.nn.functional.scaled_dot_product_attention(*(part.to(to) for part in (query, key, value)), **several)
        for to in (torch.float64, dtype)
    )
    ours, _ = _attend(torch.nn.Module(), query, key, value, mask)
    assert (ours.dtype, ours.shape) == (dtype, (5, 1, 6, 16))
    error = (ours.transpose(1, 2) - exact).abs().mean()
    assert error <= max(1.1 * (of_torch - exact).abs().mean(), 1e-6)


def test_the_models_own_attention_is_there_again_whatever_happens(llama: Any) -> None:
    assert llama.config._attn_implementation == OF_TORCH

    def fail(rows: Any, logits: Any) -> None:
        assert llama.config._attn_implementation != OF_TORCH
        raise OSError("watched in vain")

    with pytest.raises(OSError, match="in vain"):
        written(llama, prompts(), **on_cpu(llama, fail))
    assert llama.config._attn_implementation == OF_TORCH


def test_an_adapter_writes_as_with_generate(llama: Any) -> None:
    peft = pytest.importorskip("peft")
    settings = peft.LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    wrapped = peft.get_peft_model(llama, settings).eval()
    faster = on_cpu(wrapped)
    assert faster
    assert torch.equal(written(wrapped, prompts(), **faster), written(wrapped, prompts()))


@pytest.mark.parametrize(
    "config",
    [
        transformers.MistralConfig(**WIDE, sliding_window=4),
        transformers.MambaConfig(vocab_size=VOCABULARY, hidden_size=32, num_hidden_layers=2),
    ],
)
def test_a_model_whose_cache_has_no_rows_of_this_kind_is_left_to_generate(config: Any) -> None:
    assert on_cpu(made(config)) == {}
