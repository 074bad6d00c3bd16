"""AsyncGRPOTrainer with a real arena: its own process of rollouts unpickles our rewards and environments, and uses them.

What needs a GPU is made up: the server of completions, which is the pupil behind the route that TRL asks of vLLM, the
transfer of weights to it, and FlashAttention 3, computed by torch here. Everything else is TRL's own.
"""

import http.server
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")
trl = pytest.importorskip("trl")
pytest.importorskip("aiohttp")
pytest.importorskip("requests")

from forge_agents.models import load_model  # noqa: E402
from forge_agents.trl import ForgeArena  # noqa: E402
from forge_agents.trl.rewards import COMPONENTS  # noqa: E402

from ..train.conftest import Served  # noqa: E402

pytestmark = pytest.mark.slow


@contextmanager
def completing(pupil: Path) -> Iterator[str]:
    """The URL of a server that goes on with prompts of tokens, as vLLM does."""
    loaded = load_model(pupil, device="cpu")
    model, tokenizer = loaded.model.eval(), loaded.tokenizer
    one_at_a_time = threading.Lock()

    class Completing(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            ask = json.loads(self.rfile.read(int(self.headers["content-length"])))
            with one_at_a_time, torch.no_grad():
                prompt = torch.tensor([ask["prompt"]])
                written = model.generate(
                    prompt,
                    attention_mask=torch.ones_like(prompt),
                    max_new_tokens=ask["max_tokens"],
                    do_sample=True,
                    temperature=ask["temperature"],
                    top_k=0,
                    pad_token_id=tokenizer.pad_token_id,
                )
                tokens = written[:, prompt.shape[1] :]
                logits = model(written, logits_to_keep=tokens.shape[1] + 1).logits[:, :-1]
            likely = logits.log_softmax(-1).gather(-1, tokens.unsqueeze(-1))[0, :, 0].tolist()
            choice = {"token_ids": tokens[0].tolist(), "logprobs": {"token_logprobs": likely}}
            body = json.dumps({"choices": [choice]}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return None

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Completing)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class NoTransfer:
    """The server of completions keeps its weights."""

    def init_weight_transfer(self) -> None: ...
    def pause(self) -> None: ...
    def send_weights(self, iterator: Iterator[Any]) -> None: ...
    def resume(self) -> None: ...
    def destroy(self) -> None: ...


def attention(
    query: Any,
    key: Any,
    value: Any,
    query_ends: Any,
    key_ends: Any,
    *_: Any,
    softmax_scale: float | None,
    causal: bool,
    window_size: tuple[int, int],
) -> Any:
    """What FlashAttention's `flash_attn_varlen_func` computes: causal attention within each of several sequences."""
    parts = []
    for at in range(len(query_ends) - 1):
        asked = query[query_ends[at] : query_ends[at + 1]].transpose(0, 1)  # (heads, asking, width)
        known = key[key_ends[at] : key_ends[at + 1]].transpose(0, 1)  # (heads, known, width)
        told = value[key_ends[at] : key_ends[at + 1]].transpose(0, 1)
        # The last one that asks sees all.
        seen = torch.ones(asked.shape[1], known.shape[1], dtype=torch.bool).tril(known.shape[1] - asked.shape[1])
        part = torch.nn.functional.scaled_dot_product_attention(asked, known, told, attn_mask=seen, scale=softmax_scale)
        parts.append(part.transpose(0, 1))
    return torch.cat(parts)


@pytest.mark.parametrize("tools", [False, True])
def test_async_grpo_learns_in_both_forms(
    arena: ForgeArena, short: Served, pupil: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tools: bool
) -> None:
    monkeypatch.setitem(os.environ, "TRL_EXPERIMENTAL_SILENCE", "1")
    from trl.experimental.async_grpo import (
        AsyncGRPOConfig,
        AsyncGRPOTrainer,
        async_grpo_trainer,
        async_rollout_worker,
        packing,
    )

    # It asks for the name of the GPU.
    monkeypatch.setattr(async_grpo_trainer, "get_peak_flops_per_device", lambda *_: None)
    monkeypatch.setattr(async_rollout_worker, "is_vllm_available", lambda: True)
    monkeypatch.setattr(packing, "_flash_attn", lambda: SimpleNamespace(flash_attn_varlen_func=attention))
    start = 400 if tools else 300
    with completing(pupil) as url:
        trainer = AsyncGRPOTrainer(
            model=str(pupil),
            args=AsyncGRPOConfig(
                output_dir=str(tmp_path),
                max_steps=2,
                per_device_train_batch_size=4,
                gradient_accumulation_steps=1,
                num_generations=4,
                max_completion_length=60,
                max_inflight_tasks=4,
                max_tool_calling_iterations=3,
                token_budget=0,
                learning_rate=1e-2,
                temperature=1.0,
                use_cpu=True,
                bf16=False,
                gradient_checkpointing=False,
                logging_steps=1,
                report_to=[],
                disable_tqdm=True,
                save_strategy="no",
                vllm_server_base_url=url,
            ),
            train_dataset=arena.dataset(2, start=start, tools=tools),
            weight_transfer=NoTransfer(),
            **({"environment_factory": arena.environment} if tools else {"reward_funcs": arena.component_rewards()}),
        )
        trainer.train()
    logged = [entry for entry in trainer.state.log_history if "reward" in entry]
    assert len(logged) == 2
    assert max(entry["reward"] for entry in logged) > 0.0
    names = ["OverseerEnvironment"] if tools else list(COMPONENTS)
    for entry in logged:
        assert entry["reward"] == pytest.approx(sum(entry[f"rewards/{name}"] for name in names), abs=1e-5)
    made = {index: ids for index, ids in short.attempts().items() if start <= index < start + 2}
    assert all(len(ids) >= 4 for ids in made.values())
    assert len(made) == 2
