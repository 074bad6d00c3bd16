"""Open episodes, take verdicts and probes, and give out the truth when its time has come. Knows nothing of HTTP."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Iterable
from time import perf_counter

from forge_arena.episodes import VERSION, Arena
from forge_arena.errors import KeyFromAnotherSuite, WorkerFailed
from forge_arena.types import Outcome, Split, Verdict
from forge_arena.wire import (
    AskProbe,
    Attempt,
    AttemptResult,
    Curriculum,
    CurriculumState,
    EpisodeState,
    FailedEpisode,
    OpenedEpisode,
    OpenedEpisodes,
    OpenEpisodes,
    ProbeAnswered,
    Stats,
    Submission,
    SubmitVerdicts,
    VerdictResults,
)
from forge_server.access import NOBODY, Caller
from forge_server.curriculum import Following
from forge_server.errors import (
    ConflictingVerdict,
    EpisodeFinished,
    EpisodeGone,
    NoEpisode,
    NoProbesLeft,
    NoSuchAttempt,
    NoSuchKey,
    Refused,
    RunnerUnavailable,
    SealedSplit,
    StoreUnavailable,
    UnknownEpisode,
    WorkerUnavailable,
)
from forge_server.grading import Submitted, grader, read
from forge_server.leaderboard import suite_hash
from forge_server.live import AtHand, Live, probes_json, result_of, revive
from forge_server.logs import log
from forge_server.metrics import Metrics
from forge_server.rows import NewEpisode, StoredVerdict
from forge_server.settings import Settings
from forge_server.stock import Maker, NeverMade, Ready, Stock, Streams, decode
from forge_server.store import Store
from forge_server.submissions import Submissions

SLICE = 0.005
# Snippets that run at a time; each is a process, and may use a core until its limit.
RUNNERS = 4
SWEEP = 60.0
# An episode of a submission stays open for a week, for one that has expired cannot be judged any more.
SUBMISSION_TTL = 7 * 24 * 3600.0
# Keys that may stand in one place of a submission: one in ten thousand makes no episode.
SPARES = 4
AS_DRAWN = "episodes of the sealed test split come only as they are drawn: leave the form out, or use train or val"


class Episodes:
    """All episodes of one server. The store has the last word; what is kept here only saves reading it again."""

    def __init__(self, arena: Arena, store: Store, settings: Settings, metrics: Metrics) -> None:
        self._arena = arena
        self._store = store
        self._settings = settings
        self._metrics = metrics
        self._maker = Maker(arena, settings, metrics)
        self._sealed = frozenset({Split.test}) if settings.sealed else frozenset()
        self._following = Following(arena, store)
        self._streams = Streams(arena, store, self._following)
        self.stock = Stock(self._maker, self._streams, settings)
        self._at_hand = AtHand(store, settings.live)
        self._runners = asyncio.Semaphore(RUNNERS)
        self._suite_hashes = {split: suite_hash(arena, split) for split in Split}
        self._started = time.time()
        self.submissions = Submissions(arena, store, settings, sealed=Split.test in self._sealed)

    # --- open

    async def open(self, ask: OpenEpisodes, caller: Caller = NOBODY) -> OpenedEpisodes:
        """Raises `WorkerUnavailable`, `StoreUnavailable` or `NoEpisode` where not one of the episodes could be made."""
        if ask.submission is not None:
            assert ask.count is not None
            return await self._open_entered(await self.submissions.get(ask.submission, caller), ask.count)
        if ask.form is not None and ask.split in self._sealed:
            raise SealedSplit(f"form: {AS_DRAWN}")
        made: list[Ready | FailedEpisode] = []
        if ask.keys is not None:
            keys = self._checked(ask.keys)
        else:
            assert ask.count is not None
            if ask == OpenEpisodes(count=ask.count, attempts=ask.attempts):
                made += self.stock.take(ask.count, await self._streams.left_out())
            missing = ask.count - len(made)
            keys = await self._streams.next_keys(ask, missing) if missing else []
        if keys:
            made += await self._maker.make_all(keys)
        ready, failed = _parted(made, named=ask.keys is not None)
        new = _new(ready, attempts=ask.attempts, ttl=self._settings.episode_ttl)
        await self._store.open_episodes(new)
        return OpenedEpisodes(episodes=tuple(self._opened(new, ready)), failed=tuple(failed))

    async def _open_entered(self, submission: Submission, count: int) -> OpenedEpisodes:
        """The next episodes of a submission: those that are open, then those that were not opened yet or have lapsed;
        none where all are judged. Each is open once, so that nobody judges the same one twice."""
        entered = await self._store.entered(submission.submission_id)
        waiting = [(n, id) for n, (id, status) in sorted(entered.items()) if status == "open"][:count]
        found = await self._at_hand.find({id for _, id in waiting})
        now = time.time()
        states = {n: found[id].state(now) for n, id in waiting if id in found}
        lives = [found[id] for n, id in waiting if states.get(n) == "open"]
        again = [
            OpenedEpisode(episode_id=live.id, key=live.key, observation=live.observation(), attempts_left=1)
            for live in lives
        ]
        lapsed = {n for n, (_, status) in entered.items() if states.get(n, status) in ("expired", "deleted")}
        numbers = [n for n in range(submission.episodes) if n not in entered or n in lapsed][: count - len(again)]
        if not numbers:
            return OpenedEpisodes(episodes=tuple(again))
        made_of = {self._arena.key(Split.test, number): number for number in numbers}
        made = await self._maker.make_all(list(made_of))
        for spare in range(1, SPARES):
            # A key that makes no episode gives its place to another one, the same for everybody.
            unfit = [made_of[one.key] for one in made if isinstance(one, NeverMade)]
            if not unfit:
                break
            instead = {self._arena.key(Split.test, number + spare * submission.episodes): number for number in unfit}
            made = [one for one in made if not isinstance(one, NeverMade)] + await self._maker.make_all(list(instead))
            made_of |= instead
        ready, failed = _parted(made)
        new = _new(ready, attempts=1, ttl=max(self._settings.episode_ttl, SUBMISSION_TTL))
        await self._store.enter(submission.submission_id, [made_of[one.key] for one in new], new)
        return OpenedEpisodes(episodes=(*again, *self._opened(new, ready)), failed=tuple(failed))

    def _opened(self, new: list[NewEpisode], ready: list[Ready]) -> list[OpenedEpisode]:
        """What is said of episodes that were just stored; they are kept at hand."""
        opened = []
        for stored, one in zip(new, ready, strict=True):
            live = Live(stored.id, stored.key, one.split, one.episode, stored.attempts, stored.expires)
            live.judge = one.judge
            self._at_hand.keep(live)
            self._metrics.opened.labels(stored.split).inc()
            opened.append(
                OpenedEpisode(
                    episode_id=stored.id,
                    key=stored.key,
                    observation=one.episode.observation,
                    attempts_left=stored.attempts,
                )
            )
        return opened

    def _checked(self, keys: tuple[str, ...]) -> list[str]:
        for position, key in enumerate(keys):
            try:
                plan = self._arena.plan(key)
            except KeyFromAnotherSuite:
                raise NoSuchKey(
                    f"keys[{position}] names no episode of this suite: keys look like {self._arena.key(Split.train, 0)}"
                ) from None
            # Who may choose the form knows the label; compared with the key as drawn, it would give that one away too.
            if plan.split in self._sealed and key != self._arena.key(plan.split, plan.index):
                raise SealedSplit(f"keys[{position}]: {AS_DRAWN}")
        return list(keys)

    # --- verdicts

    async def judge(self, batch: SubmitVerdicts) -> VerdictResults:
        """Score and record a batch, all of it or nothing of it; what was recorded before is given back as it was."""
        now = time.time()
        lives = await self._at_hand.find({attempt.episode_id for attempt in batch.verdicts})
        fresh = self._fresh(batch.verdicts, lives, now)
        if fresh:
            await self._record(fresh.values(), lives, now)
        await self._catch_up(lives)
        results = [lives[a.episode_id].shown(a.attempt, self._sealed) for a in batch.verdicts]
        # Once per episode is enough: a group of attempts shares one truth.
        last = {attempt.episode_id: position for position, attempt in enumerate(batch.verdicts)}
        for episode_id, position in last.items():
            results[position] = lives[episode_id].with_truth(results[position], self._sealed)
        return VerdictResults(results=tuple(results))

    async def _catch_up(self, lives: dict[str, Live]) -> None:
        """Learn what was said of these on another replica: whoever makes the last attempt is told the truth."""
        waiting = [id for id, live in lives.items() if not live.finished]
        for stored in await self._store.verdicts(waiting) if waiting else ():
            lives[stored.episode_id].made.setdefault(stored.attempt, (stored.digest, result_of(stored)))

    def _fresh(
        self, attempts: Iterable[Attempt], lives: dict[str, Live], now: float
    ) -> dict[tuple[str, int], Submitted]:
        """The attempts that are not recorded yet; raises `Refused` if any of the batch may not be made."""
        fresh: dict[tuple[str, int], Submitted] = {}
        for position, attempt in enumerate(attempts):
            live = lives.get(attempt.episode_id)
            if live is None:
                raise UnknownEpisode(f"verdicts[{position}]: there is no such episode: open one with POST /v1/episodes")
            if live.status == "deleted":
                raise EpisodeGone(f"verdicts[{position}]: the episode was deleted: open another one")
            if attempt.attempt >= live.attempts:
                raise NoSuchAttempt(
                    f"verdicts[{position}]: the episode was opened with {live.attempts} attempts, "
                    f"numbered from 0 to {live.attempts - 1}"
                )
            pair = (attempt.episode_id, attempt.attempt)
            submitted = Submitted.of(attempt)
            made = live.made.get(attempt.attempt)
            before = made[0] if made else fresh[pair].digest if pair in fresh else None
            if before is not None:
                if before != submitted.digest:
                    raise ConflictingVerdict(
                        f"verdicts[{position}]: this attempt was made with another verdict, and a verdict is final: "
                        "use the next attempt, or open another episode"
                    )
                continue
            if live.state(now) == "expired":
                raise EpisodeGone(f"verdicts[{position}]: the episode has expired: open another one")
            fresh[pair] = submitted
        return fresh

    async def _record(self, fresh: Iterable[Submitted], lives: dict[str, Live], now: float) -> None:
        graded: list[tuple[Submitted, AttemptResult]] = []
        apart: list[tuple[Submitted, Awaitable[AttemptResult]]] = []
        pause_at = perf_counter() + SLICE
        for submitted in fresh:
            if perf_counter() > pause_at:
                await asyncio.sleep(0)
                pause_at = perf_counter() + SLICE
            attempt, live = submitted.attempt, lives[submitted.attempt.episode_id]
            verdict = read(attempt)
            if isinstance(verdict, Verdict) and live.must_run_code(verdict, self._sealed):
                apart.append((submitted, self._grade_apart(attempt, verdict, live)))
            else:
                graded.append((submitted, live.grade(attempt, verdict, self._sealed)))
        for (submitted, _), result in zip(
            apart, await asyncio.gather(*(work for _, work in apart), return_exceptions=True), strict=True
        ):
            if isinstance(result, BaseException):
                raise result
            graded.append((submitted, result))
        rows = [_row(submitted, result, now) for submitted, result in graded]
        before = {(v.episode_id, v.attempt): result_of(v) for v in await self._store.record(rows, now)}
        for submitted, result in graded:
            known = before.get((result.episode_id, result.attempt))
            lives[result.episode_id].made[result.attempt] = (submitted.digest, known or result)
            if known is None:
                self._metrics.verdicts.labels(result.outcome.value).inc()

    async def _grade_apart(self, attempt: Attempt, verdict: Verdict, live: Live) -> AttemptResult:
        """Grade in a thread: the correction holds code that has to be run, which may take seconds."""
        async with self._runners:
            try:
                return await asyncio.to_thread(live.grade, attempt, verdict, self._sealed)
            except ChildProcessError:
                raise RunnerUnavailable("code could not be run for want of a process: send the batch again") from None

    # --- one episode

    async def probe(self, episode_id: str, ask: AskProbe) -> ProbeAnswered:
        """The Worker's answer to a question; a question asked before gets its answer again and costs nothing."""
        live = await self._at_hand.one(episode_id)
        async with live.probing:
            # Another replica may have taken probes and verdicts meanwhile.
            stored = (await self._store.load([episode_id]))[episode_id]
            live.learn(stored)
            state = live.state(time.time())
            if state in ("deleted", "expired"):
                raise EpisodeGone(f"the episode is {state}: open another one")
            assert live.episode is not None
            budget = live.episode.observation.probes_left
            for probe in live.probes:
                if probe.question == ask.question:
                    return ProbeAnswered(probe=probe, probes_left=budget - len(live.probes))
            if state == "finished":
                raise EpisodeFinished("the last attempt is made: probes come before it")
            if len(live.probes) >= budget:
                raise NoProbesLeft(f"all {budget} probes of this episode are used: give your verdict")
            try:
                probe = await self._maker.probe(decode(stored.payload), live.probes, ask.question)
            except WorkerFailed as failure:
                raise WorkerUnavailable(f"the Worker gave no answer ({failure.reason}): ask again later") from None
            probes = (*live.probes, probe)
            await self._store.record_probe(
                episode_id, len(live.probes), probes_json.dump_json(probes).decode(), time.time()
            )
            live.probes = probes
            self._metrics.probes.inc()
            return ProbeAnswered(probe=probe, probes_left=budget - len(probes))

    async def state(self, episode_id: str) -> EpisodeState:
        """What the store says of the episode, so that every replica says the same."""
        stored = (await self._store.load([episode_id])).get(episode_id)
        if stored is None:
            raise UnknownEpisode("there is no such episode: open one with POST /v1/episodes")
        live = revive(stored)
        state = live.state(time.time())
        if state == "deleted":
            raise EpisodeGone("the episode was deleted: open another one")
        results = [live.shown(attempt, self._sealed) for attempt in sorted(live.made)]
        if results:
            results[-1] = live.with_truth(results[-1], self._sealed)
        return EpisodeState(
            episode_id=live.id,
            key=live.key,
            status=state,
            observation=live.observation(),
            attempts=live.attempts,
            attempts_left=live.attempts - len(live.made),
            results=tuple(results),
        )

    async def delete(self, episode_id: str) -> None:
        """Give an unfinished episode up. A finished one is a record and stays."""
        await self._store.delete(episode_id)
        self._at_hand.delete(episode_id)

    # --- what the train stream follows

    async def follow(self, curriculum: Curriculum) -> CurriculumState:
        """Put a curriculum in the place of the one before; what is in stock and not of it is dropped."""
        state = await self._following.replace(curriculum)
        self.stock.drop(await self._streams.left_out())
        return state

    async def followed(self) -> CurriculumState:
        """Raises `NoCurriculum`."""
        return await self._following.state()

    async def follow_none(self) -> None:
        await self._following.clear()

    # --- the server

    async def stats(self) -> Stats:
        counts = await self._store.counts([split.value for split in self._sealed])
        followed = await self._following.now()
        return Stats(
            suite=self._arena.suite,
            version=VERSION,
            worker=self._arena.worker.name,
            episodes=counts.episodes,
            verdicts=counts.verdicts,
            mean_reward=counts.mean_reward,
            stock=len(self.stock),
            curriculum=None if followed.curriculum is None else followed.revision,
            sealed=bool(self._sealed),
            making=dict(sorted(self._arena.counts.items())),
            suite_hashes=self._suite_hashes,
            uptime_seconds=time.time() - self._started,
        )

    async def sweep(self) -> None:
        """Expire what nobody answered, until cancelled."""
        while True:
            await asyncio.sleep(min(SWEEP, self._settings.episode_ttl / 2))
            try:
                expired = await self._store.expire(time.time())
            except Refused as refusal:
                log.warning("sweep_failed", reason=refusal.message)
                continue
            if expired:
                self._metrics.expired.inc(expired)
                log.info("episodes_expired", count=expired)


def _parted(made: Iterable[Ready | FailedEpisode], *, named: bool = False) -> tuple[list[Ready], list[FailedEpisode]]:
    """What could be made and what not; raises `WorkerUnavailable` or `StoreUnavailable` where nothing could, or
    `NoEpisode` where the caller `named` keys that never make one."""
    ready: list[Ready] = []
    failed: list[FailedEpisode] = []
    for one in made:
        ready.append(one) if isinstance(one, Ready) else failed.append(one)
    if not ready and named and all(isinstance(one, NeverMade) for one in failed):
        raise NoEpisode(f"this Worker makes no episode of this key ({failed[0].reason}): take another key")
    if not ready:
        kind = WorkerUnavailable if failed[0].outcome is Outcome.worker_failed else StoreUnavailable
        raise kind(f"no episode could be made ({failed[0].reason}): try again later")
    return ready, failed


def _new(ready: Iterable[Ready], *, attempts: int, ttl: float) -> list[NewEpisode]:
    now = time.time()
    return [
        NewEpisode(
            id=secrets.token_urlsafe(18),
            key=one.episode.key,
            split=one.split.value,
            created=now,
            expires=now + ttl,
            attempts=attempts,
            payload=one.payload,
        )
        for one in ready
    ]


def _row(submitted: Submitted, result: AttemptResult, now: float) -> StoredVerdict:
    return StoredVerdict(
        episode_id=result.episode_id,
        attempt=result.attempt,
        digest=submitted.digest,
        submitted=submitted.text,
        outcome=result.outcome.value,
        reward=result.reward,
        components=None if result.components is None else result.components.model_dump_json(),
        reason=result.reason,
        created=now,
        grader=grader(),
        step=result.step,
    )
