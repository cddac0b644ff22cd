"""Value tiers: thresholds, memory, overrides, migration."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from custintel.errors import ConfigurationError, DataError
from custintel.estimators import ValueTiers
from custintel.estimators._tier_thresholds import natural_breaks

MONTHS = pd.period_range("2025-01", periods=12, freq="M").to_timestamp()


def months_of(values: dict[str, list[float | None]]) -> pd.DataFrame:
    rows = [
        {"customer_id": who, "month": MONTHS[k], "value": v}
        for who, vs in values.items()
        for k, v in enumerate(vs)
        if v is not None
    ]
    return pd.DataFrame(rows)


def tiers(**given: object) -> ValueTiers:
    usual: dict[str, object] = {"names": ("low", "mid", "top"), "thresholds": [600.0, 1200.0]}
    return ValueTiers(**{**usual, **given}).fit()  # type: ignore[arg-type]


def path(values: list[float | None], **how: object) -> list[str]:
    return tiers(**how).assign(months_of({"a": values}))["tier"].tolist()


# monthly values (a year is twelve of them; thresholds are 50 and 100 a month), what tier each month
LIVES = [
    ("steady", [60.0] * 4, {}, ["mid"] * 4),
    ("a little above is not above", [48, 54, 54, 54, 54], {"smoothing": 1}, ["low"] * 5),
    ("well above, twice", [48, 56, 56], {"smoothing": 1}, ["low", "low", "mid"]),
    ("well above once", [48, 56, 48, 56, 48], {"smoothing": 1}, ["low"] * 5),
    ("a little below is not below", [60, 47, 47, 47], {"smoothing": 1}, ["mid"] * 4),
    ("well below, twice", [60, 40, 40], {"smoothing": 1}, ["mid", "mid", "low"]),
    ("two steps at once", [20, 130, 130], {"smoothing": 1}, ["low", "low", "top"]),
    ("beyond in both directions is not confirmed", [70, 120, 30, 120, 30], {"smoothing": 1}, ["mid"] * 5),
    ("smoothing hides one good month", [48, 48, 66, 48, 48], {}, ["low"] * 5),
    ("negative months count", [60, 60, -200, -200, -200], {}, ["mid", "mid", "mid", "low", "low"]),
    ("without memory", [48, 54, 48], {"smoothing": 1, "hysteresis": 0, "confirmation": 1}, ["low", "mid", "low"]),
    ("who comes back begins anew", [60, None, 130], {"smoothing": 1}, ["mid", "top"]),
]


@pytest.mark.parametrize(("values", "how", "expected"), [row[1:] for row in LIVES], ids=[row[0] for row in LIVES])
def test_life(values: list[float | None], how: dict[str, object], expected: list[str]) -> None:
    assert path(values, **how) == expected


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.none() | st.floats(-50, 200), min_size=8, max_size=8), min_size=1, max_size=5),
    st.integers(1, 7),
)
def test_month_by_month_gives_the_same_as_all_at_once(lives: list[list[float | None]], cut: int) -> None:
    monthly = months_of({f"c{k}": values for k, values in enumerate(lives)})
    if monthly.empty or monthly["month"].nunique() < 2:
        return
    early, late = monthly[monthly["month"] < MONTHS[cut]], monthly[monthly["month"] >= MONTHS[cut]]
    if early.empty or late.empty:
        return
    model = tiers()
    whole = model.assign(monthly)
    first = model.assign(early)
    second = model.assign(late, history=first)
    both = pd.concat([first, second], ignore_index=True)
    pd.testing.assert_frame_equal(both, whole)


def test_overrides_hold_until_they_expire_and_leave_the_own_tier_alone() -> None:
    monthly = months_of({"a": [60.0] * 5, "b": [60.0] * 5})
    given_ = pd.DataFrame(
        {"customer_id": ["a"], "tier": ["top"], "reason": ["board member"], "expires": ["2025-03-31"]}
    )
    found = tiers().assign(monthly, overrides=given_).set_index(["customer_id", "month"])
    assert found.loc["a", "tier"].tolist() == ["top"] * 3 + ["mid"] * 2
    assert found.loc["a", "own_tier"].tolist() == ["mid"] * 5
    assert found.loc["b", "tier"].tolist() == ["mid"] * 5
    assert found.loc[("a", MONTHS[0]), "reason"] == "board member"


def test_all_mistakes_of_overrides_are_told_at_once() -> None:
    wrong = pd.DataFrame(
        {"customer_id": ["a", "b"], "tier": ["gold", "top"], "reason": ["x", " "], "expires": [None, "2025-01-01"]}
    ).assign(since="2025-02-01")
    with pytest.raises(ConfigurationError) as told:
        tiers().assign(months_of({"a": [1.0]}), overrides=wrong)
    for piece in ("unknown tier", "no expiry", "no reason", "before it begins"):
        assert piece in str(told.value)


def test_segments_have_thresholds_of_their_own() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.lognormal(5, 0.5, 900), rng.lognormal(9, 0.5, 100)])
    segment = ["public"] * 900 + ["key"] * 100
    model = ValueTiers().fit(values, segment=segment)
    found = pd.Series(model.predict(values, segment=segment))
    shares = found.groupby(segment).value_counts(normalize=True)
    assert shares["key", "bronze"] == pytest.approx(0.8, abs=0.01)
    assert shares["public", "bronze"] == pytest.approx(0.8, abs=0.01)
    with pytest.raises(DataError, match="thresholds of their own"):
        model.predict(values)


def test_natural_breaks_find_the_groups_that_are_there() -> None:
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.lognormal(mean, 0.1, 300) for mean in (1, 3, 6)])
    model = ValueTiers(names=("a", "b", "c"), method="jenks").fit(values)
    assert pd.Series(model.predict(values)).value_counts().between(297, 303).all()


def test_natural_breaks_are_the_best_of_all_partitions() -> None:
    values = np.sort(np.random.default_rng(2).lognormal(0, 1, 12))
    x = np.log(values)
    within = {
        (i, j): sum(((p - p.mean()) ** 2).sum() for p in (x[:i], x[i:j], x[j:]))
        for i in range(1, 11)
        for j in range(i + 1, 12)
    }
    i, j = min(within, key=lambda key: within[key])
    assert natural_breaks(values, 3).tolist() == [values[i], values[j]]


def test_the_same_thresholds_have_the_same_version_and_a_year() -> None:
    assert tiers().version_ == tiers(smoothing=5).version_
    assert tiers().version_ != tiers(thresholds=[600.0, 1300.0]).version_
    table = tiers().table("2025-01-01")
    assert table["valid_until"].unique().tolist() == [pd.Timestamp("2025-12-31")]
    assert table["tier"].tolist() == ["low", "mid", "top"]


def test_migration_money_adds_up_to_the_change_of_the_total() -> None:
    rng = np.random.default_rng(3)
    lives: dict[str, list[float | None]] = {
        f"c{k}": [None if rng.random() < 0.15 else float(v) for v in rng.gamma(2, 40, 6)] for k in range(200)
    }
    monthly = months_of(lives)
    model = tiers(smoothing=1, confirmation=1)
    matrix = model.migration(model.assign(monthly), MONTHS[1], MONTHS[4])
    totals = monthly.groupby("month")["value"].sum()
    assert matrix.money.to_numpy().sum() == pytest.approx(totals[MONTHS[4]] - totals[MONTHS[1]])
    assert matrix.counts.loc[:, :"top"].to_numpy().sum() == (monthly["month"] == MONTHS[4]).sum()
    assert matrix.counts.loc[:"top"].to_numpy().sum() == (monthly["month"] == MONTHS[1]).sum()
    np.testing.assert_allclose(matrix.shares.sum(axis=1), 1.0)
    assert matrix.counts.loc["new", "left"] == 0
    assert len(matrix.words()) == 5


def small_market(customers: int, seed: int) -> tuple[pd.DataFrame, pd.Series]:
    """Monthly values with 15 % noise around a level that moves for .18 % a month, and the true tier at the end."""
    rng = np.random.default_rng(seed)
    level = rng.lognormal(3.5, 0.8, customers)
    rows = []
    for month in MONTHS:
        movers = rng.random(customers) < 0.0018
        level = np.where(movers, level * rng.choice([0.4, 2.5], customers), level)
        rows.append(
            pd.DataFrame(
                {"customer_id": np.arange(customers), "month": month, "value": level * rng.normal(1, 0.15, customers)}
            )
        )
    return pd.concat(rows, ignore_index=True), pd.Series(level * 12)


def test_flip_flops_are_rare_and_tiers_mostly_true() -> None:
    monthly, truth = small_market(4000, 0)
    first = monthly[monthly["month"] == MONTHS[0]]["value"] * 12
    model = ValueTiers().fit(first)
    found = model.assign(monthly).pivot(index="customer_id", columns="month", values="tier")
    moved = found.ne(found.shift(axis=1)).iloc[:, 1:]
    back = [
        (found.iloc[:, k] == found.iloc[:, k - 2]) & moved.iloc[:, k - 1] & moved.iloc[:, k - 2] for k in range(2, 12)
    ]
    assert np.mean(back) < 0.001
    assert (found.iloc[:, -1].to_numpy() == model.predict(truth)).mean() >= 0.90


def test_bad_input_is_explained() -> None:
    with pytest.raises(ConfigurationError, match="rising"):
        tiers(thresholds=[5.0, 1.0])
    with pytest.raises(ConfigurationError, match="new or left"):
        tiers(names=("new", "b", "c"))
    with pytest.raises(ConfigurationError, match="hysteresis"):
        tiers(hysteresis=1.0)
    with pytest.raises(DataError, match="too few customers"):
        ValueTiers().fit(np.zeros(50))
    monthly = months_of({"a": [1.0, 2.0]})
    with pytest.raises(DataError, match="repeat"):
        tiers().assign(pd.concat([monthly, monthly]))
    with pytest.raises(DataError, match="missing: value"):
        tiers().assign(monthly.drop(columns="value"))
    with pytest.raises(DataError, match="no tiers for this month"):
        tiers().migration(tiers().assign(monthly), "2024-01-01", "2025-01-01")


def test_parameters_are_kept_as_given() -> None:
    model = ValueTiers(names=("a", "b"), thresholds=[10.0], smoothing=2)
    assert clone(model).get_params() == model.get_params()
