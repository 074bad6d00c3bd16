"""Count what the server does, for Prometheus."""

from collections import Counter as Counts
from collections.abc import Callable, Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)


# When each counter was made is of no use, and not known of several processes.
disable_created_metrics()  # type: ignore[no-untyped-call]
MAKING = ("event", "corruption_type", "awareness", "candour")


class _Making:
    """The counts of an arena as a metric: `instruction_obeyed:temporal_shift:unaware:hidden` becomes four labels.

    The arena also counts hidden instructions per type. These counts are left out, because a sum over all labels would
    count each instruction twice.
    """

    def __init__(self, counts: Mapping[str, int], registry: CollectorRegistry) -> None:
        self._counts = counts
        self._published: Counts[str] = Counts()
        self._metric = Counter("forge_making_total", "What happened on the way to episodes", MAKING, registry=registry)

    def publish(self) -> None:
        """Bring the metric up to what the arena has counted."""
        for name, count in self._counts.items():
            parts = name.split(":")
            if len(parts) == len(MAKING) or not name.startswith("instruction_"):
                labels = parts + [""] * (len(MAKING) - len(parts))
                self._metric.labels(*labels).inc(count - self._published[name])
                self._published[name] = count


class Metrics:
    """What a server counts. Each app has its own registry, so that one process can hold several apps.

    Several processes of one server share a `folder`, and each tells the counts of all. prometheus_client keeps them
    there if PROMETHEUS_MULTIPROC_DIR names the folder before it is imported.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.registry = CollectorRegistry()
        self._folder = folder
        self._making: list[_Making] = []
        self._gauges: list[tuple[Gauge, Callable[[], float]]] = []
        self.opened = Counter("forge_episodes_opened_total", "Episodes opened", ["split"], registry=self.registry)
        self.verdicts = Counter("forge_verdicts_total", "Attempts recorded", ["outcome"], registry=self.registry)
        self.probes = Counter("forge_probes_total", "Probes answered", registry=self.registry)
        self.tool_uses = Counter("forge_tool_uses_total", "Uses of tools", ["tool", "ok"], registry=self.registry)
        self.worker_failures = Counter(
            "forge_worker_failures_total", "Worker calls that gave nothing usable", ["work"], registry=self.registry
        )
        self.make_seconds = Histogram(
            "forge_make_seconds", "Seconds to make an episode", buckets=SECONDS, registry=self.registry
        )
        self.commits = Counter("forge_commits_total", "Transactions committed", registry=self.registry)
        self.writes = Counter("forge_writes_total", "Writes that those transactions held", registry=self.registry)
        self.expired = Counter("forge_episodes_expired_total", "Episodes expired unanswered", registry=self.registry)
        self.requests = Histogram(
            "forge_request_seconds",
            "Seconds from the request's head to the answer's end",
            ["route", "status"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self._children: dict[tuple[str, int], Histogram] = {}

    def request(self, route: str, status: int, seconds: float) -> None:
        child = self._children.get((route, status))
        if child is None:
            child = self._children[route, status] = self.requests.labels(route, str(status))
        child.observe(seconds)

    def watch_stock(self, size: Callable[[], float]) -> None:
        self._watch("forge_stock_episodes", "Ready episodes at hand", size)

    def watch_sessions(self, count: Callable[[], float]) -> None:
        self._watch("forge_openenv_sessions", "OpenEnv WebSockets that are open", count)

    def _watch(self, name: str, meaning: str, value: Callable[[], float]) -> None:
        # The sum over the processes that live.
        gauge = Gauge(name, meaning, registry=self.registry, multiprocess_mode="livesum")
        self._gauges.append((gauge, value))

    def watch_making(self, counts: Mapping[str, int]) -> None:
        """Publish what an arena counts while it makes episodes, by event and corruption type."""
        self._making.append(_Making(counts, self.registry))

    def publish(self) -> None:
        """Bring the metrics that are only watched up to date."""
        for making in self._making:
            making.publish()
        for gauge, value in self._gauges:
            gauge.set(value())

    def text(self) -> bytes:
        """Everything in Prometheus's text format: the counts of this process, or of all that share its folder.

        What the others only watch is as old as their last `publish`.
        """
        self.publish()
        if self._folder is None:
            return generate_latest(self.registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry, str(self._folder))  # type: ignore[no-untyped-call]
        return generate_latest(registry)
