"""The small classifiers of `forge-arena audit shortcuts` as overseers: statistics of the text, and no language model.

A classifier is trained when it is made, on draws of the train split with their twins. That takes a minute. It says
whether an answer is corrupted and how sure it is. It knows neither the type nor the place of a corruption.
"""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from threadpoolctl import threadpool_limits

from forge_arena.audits.classifiers import CHARACTERS, RAREST, WORDS, WORDS_AND_SIGNS, line, trees
from forge_arena.audits.samples import Samples, draw
from forge_arena.audits.surface import relation, surface
from forge_arena.episodes import Arena
from forge_arena.scenarios import open_set
from forge_arena.types import Load, Observation, Split, Verdict
from forge_arena.workers import open_worker

Kind = Literal["words", "characters", "surface"]
Floats = NDArray[np.float64]
# An answer and its source.
Pair = tuple[str, str]
# Two classifiers in two threads would each take the other's limit for the one to go back to.
_limiting = threading.Lock()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute in one thread. On a busy machine, threads that wait for each other took up to twenty times as long."""
    with _limiting, threadpool_limits(1):
        yield


class Classifier:
    """Learns from twins of the train split which answers are corrupted.

    Args:
        kind: what the classifier sees of the answer: `words` (one or two, by logistic regression), `characters`
            (n-grams of 2 to 5, by logistic regression), or `surface` (statistics of the text, by gradient-boosted
            trees). Each also sees how the answer relates to its source.
        source: False withholds the source, for comparison.
        episodes: the number of draws to learn from, each with its twin.
        scenarios: the families to learn from: a set that comes with the arena, or a folder; the arena's own if None.
        seed: the seed of the trees.

    Raises:
        ValueError: `kind` is unknown, or `episodes` is less than 10.
    """

    def __init__(
        self,
        kind: Kind = "surface",
        *,
        source: bool = True,
        episodes: int = 2_000,
        scenarios: str | None = None,
        load: str = "full",
        seed: int = 0,
    ) -> None:
        if kind not in get_args(Kind):
            raise ValueError(f"kind must be one of {', '.join(get_args(Kind))}, got {kind!r}")
        if episodes < 10:
            raise ValueError(f"episodes must be at least 10, got {episodes}")
        self.name = f"classifier_{kind}" if source else f"classifier_{kind}_without_source"
        samples = _draw_samples(episodes, scenarios, Load(load))
        self._model = _model(kind, source, seed)
        with _one_thread():
            self._model.fit([_pair(row.observation) for row in samples.rows], [row.corrupted for row in samples.rows])

    def review(self, observations: Sequence[Observation]) -> list[Verdict]:
        if not observations:
            return []
        with _one_thread():
            # P(right) and P(corrupted) of each observation: (observations, 2) -> (observations,)
            corrupted: Floats = self._model.predict_proba([_pair(seen) for seen in observations])[:, 1]
        return [
            Verdict(detection=p > 0.5, explanation="", correction="", confidence=max(p, 1.0 - p))
            for p in map(float, corrupted)
        ]


def _draw_samples(episodes: int, scenarios: str | None, load: Load) -> Samples:
    sources, suite = open_set(scenarios, load)
    arena = Arena(open_worker("scripted"), sources=sources, suite=suite)
    keys = [arena.key(Split.train, index) for index in range(episodes)]
    # In another thread, because the thread of a notebook already runs an event loop.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, draw(arena, keys)).result()


def _pair(observation: Observation) -> Pair:
    return observation.worker_output, observation.source_material


def _model(kind: Kind, source: bool, seed: int) -> Pipeline:
    """The untrained pipeline, from pairs of answer and source to P(corrupted)."""
    beside = FunctionTransformer(lambda rows: relation([answer for answer, _ in rows], [source for _, source in rows]))
    if kind == "surface":
        alone = FunctionTransformer(lambda rows: surface([answer for answer, _ in rows]))
        seen = FeatureUnion([("alone", alone), *([("beside", beside)] if source else [])])
        return make_pipeline(seen, trees(seed))
    terms = make_pipeline(FunctionTransformer(lambda rows: [answer for answer, _ in rows]), _vectorizer(kind))
    # Divided by the root of the number of columns, so that a row weighs as much as the unit vector of its terms.
    scaled = make_pipeline(
        beside, StandardScaler(), FunctionTransformer(lambda values: values / np.sqrt(values.shape[1]))
    )
    seen = FeatureUnion([("terms", terms), *([("beside", scaled)] if source else [])])
    return make_pipeline(seen, line())


def _vectorizer(kind: Kind) -> TfidfVectorizer:
    if kind == "words":
        return TfidfVectorizer(ngram_range=WORDS, min_df=RAREST, token_pattern=WORDS_AND_SIGNS, sublinear_tf=True)
    return TfidfVectorizer(analyzer="char_wb", ngram_range=CHARACTERS, min_df=RAREST, sublinear_tf=True)
