"""Count the answers of a Worker that can be used and that cannot, and say why no episode can be made."""

import asyncio
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from forge_arena.errors import WorkerFailed
from forge_arena.types import Claim, ClaimKind, Load, Scenario
from forge_arena.verify import ClaimReport
from forge_arena.workers.base import BadAnswer

KEPT = 512
# Failures in a row, for each answer in flight, after which a Worker counts as down.
HOPELESS = 3
COMMONEST = 3
LONGEST_REASON = 240

TOO_LATE = "no answer within the time limit"
# A reader's reason against an answer. The reader vetoes only where the Verifier finds nothing wrong.
VETOED = "vetoed assertion"
REJECTED = "the Worker answers, but its answers do not say what the tasks ask for"
ADVICE_VETOED = (
    "the Verifier finds nothing wrong with most of these answers, but the reader vetoes them: measure the reader "
    "(forge-arena audit labels --reader SPEC), take a stronger model as the reader, or read without one"
)
ADVICE_FAILED = "see that the Worker's endpoint is up and takes these requests"
ADVICE_SILENT = "see whether the Worker's endpoint hangs or is overloaded"


class Usability:
    """The answers that a Worker was asked for since its last usable answer.

    A rejected answer has one reason or several, such as `missing quantity`. The reasons of the last
    `KEPT` answers are kept.

    Args:
        lighter: the lightest load that asks less of the Worker; None if the tasks cannot ask less.
        revisions: how often the Worker may write an answer again.
    """

    def __init__(
        self,
        *,
        lighter: Load | None = None,
        revisions: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lighter = lighter
        self._revisions = revisions
        self._clock = clock
        self._awaited = 0
        self._forget()

    def _forget(self) -> None:
        self._failed = 0
        self._rejected = 0
        self._reasons: deque[tuple[str, ...]] = deque(maxlen=KEPT)
        self._since = self._clock()

    @property
    def asked(self) -> int:
        """Answers asked for since the last usable one."""
        return self._awaited + self.useless

    @property
    def useless(self) -> int:
        """Answers that failed or were rejected since the last usable one."""
        return self._failed + self._rejected

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Count one answer as awaited in this block, and as failed if the block raises WorkerFailed or is cancelled.

        A `BadAnswer` counts as neither usable nor failed.
        """
        if self.asked == 0:
            self._since = self._clock()
        self._awaited += 1
        try:
            yield
        except BadAnswer:
            # A text came, and the caller says whether it is of use.
            raise
        except WorkerFailed as failure:
            self._failed += 1
            self._reasons.append((failure.reason,))
            raise
        except asyncio.CancelledError:
            self._failed += 1
            self._reasons.append((TOO_LATE,))
            raise
        finally:
            self._awaited -= 1

    def reject(self, reasons: tuple[str, ...]) -> None:
        """Count an answer that came and cannot be used."""
        self._rejected += 1
        self._reasons.append(reasons)

    def accept(self) -> None:
        """Count an answer that became an episode, and forget all answers before."""
        self._forget()

    def seconds_without(self) -> float:
        """Seconds since the first answer without a usable one; 0 if no answer was asked for."""
        return self._clock() - self._since if self.asked else 0.0

    def complaint(self) -> str | None:
        """How many answers were asked for, what became of them, the commonest reasons, and what to do.

        None if no answer was asked for since the last usable one.
        """
        if self.asked == 0:
            return None
        parts = [
            f"{count} {what}"
            for count, what in (
                (self._rejected, "rejected"),
                (self._failed, "failed"),
                (self._awaited, "still awaited"),
            )
            if count
        ]
        commonest = self._commonest()
        often = f"; most often: {', '.join(f'{reason} ({count})' for reason, count in commonest)}" if commonest else ""
        return f"answers asked of the Worker: {self.asked}, usable: 0 ({', '.join(parts)}){often}; {self._advice()}"

    def _advice(self) -> str:
        """What to do, one sentence."""
        if self._rejected <= self._failed:
            return ADVICE_FAILED if self._failed else ADVICE_SILENT
        if 2 * sum(VETOED in reasons for reasons in self._reasons) > len(self._reasons):
            return ADVICE_VETOED
        ways = ["take a stronger instruction-tuned model"]
        if self._lighter is not None:
            ways.append(f"ask less of this one (--load {self._lighter.value})")
        if self._revisions == 0:
            ways.append("let it write an answer again (--revisions 2)")
        ways.append("allow it longer answers (put #max_tokens=4096 behind its name)")
        return f"{REJECTED}: {', '.join(ways[:-1])}, or {ways[-1]}"

    def _commonest(self) -> list[tuple[str, int]]:
        # Reasons that differ in a number only, such as a request's id, are one reason.
        counts: Counter[str] = Counter()
        shown: dict[str, str] = {}
        for reasons in self._reasons:
            for reason in reasons:
                group = re.sub(r"\d+", "0", reason)
                counts[group] += 1
                shown[group] = reason if len(reason) <= LONGEST_REASON else reason[: LONGEST_REASON - 3] + "..."
        return [(shown[group], count) for group, count in counts.most_common(COMMONEST)]


def reasons_against(scenario: Scenario, report: ClaimReport) -> tuple[str, ...]:
    """Why an answer is rejected, each reason once.

    Reasons name kinds of claims and never their words: `missing quantity`, `wrong date`, `invented money`, `violated
    constraint`, `failed behaviour`.
    """
    reasons = {kind_of_contradiction(scenario.claim(claim)) for claim in report.contradicted}
    reasons |= {f"missing {scenario.claim(claim).kind}" for claim in report.not_found}
    reasons |= {f"invented {value.kind}" for value in report.unsupported}
    return tuple(sorted(reasons))


def kind_of_contradiction(claim: Claim) -> str:
    """The reason that a contradicted claim is."""
    if claim.kind is ClaimKind.constraint:
        return "violated constraint"
    return "failed behaviour" if claim.kind is ClaimKind.behaviour else f"wrong {claim.kind}"
