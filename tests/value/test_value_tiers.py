"""Value tiers: thresholds, memory, overrides, migration."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from custintel.errors import ConfigurationError, DataError, QualityWarning
from custintel.value import ValueTiers
from custintel.value._tier_thresholds import natural_breaks

if TYPE_CHECKING:
    from pathlib import Path

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
    """The tiers of one customer, beside another who is always there."""
    found = tiers(**how).assign(months_of({"a": values, "always": [60.0] * len(values)}))
    return found.loc[found["customer_id"] == "a", "tier"].tolist()


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
    ("nor does the smoothing look back before", [60, 20, None, 130, 130], {}, ["mid", "mid", "top", "top"]),
    ("two months agree on the lesser step", [20, 130, 70], {"smoothing": 1}, ["low", "low", "mid"]),
    ("exactly at the band is not beyond", [48, 55, 55], {"smoothing": 1}, ["low", "low", "low"]),
    ("a month not known does not break", [48, 56, np.nan, 56], {"smoothing": 1}, ["low", "low", "low", "mid"]),
    ("nor does it count", [48, 56, np.nan, 48], {"smoothing": 1}, ["low", "low", "low", "low"]),
    ("not placed before a value is known", [np.nan, 60], {}, [None, "mid"]),
    ("only known months are averaged", [60, np.nan, 90], {}, ["mid", "mid", "mid"]),
]


@pytest.mark.parametrize(("values", "how", "expected"), [row[1:] for row in LIVES], ids=[row[0] for row in LIVES])
def test_life(values: list[float | None], how: dict[str, object], expected: list[str]) -> None:
    assert path(values, **how) == expected


def by_hand(values: list[float | None]) -> list[tuple[str | None, str]]:
    """The rule told again, one customer at a time: tier and move of every month."""
    names, limits, h = ("low", "mid", "top"), (600.0, 1200.0), 0.10
    own: int | None = None
    window: list[float] = []
    run: list[int] = []
    told: list[tuple[str | None, str]] = []
    for value in values:
        if value is None:
            own, window, run = None, [], []
            told.append((None, "away"))
            continue
        fresh = not window
        window = [*window, value][-3:]
        known = [v for v in window if not np.isnan(v)]
        move = "new" if fresh else ""
        if known:
            annual = 12 * sum(known) / len(known)
            if own is None:
                own = sum(annual >= t for t in limits)
            else:
                up, down = sum(annual > t * (1 + h) for t in limits), sum(annual >= t * (1 - h) for t in limits)
                goal = up if up > own else min(down, own)
                if goal == own or (run and (run[0] > own) != (goal > own)):
                    run = []
                if goal != own:
                    run.append(goal)
                if len(run) == 2:
                    after = min(run) if goal > own else max(run)
                    own, move, run = after, "up" if goal > own else "down", []
        told.append((None if own is None else names[own], move))
    return told


VALUE = st.none() | st.just(np.nan) | st.floats(-50, 200) | st.sampled_from([0.0, 45.0, 50.0, 56.0, 90.0, 111.0])
LIFE = st.lists(VALUE, min_size=8, max_size=8)


@settings(max_examples=60, deadline=None)
@given(st.lists(LIFE, min_size=1, max_size=5))
def test_tiers_are_those_of_the_rule_told_by_hand(lives: list[list[float | None]]) -> None:
    found = tiers().assign(months_of({"always": [60.0] * 8, **{f"c{k}": v for k, v in enumerate(lives)}}))
    for k, values in enumerate(lives):
        mine = found[found["customer_id"] == f"c{k}"]
        expected = [told for told in by_hand(values) if told[1] != "away"]
        tier = [None if pd.isna(t) else t for t in mine["tier"]]
        assert list(zip(tier, mine["moved"], strict=True)) == expected


@settings(max_examples=40, deadline=None)
@given(st.lists(LIFE, min_size=1, max_size=5), st.lists(st.booleans(), min_size=7, max_size=7))
def test_month_by_month_gives_the_same_as_all_at_once(lives: list[list[float | None]], cuts: list[bool]) -> None:
    monthly = months_of({"always": [60.0] * 8, **{f"c{k}": values for k, values in enumerate(lives)}})
    model = tiers()
    whole = model.assign(monthly)
    edges = [0, *(k + 1 for k, cut in enumerate(cuts) if cut), 8]
    parts: list[pd.DataFrame] = []
    for start, end in pairwise(edges):
        kept = pd.concat(parts) if parts else None
        recent = None if kept is None else kept[kept["month"] >= MONTHS[max(start - 3, 0)]]
        parts.append(model.assign(monthly[monthly["month"].isin(MONTHS[start:end])], history=recent))
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), whole)


def test_history_goes_through_a_file(tmp_path: Path) -> None:
    monthly = months_of({"a": [48.0, 56, 56, 56, 56], "b": [np.nan, np.nan, 20, 20, 20]})
    early, late = monthly[monthly["month"] < MONTHS[3]], monthly[monthly["month"] >= MONTHS[3]]
    model = tiers()
    model.assign(early).to_parquet(tmp_path / "tiers.parquet")
    kept = pd.read_parquet(tmp_path / "tiers.parquet")
    expected = model.assign(monthly).loc[lambda f: f["month"] >= MONTHS[3]].reset_index(drop=True)
    pd.testing.assert_frame_equal(model.assign(late, history=kept), expected)


def test_months_must_follow_the_history() -> None:
    model = tiers()
    monthly = months_of({"a": [60.0] * 6})
    history = model.assign(monthly[:3])
    with pytest.raises(DataError, match="do not follow the history"):
        model.assign(monthly[4:], history=history)
    with pytest.raises(DataError, match="do not follow the history"):
        model.assign(monthly[2:4], history=history)
    with pytest.raises(DataError, match="too short"):
        model.assign(monthly[3:], history=history[-1:])
    with pytest.raises(DataError, match="other tiers"):
        tiers(names=("x", "y", "z")).assign(monthly[3:], history=history)
    with pytest.raises(DataError, match="2025-02, 2025-03"):
        model.assign(monthly.iloc[[0, 3]])


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


def test_overrides_that_have_expired_or_overlap_are_refused() -> None:
    frame = pd.DataFrame({"customer_id": ["a", "b", "b"], "tier": "top", "reason": "why"})
    frame["since"] = [None, "2025-01-01", "2025-02-01"]
    frame["expires"] = ["2024-12-31", "2025-03-31", "2025-04-30"]
    with pytest.raises(ConfigurationError, match="2 mistakes") as told:
        tiers().assign(months_of({"a": [1.0], "b": [1.0]}), overrides=frame)
    assert "override of a: has expired" in str(told.value)
    assert "override of b: two on the same day" in str(told.value)
    with pytest.raises(ConfigurationError, match="columns are missing"):
        tiers().assign(months_of({"a": [1.0]}), overrides=frame.drop(columns="reason"))


def test_an_override_of_nobody_is_told() -> None:
    frame = pd.DataFrame({"customer_id": ["x"], "tier": "top", "reason": "why", "expires": "2025-03-31"})
    with pytest.warns(QualityWarning, match="without a row: x"):
        tiers().assign(months_of({"a": [1.0]}), overrides=frame)


def test_one_override_after_another() -> None:
    frame = pd.DataFrame({"customer_id": ["a", "a"], "tier": ["top", "low"], "reason": ["r", "s"]})
    frame["since"], frame["expires"] = ["2025-02-01", "2025-04-01"], ["2025-03-31", "2025-04-30"]
    found = tiers().assign(months_of({"a": [60.0] * 5}), overrides=frame)
    assert found["tier"].tolist() == ["mid", "top", "top", "low", "mid"]


def test_thresholds_have_a_year_and_then_warn() -> None:
    model = tiers(valid_from="2024-02-15")
    assert model.valid_until_ == pd.Timestamp("2025-02-14")
    model.assign(months_of({"a": [1.0, 1.0]}))
    with pytest.warns(QualityWarning, match="valid until 2025-02-14"):
        model.assign(months_of({"a": [1.0, 1.0, 1.0]}))
    assert model.version_ != tiers(valid_from="2025-02-15").version_


def test_new_thresholds_go_on_from_the_old_tiers() -> None:
    monthly = months_of({"a": [60.0] * 6})
    history = tiers().assign(monthly[:3])
    found = tiers(thresholds=[850.0, 1600.0]).assign(monthly[3:], history=history)
    assert found["tier"].tolist() == ["mid", "low", "low"]


@pytest.mark.parametrize("segment", [None, ["public"] * 60 + ["key"] * 40])
def test_state_gives_back_the_same_tiers(segment: list[str] | None) -> None:
    values = np.random.default_rng(0).lognormal(5, 1, 100)
    model = ValueTiers(valid_from="2025-01-01").fit(values, segment=segment)
    state, boosters = model.to_state()
    again = ValueTiers.from_state(json.loads(json.dumps(state)), boosters)
    assert again.version_ == model.version_
    assert again.tier_of(values, segment=segment).equals(model.tier_of(values, segment=segment))
    pd.testing.assert_frame_equal(again.table(), model.table())


def test_negative_values_are_in_the_lowest_tier() -> None:
    values = np.concatenate([np.full(20, -300.0), np.random.default_rng(0).lognormal(5, 1, 200)])
    for method in ("quantile", "jenks", "share"):
        assert (ValueTiers(method=method).fit(values).tier_of(values)[:20] == "bronze").all()


def test_shares_are_held_by_the_smallest_set() -> None:
    values = np.random.default_rng(0).lognormal(5, 1, 500)
    model = ValueTiers(names=("c", "b", "a"), method="share").fit(values)
    tier = model.tier_of(values)
    for top, share in ((["a"], 0.5), (["a", "b"], 0.8)):
        held = values[tier.isin(top)]
        assert held.sum() >= share * values.sum() > held.sum() - held.min()


def test_customers_of_one_value_leave_a_tier_empty_and_that_is_told() -> None:
    values = np.concatenate([np.zeros(90), np.arange(1.0, 11.0)])
    with pytest.warns(QualityWarning, match="nobody is in bronze"):
        ValueTiers().fit(values)


def test_segments_have_thresholds_of_their_own() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.lognormal(5, 0.5, 900), rng.lognormal(9, 0.5, 100)])
    segment = ["public"] * 900 + ["key"] * 100
    model = ValueTiers().fit(values, segment=segment)
    found = model.tier_of(values, segment=segment)
    shares = found.groupby(segment).value_counts(normalize=True)
    assert shares["key", "bronze"] == pytest.approx(0.8, abs=0.01)
    assert shares["public", "bronze"] == pytest.approx(0.8, abs=0.01)
    with pytest.raises(DataError, match="thresholds of their own"):
        model.tier_of(values)


def test_natural_breaks_find_the_groups_that_are_there() -> None:
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.lognormal(mean, 0.1, 300) for mean in (1, 3, 6)])
    model = ValueTiers(names=("a", "b", "c"), method="jenks").fit(values)
    assert model.tier_of(values).value_counts().between(297, 303).all()


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
    assert 0 < len(matrix.words()) <= 5


def test_the_matrix_is_drawn_and_shown() -> None:
    matplotlib = pytest.importorskip("matplotlib", reason="matplotlib absent: pip install 'custintel[plot]'")
    matplotlib.use("Agg")
    model = tiers(smoothing=1, confirmation=1)
    lives: dict[str, list[float | None]] = {f"a{k}": [60.0, 130] for k in range(10)}
    lives |= {f"b{k}": [60.0, None] for k in range(9)}
    matrix = model.migration(model.assign(months_of(lives)), MONTHS[0], MONTHS[1])
    assert matrix.moved.loc["mid"].tolist() == [0.0, 0.0, 600.0, 540.0]
    ax = matrix.plot()
    texts = [text.get_text() for text in ax.texts]
    assert texts[1 * 4 + 2] == "10\n+700 u"
    assert texts[1 * 4 + 3] == "1-9"  # nine customers are too few to say what they were worth
    assert matrix.plot(ax=ax) is ax
    matplotlib.pyplot.close(ax.figure)
    shown = matrix._repr_html_()
    assert "52.6%" in shown
    assert "1-9" in shown
    assert "540" not in shown
    assert "47.4%" not in shown
    assert matrix.words() == ["10 customers went from mid to top: +700 u a month"]


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
    assert (found.iloc[:, -1].to_numpy() == model.tier_of(truth).to_numpy()).mean() >= 0.90


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
    with pytest.raises(DataError, match="infinite"):
        tiers().assign(monthly.assign(value=np.inf))
    with pytest.raises(DataError, match="no customer_id"):
        tiers().assign(monthly.assign(customer_id=None)[:1])
    with pytest.raises(DataError, match="no month"):
        tiers().assign(monthly[:0])
    with pytest.raises(DataError, match="no thresholds for this segment\n  given: 2 rows"):
        tiers().assign(monthly.assign(segment="vip"))
    with pytest.raises(DataError, match="no values"):
        ValueTiers().fit()
    with pytest.raises(ConfigurationError, match="3 mistakes"):
        ValueTiers(method="luck", smoothing=0, confirmation=0).fit([1.0])
    with pytest.raises(ConfigurationError, match="levels"):
        ValueTiers(levels=[0.5, 80]).fit([1.0, 2.0])
    with pytest.raises(DataError, match="no tiers for this month"):
        tiers().migration(tiers().assign(monthly), "2024-01-01", "2025-01-01")


def test_parameters_are_kept_as_given() -> None:
    model = ValueTiers(names=("a", "b"), thresholds=[10.0], smoothing=2)
    assert clone(model).get_params() == model.get_params()


EXPECTED_FAILURES = {"check_fit1d": "one value a customer: a plain list or series is natural"}


@parametrize_with_checks([ValueTiers()], expected_failed_checks=lambda _: EXPECTED_FAILURES)
@pytest.mark.filterwarnings("ignore::custintel.errors.QualityWarning")
def test_scikit_learn_check(estimator: Any, check: Any) -> None:
    check(estimator)
