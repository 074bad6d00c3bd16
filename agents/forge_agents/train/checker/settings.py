"""The settings of a checker's training: what `--set KEY=VALUE` changes."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field, ValidationError

from forge_arena.errors import BadArgument
from forge_arena.files import parse_yaml
from forge_arena.suggest import did_you_mean
from forge_arena.types import Noun


class Settings(Noun):
    """The defaults are for all-MiniLM-L6-v2 on two CPU cores.

    Attributes:
        episodes: episodes of the train split, of all arenas together.
        pairs: pairs that are fitted in an epoch; all that the episodes give if there are fewer.
        val_episodes: episodes of the val split, of all arenas together, on which confidence is calibrated.
        epochs: how often each pair is fitted.
        augment: whether sentences are edited, renamed and read without their passages, or only the arena's own answers
            are used.
        renamed: the share of the pairs that get other words, 0 to 1.
        apart: the layers that read each text by itself and stay as they are; None for two thirds of the layers.
        batch, learning_rate, save_every: pairs of a step, the highest rate, steps between two checkpoints.
        seed: decides the pairs, their order and the first weights of the heads.
    """

    episodes: int = Field(default=1600, ge=4)
    pairs: int = Field(default=14_000, ge=8)
    val_episodes: int = Field(default=300, ge=8)
    epochs: int = Field(default=1, ge=1)
    augment: bool = True
    renamed: float = Field(default=0.5, ge=0.0, le=1.0)
    apart: int | None = Field(default=None, ge=0)
    batch: int = Field(default=32, ge=1)
    learning_rate: float = Field(default=2e-4, gt=0.0, le=1.0)
    save_every: int = Field(default=50, ge=1)
    seed: int = 0


# Everything once, in less than a minute with a tiny encoder. It shows that every stage works, and nothing else.
QUICK: Mapping[str, Any] = {"episodes": 24, "pairs": 96, "val_episodes": 16, "batch": 16, "save_every": 2}


def settings_of(changes: Sequence[str], *, quick: bool = False) -> Settings:
    """The settings with changes such as `epochs=2`.

    Raises:
        BadArgument: a change is no `KEY=VALUE`, no such setting exists, or its value is out of range.
    """
    values: dict[str, Any] = dict(QUICK) if quick else {}
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals:
            raise BadArgument(f"--set takes KEY=VALUE, got {change!r}")
        if name not in Settings.model_fields:
            raise BadArgument(
                f"a checker has no setting {name!r}.{did_you_mean(name, Settings.model_fields)} "
                f"The settings are {', '.join(Settings.model_fields)}"
            )
        values[name] = parse_yaml(value, name, error=BadArgument)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadArgument(f"setting {first['loc'][0]}: {first['msg']}, got {first['input']!r}") from None
