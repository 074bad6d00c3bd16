"""All settings of a training run as one value, read from a YAML file.

The presets of this package are files of the same form as your own. `key=value` changes a setting on the command line,
with a dot for a setting inside another setting (`lora.r=8`).
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from forge_agents.overseers.prompts import PromptName
from forge_arena.errors import ForgeArenaError
from forge_arena.files import parse_yaml, read_yaml
from forge_arena.suggest import did_you_mean
from forge_arena.types import View
from forge_arena.wire import MAX_ATTEMPTS

FOLDER = Path(__file__).parent / "presets"


class PresetError(ForgeArenaError, ValueError):
    """A preset cannot be used: the message names the setting, what was given, and what may have been meant."""


class Algorithm(StrEnum):
    """The algorithm that turns scored attempts into updates; see `forge_agents.train.algorithms`."""

    grpo = "grpo"
    grpo_ps = "grpo-ps"
    online_rft = "online-rft"
    rft = "rft"
    dpo = "dpo"
    rloo = "rloo"
    sft = "sft"


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Scratch(_Settings):
    """The size of a model from nothing, for a CPU. The defaults have about 0.6 million parameters."""

    vocabulary: int = Field(default=1200, ge=600, description="tokens of the byte-level BPE")
    hidden: int = Field(default=128, ge=16, description="width of the residual stream")
    layers: int = Field(default=2, ge=1)
    heads: int = Field(default=4, ge=1, description="attention heads; must divide `hidden`")
    context: int = Field(default=1024, ge=128, description="tokens of prompt and completion together")
    copying: int = Field(default=500, ge=0, description="steps, at most, of the drill in copying: see tiny/drills.py")
    comparing: int = Field(default=500, ge=0, description="steps of the drill in comparing")

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        if self.hidden % self.heads:
            raise ValueError(f"heads must divide hidden, got {self.heads} and {self.hidden}")
        return self


class Lora(_Settings):
    r: int = Field(default=16, ge=1)
    alpha: int = Field(default=32, ge=1)
    dropout: float = Field(default=0.05, ge=0, lt=1)
    targets: str = Field(default="all-linear", description="as PEFT's target_modules")


class Vllm(_Settings):
    """Settings for vLLM, which writes the completions instead of the trainer's own `generate`."""

    mode: Literal["server", "colocate"]
    url: str | None = Field(default=None, description="of `trl vllm-serve`, in server mode")
    memory: float = Field(default=0.3, gt=0, le=1, description="share of the GPU's memory, in colocate mode")


class WarmStart(_Settings):
    """Supervised fine-tuning on oracle demonstrations, before reinforcement."""

    demonstrations: int = Field(default=2_000, ge=1, description="episodes of the train split, from its far end")
    checking: float = Field(
        default=0.0, ge=0, le=1, description="share that compares answer and source before the verdict"
    )
    brief: bool = Field(
        default=False, description="no corrections: they are long to copy, and one slip spoils the verdict"
    )
    concluding: bool = Field(
        default=False, description="a comparison ends with a line that says what its lines come to"
    )
    exhaustive: bool = Field(
        default=False,
        description="a comparison also has a line for each passage that no sentence is about; for short sources",
    )
    renamed: float = Field(
        default=0.0, ge=0, le=1, description="share that gets other words throughout: see train/renaming.py"
    )
    exchanged: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="share whose tokens are exchanged, anew in each epoch: see tiny/exchange.py",
    )
    whole_text: bool = Field(default=False, description="language-model loss on the prompt too, not only the verdict")
    decisive: float = Field(
        default=1.0,
        ge=1,
        description="weight in the loss of the tokens that decide (true, = ok, ...); "
        "marks of something wrong: thrice that",
    )
    epochs: int = Field(default=1, ge=1)
    batch: int = Field(default=16, ge=1)
    device_batch: int | None = Field(
        default=None, ge=1, description="texts that a device holds at a time; must divide batch; default batch"
    )
    learning_rate: float = Field(default=1e-5, gt=0)
    save_every: int | None = Field(default=None, ge=1, description="steps between checkpoints; by default none")
    then: "WarmStart | None" = Field(default=None, description="a further stage, which trains the model of this stage")

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        if self.device_batch is not None and self.batch % self.device_batch:
            raise ValueError(f"device_batch must divide batch, got {self.device_batch} and {self.batch}")
        return self

    @property
    def stages(self) -> tuple["WarmStart", ...]:
        """This stage and those after it."""
        return (self, *(self.then.stages if self.then is not None else ()))


class Calibration(_Settings):
    """Phase 2: measure which cells can be learned from. A cell is a family, a corruption type and a stealth level."""

    episodes: int = Field(default=400, ge=1, description="episodes of the train split to try; the corrupted ones count")
    samples: int = Field(default=4, ge=1, le=64, description="attempts on each (n of pass@k)")
    k: int = Field(default=1, ge=1)
    low: float = Field(default=0.20, ge=0, le=1)
    high: float = Field(default=0.85, ge=0, le=1)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.k > self.samples or self.low >= self.high:
            raise ValueError(f"need k <= samples and low < high, got {self.k}, {self.samples}, {self.low}, {self.high}")
        return self


class HeldOut(_Settings):
    """The measurements on episodes that are never trained on."""

    split: Literal["val", "test"] = "val"
    episodes: int = Field(default=200, ge=1)
    every: int = Field(default=0, ge=0, description="steps between measurements; 0: only before and after")
    temperature: float = Field(default=0.0, ge=0, description="0 is greedy")
    samples: int = Field(default=1, ge=1, le=MAX_ATTEMPTS, description="verdicts on each episode")
    batch: int = Field(default=32, ge=1)


class Preset(_Settings):
    """All settings of a run. `batch` counts completions of one optimizer step, over all devices.

    `departures` says why a setting is not that of the published model card.
    """

    name: str
    about: str
    departures: Mapping[str, str] = {}
    then: str | None = Field(default=None, description="the preset of phase 3 in a pipeline; by default this one again")

    model: str | None = Field(default=None, description="a Hub name or a folder; or give `scratch`")
    scratch: Scratch | None = Field(default=None, description="make a model of this size")
    lora: Lora | None = None
    quantization: Literal["none", "nf4"] = "none"
    dtype: Literal["float32", "bfloat16"] = Field(default="float32", description="of the weights")
    autocast: bool = Field(
        default=False,
        description="train float32 weights with bfloat16 arithmetic, unless the device gains nothing by it",
    )
    recompute: bool = Field(
        default=True, description="activations are computed again in the backward pass: less memory, a third more time"
    )
    share_prompts: bool = Field(
        default=False, description="read the prompt of a group once, not once for each attempt; not with `recompute`"
    )
    prompt: PromptName = Field(
        default=PromptName.arena, description="in demonstrations, training, evaluation and the model card"
    )

    tools: bool = Field(
        default=False,
        description="several turns: the model uses tools, and gives its verdict by the tool submit_verdict",
    )
    view: View = Field(default=View.full, description="how much of an episode the model is shown at once")

    algorithm: Algorithm = Algorithm.grpo
    steps: int = Field(default=200, ge=1)
    batch: int = Field(default=16, ge=2)
    device_batch: int | None = Field(
        default=None, ge=1, description="completions a device holds at a time; default batch"
    )
    generations: int = Field(default=16, ge=2, le=64, description="attempts on one episode (G)")
    learning_rate: float = Field(default=5e-6, gt=0)
    schedule: Literal["cosine", "linear", "constant", "constant_with_warmup"] = "cosine"
    warmup_steps: int = Field(default=20, ge=0)
    max_grad_norm: float = Field(default=1.0, gt=0)
    beta: float = Field(default=0.04, ge=0, description="weight of the KL term of the online algorithms")
    temperature: float = Field(default=0.7, gt=0)
    top_p: float = Field(default=1.0, gt=0, le=1)
    max_completion: int = Field(default=768, ge=8, description="tokens")
    scale_rewards: Literal["none", "group", "batch"] = "none"
    loss: str = Field(default="grpo", description="TRL's loss_type")
    iterations: int = Field(default=1, ge=1, description="updates on one batch of completions (mu)")

    warm_start: WarmStart | None = None
    calibration: Calibration = Calibration()
    held_out: HeldOut = HeldOut()
    vllm: Vllm | None = None

    start: int = Field(default=0, ge=0, description="first index of the train stream")
    wall_seconds: float | None = Field(
        default=None, gt=0, description="stop learning after so many seconds, done or not"
    )
    save_every: int = Field(default=50, ge=1, description="steps between checkpoints")
    keep_checkpoints: int = Field(
        default=2, ge=2, description="if the last one breaks, the run continues from the one before it"
    )
    patience: float = Field(default=300.0, gt=0, description="seconds that an arena may be away")
    shuffled_rewards: bool = Field(default=False, description="control: rewards are shuffled within each batch")
    trackers: tuple[Literal["arena", "tensorboard", "trackio", "wandb"], ...] = Field(
        default=("tensorboard",), description="who is told of each step; arena: the page Runs of the arena"
    )
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.model is None) == (self.scratch is None):
            raise ValueError("give either model or scratch")
        if self.batch % self.generations:
            raise ValueError(
                f"batch must be a multiple of generations, got {self.batch} and {self.generations}: groups stay whole"
            )
        if self.device_batch is not None and self.batch % self.device_batch:
            raise ValueError(f"device_batch must divide batch, got {self.device_batch} and {self.batch}")
        if self.scratch is not None and (self.lora is not None or self.quantization != "none"):
            raise ValueError("a model from scratch is trained whole: leave lora and quantization out")
        if self.tools:
            self._check_tools()
        elif self.view is not View.full:
            raise ValueError(
                f"a view is for the form with tools: give tools too, or leave view out, got {self.view.value}"
            )
        if self.quantization != "none" and self.lora is None:
            raise ValueError("quantized weights cannot be trained: nf4 needs lora")
        if self.share_prompts and self.recompute:
            raise ValueError("share_prompts keeps what was read of a prompt, so it needs recompute=false")
        return self

    def _check_tools(self) -> None:
        if self.algorithm is not Algorithm.grpo:
            raise ValueError(f"tools are for the algorithm grpo, got {self.algorithm.value}")
        if self.warm_start is not None or self.scratch is not None:
            raise ValueError(
                "a warm start teaches verdicts as texts, and with tools a text is no verdict: give a model that calls "
                "tools, and leave scratch and warm_start out"
            )
        if self.prompt is not PromptName.arena:
            raise ValueError(f"the form with tools has a prompt of its own: leave prompt out, got {self.prompt.value}")

    @property
    def in_bfloat16(self) -> bool:
        """Whether the arithmetic of training is bfloat16."""
        return self.autocast or self.dtype == "bfloat16"

    @property
    def recomputes(self) -> bool:
        """Whether activations are computed again. A model from nothing is so small that they always fit."""
        return self.recompute and self.scratch is None

    @property
    def prompts(self) -> int:
        """Episodes of one step."""
        return self.batch // self.generations


def preset_names() -> tuple[str, ...]:
    """The presets that ship with the package."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


def load_preset(name: str, changes: Sequence[str] = ()) -> Preset:
    """The preset of that name, or in the file of that name, with `key=value` changes.

    Raises:
        PresetError: there is no such preset or setting, or a value does not fit; the message suggests the nearest name.
    """
    path = FOLDER / f"{name}.yaml"
    if not path.is_file():
        path = Path(name)
        if path.suffix not in (".yaml", ".yml"):
            raise PresetError(
                f"no preset {name!r}.{did_you_mean(name, preset_names())} There are {', '.join(preset_names())}; or "
                "give a .yaml file"
            )
        if not path.is_file():
            raise PresetError(f"no preset file {name}")
    content = read_yaml(path, error=PresetError)
    if not isinstance(content, dict):
        raise PresetError(f"{path}: a preset is a mapping of settings, got {type(content).__name__}")
    content.setdefault("name", path.stem)
    return _validate(content, changes, path)


def change_preset(preset: Preset, changes: Sequence[str]) -> Preset:
    """The preset with `key=value` changes.

    Raises:
        PresetError: as `load_preset`.
    """
    return _validate(preset.model_dump(mode="json", exclude_none=True), changes, Path(preset.name))


def _validate(content: dict[str, Any], changes: Sequence[str], path: Path) -> Preset:
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals:
            raise PresetError(f"a change reads key=value, got {change!r}")
        _change(content, key.strip(), value)
    try:
        return Preset.model_validate(content)
    except ValidationError as error:
        raise PresetError("\n".join(_explain(path, problem) for problem in error.errors(include_url=False))) from None


def _change(content: dict[str, Any], key: str, value: str) -> None:
    *outer, last = key.split(".")
    for part in outer:
        if content.get(part) is None:
            content[part] = {}
        content = content[part]
        if not isinstance(content, dict):
            raise PresetError(f"{key}: there is nothing inside {part!r}")
    unreadable = PresetError(f"{key}: {value!r} is no value that YAML can read")
    parsed = parse_yaml(value, key, error=lambda _: unreadable)
    # YAML reads 1e-5 as a text, because it has no dot.
    if isinstance(parsed, str):
        with suppress(ValueError):
            parsed = float(parsed)
    content[last] = parsed


def _explain(path: Path, error: Any) -> str:
    place = [str(part) for part in error["loc"]]
    where = ".".join(place)
    if error["type"] == "extra_forbidden":
        return f"{path.name}: there is no setting {where!r}.{did_you_mean(place[-1], _fields(place[:-1]))}"
    message = error["msg"].removeprefix("Value error, ")
    return f"{path.name}: {where}: {message}, got {error['input']!r}" if place else f"{path.name}: {message}"


def _fields(place: Sequence[str]) -> Sequence[str]:
    model: type[BaseModel] = Preset
    for part in place:
        inner = [a for a in (model.model_fields[part].annotation, *_arguments(model, part)) if _is_settings(a)]
        if not inner:
            return ()
        model = inner[0]
    return tuple(model.model_fields)


def _arguments(model: type[BaseModel], field: str) -> tuple[Any, ...]:
    return getattr(model.model_fields[field].annotation, "__args__", ())


def _is_settings(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
