"""How close does a churn model of one operator come to what is possible? (docs/benchmarks/simulator_quality.md)

For simulated operators, out of time:

- *model*: `ChurnClassifier` with the constraints of `models/churn.yaml`, trained on the operator's own past;
- *p_observable*: the same learner on the past of ten other operators (ten times the data);
- *p_state*: the truth of the simulator, which knows all latent traits and who has already decided to leave.

Every operator's labelled features are kept in a folder, so that an interrupted run goes on where it was.

    python experiments/simulator_quality.py --customers 5000 --teachers 10 --operators 3 --keep /tmp/operators
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import pandas as pd
from _place import provenance, write_page
from rich.console import Console

from custintel import ChurnClassifier, FeatureBuilder, Warehouse, metrics
from custintel.artifact import Model
from custintel.catalogue.model_spec import ModelSpec, load_model_spec
from custintel.metrics import discrimination
from custintel.questions.question import question_from_spec
from custintel.questions.question_labels import question_dates, question_labels
from custintel.training._time_split_and_folds import TimeSplit, split_in_time

FIRST_TEACHER, FIRST_OPERATOR = 1001, 7
SAY = Console(stderr=True).print


@dataclass(frozen=True)
class Operator:
    """One operator's rows to learn from and to be judged on; `state` is p_state of the test rows."""

    X: pd.DataFrame
    y: pd.Series
    X_test: pd.DataFrame
    y_test: pd.Series
    state: pd.Series


def _simulated(seed: int, customers: int, spec: ModelSpec) -> Operator:
    wh = Warehouse.simulate(customers=customers, months=12, seed=seed)
    split, definition = _split(wh, spec), question_from_spec(spec.as_dict())
    known = question_labels(wh, [*split.train, split.test], definition)["label"].dropna().astype(np.int64)
    X = FeatureBuilder(spec.topics).build(wh, [*split.train, split.test]).loc[known.index]
    X = X.drop(columns=[c for c in X.columns if any(fnmatchcase(c, pattern) for pattern in spec.exclude)])
    judged = known.index.get_level_values("as_of") == split.test
    state = wh.truth["p_state"].assign(as_of=lambda t: pd.to_datetime(t["as_of"])).set_index(["as_of", "customer_id"])
    chance = state["p_15_75"].reindex(known[judged].index)  # the label's own window: gap 15 days, horizon 60
    return Operator(X[~judged], known[~judged], X[judged], known[judged], chance)


def _split(wh: Warehouse, spec: ModelSpec) -> TimeSplit:
    """As training splits, but judged on a month end, because the truth of chances is kept for month ends."""
    definition, history = question_from_spec(spec.as_dict()), int(spec.dates["history_days"])
    dates = question_dates(wh, definition, history_days=history, every=spec.dates["every"])
    last = max(date for date in dates if date.is_month_end)
    return split_in_time([date for date in dates if date <= last], definition.label_delay_days, history)


def _kept(seed: int, customers: int, spec: ModelSpec, keep: Path) -> Operator:
    """The operator from disk, simulated first when it is not there."""
    path = keep / f"operator_{customers}_{seed}.parquet"
    if not path.exists():
        SAY(f"simulating operator {seed}")
        _write(_simulated(seed, customers, spec), path)
    return _read(path)


def _write(operator: Operator, path: Path) -> None:
    learn = operator.X.assign(_y=operator.y, _test=False, _state=np.nan)
    judge = operator.X_test.assign(_y=operator.y_test, _test=True, _state=operator.state)
    path.parent.mkdir(parents=True, exist_ok=True)
    both = pd.concat([learn, judge])
    both.attrs = {}
    both.to_parquet(path)


def _read(path: Path) -> Operator:
    both = pd.read_parquet(path)
    learn, judge = both[~both["_test"]], both[both["_test"]]
    own = ["_y", "_test", "_state"]
    return Operator(learn.drop(columns=own), learn["_y"], judge.drop(columns=own), judge["_y"], judge["_state"])


def _fit(spec: ModelSpec, X: pd.DataFrame, y: pd.Series, groups: np.ndarray) -> ChurnClassifier:
    monotone = {column: sign for column, sign in spec.constraints.items() if column in X}
    return ChurnClassifier(monotone=monotone, random_state=0).fit(X, y, groups=groups)


def _customers(X: pd.DataFrame) -> np.ndarray:
    return X.index.get_level_values("customer_id").to_numpy()


def _teach(spec: ModelSpec, teachers: list[Operator]) -> ChurnClassifier:
    """The learner on all teachers' past; a customer id counts once an operator."""
    groups = np.concatenate([[f"{i}/{c}" for c in _customers(t.X)] for i, t in enumerate(teachers)])
    return _fit(spec, pd.concat([t.X for t in teachers]), pd.concat([t.y for t in teachers]), groups)


def _row(seed: int, operator: Operator, observable: ChurnClassifier, spec: ModelSpec) -> dict[str, float]:
    own = _fit(spec, operator.X, operator.y, _customers(operator.X)).predict_proba(operator.X_test)[:, 1]
    best = observable.predict_proba(operator.X_test)[:, 1]
    y = operator.y_test.to_numpy()
    areas = [discrimination.auc(y, p) for p in (own, best, operator.state.fillna(operator.state.mean()).to_numpy())]
    return {
        "operator (seed)": seed,
        "rows": len(y),
        "leavers": int(y.sum()),
        "AUC model": areas[0],
        "AUC p_observable": areas[1],
        "AUC p_state": areas[2],
        "(AUC - 0.5) share": (areas[0] - 0.5) / (areas[1] - 0.5),
        "ECE model": metrics.ece_score(y, own),
        "lift top tenth": metrics.lift_score(y, own, at=0.1),
    }


def _page(table: pd.DataFrame, customers: int, teachers: int) -> str:
    mean = table.drop(columns="operator (seed)").mean()
    share = (mean["AUC model"] - 0.5) / (mean["AUC p_observable"] - 0.5)
    reached = "reached" if share >= 0.95 and mean["ECE model"] <= 0.02 else "**not reached**"
    head = f"# Quality on simulated operators\n\n{provenance('lightgbm', 'scikit-learn')}\n\n"
    what = (
        f"Each operator has {customers:,} customers and 12 months. *p_observable* is the same learner, trained on "
        f"{teachers} other operators.\nThe test is out of time: all training labels were known before the test date. "
        "Script: `experiments/simulator_quality.py`.\n\n"
    )
    verdict = (
        f"\n\nMean over operators: (AUC - 0.5) of the model is {share:.1%} of that of p_observable (goal 95 %), "
        f"ECE {mean['ECE model']:.4f} (goal 0.02): {reached}.\n"
    )
    return head + what + _markdown(table) + verdict


def _markdown(table: pd.DataFrame) -> str:
    rows = [[f"{v:.4f}" if isinstance(v, float) and v != int(v) else f"{v:.0f}" for v in r] for r in table.to_numpy()]
    lines = [list(table.columns), ["--:"] * len(table.columns), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> None:
    """Run the study and write its page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=5_000)
    parser.add_argument("--teachers", type=int, default=10)
    parser.add_argument("--operators", type=int, default=3)
    parser.add_argument("--keep", type=Path, default=Path("/tmp/custintel_operators"))
    parser.add_argument("--ship", type=Path, help="save p_observable as a model folder here")
    asked = parser.parse_args()
    spec = load_model_spec("churn")
    seeds = range(FIRST_TEACHER, FIRST_TEACHER + asked.teachers)
    observable = _teach(spec, [_kept(seed, asked.customers, spec, asked.keep) for seed in seeds])
    if asked.ship:
        Model("p_observable", observable, {"trained_on": f"{asked.teachers} operators"}).save(asked.ship)
    own = range(FIRST_OPERATOR, FIRST_OPERATOR + asked.operators)
    table = pd.DataFrame([_row(s, _kept(s, asked.customers, spec, asked.keep), observable, spec) for s in own])
    page = _page(table, asked.customers, asked.teachers)
    SAY(page)
    write_page("simulator_quality.md", page)


if __name__ == "__main__":
    main()
