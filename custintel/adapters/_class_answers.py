"""Questions whose answer is a class: the columns scored, how good they are, and the confusion table of the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from custintel.adapters.adapter import (
    LEAST_ROWS_OF_A_CLASS,
    Metric,
    MetricWords,
    ScoreColumn,
    TrainingRows,
    customers_of_rows,
    intervals,
)
from custintel.errors import DataError
from custintel.reports.model.own_section import Section, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from custintel.reports.model.evaluation import Evaluation


_START = "probability_"
CLASS_METRIC_WORDS: Mapping[str, MetricWords] = {
    "log_loss": MetricWords("Log loss", "how much was learned of the classes; smaller is better", 3, None, 0.0),
    "accuracy": MetricWords("Accuracy", "share of customers whose likeliest class was theirs", 3, None, 1.0),
    "macro_auc": MetricWords("Mean AUC of the classes", "how well each class is told from all others", 3, 0.5, 1.0),
}


def class_scores(estimator: Any, X: pd.DataFrame) -> pd.DataFrame:
    """The likeliest class, its probability, and the probability of every class."""
    chances = estimator.predict_proba(X)
    labels = [str(label) for label in estimator.classes_]
    likeliest = chances.argmax(axis=1)
    scored = pd.DataFrame({"class": np.array(labels, dtype=object)[likeliest], "probability": chances.max(axis=1)})
    each = pd.DataFrame(chances, columns=[_START + label for label in labels])
    return pd.concat([scored, each], axis=1).set_axis(X.index, axis=0)


def class_columns(estimator: Any) -> tuple[ScoreColumn, ...]:
    """Class, probability, and a column for every class."""
    return (
        ScoreColumn("class", "category", "The likeliest class"),
        ScoreColumn("probability", "share", "Calibrated probability of the likeliest class"),
        *(ScoreColumn(f"{_START}{one}", "share", f"Calibrated probability of {one}") for one in estimator.classes_),
    )


def class_metrics(rows: TrainingRows, predicted: pd.DataFrame, random_state: int) -> dict[str, Metric]:
    """Log loss, accuracy and mean AUC of the classes, with intervals."""
    labels, chances = _chances(predicted)
    known = {label: k for k, label in enumerate(labels)}
    codes = np.array([known.get(str(label), -1) for label in rows.y], dtype=np.int64)
    measures: dict[str, Callable[[Any, Any], float]] = {
        "log_loss": _log_loss,
        "accuracy": _accuracy,
        "macro_auc": _macro_auc,
    }
    return intervals(measures, codes, chances, customers_of_rows(rows.y.index), random_state)


def confusion_section(evaluation: Evaluation) -> Section:
    """Of the customers of each class, how many were taken for which."""
    assert evaluation.predicted is not None
    labels, chances = _chances(evaluation.predicted)
    actual = evaluation.y.astype(str).to_numpy()
    taken = np.array(labels, dtype=object)[chances.argmax(axis=1)]
    rows = []
    for label in sorted(set(labels) | set(actual)):
        mine = actual == label
        found = [int((taken[mine] == other).sum()) for other in labels]
        column = labels.index(label) if label in labels else None
        expected = None if column is None else float(chances[:, column].sum())
        rows.append((label, *found, int(mine.sum()), expected))
    headings = ("Actual class", *(f"taken for {label}" for label in labels), "All", "Expected")
    return Section(
        "Classes taken for one another",
        "A row for each actual class, a column for the likeliest one. The last column adds up the probabilities of the "
        "class: where it is near to all customers of that class, the probabilities are right on the whole.",
        (Table(headings, tuple(rows), digits=1),),
    )


def class_headline(evaluation: Evaluation) -> tuple[str, ...]:
    """How often the likeliest class is right, against always saying the most frequent one."""
    assert evaluation.predicted is not None
    actual = evaluation.y.astype(str)
    right = float((evaluation.predicted["class"].to_numpy() == actual.to_numpy()).mean())
    most = float(actual.value_counts(normalize=True).max())
    return (
        f"The likeliest class is right for {right:.0%} of {len(actual):,} customers; "
        f"to name the most frequent class every time would be right for {most:.0%}.",
    )


def check_classes(rows: TrainingRows, where: str) -> None:
    """Two classes or more, and enough customers of the two most frequent ones.

    Raises
    ------
    DataError
        When there is nothing to tell apart.
    """
    counts = rows.y.value_counts()
    if len(counts) < 2 or counts.iloc[1] < LEAST_ROWS_OF_A_CLASS:
        second = 0 if len(counts) < 2 else int(counts.iloc[1])
        raise DataError(
            f"too few of the second most frequent class in {where}\n  given: {second} of {len(rows)} rows\n"
            f"  allowed: at least {LEAST_ROWS_OF_A_CLASS}"
        )


def class_tuning_score(estimator: Any, rows: TrainingRows) -> float:
    """The log loss, with its sign turned; a class that was never learned counts as hardly possible."""
    known = {label: k for k, label in enumerate(estimator.classes_.tolist())}
    codes = np.array([known.get(label, -1) for label in rows.y.tolist()], dtype=np.int64)
    return -_log_loss(codes, estimator.predict_proba(rows.X))


def _chances(predicted: pd.DataFrame) -> tuple[list[str], np.ndarray]:
    """The classes and their probabilities (rows x classes)."""
    columns = [name for name in predicted.columns if str(name).startswith(_START)]
    return [name.removeprefix(_START) for name in columns], predicted[columns].to_numpy(np.float64)


def _log_loss(codes: np.ndarray, chances: np.ndarray) -> float:
    own = np.where(codes >= 0, chances[np.arange(len(codes)), np.maximum(codes, 0)], 0.0)
    return float(-np.log(np.maximum(own, 1e-6)).mean())


def _accuracy(codes: np.ndarray, chances: np.ndarray) -> float:
    return float((chances.argmax(axis=1) == codes).mean())


def _macro_auc(codes: np.ndarray, chances: np.ndarray) -> float:
    """Mean over the classes that some customers have and others have not."""
    found = [
        float(roc_auc_score(codes == k, chances[:, k])) for k in range(chances.shape[1]) if 0 < (codes == k).mean() < 1
    ]
    return float(np.mean(found)) if found else float("nan")
