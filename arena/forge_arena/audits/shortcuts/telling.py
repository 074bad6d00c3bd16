"""Which features tell corrupted answers from others: what a classifier learnt, and words counted between twins."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forge_arena.audits.shortcuts.features import Features
from forge_arena.measures.statistics import Floats, Mask, Numbers, auroc
from forge_arena.texts.sentences import sentences
from forge_arena.types import CorruptionType

# How many features are listed for each attack, or for each type and text.
LISTED = 12
# From how many standard deviations of a fair coin on a word counts as one-sided.
SURPRISING = 3.0
# How many characters an example shows of each twin.
EXAMPLE = 120


@dataclass(frozen=True, slots=True)
class TellingFeature:
    """What a feature does on unseen families.

    `push` is its part in the gap between corrupted answers and others. `corrupted` and `other` are the share of answers
    that have the word, or the mean of the statistic.
    """

    name: str
    push: float
    corrupted: float
    other: float


@dataclass(slots=True)
class _Sums:
    push: float = 0.0
    corrupted: list[float] = field(default_factory=list)
    other: list[float] = field(default_factory=list)


class Diagnosis:
    """What the features of one attack do, added up over its folds."""

    def __init__(self) -> None:
        self._sums: dict[str, _Sums] = {}

    def strongest(self) -> tuple[TellingFeature, ...]:
        """The features that push towards "corrupted", the strongest first."""
        ranked = sorted(self._sums.items(), key=lambda item: -item[1].push)[:LISTED]
        return tuple(
            TellingFeature(name, sums.push, float(np.mean(sums.corrupted)), float(np.mean(sums.other)))
            for name, sums in ranked
            if sums.push > 0
        )

    def add_linear(self, coefficients: Floats, matrix: Any, names: Sequence[str], corrupted: Mask, test: Mask) -> None:
        """Each column's part in the gap of the mean scores: push = coefficient * (mean of corrupted - mean of others).

        Args:
            coefficients: of the classifier: (columns,).
            matrix: the features, sparse: (rows, columns).
            names: of the columns.
            corrupted: the label of each row: (rows,).
            test: the rows of the test families: (rows,).
        """
        means = [np.asarray(matrix[test & (corrupted == label)].mean(axis=0)).ravel() for label in (True, False)]
        push = coefficients * (means[0] - means[1])  # (columns,)
        for column in np.argsort(-push)[: 4 * LISTED]:
            present = np.asarray((matrix[:, [column]] != 0).todense()).ravel()  # (rows,)
            shares = (float(present[test & corrupted].mean()), float(present[test & ~corrupted].mean()))
            self._add(names[column], float(push[column]), *shares)

    def add_trees(
        self, trees: Any, values: Floats, names: Sequence[str], corrupted: Mask, scores: Floats, seed: int
    ) -> None:
        """What AUROC loses if one column is shuffled. Columns that no tree uses are left out.

        Args:
            trees: the fitted classifier.
            values: the features of the test rows: (test rows, columns).
            names: of the columns.
            corrupted: the label of each test row: (test rows,).
            scores: what the classifier gives the test rows: (test rows,).
            seed: decides the shuffling.
        """
        rng = np.random.default_rng(seed)
        whole = auroc(scores, corrupted)
        used = {int(node["feature_idx"]) for (tree,) in trees._predictors for node in tree.nodes if not node["is_leaf"]}
        for column in sorted(used):
            shuffled = values.copy()
            shuffled[:, column] = rng.permutation(shuffled[:, column])
            loss = whole - auroc(trees.decision_function(shuffled), corrupted)
            if loss > 0:
                means = (float(values[corrupted, column].mean()), float(values[~corrupted, column].mean()))
                self._add(names[column], loss, *means)

    def _add(self, name: str, push: float, corrupted: float, other: float) -> None:
        sums = self._sums.setdefault(name, _Sums())
        sums.push += push
        sums.corrupted.append(corrupted)
        sums.other.append(other)


@dataclass(frozen=True, slots=True)
class OneSidedWord:
    """A word that mostly the corrupted twin has, or mostly the other twin.

    `corrupted` and `other` count the pairs in which that twin alone has the word. `to_corrupted` and `to_other` count
    the families that lean to that side. `example` is what one pair has in place of what.
    """

    type: CorruptionType
    name: str
    corrupted: int
    other: int
    to_corrupted: int
    to_other: int
    example: str


def one_sided_words(features: Features) -> list[OneSidedWord]:
    """The words that one twin has and the other has not, most one-sided first: no classifier, only counting."""
    words: list[OneSidedWord] = []
    # The rows of the corrupted twins and of the others, both in the order of the pairs: (pairs,).
    corrupted_rows, other_rows = (
        np.array(sorted(np.flatnonzero(features.corrupted == label), key=lambda row: int(features.pair[row])))
        for label in (True, False)
    )
    for text in ("answer", "reasoning"):
        matrix, names = features.block("words", text)
        present = (matrix != 0).astype(np.float32)  # (rows, words)
        bodies = features.texts(text)
        for type in CorruptionType:
            selected = features.type[corrupted_rows] == type.value
            if text == "reasoning":
                selected &= ~features.loud[corrupted_rows]
            if not selected.any():
                continue
            corrupted, other = corrupted_rows[selected], other_rows[selected]
            # (pairs, words): 1 if only the corrupted twin has the word, -1 if only the other twin has it.
            change = (present[corrupted] - present[other]).tocsc()
            for column, counts in _one_sided_columns(change, features.family[corrupted]):
                pairs = change[:, column]
                gained = counts[0] > counts[1]
                pair = pairs.indices[np.flatnonzero((pairs.data > 0) == gained)[0]]
                example = _difference(bodies[other[pair]], bodies[corrupted[pair]])
                words.append(OneSidedWord(type, names[column], *counts, example))
    return words


def _one_sided_columns(change: Any, family: Numbers) -> list[tuple[int, tuple[int, int, int, int]]]:
    """The columns that lean to one side, with the counts of `OneSidedWord`.

    Args:
        change: 1 for "corrupted only", -1 for "other only", sparse: (pairs, words).
        family: the family of each pair: (pairs,).
    """
    from scipy.sparse import csr_matrix

    count = len(family)
    member = csr_matrix((np.ones(count), (family, np.arange(count))), shape=(int(family.max()) + 1, count))
    lean = np.sign(np.asarray((member @ change).todense()))  # (families, words)
    to_corrupted, to_other = (lean > 0).sum(axis=0), (lean < 0).sum(axis=0)  # (words,)
    gained, lost = (np.asarray((side > 0).sum(axis=0)).ravel() for side in (change, -change))  # (words,)
    # |gained - lost| in standard deviations of a fair coin. A single family may not make a word surprising: each family
    # that leans to the side of the majority allows for SURPRISING deviations.
    surprise = np.abs(gained - lost) / np.sqrt(np.maximum(1, gained + lost))
    agreed = np.minimum(surprise, SURPRISING * np.abs(to_corrupted - to_other))
    top = np.argsort(-agreed, kind="stable")[:LISTED]
    return [
        (int(c), (int(gained[c]), int(lost[c]), int(to_corrupted[c]), int(to_other[c])))
        for c in top
        if agreed[c] > SURPRISING
    ]


def _difference(other: str, corrupted: str) -> str:
    """The sentences of the other text that the corrupted text lacks → the sentences that it has in their place."""
    before, after = ([text[start:end] for start, end in sentences(text)] for text in (other, corrupted))
    lost = " ".join(sentence for sentence in before if sentence not in after)
    gained = " ".join(sentence for sentence in after if sentence not in before)
    return f"{lost[:EXAMPLE]} → {gained[:EXAMPLE]}"
