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
    python experiments/rule_promises.py --tables MLC --seeds 1 --print
"""

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
from custintel.metrics.confidence_intervals import wilson
from custintel.progress import track
from custintel.rules import LearnSettings
from custintel.rules.monitoring._stated_precision import check_stated_precision

TABLES = {"MLC": mlc, "Iranian": iranian, "IBM Telco": ibm_telco, "German credit": german_credit}
THIN = 0.05
HIGH = 0.5
BOUNDS = (1.28, 1.645, 1.96, 2.33, 2.58)
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
    base = RuleBase.learn(data.X, data.y, LearnSettings(random_state=seed))
    found = check_stated_precision(base, data.new, data.truth)
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


def summary(found: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Rules, those that fired, and what they kept, by some columns."""
    fired = found[found["alarms"] > 0]
    by = fired.groupby(keys, sort=False)
    out = pd.DataFrame(
        {
            "rules": found.groupby(keys, sort=False).size(),
            "fired": by.size(),
            "kept": by["kept"].mean().map(_percent),
            "within noise": by["within_noise"].mean().map(_percent),
            "stated (mean)": by["stated"].mean().round(2),
            "on new customers (mean)": by["precision"].mean().round(2),
            "alarms (median)": by["alarms"].median().astype(int),
        }
    )
    return out.reset_index()


def by_bound(found: pd.DataFrame) -> pd.DataFrame:
    """The same rules, had they stated another lower bound of the same counts."""
    own = found[(found["learner"] == "custintel") & (found["alarms"] > 0)]
    rows = []
    for z in BOUNDS:
        stated = np.array([wilson(h, a, z)[0] for h, a in zip(own["proof_hits"], own["proof_alarms"], strict=True)])
        kept = pd.Series(own["precision"].to_numpy() >= stated, own.index)
        by_rate = kept.groupby(own["cases"], sort=False).mean().map(_percent)
        high = kept[stated >= HIGH]
        told = {f"kept, {rate}": share for rate, share in by_rate.items()}
        rows.append(
            {"z": f"{z:g}", **told, "kept, German credit": _percent(kept[own["table"] == "German credit"].mean()),
             "stated (mean)": round(stated.mean(), 3), f"rules of {HIGH:g} and more": len(high),
             "kept of these": _percent(high.mean())}
        )  # fmt: skip
    return pd.DataFrame(rows)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _table(frame: pd.DataFrame) -> str:
    rows = ["| " + " | ".join(map(str, row)) + " |" for row in [list(frame.columns), *frame.to_numpy().tolist()]]
    return "\n".join([rows[0], "|" + "---|" * frame.shape[1], *rows[1:]])


def page(found: pd.DataFrame, seeds: int) -> str:
    """The results page."""
    ours = found[found["learner"] == "custintel"]
    absent = [] if "SkopeRules" in set(found["learner"]) else ["SkopeRules was not measured: imodels is not installed."]
    packages = ["scikit-learn", "pandas", "lightgbm", *([] if absent else ["imodels"])]
    refused = [f"{table}, {cases}" for table, cases in _without_rules(found)]
    return f"""# Do rules keep their promises?

{provenance(*packages)} Seeds 0 to {seeds - 1}; written by
`experiments/rule_promises.py`, whose first lines define what is measured.{" ".join(["", *absent])}

A rule states a precision. Does it keep that precision on customers whom nobody had seen when the rule was made? The
goal is that at least 90 % of the rules do.

{_table(summary(found, ["learner", "cases"]))}

By table:

{_table(summary(found, ["learner", "table", "cases"]))}

Where `RuleBase.learn` found nothing that stands ({"; ".join(refused) or "nowhere"}), it states nothing.

Rules that state a precision of {HIGH:g} or more, which are those that a policy with its default floor could activate:

{_table(summary(ours[ours["stated"] >= HIGH], ["table", "cases"]))}

What a rule states is the lower end of Wilson's interval (z = 1.96) of its counts on customers that had no say in making
it. The same rules with other bounds of the same counts:

{_table(by_bound(found))}

Splits are at random, not in time, so nothing drifts here. Every rule counts alike, and rules of one split overlap.
*Kept* is a strict test for a rule that fires on few new customers: by chance alone, such a rule may fall below a stated
precision that it really has. The German table is the weakest. It has 700 customers to learn from, of whom 30 % are
cases anyway, and only some 27 alarms measure each rule. Which of thousands of candidates are kept is decided there by
the same counts that measure them, and a bound for a single rule does not know how many other candidates there were.
"""


def _without_rules(found: pd.DataFrame) -> list[tuple[str, str]]:
    have = set(found.loc[found["learner"] == "custintel", ["table", "cases"]].itertuples(index=False, name=None))
    return [(t, c) for t in dict.fromkeys(found["table"]) for c in dict.fromkeys(found["cases"]) if (t, c) not in have]


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", nargs="+", choices=list(TABLES), default=list(TABLES))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--print", action="store_true", help="print the page instead of writing it")
    given = parser.parse_args()
    learners = [name for name in LEARNERS if name != "SkopeRules" or find_spec("imodels")]
    text = page(measure(given.tables, given.seeds, learners), given.seeds)
    print(text if given.print else write_page("rule_promises.md", text))


if __name__ == "__main__":
    main()
