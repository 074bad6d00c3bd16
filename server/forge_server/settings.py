"""The settings of a server. Only this module reads the environment (`FORGE_ARENA_*`)."""

import json
import os
import re
import shlex
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator, model_validator

from forge_arena.asking import REVISIONS
from forge_arena.errors import ForgeArenaError
from forge_arena.hosts import is_loopback
from forge_arena.profiles import STANDARD, open_profile
from forge_arena.salts import check_secret
from forge_arena.suggest import nearest_name
from forge_arena.types import Awareness, Candour, Load, Mechanism, View
from forge_arena.wire import MAX_BATCH
from forge_arena.workers.registry import check_reads_documents
from forge_server.access import Grant

PREFIX = "FORGE_ARENA_"
# Before the path of a store that is a file.
SQLITE = "sqlite:///"
# Variables that begin like settings and are none. `forge-arena`, the examples, the tests and `make` read them.
READ_BY_OTHERS = frozenset(
    {
        *("AUTHOR_API_KEY", "ENCODER", "SMALL_MODEL", "TOKEN"),
        *("AXE", "BROWSER", "CHAOS", "CHAOS_JSON", "DOCS", "INSPECT_AI", "NEMO_GYM", "OPENENV", "SCREENSHOTS", "UV"),
        *("BENCH_EPISODES", "BENCH_JSON", "BENCH_MINUTES", "BENCH_ROUNDS", "VERIFIERS", "VLLM_ENV"),
    }
)
SPLIT: dict[str, Callable[[str], list[str]]] = {"tokens": lambda text: text.split(","), "vllm_args": shlex.split}


class SettingsError(ForgeArenaError, ValueError):
    """A setting cannot be used. The message names the setting and says what was wanted."""


class Settings(BaseModel):
    """All settings with their defaults. Times are in seconds; limits of bodies are in bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65_535, description="0 takes a free port")
    processes: int = Field(
        default=1, ge=1, le=256, description="processes that serve behind the one port, on one store; one a core"
    )
    root_path: str = Field(
        default="",
        description="the path under which a proxy serves the arena: /arena",
    )
    store: str = Field(
        default="sqlite:///forge-arena.db",
        description="an SQLite file, or the URL of a Postgres: postgresql://USER@HOST/DATABASE",
    )
    worker: str = Field(
        default="scripted", description="who answers: scripted, openai:MODEL@URL, vllm:MODEL, bank:FILE"
    )
    api_key: str | None = Field(default=None, repr=False, description="for an openai Worker")
    reader: str | None = Field(
        default=None, description="a model that points and vetoes: openai:MODEL@URL, vllm:MODEL, bank:FILE, or worker"
    )
    reader_api_key: str | None = Field(default=None, repr=False, description="for an openai reader")
    vllm: str = Field(default="vllm", description="the vLLM executable, for a vllm Worker")
    vllm_args: tuple[str, ...] = Field(default=(), description="further arguments of `vllm serve`")
    mechanism: Mechanism | None = Field(default=None, description="corrupt only this way")
    awareness: Awareness | None = Field(
        default=None, description="with mechanism prompt: what every Worker that corrupts its own answer knows"
    )
    candour: Candour | None = Field(
        default=None, description="with mechanism prompt: what every such Worker shows of its thinking"
    )
    revisions: int = Field(
        default=REVISIONS, ge=0, description="how often a Worker is told what is wrong and writes its answer again"
    )
    documents: Path | None = Field(
        default=None, description="play your own documents: what `forge-arena scenarios import --out` wrote"
    )
    scenarios: str | None = Field(
        default=None, description="play another set of families: one shipped with the arena (short), or a folder"
    )
    reward_profile: str = Field(
        default=STANDARD, description="the weights of the reward: standard, detection, or a JSON file"
    )
    load: Load = Field(default=Load.full, description="how much the tasks ask: light, normal or full")
    tokens: tuple[str, ...] = Field(
        default=(),
        repr=False,
        description="tokens of clients, each [player:|trainer:|admin:]TOKEN or …sha256:HEX; without any: loopback only",
    )
    rate: float | None = Field(
        default=None, gt=0, description="requests a second for each token but an admin's; no limit if unset"
    )
    secret: str | None = Field(
        default=None, repr=False, description="salt of the test split; kept in the store if unset"
    )

    sealed: bool = Field(
        default=True, description="never reveal the truth of the test split; false is for experiments of your own"
    )

    leaderboard_episodes: int = Field(default=400, ge=2, description="sealed episodes in a submission")
    leaderboard_budget: int = Field(default=3, ge=1, description="submissions under one overseer's name")

    stock: int = Field(
        default=64, ge=1, description="ready episodes of the train stream to keep, in all processes together"
    )
    live: int = Field(
        default=256,
        ge=1,
        description="open episodes that each process keeps parsed; the others are read when they are needed",
    )
    episode_ttl: float = Field(default=6 * 3600, gt=0, description="an open episode expires after this")
    probes: int = Field(default=1, ge=0, description="probe budget of an episode")
    tool_profile: str = Field(
        default="default", description="which tools, how often and at what cost: default, none, or a JSON file"
    )
    view: View = Field(
        default=View.full, description="what an episode shows at once: full, no_reasoning or answer_only"
    )
    sessions: int = Field(default=1024, ge=1, description="OpenEnv WebSockets open at a time in each process")
    session_idle: float = Field(default=3600, gt=0, description="an OpenEnv WebSocket without a frame ends after this")

    concurrency: int = Field(default=16, ge=1, description="Worker calls in flight at a time, in all processes")
    make_timeout: float = Field(default=120, gt=0, description="for one Worker episode or probe answer")
    open_timeout: float = Field(default=120, gt=0, description="for one request for episodes")
    watch_every: float = Field(
        default=30, gt=0, description="log this often why the server is not ready or the Worker is unusable"
    )
    body_timeout: float = Field(default=30, gt=0, description="for a request body to arrive")
    pending_makes: int = Field(default=1024, ge=1, description="episodes waiting to be made before 503")
    pending_writes: int = Field(default=2048, ge=1, description="writes waiting for a commit before 503")
    body_limit: int = Field(default=1 << 20, ge=1024)
    batch_limit: int = Field(default=4 << 20, ge=1024, description="for the body of a batch of verdicts")

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_json: bool = False

    @field_validator("host")
    @classmethod
    def _without_brackets(cls, host: str) -> str:
        """An IPv6 address may be written as in a URL."""
        host = host.strip()
        return host[1:-1] if host.startswith("[") and host.endswith("]") else host

    @field_validator("root_path")
    @classmethod
    def _is_a_path(cls, path: str) -> str:
        if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)*", path):
            raise ValueError("wanted the path under which a proxy serves the arena, such as /arena")
        return path

    @field_validator("store")
    @classmethod
    def _with_scheme(cls, store: str) -> str:
        return store if "://" in store else f"{SQLITE}{store}"

    @field_validator("secret")
    @classmethod
    def _seals(cls, secret: str | None) -> str | None:
        """A secret that everybody knows would open the sealed test split."""
        if secret is not None:
            check_secret(secret)
        return secret

    @field_validator("tokens")
    @classmethod
    def _usable(cls, tokens: tuple[str, ...]) -> tuple[str, ...]:
        for token in tokens:
            # In the environment a comma separates tokens. With `--token A,B` the server would know one token `A,B`, and
            # neither A nor B would open it.
            if "," in token:
                raise ValueError("a token has no comma: give each token a --token of its own")
            Grant.of(token)
        return tokens

    @field_validator("reward_profile")
    @classmethod
    def _keeps_honesty_best(cls, profile: str) -> str:
        open_profile(profile)
        return profile

    @model_validator(mode="after")
    def _has_a_token_beyond_loopback(self) -> Self:
        if not self.tokens and not is_loopback(self.host):
            raise ValueError(
                "binding to an address that others can reach needs a token: give --token (or FORGE_ARENA_TOKENS), "
                "or bind to 127.0.0.1"
            )
        return self

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.scenarios is not None and self.documents is not None:
            raise ValueError("scenarios and documents exclude each other: give one of them")
        return self

    @model_validator(mode="after")
    def _worker_reads_documents(self) -> Self:
        if self.documents is not None:
            check_reads_documents(self.worker)
        return self

    @model_validator(mode="after")
    def _processes_do_not_collide(self) -> Self:
        if self.processes == 1:
            return self
        if not hasattr(socket, "AF_UNIX"):
            raise ValueError("processes: this system passes no connections to other processes: serve with one")
        for name, spec in (("worker", self.worker), ("reader", self.reader or "")):
            asked, _, live = spec.partition("+") if spec.startswith("bank:") else (spec, "", "")
            if "vllm:" in (asked[:5], live[:5]):
                raise ValueError(
                    f"{name}: each of {self.processes} processes would start a vLLM of its own: run `vllm serve MODEL` "
                    f"yourself and give {name} openai:MODEL@URL, or serve with one process"
                )
            if live:
                raise ValueError(
                    f"{name}: only one process can record into a bank: record first (forge-arena bank) and give {name} "
                    "bank:FILE, or serve with one process"
                )
        if self.concurrency < self.processes:
            raise ValueError(
                f"concurrency: {self.concurrency} Worker calls at a time are too few for {self.processes} processes: "
                "allow one for each process or more"
            )
        return self

    def of_one_process(self) -> Self:
        """The settings of one of the processes: its part of what they share out."""
        parts = {
            name: -(-getattr(self, name) // self.processes) for name in ("stock", "pending_makes", "pending_writes")
        }
        # Otherwise a process with a small part would call itself busy whenever the largest batch is asked for.
        parts["pending_makes"] = max(parts["pending_makes"], min(self.pending_makes, MAX_BATCH))
        return self.model_copy(update={**parts, "concurrency": self.concurrency // self.processes})

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None, **given: Any) -> Self:
        """Settings from `FORGE_ARENA_<NAME>`. A `given` setting that is not None wins.

        Tokens are separated by commas, vllm_args as in a shell.

        Raises:
            SettingsError: some settings are wrong. The message has one line for each of them, and one for each
                variable that nothing reads.
        """
        environ = os.environ if environ is None else environ
        values: dict[str, Any] = {}
        for name in cls.model_fields:
            if (text := environ.get(PREFIX + name.upper(), "")) != "":
                try:
                    values[name] = SPLIT[name](text) if name in SPLIT else text
                except ValueError as error:
                    raise SettingsError(f"{name}: {error}") from None
        values.update({name: value for name, value in given.items() if value is not None})
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            wrong = json.loads(error.json(include_url=False, include_context=False, include_input=False))
            lines = (
                f"{'.'.join(map(str, e['loc'])) or 'settings'}: {e['msg'].removeprefix('Value error, ')}" for e in wrong
            )
            hints = (
                f"{variable} is no setting" + ("" if near is None else f": did you mean {near}?")
                for variable, near in unknown_variables(environ).items()
            )
            raise SettingsError("\n".join((*lines, *hints))) from None


def unknown_variables(environ: Mapping[str, str] | None = None) -> dict[str, str | None]:
    """The variables that begin like settings and that nothing reads, each with the setting that is most like it.

    Values play no part, because a value may be a token.
    """
    environ = os.environ if environ is None else environ
    settings = [name.upper() for name in Settings.model_fields]
    names = sorted(variable.removeprefix(PREFIX) for variable in environ if variable.startswith(PREFIX))
    unknown = (name for name in names if name not in settings and name not in READ_BY_OTHERS)
    nearest = {name: nearest_name(name, settings) for name in unknown}
    return {PREFIX + name: None if near is None else PREFIX + near for name, near in nearest.items()}


def logs_as_json(environ: Mapping[str, str] | None = None) -> bool:
    """Whether the log shall be JSON. Works even if other settings are wrong."""
    environ = os.environ if environ is None else environ
    try:
        return TypeAdapter(bool).validate_python(environ.get(f"{PREFIX}LOG_JSON") or False)
    except ValidationError:
        return False
