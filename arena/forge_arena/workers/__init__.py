"""Workers: the LLM whose work is overseen. `open_worker` makes one from a short text."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from forge_arena.errors import BadArgument
from forge_arena.suggest import did_you_mean
from forge_arena.workers.base import HiddenInstruction, Worker
from forge_arena.workers.scripted import ScriptedWorker

__all__ = ["HiddenInstruction", "ScriptedWorker", "Worker", "open_worker"]

# What may follow `openai:MODEL@URL` and `vllm:MODEL`. Behind a #, which no server is ever sent.
SETTINGS = re.compile(r"(?P<asked>.+)#(?P<settings>\w+=[^#]*)")
NONE = "none"
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
            Settings of an openai or a vllm Worker may follow: `#temperature=none,seed=none,system_role=user`, or
            `#max_tokens=4096`.
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

        asked, settings = _asked_and_settings(rest)
        return OpenAIWorker(*model_and_url(asked), api_key, concurrency=concurrency, **settings)
    if kind == "vllm" and rest:
        from forge_arena.workers.vllm import VLLMWorker

        asked, settings = _asked_and_settings(rest)
        return VLLMWorker(asked, executable=vllm_executable, args=vllm_args, concurrency=concurrency, **settings)
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
    raise BadArgument(f"unknown Worker {spec!r}; a Worker is one of {WORKER_SPECS}")


def _asked_and_settings(text: str) -> tuple[str, dict[str, Any]]:
    """What is asked, and the settings that follow behind a #."""
    found = SETTINGS.fullmatch(text)
    if found is None:
        return text, {}
    settings: dict[str, Any] = {}
    for part in found["settings"].split(","):
        name, _, value = part.strip().partition("=")
        if name not in _READ_SETTING:
            guess = did_you_mean(name, _READ_SETTING)
            raise BadArgument(f"a Worker has no setting {name!r}.{guess} It takes {', '.join(_READ_SETTING)}")
        try:
            settings |= _READ_SETTING[name](value)
        except ValueError:
            raise BadArgument(f"the Worker's {name} cannot be {value!r}: {_WANTED[name]}") from None
    return found["asked"], settings


def _seeded(value: str) -> bool:
    if value != NONE:
        raise ValueError(value)
    return False


_WANTED = {
    "temperature": "give a number, or none to send none",
    "seed": "give none, to send none; otherwise the episode's key decides the seed",
    "system_role": "give system or user",
    "max_tokens": "give a whole number",
}
_READ_SETTING: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "temperature": lambda value: {"temperature": None if value == NONE else float(value)},
    "seed": lambda value: {"seeded": _seeded(value)},
    "system_role": lambda value: {"system_role": value},
    "max_tokens": lambda value: {"max_tokens": int(value)},
}
