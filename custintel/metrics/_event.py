"""Which class of a fitted classifier is the event, and how likely it is.

>>> from sklearn.linear_model import LogisticRegression
>>> model = LogisticRegression().fit([[0.0], [1.0], [2.0], [3.0]], ["bad", "bad", "good", "good"])
>>> event_of(model)
'good'
>>> model.pos_label_ = "bad"  # as the classifiers of custintel say it
>>> bool(event_probability(model, [[0.0]])[0] > 0.5)
True
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["event_of", "event_probability"]


def event_of(classifier: Any) -> Any:
    """The class that the classifier names as the event (``pos_label_``), otherwise the last one, as in scikit-learn.

    Parameters
    ----------
    classifier : classifier
        Fitted, with ``classes_``.
    """
    given = getattr(classifier, "pos_label_", None)
    return np.asarray(classifier.classes_).tolist()[-1] if given is None else given


def event_probability(classifier: Any, X: Any) -> np.ndarray:
    """Probability of the event for each row: the column of ``predict_proba`` that belongs to it.

    Parameters
    ----------
    classifier : classifier
        Fitted, with ``predict_proba`` and ``classes_``.
    X : data frame or array
        Customers.
    """
    chances = np.asarray(classifier.predict_proba(X))
    return np.asarray(chances[:, _place(classifier)])


def _place(classifier: Any) -> int:
    known = np.asarray(getattr(classifier, "classes_", [0, 1])).tolist()
    given = getattr(classifier, "pos_label_", None)
    return len(known) - 1 if given is None else known.index(given)
