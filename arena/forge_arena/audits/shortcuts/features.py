"""What an attack sees: labels as arrays, and texts as matrices of words, character n-grams and surface statistics."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from forge_arena.audits.classifiers import CHARACTERS, RAREST, WORDS, WORDS_AND_SIGNS
from forge_arena.audits.samples import Sample
from forge_arena.audits.surface import RELATION, SURFACE, relation, surface
from forge_arena.measures.statistics import Mask

FOLDS = 5

# A matrix (rows, columns), sparse or dense, and the names of its columns.
Columns = tuple[Any, list[str]]


class Features:
    """Samples as arrays (rows,) and matrices (rows, columns). Each matrix is made once, when it is first asked for.

    Vocabularies and term frequencies are taken from all samples, test families too. This favours the attack,
    and reveals no label.
    """

    def __init__(self, rows: Sequence[Sample], seed: int) -> None:
        self.rows = rows
        self.seed = seed
        self.corrupted: Mask = np.array([row.corrupted for row in rows])
        self.in_stream: Mask = np.array([row.in_stream for row in rows])
        self.stealth = np.array([row.stealth for row in rows], dtype=np.int64)
        self.loud: Mask = self.stealth == 0
        self.pair = np.array([row.pair for row in rows])
        self.type = np.array([row.corruption_type.value for row in rows])
        self.split = np.array([row.split.value for row in rows])
        names, family = np.unique([row.family for row in rows], return_inverse=True)
        self.families: list[str] = [str(name) for name in names]
        self.family = family.astype(np.int64)
        self._columns: dict[tuple[str, str], Columns] = {}

    def matrix(self, classifier: str, texts: Sequence[str], *, beside_source: bool) -> Columns:
        """The columns of a classifier on some texts of a sample, with or without how they relate to the source."""
        blocks = [self.block(classifier, text) for text in texts]
        if classifier == "surface":
            relations = [("answer", "reasoning")] if len(texts) == 2 else []
            relations += [(text, "source") for text in texts] if beside_source else []
            blocks += [self._relation(*pair) for pair in relations]
            return np.hstack([block for block, _ in blocks]), [name for _, names in blocks for name in names]
        if beside_source:
            blocks += [self._scaled_relation(text, "source") for text in texts]
        if len(blocks) == 1:
            return blocks[0]
        from scipy.sparse import hstack

        return hstack([block for block, _ in blocks], format="csr"), [name for _, names in blocks for name in names]

    def block(self, classifier: str, text: str) -> Columns:
        """The columns of a classifier on one of the texts of a sample."""
        make = {"words": self._words, "characters": self._characters, "surface": self._surface}[classifier]
        return self._once((classifier, text), lambda: make(text))

    @cached_property
    def folds(self) -> list[tuple[Mask, Mask]]:
        """The train and test rows of each fold over the families: two masks (rows,)."""
        from sklearn.model_selection import StratifiedGroupKFold

        numbers = np.arange(len(self.rows))
        # Fewer families than folds, as a few documents have, are each held out once.
        count = min(FOLDS, len(self.families))
        folds = StratifiedGroupKFold(count, shuffle=True, random_state=self.seed)
        return [
            (np.isin(numbers, train), np.isin(numbers, test))
            for train, test in folds.split(self.pair[:, None], self.corrupted, self.family)
        ]

    def texts(self, name: str) -> list[str]:
        """The answer, the reasoning or the source of each row."""
        return [str(getattr(row, name)) for row in self.rows]

    def _once(self, key: tuple[str, str], make: Callable[[], Columns]) -> Columns:
        if key not in self._columns:
            self._columns[key] = make()
        return self._columns[key]

    def _relation(self, text: str, other: str) -> Columns:
        return self._once(
            (f"beside {other}", text),
            lambda: (relation(self.texts(text), self.texts(other)), [f"{text}/{other} {name}" for name in RELATION]),
        )

    def _scaled_relation(self, text: str, other: str) -> Columns:
        """The relation for a linear classifier: with the same weight as the unit vector of the words."""

        def make() -> Columns:
            from scipy.sparse import csr_matrix
            from sklearn.preprocessing import StandardScaler

            values, names = self._relation(text, other)
            return csr_matrix(StandardScaler().fit_transform(values) / np.sqrt(values.shape[1])), names

        return self._once((f"scaled {other}", text), make)

    def _surface(self, text: str) -> Columns:
        return surface(self.texts(text)), [f"{text} {name}" for name in SURFACE]

    def _words(self, text: str) -> Columns:
        from sklearn.feature_extraction.text import CountVectorizer

        texts = self.texts(text)
        vectorizer = CountVectorizer(ngram_range=WORDS, min_df=RAREST, token_pattern=WORDS_AND_SIGNS, dtype=np.float32)
        try:
            counts = vectorizer.fit_transform(texts)  # (rows, terms)
        except ValueError:  # No term is in RAREST texts: a Worker without reasoning writes none, for one.
            return _nothing(len(texts), text)
        return _tf_idf(counts), [f"{text} {name!r}" for name in vectorizer.get_feature_names_out()]

    def _characters(self, text: str) -> Columns:
        """N-grams within words, of 2 to 5 characters.

        They are counted once for each distinct word; the counts of a text are the sums over its words. The result is
        that of counting in the text, in a tenth of the time.
        """
        from sklearn.feature_extraction.text import CountVectorizer

        if not any(body.split() for body in self.texts(text)):
            return _nothing(len(self.rows), text)
        words = CountVectorizer(analyzer=str.split, preprocessor=None, dtype=np.float32)
        occurrences = words.fit_transform([body.lower() for body in self.texts(text)])  # (rows, words)
        ngrams = CountVectorizer(analyzer="char_wb", ngram_range=CHARACTERS, dtype=np.float32)
        counts = (occurrences @ ngrams.fit_transform(words.get_feature_names_out())).tocsr()  # (rows, n-grams)
        frequent = np.flatnonzero(np.bincount(counts.indices, minlength=counts.shape[1]) >= RAREST)
        if not len(frequent):
            return _nothing(len(self.rows), text)
        names = ngrams.get_feature_names_out()
        return _tf_idf(counts[:, frequent]), [f"{text} {names[column]!r}" for column in frequent]


def _nothing(rows: int, text: str) -> Columns:
    """One column of zeros: texts without a term that is frequent enough tell nothing."""
    from scipy.sparse import csr_matrix

    return csr_matrix((rows, 1), dtype=np.float32), [f"{text} without terms"]


def _tf_idf(counts: Any) -> Any:
    from sklearn.feature_extraction.text import TfidfTransformer

    return TfidfTransformer(sublinear_tf=True).fit_transform(counts).astype(np.float32)
