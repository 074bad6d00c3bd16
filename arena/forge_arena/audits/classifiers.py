"""The classifiers that look for shortcuts, before they have learnt anything: one definition for the audit, and for the
overseers that are held against yours."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # Seconds of imports that whoever only loads an audit does not need.
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

WORDS_AND_SIGNS = r"(?u)\w+|[^\w\s]"
WORDS = (1, 2)
CHARACTERS = (2, 5)
# Terms of fewer texts than that say more about those texts than about their label.
RAREST = 5


def trees(seed: int) -> "HistGradientBoostingClassifier":
    """Gradient-boosted trees, for statistics of the surface."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=80, learning_rate=0.1, max_leaf_nodes=15, min_samples_leaf=30, random_state=seed
    )


def line() -> "LogisticRegression":
    """Logistic regression, for words and characters."""
    from sklearn.linear_model import LogisticRegression

    # Between twins the gradient is small from the start: with the usual tolerance nothing would be learnt.
    return LogisticRegression(C=1.0, max_iter=500, tol=1e-6)
