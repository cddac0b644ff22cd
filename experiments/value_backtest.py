"""Would the value model have been right? Back-test on a simulated operator, writes ``docs/benchmarks/value.md``.

On each of three past dates `ValueModel` (default settings) learns only what was known that day, and its values are
compared with the margin that came, beside three baselines.

    python experiments/value_backtest.py                               # 2,000 lines, 36 months
    python experiments/value_backtest.py --keep /tmp/operator --mlflow
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
from _place import log_study, provenance, write_page

from custintel import Warehouse
from custintel.value import backtest_value
from custintel.value._value_backtest import BASELINES, ValueBacktest

DATES = 3
EVERY = 3


def operator(lines: int, months: int, seed: int, keep: Path | None) -> Warehouse:
    """A simulated operator, from the folder where it was kept if there is one."""
    if keep is not None:
        keep = keep / f"{lines}_{months}_{seed}"
        if (keep / "warehouse.json").exists():
            return Warehouse.open(keep)
    wh = Warehouse.simulate(customers=lines, months=months, seed=seed)
    if keep is not None:
        wh.save(keep)
    return wh


def test_dates(wh: Warehouse, horizon: int) -> list[pd.Timestamp]:
    """The latest ends of months, a quarter apart, that have a whole horizon after them."""
    latest = wh.period[1] - pd.offsets.MonthEnd(horizon)
    return [latest - pd.offsets.MonthEnd(EVERY * k) for k in reversed(range(DATES))]


def page(result: ValueBacktest, settings: argparse.Namespace) -> str:
    """The results page."""
    summary = result.summary.drop(columns=["lowest_decile", "highest_decile"]).reset_index()
    summary["as_of"] = summary["as_of"].dt.strftime("%Y-%m-%d")
    pooled = result.pooled()
    pooled["gap"] = (pooled["predicted"] - pooled["actual"]) / pooled["customers"]
    by_date = result.deciles()["ratio"].unstack("as_of")
    by_date.columns = by_date.columns.strftime("%Y-%m-%d")
    each = pooled[["predicted", "actual"]].div(pooled["customers"], axis=0)
    deciles = pd.concat([each.round(1), pooled[["ratio"]].round(3), pooled["gap"].round(1), by_date.round(3)], axis=1)
    rows = result.customers.groupby(level="as_of").size()
    return "\n".join(
        [
            "# Value: back-test on a simulated operator",
            "",
            f"{provenance('lightgbm', 'scikit-learn', 'pandas', 'duckdb')} Written by `experiments/value_backtest.py`.",
            "",
            f"The simulated operator has {settings.customers:,} lines at the start and {settings.months} months (seed "
            f"{settings.seed}). On each date the model learns from every third month end before it, from what had "
            f"happened and arrived by then. It is asked about all active lines ({', '.join(map(str, rows))}) and "
            f"judged by the margin of the next {settings.horizon} months, discounted at 10 % a year. `ValueModel` has "
            "its default settings. Nothing was tuned on these dates.",
            "",
            result.words,
            "",
            "## By date and method",
            "",
            "- `portfolio`: predicted value divided by actual value (goal: 0.95 to 1.05).",
            "- `capture`: actual value of the tenth ranked highest, divided by that of the tenth that was best in",
            "  fact.",
            "- `absolute_error`: mean absolute error in currency units.",
            "",
            _table(summary.round(3)),
            "",
            *(f"- *{name}*: {about}" for name, about in BASELINES.items()),
            "",
            "## By tenth of customers",
            "",
            "Tenth 1 has the highest predicted value. The table gives currency units a customer over the horizon, for",
            "all dates together, and then the ratio on each date (goal: 0.9 to 1.1). The last tenth earns next to",
            "nothing or costs a little. Its ratio divides by a number near zero and means nothing, so read its `gap`",
            "(currency units a customer, predicted less actual).",
            "",
            _table(deciles.reset_index()),
            "",
        ]
    )


def _table(frame: pd.DataFrame) -> str:
    head = f"| {' | '.join(map(str, frame.columns))} |"
    rows = [f"| {' | '.join(map(str, row))} |" for row in frame.itertuples(index=False)]
    return "\n".join([head, "|" + "---|" * frame.shape[1], *rows])


def main() -> None:
    """Run the study."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=2_000)
    parser.add_argument("--months", type=int, default=36)
    parser.add_argument("--seed", type=int, default=21)
    parser.add_argument("--horizon", type=int, default=12)
    parser.add_argument("--keep", type=Path, help="folder for simulated operators")
    parser.add_argument("--mlflow", action="store_true")
    settings = parser.parse_args()
    wh = operator(settings.customers, settings.months, settings.seed, settings.keep)
    result = backtest_value(wh, test_dates(wh, settings.horizon), settings.horizon)
    print(result.words)
    print(result.summary.round(3).to_string())
    print(write_page("value.md", page(result, settings)))
    if settings.mlflow:
        own = result.summary.xs("model", level="method").mean()
        log_study("value_backtest", {name: float(value) for name, value in own.items()})


if __name__ == "__main__":
    main()
