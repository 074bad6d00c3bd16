"""Prompts that are read once lead to the same log-probabilities, entropies and gradients as TRL's own way."""

from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from torch import Tensor  # noqa: E402
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, MixtralConfig, MixtralForCausalLM  # noqa: E402
from trl import GRPOTrainer, RLOOTrainer  # noqa: E402
from trl.trainer.utils import add_fused_lm_head  # noqa: E402

from accelerate import Accelerator  # noqa: E402
from forge_agents.train.algorithms import PlainGRPOTrainer, PlainRLOOTrainer  # noqa: E402
from forge_agents.train.fine_tuning import score_learned_tokens_only  # noqa: E402
from forge_agents.train.shared_prompts import write  # noqa: E402

VOCABULARY, PROMPT, COMPLETION = 50, 12, 7


def attempts() -> tuple[Tensor, Tensor]:
    """Token ids and mask of five attempts: three of one group and two of another, in mixed order."""
    torch.manual_seed(1)
    prompts = torch.randint(1, VOCABULARY, (2, PROMPT))
    groups, lengths = [0, 1, 0, 0, 1], [7, 3, 5, 1, 6]
    ids = torch.cat([prompts[groups], torch.randint(1, VOCABULARY, (5, COMPLETION))], dim=1)
    mask = torch.ones_like(ids)
    for row, (group, length) in enumerate(zip(groups, lengths, strict=True)):
        # The second prompt is shorter, so it has padding before it.
        mask[row, : 4 * group] = 0
        mask[row, PROMPT + length :] = 0
    return ids.masked_fill(mask == 0, 0), mask


def llama() -> LlamaForCausalLM:
    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
        )
    )


@pytest.mark.parametrize("kind", [PlainGRPOTrainer, PlainRLOOTrainer])
def test_nothing_changes_but_the_cost(kind: type[GRPOTrainer | RLOOTrainer]) -> None:
    score_learned_tokens_only()
    model = llama().train()
    add_fused_lm_head(model, temperature=0.7, outputs=("log_probs", "entropy"))
    read: list[int] = []
    model.model.embed_tokens.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0].numel()))
    trainer = kind.__new__(kind)
    trainer.accelerator = Accelerator(cpu=True)
    trainer.args = SimpleNamespace(report_to=[])
    ids, mask = attempts()

    def scored(shares_prompts: bool) -> tuple[Tensor, Tensor, dict[str, Tensor], int]:
        trainer.shares_prompts = shares_prompts
        model.zero_grad()
        read.clear()
        log_probs, entropies, _ = trainer._get_per_token_logps_and_entropies(
            model, ids, mask, COMPLETION, compute_entropy=True
        )
        (log_probs * torch.arange(1.0, 6.0)[:, None]).sum().backward()
        gradients = {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}
        return log_probs, entropies, gradients, sum(read)

    plain, shared = scored(False), scored(True)
    assert torch.allclose(plain[0], shared[0], atol=1e-5)
    assert torch.allclose(plain[1], shared[1], atol=1e-5)
    assert plain[2].keys() == shared[2].keys()
    for name, gradient in plain[2].items():
        assert torch.allclose(gradient, shared[2][name], atol=1e-4), name
    assert plain[3] == 5 * (PROMPT + COMPLETION)
    # Each prompt but its last token once; the last token and the completion for each attempt.
    assert shared[3] == (PROMPT - 1) + (PROMPT - 4 - 1) + 5 * (1 + COMPLETION)


def test_equal_prompts_are_read_once_when_attempts_are_written() -> None:
    model = llama().eval()
    ids, mask = (part[:, :PROMPT] for part in attempts())
    read: list[int] = []
    model.model.embed_tokens.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0].numel()))
    greedy = GenerationConfig(max_new_tokens=COMPLETION, do_sample=False, pad_token_id=0)
    with torch.no_grad():
        plain = model.generate(input_ids=ids, attention_mask=mask, generation_config=greedy)
        of_plain = sum(read)
        read.clear()
        shared = write(model, ids, mask, generation_config=greedy)
    assert torch.equal(plain, shared)
    assert of_plain == 5 * (PROMPT + COMPLETION - 1)
    # Both prompts but their last token once, with the padding of the shorter one; that token for each attempt.
    assert sum(read) == 2 * (PROMPT - 1) + 5 * COMPLETION
    # Prompts that are all different are read as ever. One token more shows what kind of cache the model keeps.
    read.clear()
    write(model, ids[:2], mask[:2], generation_config=greedy)
    assert sum(read) == 2 * (PROMPT + COMPLETION - 1) + 1


def test_a_mixture_of_experts_still_learns_to_balance_them() -> None:
    score_learned_tokens_only()
    torch.manual_seed(0)
    model = MixtralForCausalLM(
        MixtralConfig(
            vocab_size=VOCABULARY,
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=1,
            num_attention_heads=4,
            num_key_value_heads=2,
            num_local_experts=2,
        )
    ).train()
    add_fused_lm_head(model, temperature=0.7, outputs=("log_probs", "entropy"))
    trainer = PlainGRPOTrainer.__new__(PlainGRPOTrainer)
    trainer.accelerator = Accelerator(cpu=True)
    trainer.args = SimpleNamespace(report_to=[])
    trainer.shares_prompts = True
    ids, mask = attempts()
    log_probs, _, balance = trainer._get_per_token_logps_and_entropies(
        model, ids, mask, COMPLETION, compute_aux_loss=True
    )
    assert log_probs.shape == (5, COMPLETION)
    assert balance is not None
    assert balance.item() > 0
