"""Is `ChurnSurvival` right about when customers leave? Writes ``docs/benchmarks/survival.md``.

Against the Kaplan-Meier curve of all customers and, where lifelines is installed, Cox and Weibull regressions of it:

- IBM Telco, random splits of 70 to 30 %: tenure as the time, churn as the end;
- simulated operators, out of time: learned on a day from earlier dates, judged by the months after it.

lifelines asks for pandas before 3, so it is no dependency; it runs on pandas 3 as installed here:

    pip install --no-deps lifelines autograd autograd-gamma formulaic interface-meta wrapt
    CUSTINTEL_DATA=/path/to/data python experiments/survival.py --keep /tmp/operators
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _place import data_folder, log_study, provenance, write_page
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from custintel import ChurnSurvival, FeatureBuilder, Warehouse
from custintel.catalogue.model_spec import load_model_spec
from custintel.metrics import concordance_index, integrated_brier_score
from custintel.metrics.survival_metrics import kaplan_meier, survival_calibration
from custintel.questions import exit_times

AT = (3, 6, 12, 24, 48)
SPLITS = 3
HISTORY_MONTHS = 3
PENALTIES = (0.05, 0.5, 5.0)
MOST_WEIBULL = 100  # columns; with hundreds one fit takes minutes
DROP_DURATION = ["customerID", "tenure", "TotalCharges", "Churn"]


@dataclass(frozen=True)
class Case:
    """Customers to learn from and to be judged on; cause is missing for those who are still here."""

    X: pd.DataFrame
    months: np.ndarray
    cause: np.ndarray
    X_test: pd.DataFrame
    months_test: np.ndarray
    left_test: np.ndarray
    groups: np.ndarray | None = None

    @property
    def left(self) -> np.ndarray:
        """Whether the customers to learn from left."""
        return np.asarray(pd.notna(self.cause))


Method = Callable[[Case, int], np.ndarray]


def own(case: Case, horizon: int) -> np.ndarray:
    """`ChurnSurvival`, default settings."""
    model = ChurnSurvival().fit(case.X, case.months, cause=case.cause, groups=case.groups)
    return model.survival(case.X_test, horizon).to_numpy()


def common(case: Case, horizon: int) -> np.ndarray:
    """Kaplan-Meier: the same curve for everybody."""
    curve = kaplan_meier(case.months, case.left, horizon).to_numpy()
    return np.tile(curve, (len(case.X_test), 1))


def cox(case: Case, horizon: int) -> np.ndarray:
    """Cox regression of lifelines on standardised columns, with the smallest ridge at which it converges."""
    from lifelines import CoxPHFitter

    return _lifelines(CoxPHFitter, case, horizon)


def weibull(case: Case, horizon: int) -> np.ndarray:
    """Weibull accelerated failure times of lifelines, the same columns."""
    from lifelines import WeibullAFTFitter

    return _lifelines(WeibullAFTFitter, case, horizon)


def _lifelines(fitter: Callable[..., Any], case: Case, horizon: int) -> np.ndarray:
    learn, judge = _numbers(case.X, case.X_test)
    fitted = _converged(fitter, learn.assign(_t=case.months, _left=case.left))
    found = fitted.predict_survival_function(judge, times=np.arange(1, horizon + 1))
    return found.to_numpy().T


def _converged(fitter: Callable[..., Any], learn: pd.DataFrame) -> Any:
    """The fit with the smallest ridge that converges: one that does not is no peer. Test rows have no say in it."""
    from lifelines.exceptions import ConvergenceError

    for penalty in PENALTIES:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            try:
                fitted = fitter(penalizer=penalty).fit(learn, "_t", "_left")
            except ConvergenceError:
                continue
        if not any("failed to converge" in str(one.message) for one in said):
            print(f"{fitter.__name__}: ridge {penalty}", file=sys.stderr, flush=True)
            return fitted
    raise RuntimeError(f"{fitter.__name__} converges at none of the ridges {PENALTIES}")


def _numbers(learn: pd.DataFrame, judge: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Standardised numbers, missing values at the median with a flag, categories as columns; constants left out."""
    both = pd.get_dummies(pd.concat([learn, judge]), drop_first=True, dtype=float).astype(float)
    steps = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    first = both.iloc[: len(learn)]
    usable = [c for c in both if first[c].std() > 0]
    done = steps.fit(first[usable]).transform(both[usable]).clip(-5, 5)
    table = pd.DataFrame(done, columns=[f"x{k}" for k in range(done.shape[1])])
    return table.iloc[: len(learn)], table.iloc[len(learn) :].reset_index(drop=True)


def methods() -> dict[str, Method]:
    """What is compared; the regressions of lifelines where it is installed."""
    found: dict[str, Method] = {"ChurnSurvival": own, "Kaplan-Meier": common}
    return found | ({"Cox": cox, "Weibull": weibull} if find_spec("lifelines") else {})


def telco(seed: int) -> Case:
    """IBM Telco: tenure is the time, so that columns that hold it (TotalCharges) are left out."""
    table = pd.read_csv(data_folder() / "ibm_telco" / "WA_Fn-UseC_-Telco-Customer-Churn.csv")
    table = table[table["tenure"] > 0]
    learn, judge = train_test_split(table, test_size=0.3, random_state=seed, stratify=table["Churn"])
    cause = np.where(learn["Churn"] == "Yes", "voluntary", None)
    drop = {"columns": DROP_DURATION}
    left = (judge["Churn"] == "Yes").to_numpy()
    return Case(
        learn.drop(**drop), learn["tenure"].to_numpy(), cause, judge.drop(**drop), judge["tenure"].to_numpy(), left
    )


def operator(seed: int, customers: int, months: int, keep: Path | None) -> Warehouse:
    """A simulated operator, from the folder where it was kept if there is one."""
    path = None if keep is None else keep / f"{customers}_{months}_{seed}"
    if path is not None and (path / "warehouse.json").exists():
        return Warehouse.open(path)
    wh = Warehouse.simulate(customers=customers, months=months, seed=seed)
    if path is not None:
        wh.save(path)
    return wh


def simulated(wh: Warehouse, ahead: int) -> Case:
    """Learned on the last day that has `ahead` months after it, from all earlier month ends as known that day."""
    day = wh.period[1] + pd.offsets.Day(1) - pd.offsets.MonthEnd(1) - pd.offsets.MonthEnd(ahead)
    first = wh.period[0] + pd.offsets.MonthEnd(HISTORY_MONTHS)
    dates = pd.date_range(first, day - pd.offsets.MonthEnd(1), freq="ME")
    past, later = exit_times(wh, dates, known_by=day), exit_times(wh, day)
    past, later = past[past["months"] > 0], later[later["months"] > 0]
    X = FeatureBuilder(load_model_spec("churn").topics).build(wh, [*dates, day])
    groups = np.asarray(past.index.get_level_values("customer_id"))
    return Case(
        X.loc[past.index],
        past["months"].to_numpy(),
        past["cause"].to_numpy(dtype=object),
        X.loc[later.index],
        later["months"].to_numpy(),
        later["cause"].notna().to_numpy(),
        groups,
    )


def horizon_of(case: Case) -> int:
    """The longest month that `ChurnSurvival` calls observed and for which test customers are watched."""
    watched = np.sort(case.months)[-20]
    return int(min(watched, np.sort(case.months_test)[-20]))


def judged(name: str, case: Case) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Figures of every method, and the calibration of `ChurnSurvival` by tenths."""
    horizon, rows, tenths = horizon_of(case), [], pd.DataFrame()
    for method, predict in methods().items():
        if method == "Weibull" and case.X.shape[1] > MOST_WEIBULL:
            continue
        print(name, method, file=sys.stderr, flush=True)
        stays = predict(case, horizon)
        months, left = case.months_test, case.left_test
        table = survival_calibration(months, left, stays, at=AT, groups=1).set_index("month")
        row = {
            "case": name,
            "method": method,
            "months": horizon,
            "c_index": concordance_index(months, left, -stays.sum(axis=1), horizon),
            "brier": integrated_brier_score(months, left, stays),
        }
        rows.append(row | {f"ratio_{m}": table["ratio"].get(m, np.nan) for m in AT})
        if method == "ChurnSurvival":
            tenths = survival_calibration(months, left, stays, at=AT).assign(case=name)
    return pd.DataFrame(rows), tenths


def cases(settings: argparse.Namespace) -> list[tuple[str, Callable[[], Case]]]:
    """Names and makers of all cases."""
    found: list[tuple[str, Callable[[], Case]]] = []
    if (data_folder() / "ibm_telco").exists():
        found += [("IBM Telco", lambda seed=seed: telco(seed)) for seed in range(SPLITS)]
    size = (settings.customers, settings.months, settings.keep)
    found += [
        (f"operator {seed}", lambda seed=seed: simulated(operator(seed, *size), settings.ahead))
        for seed in settings.operators
    ]
    return found


def page(summary: pd.DataFrame, tenths: pd.DataFrame, rows: dict[str, str], settings: argparse.Namespace) -> str:
    """The results page."""
    packages = ["lightgbm", "scikit-learn", "pandas"] + (["lifelines"] if find_spec("lifelines") else [])
    operators = tenths[tenths["case"].str.startswith("operator") & tenths["month"].isin([3, 6])]
    each = operators.assign(expected=operators["predicted"] * operators["customers"])
    each = each.assign(seen=each["observed"] * each["customers"]).groupby(["month", "group"])
    pooled = each[["customers", "expected", "seen"]].sum()
    pooled = pooled.assign(ratio=pooled["expected"] / pooled["seen"]).reset_index()
    return "\n".join(
        [
            "# Survival: when do customers leave?",
            "",
            f"{provenance(*packages)} Written by `experiments/survival.py`.",
            "",
            "Does `ChurnSurvival` predict when customers leave? All methods learn from the same rows.",
            "",
            "- `c_index`: how well the order of leaving is predicted within the months judged (0.5 is chance).",
            "- `brier`: the Brier score under censoring, as a mean over the months (lower is better).",
            "- `ratio_3`, `ratio_6`, ...: the share predicted to have left by month 3, 6, ... divided by the share",
            "  that had left (Kaplan-Meier); 1 is right.",
            "",
            "`ChurnSurvival` has its default settings. Nothing was tuned on these cases.",
            "",
            "## By method",
            "",
            _table(summary),
            "",
            f"- *IBM Telco*: mean of {SPLITS} random splits of 70 to 30 % (seeds 0 to {SPLITS - 1}). The table",
            "  knows each customer at one moment only: columns are of the end of the tenure, not of its",
            "  beginning, and the type",
            "  of the contract, which long-standing customers have had time to change, carries most of the order. So a",
            "  C-index here says little about forecasts. Probably for the same reason late ratios exceed 1 for every",
            "  model that knows the contract: who is lost from sight early has other contracts than who stays, and",
            "  Kaplan-Meier takes them for alike (untested). `TotalCharges` (tenure x price) is left out.",
            f"- *operator*: simulated, {settings.customers:,} lines at the start, {settings.months} months. Learned",
            f"  on the day {settings.ahead} months before the end from all earlier month ends, with exits",
            "  known by that day;",
            f"  judged on the lines active that day. {'; '.join(f'{k}: {v}' for k, v in rows.items())}.",
            "- *Cox*, *Weibull*: lifelines on the same columns, standardised, missing values at the median, with the",
            f"  smallest ridge of {', '.join(map(str, PENALTIES))} at which the fit converges;",
            f"  Weibull only up to {MOST_WEIBULL} columns.",
            "",
            "## Simulated operators by tenth of predicted risk",
            "",
            "The table shows `ChurnSurvival` on all operators together: the customers expected to have left by the",
            "month, and those who had left. Group 1 has the highest risk.",
            "",
            _table(pooled),
            "",
        ]
    )


def _table(frame: pd.DataFrame) -> str:
    shown = frame.copy()
    for column in shown.select_dtypes("floating"):
        digits = 4 if column == "brier" else 1 if column in ("expected", "seen") else 3
        shown[column] = [f"{v:.{digits}f}" if np.isfinite(v) else "" for v in shown[column]]
    rows = [f"| {' | '.join(map(str, row))} |" for row in shown.itertuples(index=False)]
    return "\n".join([f"| {' | '.join(map(str, shown.columns))} |", "|" + "---|" * shown.shape[1], *rows])


def main() -> None:
    """Run the study."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=2_000)
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--ahead", type=int, default=10, help="months after the day of learning")
    parser.add_argument("--operators", type=int, nargs="*", default=[31, 32], help="seeds")
    parser.add_argument("--keep", type=Path, help="folder for simulated operators")
    parser.add_argument("--mlflow", action="store_true")
    settings = parser.parse_args()
    figures, calibration, rows = [], [], {}
    for name, make in cases(settings):
        case = make()
        if name.startswith("operator"):
            rows[name] = (
                f"{len(case.X):,} rows with {int(case.left.sum()):,} exits learned from, {len(case.X_test):,} judged"
            )
        one, tenths = judged(name, case)
        figures.append(one)
        calibration.append(tenths)
        print(one.round(4).to_string(), flush=True)
    summary = pd.concat(figures).groupby(["case", "method"], sort=False).mean().reset_index()
    summary["months"] = summary["months"].astype(int)
    print(write_page("survival.md", page(summary, pd.concat(calibration), rows, settings)))
    if settings.mlflow:
        best = summary[summary["method"] == "ChurnSurvival"].set_index("case")
        log_study(
            "survival", {f"{name} {m}": float(best.loc[name, m]) for name in best.index for m in ("c_index", "brier")}
        )


if __name__ == "__main__":
    main()
