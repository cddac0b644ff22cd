"""`TableClassifier` on tables as they come: mixed types, dirt, small samples; and what it promises."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from custintel.errors import ConfigurationError, DataError, QualityWarning
from custintel.learners import TableClassifier


def _customers(rows: int = 400, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "plan": rng.choice(["S", "M", "L"], rows),
            "minutes": rng.gamma(2, 50, rows),
            "tenure": rng.integers(0, 72, rows),
            "noise": rng.normal(size=rows),
        },
        index=[f"c{i}" for i in range(rows)],
    )
    odds = 2.0 * (table["plan"] == "S") - table["tenure"] / 24 + 0.3
    return table, (rng.random(rows) < 1 / (1 + np.exp(-odds))).astype(int)


def _fast(**params: Any) -> TableClassifier:
    return TableClassifier(effort="fast", n_jobs=1, **params)


@pytest.fixture(scope="module")
def fitted() -> TableClassifier:
    return TableClassifier(n_jobs=1).fit(*_customers())


def _column_cases() -> dict[str, pd.Series]:
    n, rng = 400, np.random.default_rng(1)
    when = pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 99, n), unit="D")
    some = np.arange(n) % 7 == 0
    number = rng.normal(size=n).round(3)
    return {
        "float": pd.Series(number),
        "float with gaps": pd.Series(np.where(some, np.nan, number)),
        "infinite": pd.Series(np.where(some, np.inf, number)),
        "Int64": pd.Series(pd.array(np.where(some, None, 3 + some), dtype="Int64")),
        "boolean": pd.Series(pd.array(np.where(some, None, number > 0), dtype="boolean")),
        "bool": pd.Series(number > 0),
        "objects of bool": pd.Series(np.where(some, None, number > 0), dtype=object),
        "objects of int": pd.Series(np.where(some, None, 5), dtype=object),
        "string": pd.Series(np.where(some, None, "a"), dtype="string"),
        "category": pd.Series(pd.Categorical(np.where(some, None, "a"), categories=["a", "z"])),
        "category of int": pd.Series(pd.Categorical(np.where(some, 1, 2))),
        "dates": pd.Series(when),
        "dates with zone": pd.Series(when).dt.tz_localize("Asia/Shanghai"),
        "dates with gaps": pd.Series(when).where(~some),
        "duration": pd.Series(when) - pd.Timestamp("2024-01-01"),
        "text dates": pd.Series(when).dt.strftime("%Y-%m-%d"),
        "all missing": pd.Series([np.nan] * n),
        "all None": pd.Series([None] * n, dtype=object),
        "constant": pd.Series([7] * n),
        "constant text": pd.Series(["x"] * n),
        "blank text": pd.Series([" "] * n),
        "mixed": pd.Series([1, "a"] * (n // 2), dtype=object),
    }


@pytest.mark.parametrize("name", _column_cases())
def test_any_column_fits_and_scores(name: str) -> None:
    table, y = _customers()
    table["extra"] = _column_cases()[name].to_numpy() if "zone" not in name else _column_cases()[name].array
    model = _fast().fit(table, y)
    p = model.predict_proba(table)[:, 1]
    assert np.isfinite(p).all()
    assert roc_auc_score(y, p) > 0.7
    unused = name in ("all missing", "all None", "constant", "constant text", "blank text")
    assert model.contract_.columns[-1].used is not unused


def test_blank_numbers_are_missing_not_zero_and_odd_ones_are_counted() -> None:
    table, y = _customers()
    table["charges"] = table["minutes"].round(2).astype(str)
    table.iloc[:5, -1] = " "
    assert _fast().fit(table, y).contract_.columns[-1].missing == 5
    table.iloc[5:8, -1] = "n/a"
    with pytest.warns(QualityWarning, match=r"charges \(3\)"):
        model = _fast().fit(table, y)
    assert np.isnan(model.encode(table)[:8, -1]).all()


def test_identifiers_are_left_out_and_named() -> None:
    table, y = _customers()
    table["customer"] = table.index
    with pytest.warns(QualityWarning, match="left out.*customer"):
        model = _fast().fit(table, y)
    assert (model.predict_proba(table.drop(columns="customer")) == model.predict_proba(table)).all()


def test_numpy_in_numpy_out() -> None:
    table, y = _customers()
    array = table[["minutes", "tenure"]].to_numpy()
    p = _fast().fit(array, y).predict_proba(array)
    assert p.shape == (400, 2)
    np.testing.assert_allclose(p.sum(axis=1), 1)


@pytest.mark.parametrize("y", [["No", "Yes"], [False, True], [0, 1], ["stay", "stayed"], [1.0, 2.0]])
@pytest.mark.filterwarnings("ignore:which label is the event was guessed")
def test_any_two_labels(y: list[Any]) -> None:
    table, target = _customers()
    labels = np.array(y, dtype=object if isinstance(y[0], str) else None)[target]
    model = _fast().fit(table, labels)
    assert model.classes_.tolist() == y
    assert roc_auc_score(target, model.predict_proba(table)[:, 1]) > 0.8
    assert set(model.predict(table)) == set(y)


def test_contributions_add_up_to_the_log_odds(fitted: TableClassifier) -> None:
    table, _ = _customers()
    parts = fitted.contributions(table)
    assert parts.columns.tolist() == table.columns.tolist()
    assert parts.index.equals(table.index)
    np.testing.assert_allclose(parts.sum(axis=1) + fitted.expected_value_, fitted.log_odds(table), atol=1e-9)
    assert parts.abs().mean().idxmax() in ("plan", "tenure")
    assert fitted.feature_importance().sum() == pytest.approx(1)


def test_columns_are_matched_by_name(fitted: TableClassifier) -> None:
    table, _ = _customers()
    shuffled = table[["noise", "tenure", "plan", "minutes"]].assign(more="x")
    np.testing.assert_array_equal(fitted.predict_proba(shuffled), fitted.predict_proba(table))


def test_missing_columns_are_all_named(fitted: TableClassifier) -> None:
    with pytest.raises(DataError, match=r"2 column.*plan, tenure"):
        fitted.predict_proba(_customers()[0][["minutes", "noise"]])


def test_unseen_categories_count_as_missing_and_are_told_when_many(fitted: TableClassifier) -> None:
    table, _ = _customers()
    with pytest.warns(QualityWarning, match=r"plan \(400 of 400\)"):
        strange = fitted.predict_proba(table.assign(plan="XXL"))
    np.testing.assert_array_equal(strange, fitted.predict_proba(table.assign(plan=None)))
    few = table.assign(plan=np.where(np.arange(400) < 2, "XXL", table["plan"]))
    fitted.predict_proba(few)  # 2 of 400: no warning


ERRORS = [
    (lambda t, y: (t.iloc[:0], y[:0]), "empty: 0 row"),
    (lambda t, y: (t[[]], y), "empty: 400 row.*0 column"),
    (lambda t, y: (t, np.zeros(400)), "one class only"),
    (lambda t, y: (t, np.where(y, np.nan, 0)), "missing value.*NaN"),
    (lambda t, y: (t, pd.Series(y, dtype="Int64").mask(y == 1)), "missing value.*NaN"),
    (lambda t, y: (t, np.arange(400) % 40), "40 classes.*\\n.*up to 30"),
    (lambda t, y: (pd.concat([t, t], axis=1), y), "more than once: plan"),
]


@pytest.mark.parametrize(("change", "told"), ERRORS)
def test_bad_tables_are_told(change: Any, told: str) -> None:
    with pytest.raises(DataError, match=told):
        _fast().fit(*change(*_customers()))


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"monotone": {"tenur": -1}}, "no such column"),
        ({"monotone": {"plan": 1}}, "a category has no order"),
        ({"monotone": {"tenure": 2}}, "unknown direction"),
        ({"effort": "lazy"}, "auto, full, fast"),
        ({"monotone": {"x": 3}, "effort": "lazy"}, "3 mistakes"),
    ],
)
def test_bad_parameters_are_told(params: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        TableClassifier(**params).fit(*_customers())


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("effort", ["auto", "fast"])
def test_monotone_columns_never_turn(sign: int, effort: Any) -> None:
    table, y = _customers()
    model = TableClassifier(effort=effort, monotone={"minutes": sign, "noise": sign}, n_jobs=1).fit(table, y)
    for name in ("minutes", "noise"):
        grid = pd.concat([table.iloc[:40]] * 25)
        grid[name] = np.repeat(np.linspace(table[name].min(), table[name].max(), 25), 40)
        odds = model.decision_function(grid).reshape(25, 40)
        assert (sign * np.diff(odds, axis=0) >= -1e-12).all()


def test_same_seed_same_model() -> None:
    table, y = _customers()
    first, second = (TableClassifier(n_jobs=1, random_state=4).fit(table, y).log_odds(table) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_customers_rows_stay_on_one_side() -> None:
    """Without groups, a column that only names the customer looks predictive out of fold."""
    rng = np.random.default_rng(0)
    customer = np.repeat(np.arange(150), 6)
    y = np.repeat(rng.integers(0, 2, 150), 6)
    table = pd.DataFrame({"mark": np.repeat(rng.normal(size=150), 6), "noise": rng.normal(size=900)})
    fooled = _fast().fit(table, y).predict_proba(table)[:, 1]
    honest = _fast().fit(table, y, groups=customer).predict_proba(table)[:, 1]
    assert fooled.std() > 0.2
    assert honest.std() < 0.7 * fooled.std()


def test_weights_count() -> None:
    table, y = _customers()
    light = _fast().fit(table, y, sample_weight=np.where(y == 1, 0.2, 1.0)).predict_proba(table)[:, 1]
    assert light.mean() < y.mean() * 0.6
    zero = np.append(np.ones(400), np.zeros(50))
    longer, more = pd.concat([table, table[:50]]), np.append(y, 1 - y[:50])
    np.testing.assert_array_equal(
        _fast().fit(longer, more, sample_weight=zero).log_odds(table), _fast().fit(table, y).log_odds(table)
    )


def test_pure_noise_is_not_learned() -> None:
    losses = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        table = pd.DataFrame(rng.normal(size=(3500, 20))).add_prefix("x")
        table["plan"] = rng.choice(list("abcdefgh"), 3500)
        y = (rng.random(3500) < 0.2).astype(int)
        model = TableClassifier(n_jobs=1).fit(table[:500], y[:500])
        base = log_loss(y[500:], np.full(3000, y[:500].mean()))
        losses.append(log_loss(y[500:], model.predict_proba(table[500:])[:, 1]) - base)
    assert np.mean(losses) < 0.004
    assert np.max(losses) < 0.015


def test_few_churners_leave_only_the_ridge() -> None:
    table, _ = _customers(120)
    y = np.zeros(120, dtype=int)
    y[:6] = 1
    model = TableClassifier(n_jobs=1).fit(table, y)
    assert model.ensemble_.texts == ()
    assert model.predict_proba(table)[:, 1].mean() == pytest.approx(0.05, abs=0.005)


def test_five_hundred_real_looking_rows_beat_plain_logistic_regression(data_folder: Any) -> None:
    raw = pd.read_csv(next((data_folder / "ibm_telco").glob("*.csv")))
    y, table = (raw["Churn"] == "Yes").astype(int).to_numpy(), raw.drop(columns=["customerID", "Churn"])
    order = np.random.default_rng(0).permutation(len(raw))
    ours, plain = [], []
    for k in range(4):
        train, test = order[k * 500 : (k + 1) * 500], order[2000:]
        p = TableClassifier(n_jobs=1).fit(table.iloc[train], y[train]).predict_proba(table.iloc[test])[:, 1]
        ours.append(log_loss(y[test], p))
        plain.append(log_loss(y[test], _plain_logistic(table, y, train, test)))
    assert np.mean(ours) <= np.mean(plain)


def _plain_logistic(table: pd.DataFrame, y: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    charges = pd.to_numeric(table["TotalCharges"], errors="coerce").fillna(0)
    wide = pd.get_dummies(table.assign(TotalCharges=charges), drop_first=True).astype(float)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    return np.asarray(model.fit(wide.iloc[train], y[train]).predict_proba(wide.iloc[test])[:, 1])


def test_no_warning_on_a_clean_table() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TableClassifier(n_jobs=1).fit(*_customers())
