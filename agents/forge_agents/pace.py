"""How fast a model on this machine writes. An overseer that has an attribute `pace` is shown with it."""

from collections.abc import Callable
from time import monotonic

# Whoever follows the pace is told at least so often while tokens come, in seconds.
TOLD_EVERY = 1.0


class Pace:
    """How fast a model writes: tokens and the time since the first of them, and how many answers are whole.

    On a GPU a row that has ended while others of its batch go on counts as if it went on, so this is the work of the
    machine.

    Attributes:
        answers: answers that are whole, since the end of the last batch.
        on_change: called when more answers are whole, and about once a second while tokens come.
    """

    def __init__(self) -> None:
        self.answers = 0
        self.on_change: Callable[[], None] = lambda: None
        self._tokens = 0
        self._begun: float | None = None
        self._told = 0.0

    def add_tokens(self, count: int) -> None:
        now = monotonic()
        self._begun = self._begun if self._begun is not None else now
        self._tokens += count
        if now - self._told >= TOLD_EVERY:
            self._tell(now)

    def add_answers(self, count: int) -> None:
        self.answers += count
        self._tell(monotonic())

    def follow(self, show: Callable[[int], None]) -> Callable[[int, int], None]:
        """Call `show(n)` when n answers are there, with the end of each batch, and while the model writes.

        Returns a function that is to be told of the end of each batch: how many answers there are, and of how many.
        """
        done = 0

        def end_batch(now: int, of: int) -> None:
            nonlocal done
            done, self.answers = now, 0
            show(now)

        self.on_change = lambda: show(done + self.answers)
        return end_batch

    def __str__(self) -> str:
        """In words: `37 tokens/s`; empty before the first tokens."""
        seconds = monotonic() - self._begun if self._begun is not None else 0.0
        return f"{self._tokens / seconds:.0f} tokens/s" if seconds > 0 else ""

    def _tell(self, now: float) -> None:
        self._told = now
        self.on_change()
