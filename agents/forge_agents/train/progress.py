"""Report progress to a person: the trainer's steps, as one line for a progress bar."""

from time import monotonic
from typing import Any, Protocol

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ExportableState


class Reporter(Protocol):
    """Shows progress and warnings."""

    def progress(self, phase: str, done: int, total: int, note: str) -> None:
        """Show `done` of `total` units of a phase, and a short note such as the reward so far."""
        ...

    def say(self, message: str) -> None:
        """Show a message that a person should read."""
        ...


class Silent:
    """Reports nothing."""

    def progress(self, phase: str, done: int, total: int, note: str) -> None:
        return None

    def say(self, message: str) -> None:
        return None


class Progress(TrainerCallback):
    """Reports each step of a trainer, with the last value of one of its numbers."""

    def __init__(self, phase: str, reporter: Reporter, number: str) -> None:
        self._phase, self._reporter, self._number = phase, reporter, number
        self._note = ""

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._report(state)

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: Any = None, **kwargs: Any
    ) -> None:
        value = (logs or {}).get(self._number)
        # transformers rounds some of its numbers into strings.
        if value is not None:
            self._note = f"{self._number} {float(value):.3f}"

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self._report(state)

    def _report(self, state: TrainerState) -> None:
        if state.is_world_process_zero:
            self._reporter.progress(self._phase, state.global_step, state.max_steps, self._note)


class WallClock(TrainerCallback, ExportableState):
    """Ends training after so many seconds, as if its steps were done. A resumed run goes on counting.

    The clock takes the seconds that were spent from the checkpoint, and its limit from the sitting, because a resumed
    run may have another limit. A trainer must leave `restore_callback_states_from_checkpoint` off, because that
    restores both.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.spent = 0.0
        self._last = monotonic()

    def state(self) -> dict[str, Any]:
        return {"args": {"seconds": self._seconds}, "attributes": {"spent": self.spent}}

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        # A checkpoint of a sitting without a clock has no entry, and transformers asks for one at the next checkpoint.
        kept = state.stateful_callbacks.setdefault(type(self).__name__, self.state())
        self.spent = kept["attributes"]["spent"]

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._last = monotonic()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self.spent += monotonic() - self._last
        control.should_training_stop |= self.spent > self._seconds
