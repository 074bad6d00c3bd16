"""Open episodes, record verdicts, answer probes, and reveal the truth when it is due. Knows nothing of HTTP."""

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from statistics import fmean
from time import perf_counter

from forge_arena.episodes import VERSION, Arena
from forge_arena.errors import InvalidVerdict, UnknownKey, WorkerFailed
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
from forge_server.cache import CachedEpisode, EpisodeCache, RecordedAttempt, probes_json, result_of
from forge_server.curriculum import CurriculumWatch
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
from forge_server.grading import Submitted, grader, read, read_stored
from forge_server.leaderboard import suite_hash
from forge_server.logs import log
from forge_server.metrics import Metrics
from forge_server.payload import Facts, decode, read_facts
from forge_server.recent import Recent
from forge_server.rows import Finished, NewEpisode, Play, StoredVerdict
from forge_server.settings import Settings
from forge_server.stock import Maker, ReadyEpisode, Stock, Streams, UnfitEpisode
from forge_server.store import Store
from forge_server.submissions import Submissions

# Seconds of grading after which the event loop answers other requests.
SLICE = 0.005
# Corrections whose code runs at a time. Each is a process, and may use a core until its time limit.
RUNNERS = 4
# Seconds between two searches for episodes that have expired.
SWEEP = 60.0
# Seconds that an episode of a submission stays open: a week, because no verdict can be given on an expired episode.
SUBMISSION_TTL = 7 * 24 * 3600.0
# Keys for each place of a submission. About one key in ten thousand makes no episode; then the next key is used.
SPARES = 4
# A list of finished episodes shows at most LISTED of them, and reads at most SCANNED to find them.
LISTED = 25
SCANNED = 500
AS_DRAWN = "episodes of the sealed test split come only as they are drawn: leave the form out, or use train or val"


@dataclass(frozen=True, slots=True)
class EpisodeView:
    """An episode as the pages show it: its public state, and the verdicts that were given on it.

    `owner` and `player` say who opened the episode. `worker` is None until the truth may be seen.
    """

    state: EpisodeState
    split: Split
    sealed: bool
    owner: str
    player: str
    verdicts: tuple[Verdict | InvalidVerdict, ...]
    worker: str | None


@dataclass(frozen=True, slots=True)
class ListedEpisode:
    """A finished episode in a list. `kind`, `stealth` and `reward` are None on a sealed split."""

    episode_id: str
    key: str
    split: str
    created: float
    domain: str
    worker: str
    kind: str | None
    stealth: int | None
    outcomes: dict[str, int]
    reward: float | None


@dataclass(frozen=True, slots=True)
class FinishedPage:
    """One page of a list of finished episodes. `more` is where the next page goes on, None if there is none."""

    episodes: tuple[ListedEpisode, ...]
    more: tuple[float, str] | None


class Episodes:
    """All episodes of one server. The store is the authority; the cache and the stock only save time."""

    def __init__(self, arena: Arena, store: Store, settings: Settings, metrics: Metrics) -> None:
        self._arena = arena
        self._store = store
        self._settings = settings
        self._metrics = metrics
        self._maker = Maker(arena, settings, metrics)
        self._sealed = frozenset({Split.test}) if settings.sealed else frozenset()
        self._watch = CurriculumWatch(arena, store)
        self._streams = Streams(arena, store, self._watch)
        self.stock = Stock(self._maker, self._streams, settings)
        self.cache = EpisodeCache(store, settings.live)
        self.recent = Recent()
        self._runners = asyncio.Semaphore(RUNNERS)
        self._suite_hashes = {split: suite_hash(arena, split) for split in Split}
        self._started = time.time()
        self.submissions = Submissions(
            arena, store, settings, self._suite_hashes[Split.test], sealed=Split.test in self._sealed
        )

    async def open(self, ask: OpenEpisodes, caller: Caller = NOBODY, *, player: str = "") -> OpenedEpisodes:
        """Open the episodes that a request asks for. Single failures are listed beside the opened episodes.

        `player` is the person who plays them on the page, if it is one.

        Raises:
            WorkerUnavailable, StoreUnavailable, NoEpisode: none of the episodes could be made.
            SealedSplit: the request names a form of a sealed split.
            NoSuchKey, NothingMatches, UnknownSubmission, Busy: as their names say.
        """
        if ask.submission is not None:
            assert ask.count is not None
            return await self._open_for_submission(
                await self.submissions.get(ask.submission, caller), ask.count, caller
            )
        if ask.form is not None and ask.split in self._sealed:
            raise SealedSplit(f"form: {AS_DRAWN}")
        results: list[ReadyEpisode | FailedEpisode] = []
        if ask.keys is not None:
            keys = self._check_keys(ask.keys)
        else:
            assert ask.count is not None
            if ask == OpenEpisodes(count=ask.count, attempts=ask.attempts):
                results += self.stock.take(ask.count, await self._streams.cells_left_out())
            missing = ask.count - len(results)
            keys = await self._streams.next_keys(ask, missing) if missing else []
        if keys:
            results += await self._maker.make_all(keys)
        ready, failed = split_ready_and_failed(results, keys_were_named=ask.keys is not None)
        new = new_episodes(
            ready, attempts=ask.attempts, ttl=self._settings.episode_ttl, owner=caller.owner, player=player
        )
        await self._store.open_episodes(new)
        return OpenedEpisodes(episodes=tuple(self._cache_opened(new, ready)), failed=tuple(failed))

    async def _open_for_submission(self, submission: Submission, count: int, caller: Caller) -> OpenedEpisodes:
        """The next episodes of a submission: first those that are open, then those that are not opened yet or that
        expired. No episodes if all are finished. Each episode is open once, so that nobody gives two verdicts on it."""
        entered = await self._store.episodes_of_submission(submission.submission_id)
        open_ids = [(number, id) for number, (id, status) in sorted(entered.items()) if status == "open"][:count]
        cached = await self.cache.get_all({id for _, id in open_ids})
        now = time.time()
        status_now = {number: cached[id].status_at(now) for number, id in open_ids if id in cached}
        still_open = [
            OpenedEpisode(episode_id=id, key=cached[id].key, observation=cached[id].observation(), attempts_left=1)
            for number, id in open_ids
            if status_now.get(number) == "open"
        ]
        lapsed = {n for n, (_, status) in entered.items() if status_now.get(n, status) in ("expired", "deleted")}
        numbers = [n for n in range(submission.episodes) if n not in entered or n in lapsed]
        numbers = numbers[: count - len(still_open)]
        if not numbers:
            return OpenedEpisodes(episodes=tuple(still_open))
        number_of, results = await self._make_for_submission(numbers, submission.episodes)
        ready, failed = split_ready_and_failed(results)
        ttl = max(self._settings.episode_ttl, SUBMISSION_TTL)
        new = new_episodes(ready, attempts=1, ttl=ttl, owner=caller.owner)
        await self._store.enter(submission.submission_id, [number_of[episode.key] for episode in new], new)
        return OpenedEpisodes(episodes=(*still_open, *self._cache_opened(new, ready)), failed=tuple(failed))

    async def _make_for_submission(
        self, numbers: list[int], episodes: int
    ) -> tuple[dict[str, int], list[ReadyEpisode | FailedEpisode]]:
        """The place in the submission of each key that was tried, and the results of the keys."""
        number_of = {self._arena.key(Split.test, number): number for number in numbers}
        results = await self._maker.make_all(list(number_of))
        for spare in range(1, SPARES):
            # Another key replaces a key that makes no episode. The replacement is the same for everybody.
            unfit = [number_of[episode.key] for episode in results if isinstance(episode, UnfitEpisode)]
            if not unfit:
                break
            replacements = {self._arena.key(Split.test, number + spare * episodes): number for number in unfit}
            results = [episode for episode in results if not isinstance(episode, UnfitEpisode)]
            results += await self._maker.make_all(list(replacements))
            number_of |= replacements
        return number_of, results

    def _cache_opened(self, new: list[NewEpisode], ready: list[ReadyEpisode]) -> list[OpenedEpisode]:
        """Put newly stored episodes into the cache. Returns them as the client sees them."""
        opened = []
        for stored, episode in zip(new, ready, strict=True):
            cached = CachedEpisode(
                stored.id, stored.key, episode.split, episode.episode, stored.attempts, stored.expires
            )
            cached.verifier = episode.verifier
            self.cache.add(cached)
            self._metrics.opened.labels(stored.split).inc()
            opened.append(
                OpenedEpisode(
                    episode_id=stored.id,
                    key=stored.key,
                    observation=episode.episode.observation,
                    attempts_left=stored.attempts,
                )
            )
        return opened

    def _check_keys(self, keys: tuple[str, ...]) -> list[str]:
        for position, key in enumerate(keys):
            try:
                plan = self._arena.plan(key)
            except UnknownKey:
                raise NoSuchKey(
                    f"keys[{position}] names no episode of this suite: keys look like {self._arena.key(Split.train, 0)}"
                ) from None
            # A client that chooses the form knows the label of that episode. Comparing the episode with the same key as
            # drawn would reveal the label of the sealed one.
            if plan.split in self._sealed and key != self._arena.key(plan.split, plan.index):
                raise SealedSplit(f"keys[{position}]: {AS_DRAWN}")
        return list(keys)

    async def record_verdicts(self, batch: SubmitVerdicts) -> VerdictResults:
        """Grade and store a batch, all of it or nothing. A verdict that was stored before gets the same answer
        again.

        Raises:
            Refused: some verdict of the batch may not be given, or the store failed.
        """
        now = time.time()
        episodes = await self.cache.get_all({attempt.episode_id for attempt in batch.verdicts})
        new_attempts = self._find_new_attempts(batch.verdicts, episodes, now)
        if new_attempts:
            await self._grade_and_store(new_attempts.values(), episodes, now)
        await self._fetch_attempts_of_replicas(episodes)
        results = [episodes[a.episode_id].public_result(a.attempt, self._sealed) for a in batch.verdicts]
        # The truth comes once per episode, in its last result, because a group of attempts shares one truth.
        last = {attempt.episode_id: position for position, attempt in enumerate(batch.verdicts)}
        for episode_id, position in last.items():
            results[position] = episodes[episode_id].add_truth(results[position], self._sealed)
        return VerdictResults(results=tuple(results))

    async def _fetch_attempts_of_replicas(self, episodes: dict[str, CachedEpisode]) -> None:
        """Read the attempts that other replicas recorded: the truth is due if they complete an episode."""
        unfinished = [id for id, episode in episodes.items() if not episode.finished]
        for stored in await self._store.verdicts(unfinished) if unfinished else ():
            episodes[stored.episode_id].recorded.setdefault(stored.attempt, RecordedAttempt.of(stored))

    def _find_new_attempts(
        self, attempts: Iterable[Attempt], episodes: dict[str, CachedEpisode], now: float
    ) -> dict[tuple[str, int], Submitted]:
        """The attempts that are not recorded yet, by episode and number.

        Raises:
            UnknownEpisode, EpisodeGone, NoSuchAttempt, ConflictingVerdict: some attempt of the batch may not be made.
        """
        new: dict[tuple[str, int], Submitted] = {}
        for position, attempt in enumerate(attempts):
            episode = episodes.get(attempt.episode_id)
            if episode is None:
                raise UnknownEpisode(f"verdicts[{position}]: there is no such episode: open one with POST /v1/episodes")
            if episode.status == "deleted":
                raise EpisodeGone(f"verdicts[{position}]: the episode was deleted: open another one")
            if attempt.attempt >= episode.attempts:
                raise NoSuchAttempt(
                    f"verdicts[{position}]: the episode was opened with {episode.attempts} attempts, "
                    f"numbered from 0 to {episode.attempts - 1}"
                )
            pair = (attempt.episode_id, attempt.attempt)
            submitted = Submitted.of(attempt)
            known = episode.recorded.get(attempt.attempt) or new.get(pair)
            if known is not None:
                if known.digest != submitted.digest:
                    raise ConflictingVerdict(
                        f"verdicts[{position}]: this attempt was made with another verdict, and a verdict is final: "
                        "use the next attempt, or open another episode"
                    )
                continue
            if episode.status_at(now) == "expired":
                raise EpisodeGone(f"verdicts[{position}]: the episode has expired: open another one")
            new[pair] = submitted
        return new

    async def _grade_and_store(self, new: Iterable[Submitted], episodes: dict[str, CachedEpisode], now: float) -> None:
        graded = await self._grade_all(new, episodes)
        rows = [stored_verdict(submitted, result, now) for submitted, result in graded]
        # Another request or replica may have recorded some of them meanwhile. The stored result counts.
        earlier = {(v.episode_id, v.attempt): result_of(v) for v in await self._store.record(rows, now)}
        for submitted, result in graded:
            stored = earlier.get((result.episode_id, result.attempt))
            attempt = RecordedAttempt(submitted.digest, stored or result)
            episodes[result.episode_id].recorded[result.attempt] = attempt
            if stored is None:
                self._metrics.verdicts.labels(result.outcome.value).inc()
                public = episodes[result.episode_id].public_result(result.attempt, self._sealed)
                self.recent.add(public.outcome, public.reward, public.components)

    async def _grade_all(
        self, new: Iterable[Submitted], episodes: dict[str, CachedEpisode]
    ) -> list[tuple[Submitted, AttemptResult]]:
        """Grade in the event loop. Only corrections whose code has to run are graded in threads."""
        graded: list[tuple[Submitted, AttemptResult]] = []
        with_code: list[tuple[Submitted, Verdict]] = []
        pause_at = perf_counter() + SLICE
        for submitted in new:
            if perf_counter() > pause_at:
                await asyncio.sleep(0)
                pause_at = perf_counter() + SLICE
            attempt, episode = submitted.attempt, episodes[submitted.attempt.episode_id]
            verdict = read(attempt)
            if isinstance(verdict, Verdict) and episode.must_run_code(verdict, self._sealed):
                with_code.append((submitted, verdict))
            else:
                graded.append((submitted, episode.grade(attempt, verdict, self._sealed)))
        # All are awaited before an error is raised, so that no thread is left running for a request that has ended.
        results = await asyncio.gather(
            *(self._grade_in_thread(s.attempt, verdict, episodes[s.attempt.episode_id]) for s, verdict in with_code),
            return_exceptions=True,
        )
        for (submitted, _), result in zip(with_code, results, strict=True):
            if isinstance(result, BaseException):
                raise result
            graded.append((submitted, result))
        return graded

    async def _grade_in_thread(self, attempt: Attempt, verdict: Verdict, episode: CachedEpisode) -> AttemptResult:
        async with self._runners:
            try:
                return await asyncio.to_thread(episode.grade, attempt, verdict, self._sealed)
            except ChildProcessError:
                raise RunnerUnavailable(
                    "the code could not be run, because no process could be started: send the batch again"
                ) from None

    async def probe(self, episode_id: str, ask: AskProbe) -> ProbeAnswered:
        """The Worker's answer to a question. The same question again gets the same answer, and costs nothing.

        Raises:
            UnknownEpisode, EpisodeGone, EpisodeFinished, NoProbesLeft: the question may not be asked.
            WorkerUnavailable: the Worker gave no answer.
        """
        episode = await self.cache.get(episode_id)
        async with episode.probing:
            # Other replicas may have recorded probes and verdicts meanwhile.
            stored = (await self._store.load([episode_id]))[episode_id]
            episode.update(stored)
            status = episode.status_at(time.time())
            if status in ("deleted", "expired"):
                raise EpisodeGone(f"the episode is {status}: open another one")
            assert episode.episode is not None
            budget = episode.episode.observation.probes_left
            for probe in episode.probes:
                if probe.question == ask.question:
                    return ProbeAnswered(probe=probe, probes_left=budget - len(episode.probes))
            if status == "finished":
                raise EpisodeFinished("the last attempt is made: probes come before it")
            if len(episode.probes) >= budget:
                raise NoProbesLeft(f"all {budget} probes of this episode are used: give your verdict")
            try:
                probe = await self._maker.probe(decode(stored.payload), episode.probes, ask.question)
            except WorkerFailed as failure:
                raise WorkerUnavailable(f"the Worker gave no answer ({failure.reason}): ask again later") from None
            probes = (*episode.probes, probe)
            await self._store.record_probe(
                episode_id, len(episode.probes), probes_json.dump_json(probes).decode(), time.time()
            )
            episode.probes = probes
            self._metrics.probes.inc()
            return ProbeAnswered(probe=probe, probes_left=budget - len(probes))

    async def state(self, episode_id: str) -> EpisodeState:
        """The episode as the store has it, so that every replica says the same."""
        return (await self.view(episode_id)).state

    async def view(self, episode_id: str) -> EpisodeView:
        """The same with the verdicts, and who opened it, for the pages."""
        stored = (await self._store.load([episode_id])).get(episode_id)
        if stored is None:
            raise UnknownEpisode("there is no such episode: open one with POST /v1/episodes")
        episode = CachedEpisode.of(stored)
        status = episode.status_at(time.time())
        if status == "deleted":
            raise EpisodeGone("the episode was deleted: open another one")
        results = [episode.public_result(attempt, self._sealed) for attempt in sorted(episode.recorded)]
        if results:
            results[-1] = episode.add_truth(results[-1], self._sealed)
        state = EpisodeState(
            episode_id=episode.id,
            key=episode.key,
            status=status,
            observation=episode.observation(),
            attempts=episode.attempts,
            attempts_left=episode.attempts - len(episode.recorded),
            results=tuple(results),
        )
        assert episode.episode is not None
        return EpisodeView(
            state=state,
            split=episode.split,
            sealed=episode.split in self._sealed,
            owner=stored.owner,
            player=stored.player,
            verdicts=tuple(read_stored(verdict.submitted) for verdict in stored.verdicts),
            worker=None if episode.public_truth(self._sealed) is None else episode.episode.worker,
        )

    async def finished(
        self,
        caller: Caller,
        *,
        split: Split | None,
        kind: str | None,
        stealth: int | None,
        domain: str | None,
        worker: str | None,
        outcome: Outcome | None,
        before: tuple[float, str] | None,
    ) -> FinishedPage:
        """The newest finished episodes that match, of this caller's own; an admin sees those of all.

        A filter by truth (`kind`, `stealth`) leaves a sealed split out, because the list would reveal its labels.
        """
        truths = kind is not None or stealth is not None
        splits = [s.value for s in Split if split in (None, s) and not (truths and s in self._sealed)]
        rows = await self._store.finished_episodes(
            owner=None if caller.admin else caller.owner,
            splits=splits,
            outcome=outcome,
            before=before,
            limit=SCANNED,
        )
        matches: list[ListedEpisode] = []
        for row, facts in zip(rows, await asyncio.to_thread(_read_all_facts, rows), strict=True):
            wanted = ((kind, facts.kind), (stealth, facts.stealth), (domain, facts.domain), (worker, facts.worker))
            if all(asked is None or asked == given for asked, given in wanted):
                matches.append(self._listed(row, facts))
            if len(matches) == LISTED:
                return FinishedPage(tuple(matches), (row.created, row.episode_id))
        more = (rows[-1].created, rows[-1].episode_id) if len(rows) == SCANNED else None
        return FinishedPage(tuple(matches), more)

    def _listed(self, row: Finished, facts: Facts) -> ListedEpisode:
        sealed = Split(row.split) in self._sealed
        rewards = [reward for _, reward in row.verdicts if reward is not None]
        return ListedEpisode(
            episode_id=row.episode_id,
            key=row.key,
            split=row.split,
            created=row.created,
            domain=facts.domain,
            worker=facts.worker,
            kind=None if sealed else facts.kind,
            stealth=None if sealed else facts.stealth,
            outcomes=dict(Counter(outcome for outcome, _ in row.verdicts)),
            reward=fmean(rewards) if rewards and not sealed else None,
        )

    async def plays(self, player: str) -> list[Play]:
        """The episodes that a person opened on the page, the oldest first. Those of a sealed split come without what
        they earned."""
        return [
            replace(play, reward=None, components=None) if Split(play.split) in self._sealed else play
            for play in await self._store.plays(player)
        ]

    async def delete(self, episode_id: str) -> None:
        """Delete an unfinished episode. A finished episode is a record and stays."""
        await self._store.delete(episode_id)
        self.cache.delete(episode_id)

    async def replace_curriculum(self, curriculum: Curriculum) -> CurriculumState:
        """Put a curriculum in force, and drop the episodes in stock that it leaves out. Raises `UnfitCurriculum`."""
        state = await self._watch.replace(curriculum)
        self.stock.drop(await self._streams.cells_left_out())
        return state

    async def curriculum(self) -> CurriculumState:
        """Raises `NoCurriculum`."""
        return await self._watch.state()

    async def clear_curriculum(self) -> None:
        await self._watch.clear()

    async def stats(self) -> Stats:
        counts = await self._store.counts([split.value for split in self._sealed])
        in_force = await self._watch.now()
        return Stats(
            suite=self._arena.suite,
            version=VERSION,
            worker=self._arena.answers_by,
            episodes=counts.episodes,
            verdicts=counts.verdicts,
            mean_reward=counts.mean_reward,
            stock=len(self.stock),
            curriculum=None if in_force.curriculum is None else in_force.revision,
            sealed=bool(self._sealed),
            making=dict(sorted(self._arena.counts.items())),
            suite_hashes=self._suite_hashes,
            uptime_seconds=time.time() - self._started,
        )

    async def sweep(self) -> None:
        """Mark the episodes that have expired, again and again until cancelled."""
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


def _read_all_facts(rows: Iterable[Finished]) -> list[Facts]:
    return [read_facts(row.payload) for row in rows]


def split_ready_and_failed(
    results: Iterable[ReadyEpisode | FailedEpisode], *, keys_were_named: bool = False
) -> tuple[list[ReadyEpisode], list[FailedEpisode]]:
    """The episodes that could be made, and the failures.

    Raises:
        NoEpisode: the client named the keys, and this Worker never makes an episode of any of them.
        WorkerUnavailable, StoreUnavailable: none could be made this time.
    """
    ready: list[ReadyEpisode] = []
    failed: list[FailedEpisode] = []
    for episode in results:
        ready.append(episode) if isinstance(episode, ReadyEpisode) else failed.append(episode)
    if not ready and keys_were_named and all(isinstance(failure, UnfitEpisode) for failure in failed):
        raise NoEpisode(f"this Worker makes no episode of this key ({failed[0].reason}): take another key")
    if not ready:
        kind = WorkerUnavailable if failed[0].outcome is Outcome.worker_failed else StoreUnavailable
        raise kind(f"no episode could be made ({failed[0].reason}): try again later")
    return ready, failed


def new_episodes(
    ready: Iterable[ReadyEpisode], *, attempts: int, ttl: float, owner: str = "", player: str = ""
) -> list[NewEpisode]:
    """The rows for the store, each with a random id. `ttl` is in seconds."""
    now = time.time()
    return [
        NewEpisode(
            id=secrets.token_urlsafe(18),
            key=episode.episode.key,
            split=episode.split.value,
            created=now,
            expires=now + ttl,
            attempts=attempts,
            payload=episode.payload,
            owner=owner,
            player=player,
        )
        for episode in ready
    ]


def stored_verdict(submitted: Submitted, result: AttemptResult, now: float) -> StoredVerdict:
    """The row for the store."""
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
