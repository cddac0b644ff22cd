"""Amounts out of time: `TableRegressor` against LightGBM with squared error and Tweedie loss.

    CUSTINTEL_DATA=... python experiments/regression.py [--customers 3000] [--only cdnow]

Three questions: spending of CDNOW's customers in the next 90 days; the bills of the next three months and the change
in data use of the next 30 days on a simulated operator. Every learner is taught on earlier dates and judged on a later
one. LightGBM is tuned: the best of three sizes of trees by squared error in folds of customers, with early stopping.

Writes docs/benchmarks/regression.md.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import lightgbm as lgb
import numpy as np
import pandas as pd
from _place import data_folder, provenance, write_page
from scipy.stats import spearmanr

from custintel import FeatureBuilder, TableRegressor, Warehouse
from custintel.learners.ensemble.inner_folds import fold_of_rows, inner_splits
from custintel.learners.feature_contract import learn_contract

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


TOPICS = ["volumes", "data_use", "bills", "bill_changes", "payment_behaviour", "recharge", "contract"]
SHAPES = (
    {"num_leaves": 4, "min_data_in_leaf": 30, "learning_rate": 0.08, "feature_fraction": 0.3},
    {"num_leaves": 8, "min_data_in_leaf": 30, "learning_rate": 0.05, "feature_fraction": 0.5},
    {"num_leaves": 15, "min_data_in_leaf": 100, "learning_rate": 0.06, "feature_fraction": 0.5},
)
FIXED = {"verbosity": -1, "bagging_fraction": 0.8, "bagging_freq": 1, "lambda_l2": 5.0, "seed": 0, "num_threads": 1}
QUANTILES = (0.1, 0.5, 0.9)


class Question(NamedTuple):
    """Rows to learn from and to be judged on."""

    name: str
    X: pd.DataFrame
    y: np.ndarray
    groups: np.ndarray
    X_test: pd.DataFrame
    y_test: np.ndarray


def cdnow() -> Question:
    """Spending in 90 days after the end of June, of September (to learn) and of December 1997 (to judge)."""
    names = ["customer_id", "date", "cds", "value"]
    log = pd.read_csv(
        data_folder() / "cdnow" / "CDNOW_master.txt", sep=r"\s+", skiprows=1, names=names, dtype={0: str, 1: str}
    )
    log["date"] = pd.to_datetime(log["date"], format="%Y%m%d")
    tables = [_spending(log, pd.Timestamp(day)) for day in ("1997-06-30", "1997-09-30", "1997-12-31")]
    X, y = pd.concat([t[0] for t in tables[:2]]), np.concatenate([t[1] for t in tables[:2]])
    return Question("CDNOW: spending in 90 days", X.reset_index(drop=True), y, X.index.to_numpy(), *tables[2])


def _spending(log: pd.DataFrame, day: pd.Timestamp) -> tuple[pd.DataFrame, np.ndarray]:
    past, later = log[log["date"] <= day], log[(log["date"] > day) & (log["date"] <= day + pd.Timedelta(days=90))]
    own = past.groupby("customer_id")
    X = pd.DataFrame(
        {"purchases": own.size(), "spending": own["value"].sum(), "mean": own["value"].mean(), "cds": own["cds"].sum(),
         "largest": own["value"].max(), "days_since": (day - own["date"].max()).dt.days,
         "days_known": (day - own["date"].min()).dt.days}
    )  # fmt: skip
    for days in (30, 90, 180):
        part = past[past["date"] > day - pd.Timedelta(days=days)].groupby("customer_id")["value"]
        X[f"spending_{days}d"] = part.sum().reindex(X.index).fillna(0.0)
        X[f"purchases_{days}d"] = part.size().reindex(X.index).fillna(0.0)
    return X, later.groupby("customer_id")["value"].sum().reindex(X.index).fillna(0.0).to_numpy()


def operator(customers: int) -> Iterator[Question]:
    """Both questions to a simulated operator of 15 months."""
    wh = Warehouse.simulate(customers=customers, months=15, seed=11)
    days = [str(day.date()) for day in pd.date_range("2025-05-31", "2025-11-30", freq="ME")]
    X = FeatureBuilder(TOPICS).build(wh, as_of=days)
    gone = wh.sql("select customer_id, min(event_date) as day from terminations group by 1").set_index("customer_id")
    left = pd.to_datetime(gone["day"]).reindex(X.index.get_level_values("customer_id")).to_numpy()
    day = pd.to_datetime(X.index.get_level_values(0))
    X = X[~(left <= day)]
    use = wh.sql("select customer_id, event_date, sum(data_mb) as amount from usage group by 1, 2")
    bills = wh.sql("select customer_id, event_date, amount from bills")
    growth = _sums(use, X.index, (0, 30)) - _sums(use, X.index, (-30, 0))
    yield _split("Simulated: change in data use, 30 days (MB)", X, growth, "2025-10-31", "2025-11-30")
    yield _split("Simulated: bills of three months (u)", X, _sums(bills, X.index, (0, 91)), "2025-06-30", "2025-09-30")


def _sums(events: pd.DataFrame, index: pd.MultiIndex, span: tuple[int, int]) -> np.ndarray:
    """Sum of the amounts in the days after each date."""
    when = pd.to_datetime(events["event_date"])
    parts = []
    for day in index.get_level_values(0).unique():
        first, last = (pd.Timestamp(day) + pd.Timedelta(days=d) for d in span)
        sums = events[(when > first) & (when <= last)].groupby("customer_id")["amount"].sum()
        mine = index[index.get_level_values(0) == day].get_level_values("customer_id")
        parts.append(sums.reindex(mine).fillna(0.0).to_numpy(np.float64))
    return np.concatenate(parts)


def _split(name: str, X: pd.DataFrame, y: np.ndarray, last: str, test: str) -> Question:
    day = pd.to_datetime(X.index.get_level_values(0))
    learn, judge = day <= last, day == test
    groups = X.index.get_level_values("customer_id").to_numpy()[learn]
    return Question(name, X[learn].reset_index(drop=True), y[learn], groups, X[judge].reset_index(drop=True), y[judge])


def lightgbm_amounts(question: Question, objective: dict[str, Any]) -> np.ndarray:
    """The mean of five boosters of the best shape."""
    contract = learn_contract(question.X, customers=question.groups)
    matrix, asked = contract.encode(question.X), contract.encode(question.X_test)
    splits = inner_splits(fold_of_rows(np.zeros(len(matrix)), 5, question.groups, 0), 5)
    categorical = [k for k, c in enumerate(contract.used) if c.categories]
    best: tuple[float, np.ndarray] | None = None
    for shape in SHAPES:
        data = lgb.Dataset(
            matrix, question.y, categorical_feature=categorical, params={"verbosity": -1, "feature_pre_filter": False}
        )
        stop = lgb.early_stopping(50, verbose=False)
        params = {**FIXED, **shape, **objective, "metric": "l2"}
        found = lgb.cv(params, data, 1500, folds=splits, callbacks=[stop], return_cvbooster=True)
        models = found["cvbooster"]
        loss = min(found["valid l2-mean"])
        if best is None or loss < best[0]:
            parts = [one.predict(asked, num_iteration=models.best_iteration) for one in models.boosters]
            best = loss, np.mean(parts, axis=0)
    assert best is not None
    return best[1]


def judged(y: np.ndarray, amount: np.ndarray) -> dict[str, float]:
    """Errors, order, sum, and how far the sums of tenths are off (share of all amounts)."""
    tenth = pd.qcut(pd.Series(amount).rank(method="first"), 10, labels=False)
    off = (pd.Series(amount).groupby(tenth).sum() - pd.Series(y).groupby(tenth).sum()).abs().sum()
    return {
        "RMSE": float(np.sqrt(((y - amount) ** 2).mean())),
        "MAE": float(np.abs(y - amount).mean()),
        "rank correlation": float(spearmanr(y, amount)[0]),
        "error of the sum": float((amount.sum() - y.sum()) / np.abs(y).sum()),
        "error of tenths": float(off / np.abs(y).sum()),
    }


def coverage(y: np.ndarray, quantiles: np.ndarray) -> str:
    """Share of customers at or below each quantile."""
    return ", ".join(f"{(y <= quantiles[:, k]).mean():.3f} at {q:g}" for k, q in enumerate(QUANTILES))


def study(question: Question) -> str:
    """The section of one question."""
    rows: dict[str, dict[str, float]] = {}
    started = time.process_time()
    model = TableRegressor(n_jobs=1).fit(question.X, question.y, groups=question.groups)
    seconds = time.process_time() - started
    rows["TableRegressor"] = judged(question.y_test, model.predict(question.X_test))
    learners: dict[str, Callable[[], np.ndarray]] = {
        "LightGBM, squared error": lambda: lightgbm_amounts(question, {"objective": "l2"}),
        "mean of the training rows": lambda: np.full(len(question.y_test), question.y.mean()),
    }
    if question.y.min() >= 0:
        tweedie = {"objective": "tweedie", "tweedie_variance_power": 1.5}
        learners["LightGBM, Tweedie 1.5"] = lambda: lightgbm_amounts(question, tweedie)
    for name, learner in learners.items():
        rows[name] = judged(question.y_test, learner())
    told = coverage(question.y_test, model.predict_quantiles(question.X_test, QUANTILES).to_numpy())
    zeros = float((question.y == 0).mean())
    own = np.nansum(model.out_of_fold_) / question.y.sum()
    return (
        f"## {question.name}\n\n{len(question.y):,} rows to learn from, {len(question.y_test):,} to be judged on, "
        f"{question.X.shape[1]} columns; {zeros:.0%} of the amounts are zero.\n\n{table(rows)}\n\n"
        f"Quantiles: at or below them are {told}. Predicted over actual sum out of fold: {own:.4f}. "
        f"`fit` took {seconds:.0f} s of CPU.\n"
    )


def table(rows: dict[str, dict[str, float]]) -> str:
    """Markdown, one row a learner."""
    names = list(next(iter(rows.values())))
    lines = ["| learner | " + " | ".join(names) + " |", "|---|" + "--:|" * len(names)]
    for learner, found in rows.items():
        cells = [f"{v:,.1f}" if abs(v) > 100 else f"{v:.3f}" if n[0] in "RM" else f"{v:+.4f}" for n, v in found.items()]
        lines.append(f"| {learner} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


HEAD = """# Amounts

`python experiments/regression.py`. {provenance}

`TableRegressor` is taught on earlier dates and judged on a later one, beside LightGBM tuned on the same rows (three
sizes of trees, folds of customers, early stopping, the mean of the five boosters). *Error of the sum* is the predicted
sum less the actual one, as a share of the sum of the sizes of all amounts; *error of tenths* the same for tenths of the
customers by predicted amount, added up without signs. No learner can know that the later date differs from the earlier
ones; that difference is in the errors of all of them.
"""


def main() -> None:
    """Run all questions, or one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=3000)
    parser.add_argument("--only", choices=["cdnow", "operator"])
    given = parser.parse_args()
    sections = []
    if given.only != "operator":
        sections.append(study(cdnow()))
        print(sections[-1], flush=True)
    if given.only != "cdnow":
        for question in operator(given.customers):
            sections.append(study(question))
            print(sections[-1], flush=True)
    if given.only is None:
        write_page("regression.md", "\n".join([HEAD.format(provenance=provenance("lightgbm")), *sections]))


if __name__ == "__main__":
    main()
