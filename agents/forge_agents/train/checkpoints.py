"""Write checkpoints that are whole or not there, and find the last one."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from forge_arena.errors import ForgeArenaError

# The last file of a checkpoint. A checkpoint without it was not written whole.
POSITION = "position.json"


class CheckpointFailed(ForgeArenaError, OSError):
    """A checkpoint could not be written. Its files are removed; the checkpoints before it are whole."""


class Checkpointed:
    """A trainer whose checkpoints are whole or not there. A checkpoint counts once `on_saved(folder)` has written its
    last file."""

    on_saved: Callable[[Path], None]

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.add_callback(_SavesAsOften)  # type: ignore[attr-defined]

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        folder = Path(self.args.output_dir, f"{PREFIX_CHECKPOINT_DIR}-{self.state.global_step}")  # type: ignore[attr-defined]
        try:
            super()._save_checkpoint(model, trial)  # type: ignore[misc]
            if self.args.should_save:  # type: ignore[attr-defined]
                self.on_saved(folder)
        # If the disk is full, torch and safetensors raise their own errors.
        except (OSError, RuntimeError, SafetensorError) as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise CheckpointFailed(
                f"checkpoint {folder} could not be written ({error}): free some space and go on with --resume"
            ) from error


class _SavesAsOften(TrainerCallback):
    """Lets a resumed run write checkpoints as often as it is asked to, and not as often as its checkpoint says."""

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        state.save_steps = args.save_steps


def latest_checkpoint(folder: Path) -> Path | None:
    """The last checkpoint that was written whole, or None. Broken ones are ignored."""
    whole = [path for path in folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*") if (path / POSITION).is_file()]
    return max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)
