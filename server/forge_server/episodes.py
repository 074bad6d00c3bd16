"""All episodes of one server: what opens, grades and shows them, and their curriculum. Knows nothing of HTTP."""

import asyncio
import time

import forge_arena
from forge_arena import rewards
from forge_arena.episodes import Arena
from forge_arena.errors import WorkerFailed
from forge_arena.plans import VERSION
from forge_arena.profiles import open_profile
from forge_arena.software import revision
from forge_arena.types import Split
from forge_arena.wire import AskProbe, Curriculum, CurriculumState, Edition, ProbeAnswered, Stats
from forge_server.cache import EpisodeCache, probes_json
from forge_server.curriculum import CurriculumInForce, CurriculumWatch
from forge_server.errors import EpisodeFinished, EpisodeGone, NoProbesLeft, Refused, WorkerUnavailable
from forge_server.grades import Grades
from forge_server.leaderboard import suite_hash
from forge_server.logs import log
from forge_server.metrics import Metrics
from forge_server.openings import Openings
from forge_server.payload import decode
from forge_server.recent import Recent
from forge_server.records import Records
from forge_server.settings import Settings
from forge_server.stock import Maker, Stock, Streams
from forge_server.store import Store
from forge_server.submissions import Submissions
from forge_server.tools import Tools
from forge_server.verdicts import Verdicts

# Corrections whose code runs at a time. Each is a process, and may use a core until its time limit.
RUNNERS = 4
# Seconds between two searches for episodes that have expired.
SWEEP = 60.0


class Episodes:
    """All episodes of one server. The store is the authority; the cache and the stock only save time."""

    def __init__(self, arena: Arena, store: Store, settings: Settings, metrics: Metrics) -> None:
        self._arena = arena
        self._store = store
        self._settings = settings
        self._metrics = metrics
        self._maker = Maker(arena, settings, metrics)
        self.profile = open_profile(settings.reward_profile)
        self._sealed = frozenset({Split.test}) if settings.sealed else frozenset()
        self._watch = CurriculumWatch(arena, store)
        self._streams = Streams(arena, store, self._watch)
        self.stock = Stock(self._maker, self._streams, settings)
        self.cache = EpisodeCache(store, settings.live)
        self.recent = Recent()
        self._runners = asyncio.Semaphore(RUNNERS)
        self.tools = Tools(arena.toolbox, store, self.cache, metrics, self.probe, self._runners)
        self._suite_hashes = {split: suite_hash(arena, split) for split in Split}
        self._edition = Edition(
            forge_arena=forge_arena.__version__,
            revision=revision(),
            grader=rewards.grader(),
            load=settings.load if settings.documents is None else None,
            revisions=arena.revisions,
            probes=arena.probes,
            secret_fingerprint=arena.secret_fingerprint,
        )
        self._started = time.time()
        self.submissions = Submissions(
            arena, store, settings, self._suite_hashes[Split.test], sealed=Split.test in self._sealed
        )
        self.openings = Openings(
            arena,
            store,
            settings,
            metrics,
            maker=self._maker,
            streams=self._streams,
            stock=self.stock,
            cache=self.cache,
            submissions=self.submissions,
            sealed=self._sealed,
        )
        self.verdicts = Verdicts(
            store,
            self.cache,
            metrics,
            self.profile,
            grades=Grades(self.profile.weights, sealed=self._sealed, runners=self._runners),
            sealed=self._sealed,
            recent=self.recent,
        )
        self.records = Records(store, self.profile, sealed=self._sealed)

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
            # The store compares with these. While the Worker answers, another request may read what a replica recorded.
            known = episode.probes
            for probe in known:
                if probe.question == ask.question:
                    return ProbeAnswered(probe=probe, probes_left=budget - len(known))
            if status == "finished":
                raise EpisodeFinished("the last attempt is made: probes come before it")
            if len(known) >= budget:
                raise NoProbesLeft(f"all {budget} probes of this episode are used: give your verdict")
            try:
                probe = await self._maker.probe(decode(stored.payload), known, ask.question)
            except WorkerFailed as failure:
                raise WorkerUnavailable(f"the Worker gave no answer ({failure.reason}): ask again later") from None
            probes = (*known, probe)
            await self._store.record_probe(episode_id, len(known), probes_json.dump_json(probes).decode(), time.time())
            episode.probes = probes
            self._metrics.probes.inc()
            return ProbeAnswered(probe=probe, probes_left=budget - len(probes))

    def is_sealed(self, split: Split) -> bool:
        """Whether the truth of a split stays on the server."""
        return split in self._sealed

    def suite_hash(self, split: Split) -> str:
        """Names what is judged on a split, and how (see `Stats`)."""
        return self._suite_hashes[split]

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

    async def curriculum_in_force(self) -> CurriculumInForce:
        """The curriculum with its cells, for the page Live."""
        return await self._watch.now()

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
            reopened=counts.reopened,
            reward_profile=self.profile.name,
            stock=len(self.stock),
            curriculum=None if in_force.curriculum is None else in_force.revision,
            sealed=bool(self._sealed),
            making=dict(sorted(self._arena.counts.items())),
            suite_hashes={split: name for split, name in self._suite_hashes.items() if self._arena.families(split)},
            edition=self._edition,
            uptime_seconds=time.time() - self._started,
        )

    async def sweep(self) -> None:
        """Mark the episodes that have expired, and fold the counts, again and again until cancelled."""
        while True:
            await asyncio.sleep(min(SWEEP, self._settings.episode_ttl / 2))
            try:
                expired = await self._store.expire(time.time())
                await self._store.fold_counts()
            except Refused as refusal:
                log.warning("sweep_failed", reason=refusal.message)
                continue
            if expired:
                self._metrics.expired.inc(expired)
                log.info("episodes_expired", count=expired)
