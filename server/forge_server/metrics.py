"""Count what the server does, for Prometheus."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)


class _Making(Collector):
    """The arena's counts, read at each scrape: `instruction_obeyed:temporal_shift:unaware:hidden` becomes four labels.

    The arena also counts hidden instructions per type. These counts are left out, because a sum over all labels would
    count each instruction twice.
    """

    def __init__(self, counts: Mapping[str, int]) -> None:
        self._counts = counts

    def collect(self) -> Iterator[CounterMetricFamily]:
        labels = ["event", "corruption_type", "awareness", "candour"]
        family = CounterMetricFamily("forge_making", "What happened on the way to episodes", labels=labels)
        for name, count in sorted(self._counts.items()):
            parts = name.split(":")
            if len(parts) == len(labels) or not name.startswith("instruction_"):
                family.add_metric(parts + [""] * (len(labels) - len(parts)), count)
        yield family


class Metrics:
    """What a server counts. Each app has its own registry, so that one process can hold several apps."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.opened = Counter("forge_episodes_opened_total", "Episodes opened", ["split"], registry=self.registry)
        self.verdicts = Counter("forge_verdicts_total", "Attempts recorded", ["outcome"], registry=self.registry)
        self.probes = Counter("forge_probes_total", "Probes answered", registry=self.registry)
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
        gauge = Gauge("forge_stock_episodes", "Ready episodes at hand", registry=self.registry)
        gauge.set_function(size)

    def watch_sessions(self, count: Callable[[], float]) -> None:
        gauge = Gauge("forge_openenv_sessions", "OpenEnv WebSockets that are open", registry=self.registry)
        gauge.set_function(count)

    def watch_making(self, counts: Mapping[str, int]) -> None:
        """Publish what an arena counts while it makes episodes, by event and corruption type."""
        self.registry.register(_Making(counts))

    def text(self) -> bytes:
        """Everything in Prometheus's text format."""
        return generate_latest(self.registry)
