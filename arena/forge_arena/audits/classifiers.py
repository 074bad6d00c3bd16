"""The untrained classifiers that look for shortcuts: one definition for the audit, and for the baseline overseers."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # scikit-learn takes seconds to import, and loading an audit does not need it.
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

WORDS_AND_SIGNS = r"(?u)\w+|[^\w\s]"
WORDS = (1, 2)
CHARACTERS = (2, 5)
# A term of fewer texts says more about these texts than about their label.
RAREST = 5


def trees(seed: int) -> "HistGradientBoostingClassifier":
    """Gradient-boosted trees, for surface statistics."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=80, learning_rate=0.1, max_leaf_nodes=15, min_samples_leaf=30, random_state=seed
    )


def line() -> "LogisticRegression":
    """Logistic regression, for words and characters."""
    from sklearn.linear_model import LogisticRegression

    # Between twins the gradient is small from the start. With the usual tolerance, training would stop at once.
    return LogisticRegression(C=1.0, max_iter=500, tol=1e-6)
