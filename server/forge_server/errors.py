"""Why a request is refused, in words for the caller; `answers` alone knows which status code each one gets."""

from forge_arena.types import Outcome


class Refused(Exception):
    """The base: `code` is stable and for programs, the message says what to do and never repeats what was sent."""

    code = "refused"
    outcome: Outcome | None = None
    retry_after: int | None = None

    @property
    def message(self) -> str:
        return str(self.args[0])


class MalformedJson(Refused):
    code = "malformed_json"


class InvalidRequest(Refused):
    code = "invalid_request"


class BodyTooLarge(Refused):
    code = "body_too_large"


class BodyTooSlow(Refused):
    code = "body_too_slow"


class ClientLeft(Refused):
    """Nobody reads this answer; it stands in the log and in the metrics."""

    code = "client_left"


class Unauthorized(Refused):
    code = "unauthorized"


class Forbidden(Refused):
    code = "forbidden"


class CrossSite(Refused):
    code = "cross_site"


class TooFast(Refused):
    """`retry_after`: in so many seconds the next request may come."""

    code = "too_fast"

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NoCurriculum(Refused):
    code = "no_curriculum"


class UnfitCurriculum(Refused):
    code = "unfit_curriculum"


class UnknownEpisode(Refused):
    code = "unknown_episode"


class EpisodeGone(Refused):
    code = "episode_gone"


class EpisodeFinished(Refused):
    code = "episode_finished"


class NoSuchAttempt(Refused):
    code = "no_such_attempt"


class ConflictingVerdict(Refused):
    code = "conflicting_verdict"


class NoProbesLeft(Refused):
    code = "no_probes_left"


class NoSuchKey(Refused):
    code = "no_such_key"


class NoEpisode(Refused):
    """The Worker answers, and nothing that it says makes an episode of the key: to try again is no use."""

    code = "no_episode"
    outcome = Outcome.worker_failed


class SealedSplit(Refused):
    code = "sealed_split"


class UnknownSubmission(Refused):
    code = "unknown_submission"


class BudgetSpent(Refused):
    code = "budget_spent"


class Unstorable(Refused):
    """A value that no row of the store takes: to send it again is no use."""

    code = "unstorable"


class NameTaken(Refused):
    code = "name_taken"


class Unsealed(Refused):
    code = "unsealed"


class NothingMatches(Refused):
    code = "nothing_matches"


class Busy(Refused):
    code = "busy"
    retry_after = 1


class Starting(Refused):
    code = "starting"
    retry_after = 2


class WorkerUnavailable(Refused):
    code = "worker_failed"
    outcome = Outcome.worker_failed
    retry_after = 5


class StoreUnavailable(Refused):
    code = "infra_failed"
    outcome = Outcome.infra_failed
    retry_after = 5


class RunnerUnavailable(Refused):
    code = "infra_failed"
    outcome = Outcome.infra_failed
    retry_after = 5
