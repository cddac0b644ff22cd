"""How well rules and detector tell cases on held-out rows, beside plain LightGBM and imodels' rule learners.

    .venv/bin/python experiments/rule_quality.py [--peer-python /path/to/venv/with/imodels/bin/python]

German credit, MLC and Iranian churn (third-party data), and a simulated operator with all kinds of fraud; stratified
70/30 splits. imodels does not install beside our scikit-learn everywhere, so it runs in a Python of its own, on the same
splits, with categories as dummies and gaps at the median. Writes docs/benchmarks/rule_quality.md.
"""

# ruff: noqa: E501 - tables are written as they are read
from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import warnings
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
from _place import provenance, write_page
from real_tables import german_credit, iranian, mlc
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedShuffleSplit

from custintel import FeatureBuilder, FraudDetector, RuleBase, Warehouse
from custintel.metrics.discrimination import auc
from custintel.simulate import SimulationConfig

PEER = """
import json, sys, warnings
warnings.filterwarnings("ignore")
import numpy as np, pandas as pd
from imodels import BoostedRulesClassifier, RuleFitClassifier, SkopeRulesClassifier
from sklearn.metrics import f1_score, roc_auc_score
data = np.load(sys.argv[1])
X, y, train, test = (data[k] for k in ("X", "y", "train", "test"))
names = [f"x{k}" for k in range(X.shape[1])]
makers = {"RuleFit (30 rules)": lambda: RuleFitClassifier(max_rules=30, random_state=0),
          "SkopeRules": lambda: SkopeRulesClassifier(random_state=0),
          "BoostedRules (50)": lambda: BoostedRulesClassifier(n_estimators=50, random_state=0)}
out = {}
for name, make in makers.items():
    try:
        m = make().fit(X[train], y[train], feature_names=names)
        p, q = (np.asarray(m.predict_proba(X[part]))[:, 1] for part in (train, test))
        cuts = np.unique(np.quantile(p, np.linspace(0.01, 0.99, 99)))
        cut = max(cuts, key=lambda c: f1_score(y[train], p >= c, average="macro"))
        out[name] = [float(roc_auc_score(y[test], q)), float(f1_score(y[test], q >= cut, average="macro"))]
    except Exception as error:
        print(name, error, file=sys.stderr)
print(json.dumps(out))
"""


def simulated() -> tuple[pd.DataFrame, pd.Series]:
    """Lines in service at the end of an operator's seventh month; 1 for running fraud of any kind."""
    wh = Warehouse.simulate(3000, 7, 4, SimulationConfig.fraud_study(25))
    day = "2025-07-20"
    families = [
        "volumes",
        "direct_contacts",
        "cells_visited",
        "international",
        "bills",
        "payment_behaviour",
        "recharges",
        "customer_profile",
        "devices",
        "overlapping_calls",
    ]
    X = FeatureBuilder(families).build(wh, as_of=day)
    cases = wh.truth["cases"]
    start, end = (pd.to_datetime(cases[c]) for c in ("start_date", "end_date"))
    running = cases[(start <= day) & (end.isna() | (end >= day))]["customer_id"]
    return X.reset_index(drop=True), pd.Series(X.index.isin(set(running)).astype(int))


TABLES = {"German credit": german_credit, "MLC": mlc, "Iranian": iranian, "simulated fraud": simulated}


def of_ours(X: pd.DataFrame, y: np.ndarray, new: pd.DataFrame, truth: np.ndarray) -> dict[str, list[float]]:
    """AUC and macro F1 at the learned threshold."""
    base = RuleBase.learn(X, y)
    detector = FraudDetector().fit(X, y)
    p = detector.predict_proba(new)[:, 1]
    told = {"RuleBase.learn": (base.score(new), base.decide(new)), "FraudDetector": (p, p >= detector.threshold_)}
    numbers, others = (
        frame.apply(lambda c: c if c.dtype.kind in "ifb" else c.astype("category")) for frame in (X, new)
    )
    plain = lgb.LGBMClassifier(n_estimators=300, num_leaves=31, learning_rate=0.05, verbose=-1, n_jobs=1).fit(
        numbers, y
    )
    q = plain.predict_proba(others)[:, 1]
    told["plain LightGBM (300 x 31)"] = (q, q >= 0.5)
    return {k: [auc(truth, s), float(f1_score(truth, c, average="macro"))] for k, (s, c) in told.items()}


def of_peer(python: str, X: pd.DataFrame, y: np.ndarray, train: np.ndarray, test: np.ndarray) -> dict[str, list[float]]:
    """imodels' learners on the same rows."""
    plain = pd.get_dummies(X.apply(lambda c: c if c.dtype.kind in "ifb" else c.astype(str))).astype(float)
    plain = plain.fillna(plain.iloc[train].median()).fillna(0.0)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "split.npz"
        np.savez(place, X=plain.to_numpy(), y=y, train=train, test=test)
        run = subprocess.run([python, "-c", PEER, str(place)], capture_output=True, text=True, check=False)
    return json.loads(run.stdout.splitlines()[-1]) if run.stdout.strip() else {}


def main() -> None:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(description="AUC and macro F1 of rules and detector, beside peers")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--peer-python", default="")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = []
    for table, read in TABLES.items():
        X, label = read()
        y = np.asarray(label).astype(int)
        for seed in range(given.seeds):
            train, test = next(StratifiedShuffleSplit(1, test_size=0.3, random_state=seed).split(X, y))
            found = of_ours(X.iloc[train], y[train], X.iloc[test], y[test])
            if given.peer_python:
                found |= of_peer(given.peer_python, X, y, train, test)
            rows += [{"table": table, "seed": seed, "learner": k, "AUC": a, "F1": f} for k, (a, f) in found.items()]
            print(table, seed, found, flush=True)
    mean = pd.DataFrame(rows).groupby(["learner", "table"], sort=False)[["AUC", "F1"]].mean().unstack("table")
    lines = ["| learner | " + " | ".join(TABLES) + " |", "|---|" + "---|" * len(TABLES)]
    lines += [
        f"| {learner} | " + " | ".join(f"{r[('AUC', t)]:.3f} / {r[('F1', t)]:.3f}" for t in TABLES) + " |"
        for learner, r in mean.iterrows()
    ]
    write_page(
        "rule_quality.md",
        f"# Rules and detector on held-out rows\n\nWritten by `experiments/rule_quality.py`. {provenance('lightgbm', 'scikit-learn')}\n\n"
        "How well do learned rules and the detector recognise cases? The table gives AUC / macro F1 (threshold from the training "
        f"rows; 0.5 for plain LightGBM), as means of {given.seeds} stratified 70/30 splits. Every learner has its default settings. "
        "`RuleBase.learn` keeps at most 40 rules of at most 4 conditions. imodels 3 runs in a Python of its own and gets "
        "categories as dummies.\n\n" + "\n".join(lines) + "\n",
    )


if __name__ == "__main__":
    main()
