"""Do rules keep on customers they have not seen the precision that they state?

`RuleBase.learn` with default settings learns on 70 % of a table; each of its rules states a precision. On the other
30 % a rule has kept it when its precision there is at least the stated one (*kept*), or is not so far below that the
luck of few alarms cannot explain it (*within noise*: so few hits, or fewer, have a probability of 5 % or more at the
stated precision). Rules that fire on nobody there are left out. Tables come with their own share of cases and
thinned to 5 %. ``SkopeRulesClassifier`` of imodels (30 trees, precision at least 0.5, its other defaults) sees the same
customers, categories as one column a level, missing numbers as medians; what its rules state is the precision that it
gives them itself, out of bag. It is left out, and named, where imodels is absent.

Writes ``docs/benchmarks/rule_promises.md``.

    python experiments/rule_promises.py
    python experiments/rule_promises.py --tables german_credit --seeds 1 --print
"""

# ruff: noqa: E501 - a script; tables are written as they are read
from __future__ import annotations

import argparse
import warnings
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np
import pandas as pd
from _place import provenance, write_page
from real_tables import german_credit, ibm_telco, iranian, mlc
from scipy.stats import binom
from sklearn.model_selection import train_test_split

from custintel import RuleBase
from custintel.progress import track
from custintel.rules import LearnSettings, keeps_promise

TABLES = {"MLC": mlc, "Iranian": iranian, "IBM Telco": ibm_telco, "German credit": german_credit}
THIN = 0.05
MEDIUM = 20
COLUMNS = ["stated", "alarms", "hits", "precision", "kept", "within_noise", "proof_hits", "proof_alarms"]


class Split(NamedTuple):
    """Customers to learn from and to judge on."""

    X: pd.DataFrame
    y: np.ndarray
    new: pd.DataFrame
    truth: np.ndarray


def split(X: pd.DataFrame, y: pd.Series, seed: int, rate: float | None) -> Split:
    """70 to 30 %, stratified, after thinning the cases to a share."""
    rng = np.random.default_rng(seed)
    rows = np.arange(len(y))
    if rate is not None:
        cases, others = rows[y == 1], rows[y != 1]
        wanted = round(rate / (1 - rate) * len(others))
        rows = np.sort(np.concatenate([rng.permutation(cases)[:wanted], others]))
    one, two = train_test_split(rows, test_size=0.3, random_state=seed, stratify=y.iloc[rows])
    X = X.reset_index(drop=True)
    return Split(X.iloc[one], y.to_numpy()[one], X.iloc[two], y.to_numpy()[two])


def of_custintel(data: Split, seed: int) -> pd.DataFrame:
    """Rules of `RuleBase.learn`, their promises and what became of them."""
    base = RuleBase.learn(data.X, data.y, LearnSettings(seed=seed))
    found = keeps_promise(base, data.new, data.truth)
    proofs = [base.entries[f"{r}@{v}"].evidence for r, v in zip(found["rule"], found["version"], strict=True)]
    return found.assign(proof_hits=[p["hits"] for p in proofs], proof_alarms=[p["alarms"] for p in proofs])


def of_skope(data: Split, seed: int) -> pd.DataFrame:
    """Rules of imodels' SkopeRules, the same way."""
    from imodels import SkopeRulesClassifier

    both = _plain(data)
    old, new = both.iloc[: len(data.X)], both.iloc[len(data.X) :].reset_index(drop=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = SkopeRulesClassifier(n_estimators=30, precision_min=0.5, random_state=seed)
        model.fit(old.to_numpy(), data.y, feature_names=list(both.columns))
    names = [f"X_{k}" for k in range(both.shape[1])]
    rows = [
        _judged(float(rule.args[0]), new.set_axis(names, axis=1).query(str(rule)).index.to_numpy(), data.truth)
        for rule in model.rules_without_feature_names_
    ]
    return pd.DataFrame(rows, columns=COLUMNS).astype({"kept": "boolean", "within_noise": "boolean"})


def _judged(stated: float, fired: np.ndarray, truth: np.ndarray) -> dict[str, object]:
    alarms, hits = len(fired), int(truth[fired].sum())
    if not alarms:
        return {"stated": stated, "alarms": 0, "hits": 0, "kept": None, "within_noise": None}
    noise = bool(binom.cdf(hits, alarms, stated) >= 0.05)
    kept = hits / alarms >= stated
    return {"stated": stated, "alarms": alarms, "hits": hits, "precision": hits / alarms, "kept": kept,
            "within_noise": noise}  # fmt: skip


def _plain(data: Split) -> pd.DataFrame:
    both = pd.concat([data.X, data.new])
    both = both.apply(lambda c: c if c.dtype.kind in "ifb" else _number(c))
    both = pd.get_dummies(both).astype(float)
    return both.fillna(both.iloc[: len(data.X)].median()).set_axis([f"c{k}" for k in range(both.shape[1])], axis=1)


def _number(values: pd.Series) -> pd.Series:
    found = pd.to_numeric(values, errors="coerce")
    return found if found.notna().mean() > 0.9 else values


LEARNERS = {"custintel": of_custintel, "SkopeRules": of_skope}


def measure(tables: list[str], seeds: int, learners: list[str]) -> pd.DataFrame:
    """One row a rule of each table, rate, seed and learner."""
    rows = []
    jobs = [(t, r, s) for t in tables for r in (None, THIN) for s in range(seeds)]
    for table, rate, seed in track(jobs, "splits"):
        data = split(*TABLES[table](), seed, rate)
        for name in learners:
            found = LEARNERS[name](data, seed)
            cases = "its own" if rate is None else f"{rate:.0%}"
            rows.append(found.assign(table=table, cases=cases, seed=seed, learner=name, share=data.truth.mean()))
    return pd.concat(rows, ignore_index=True)


def summary(found: pd.DataFrame, *by: str) -> pd.DataFrame:
    """Rules, how many fired on the held-out rows, and the share that kept what it stated."""
    return found.groupby(["learner", *by]).agg(
        rules=("kept", "size"), fired=("kept", "count"), kept=("kept", "mean"), within_noise=("within_noise", "mean"),
        stated=("stated", "mean"), precision=("precision", "mean"),
    )  # fmt: skip


def lines(found: pd.DataFrame) -> list[str]:
    """Rows of a Markdown table."""
    head = [*found.index.names, *found.columns]
    rows = [
        [*(key if isinstance(key, tuple) else (key,)), *(f"{v:.3g}" for v in row)]
        for key, row in zip(found.index, found.to_numpy(float), strict=True)
    ]
    return [f"| {' | '.join(map(str, row))} |" for row in (head, ["---"] * len(head), *rows)]


def main() -> None:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(description="do learned rules keep the precision they state?")
    parser.add_argument("--seeds", type=int, default=3)
    learners = ["custintel", "SkopeRules"] if find_spec("imodels") else ["custintel"]
    found = measure(list(TABLES), parser.parse_args().seeds, learners)
    text = (
        f"# Do rules keep what they state?\n\nWritten by `experiments/rule_promises.py`. {provenance('lightgbm')}\n\n"
        "`RuleBase.learn` with defaults on 70 % of each table; the precision that a rule states against its precision on the "
        "other 30 %, at the tables' own share of cases and with cases thinned to 5 %. *kept*: share of the rules at or above "
        "what they stated; *within noise*: share that is not surely below it, given how often they fired.\n\n"
        + "\n".join([*lines(summary(found, "cases")), "", *lines(summary(found, "table", "cases"))])
        + "\n"
    )
    print(write_page("rule_promises.md", text))


if __name__ == "__main__":
    main()
