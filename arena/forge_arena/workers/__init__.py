"""Workers: the LLM whose work is overseen. `open_worker` makes one from a short text."""

from pathlib import Path

from forge_arena.workers.base import HiddenInstruction, Worker
from forge_arena.workers.scripted import ScriptedWorker

__all__ = ["HiddenInstruction", "ScriptedWorker", "Worker", "open_worker"]

WORKER_SPECS = "scripted, openai:MODEL@URL, vllm:MODEL, bank:FILE or bank:FILE+OTHER"


def open_worker(
    spec: str,
    *,
    api_key: str | None = None,
    vllm_executable: str = "vllm",
    vllm_args: tuple[str, ...] = (),
    concurrency: int = 16,
) -> Worker:
    """Make a Worker; nothing is connected or spawned before its `start`.

    Args:
        spec: `scripted`; `openai:MODEL@http://host:port/v1` (any OpenAI-compatible server); `vllm:MODEL` (a supervised
            `vllm serve` child); `bank:FILE` (recorded answers), or `bank:FILE+SPEC` to record what is not there yet.
        concurrency: how many requests an endpoint or a vLLM is sent at a time; further ones wait here.

    Raises:
        ValueError: the text is none of these.
    """
    kind, _, rest = spec.partition(":")
    if spec == "scripted":
        return ScriptedWorker()
    if kind == "openai" and rest:
        from forge_arena.endpoint import model_and_url
        from forge_arena.workers.openai import OpenAIWorker

        return OpenAIWorker(*model_and_url(rest), api_key, concurrency=concurrency)
    if kind == "vllm" and rest:
        from forge_arena.workers.vllm import VLLMWorker

        return VLLMWorker(rest, executable=vllm_executable, args=vllm_args, concurrency=concurrency)
    if kind == "bank" and rest:
        from forge_arena.workers.bank import Bank, BankWorker

        path, plus, other = rest.partition("+")
        live = (
            open_worker(
                other,
                api_key=api_key,
                vllm_executable=vllm_executable,
                vllm_args=vllm_args,
                concurrency=concurrency,
            )
            if plus
            else None
        )
        return BankWorker(Bank(Path(path)), live)
    raise ValueError(f"unknown Worker {spec!r}; a Worker is one of {WORKER_SPECS}")
