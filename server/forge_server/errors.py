"""The reasons for which a request is refused. Only `answers` knows which status code each of them gets."""

from forge_arena.types import Outcome


class Refused(Exception):
    """The base of all refusals. `code` is stable, for programs. The message is for people: it says what to do, and
    never repeats a value that was sent. `outcome` is set if the refusal is a failure of the Worker or of the server;
    `retry_after` is in seconds, and set if trying again may help."""

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


class EncodedBody(Refused):
    """The body is compressed. The server does not unpack bodies, because a small one may become a very large one."""

    code = "encoded_body"


class BodyTooLarge(Refused):
    code = "body_too_large"


class BodyTooSlow(Refused):
    code = "body_too_slow"


class ClientLeft(Refused):
    """The client is gone, so nobody reads this answer. It only appears in the log and in the metrics."""

    code = "client_left"


class Unauthorized(Refused):
    code = "unauthorized"


class Forbidden(Refused):
    code = "forbidden"


class CrossSite(Refused):
    code = "cross_site"


class TooFast(Refused):
    """The token has used up its rate."""

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
    """None of the Worker's answers can be used for this key. Retrying will not help."""

    code = "no_episode"
    outcome = Outcome.worker_failed


class SealedSplit(Refused):
    code = "sealed_split"


class TrainOnly(Refused):
    code = "train_only"


class UnknownSubmission(Refused):
    code = "unknown_submission"


class UnknownRun(Refused):
    code = "unknown_run"


class RunsFull(Refused):
    """A run or a token has reported as much as the server keeps."""

    code = "runs_full"


class BudgetSpent(Refused):
    code = "budget_spent"


class Unstorable(Refused):
    """The store cannot hold a value of the request. Retrying will not help."""

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
