"""The small classifiers of `forge-arena audit shortcuts` as overseers: no language model, the answer beside its source.

One is trained when it is made, on draws of the train split with their twins, which takes a minute. It says whether
an answer is corrupted and how sure it is; it knows neither the type nor the place.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from threadpoolctl import threadpool_limits

from forge_arena.audits.samples import Samples, draw
from forge_arena.audits.surface import relation, surface
from forge_arena.episodes import SUITE, Arena
from forge_arena.scenarios import find_set, load_families
from forge_arena.types import Observation, Split, Verdict
from forge_arena.workers import open_worker

Kind = Literal["words", "characters", "surface"]
Floats = NDArray[np.float64]
Text = tuple[str, str]

_WORDS_AND_SIGNS = r"(?u)\w+|[^\w\s]"
_RAREST = 5


class Classifier:
    """Learns from twins of the train split which answers are corrupted.

    Arguments:
        kind: words (one or two, by logistic regression), characters (n-grams of 2 to 5, the same), or surface
            (statistics of the text, by gradient-boosted trees); all with statistics of the answer beside the source.
        source: False withholds the source, for comparison.
        episodes: draws to learn from, each with its twin.
        scenarios: the set of families to learn from: one shipped with the arena, or a folder; the arena's own if None.
        seed: of the trees.
    """

    def __init__(
        self,
        kind: Kind = "surface",
        *,
        source: bool = True,
        episodes: int = 2_000,
        scenarios: str | None = None,
        seed: int = 0,
    ) -> None:
        if kind not in get_args(Kind):
            raise ValueError(f"kind must be one of {', '.join(get_args(Kind))}, got {kind!r}")
        if episodes < 10:
            raise ValueError(f"episodes must be at least 10, got {episodes}")
        self.name = f"classifier_{kind}" if source else f"classifier_{kind}_without_source"
        samples = _drawn(episodes, scenarios)
        self._model = _model(kind, source, seed)
        # On a busy machine threads wait for each other, up to twenty times as long as one takes for all.
        with threadpool_limits(1):
            self._model.fit([_text(row.observation) for row in samples.rows], [row.corrupted for row in samples.rows])

    def review(self, observations: Sequence[Observation]) -> list[Verdict]:
        if not observations:
            return []
        with threadpool_limits(1):
            corrupted: Floats = self._model.predict_proba([_text(seen) for seen in observations])[:, 1]
        return [
            Verdict(detection=p > 0.5, explanation="", correction="", confidence=max(p, 1.0 - p))
            for p in map(float, corrupted)
        ]


def _drawn(episodes: int, scenarios: str | None) -> Samples:
    folder = None if scenarios is None else find_set(scenarios)
    arena = Arena(
        open_worker("scripted"),
        sources=None if folder is None else load_families(folder),
        suite=SUITE if folder is None else folder.name,
    )
    keys = [arena.key(Split.train, index) for index in range(episodes)]
    # A notebook's loop runs already in its thread.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, draw(arena, keys)).result()


def _text(observation: Observation) -> Text:
    return observation.worker_output, observation.source_material


def _model(kind: Kind, source: bool, seed: int) -> Pipeline:
    beside = _of(lambda rows: relation([answer for answer, _ in rows], [source for _, source in rows]))
    if kind == "surface":
        alone = _of(lambda rows: surface([answer for answer, _ in rows]))
        seen = FeatureUnion([("alone", alone), *([("beside", beside)] if source else [])])
        trees = HistGradientBoostingClassifier(
            max_iter=80, learning_rate=0.1, max_leaf_nodes=15, min_samples_leaf=30, random_state=seed
        )
        return make_pipeline(seen, trees)
    terms = make_pipeline(_of(lambda rows: [answer for answer, _ in rows]), _vectorizer(kind))
    # Of the same weight as the unit vector of the terms.
    scaled = make_pipeline(beside, StandardScaler(), _of(lambda values: values / np.sqrt(values.shape[1])))
    seen = FeatureUnion([("terms", terms), *([("beside", scaled)] if source else [])])
    # Between twins the gradient is small from the start: with the usual tolerance nothing would be learnt.
    return make_pipeline(seen, LogisticRegression(C=1.0, max_iter=500, tol=1e-6))


def _vectorizer(kind: Kind) -> TfidfVectorizer:
    if kind == "words":
        return TfidfVectorizer(ngram_range=(1, 2), min_df=_RAREST, token_pattern=_WORDS_AND_SIGNS, sublinear_tf=True)
    return TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), min_df=_RAREST, sublinear_tf=True)


def _of(what: Callable[[Any], Any]) -> FunctionTransformer:
    return FunctionTransformer(what)
