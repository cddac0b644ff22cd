"""The report: twin and page say the same, hold no identities, refer to nothing outside, and survive poor input."""

from __future__ import annotations

import dataclasses
import json
import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
import pytest
from fake_model import FakeModel
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import planted, texts_of

from custintel import metrics
from custintel.errors import DataError
from custintel.html.number_format import count, number, percent, share
from custintel.metrics import calibration, campaign_profit, discrimination
from custintel.reports.model._importance_facts import examples_facts
from custintel.reports.model._report_page import render_html
from custintel.reports.model.evaluation import Evaluation, merge_small_bins, smooth_small_bins
from custintel.reports.model.model_report import build_report, write_report

if TYPE_CHECKING:
    from pathlib import Path

PLANS = np.array(["Prepaid S", "Flat <10 GB>", "Unlimited & friends"])
_COLUMNS = ("column", "about", "about_zh", "unit", "family", "median")
FEATURES = [
    dict(zip(_COLUMNS, row, strict=True))
    for row in [
        ("silent_days", "Days without a call", "未通话天数", "d", "usage", 2),
        ("events_30d", "Calls", "通话次数", "events", "usage", 40),
        ("last_bill_amount", "Last bill", "上期账单", "u", "billing", 30),
        ("plan", "Tariff", "套餐", "category", "contract", None),
    ]
]
METADATA = {
    "version": "3", "created": "2026-11-23", "target": "churn", "random_state": 7, "data_digest": "ab12",
    "features": FEATURES,
    "windows": {"gap_days": 15, "horizon_days": 60, "dormancy_days": 30},
    "spec": {
        "about": "Who leaves", "question": {"kind": "churn"},
        "costs": {"clv": 300, "offer_cost": 12, "contact_cost": 2},
    },
}  # fmt: skip


def make_model(metadata: dict[str, object] | None = None) -> FakeModel:
    weights = {"silent_days": 0.3, "events_30d": -0.02, "last_bill_amount": 0.01, "plan": {PLANS[0]: 0.8}}
    return FakeModel(weights, {"silent_days": 2, "events_30d": 40, "last_bill_amount": 30}, metadata or METADATA)


def make_table(rows: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    bill = np.where(rng.random(rows) < 0.2, np.nan, rng.gamma(4, 8, rows))
    return pd.DataFrame(
        {
            "silent_days": rng.poisson(2, rows).astype(float),
            "events_30d": rng.gamma(2, 20, rows),
            "last_bill_amount": bill,
            "plan": pd.Categorical(rng.choice(PLANS, rows)),
        },
        index=pd.Index([f"line-{7_000_000 + i}" for i in range(rows)], name="customer_id"),
    )  # fmt: skip


def evaluate(X: pd.DataFrame, model: FakeModel | None = None, **more: object) -> Evaluation:
    model = model or make_model()
    total = model.contributions(X).sum(axis=1) - 2
    p = 1 / (1 + np.exp(-total))
    y = (np.random.default_rng(1).random(len(X)) < p).astype(float)
    return Evaluation(model, X, y, p, **more)  # type: ignore[arg-type]


def dated(rows: int = 600) -> Evaluation:
    dates = pd.to_datetime(["2025-10-31", "2025-11-30"])
    X = pd.concat({date: make_table(rows, k) for k, date in enumerate(dates)}, names=["as_of"])
    population = pd.DataFrame(
        {"as_of": pd.to_datetime(["2025-05-31", "2025-06-30", *dates]), "role": ["train", "train", "test", "test"],
         "rows": [580, 590, rows, rows], "positives": [40, 45, 50, 55], "censored": 3}
    )  # fmt: skip
    quality = pd.DataFrame(
        {"table": ["usage", "bills"], "rows_in": [10_000, 900], "kept": [9_900, 900], "set_aside": [60, 0],
         "duplicates": [40, 0]}
    )  # fmt: skip
    trials = pd.DataFrame(
        {"value": [0.7, np.nan, 0.74], "state": ["COMPLETE", "PRUNED", "COMPLETE"], "params_leaves": [8, 16, 31]}
    )
    leak = {"column": "plan", "why": "decides the outcome alone", "single_auc": 0.991}
    return evaluate(
        X, population=population, quality=quality, trials=trials, leaks=(leak,), notes=("family care left out",),
        train_p=pd.Series(np.random.default_rng(3).beta(1, 6, 900)),
    )  # fmt: skip


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    return dated()


@pytest.fixture(scope="module")
def report(evaluation: Evaluation) -> dict[str, object]:
    return build_report(evaluation)


@pytest.fixture(scope="module")
def page(report: dict[str, object]) -> str:
    return render_html(report)


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_twin_comes_back_from_json(report: dict[str, object], page: str) -> None:
    again = json.loads(json.dumps(report, allow_nan=False))
    assert again == report
    assert render_html(again) == page


def test_written_files_hold_the_same(report: dict[str, object], page: str, tmp_path: Path) -> None:
    place = write_report(report, tmp_path / "deep" / "churn.html")
    assert place.read_text(encoding="utf-8") == page
    twin = json.loads(place.with_suffix(".json").read_text(encoding="utf-8"))
    assert twin == report
    assert write_report(twin, tmp_path / "again.html").read_text(encoding="utf-8") == page
    assert sorted(p.name for p in tmp_path.iterdir()) == ["again.html", "again.json", "deep"]


def test_same_evaluation_same_bytes(evaluation: Evaluation, page: str, tmp_path: Path) -> None:
    assert write_report(evaluation, tmp_path / "churn.html").read_text(encoding="utf-8") == page


def test_failed_write_leaves_the_previous_report(report: dict[str, object], tmp_path: Path) -> None:
    place = write_report(report, tmp_path / "churn.html")
    before = place.read_bytes()
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_report({**report, "extra": {"bad": float("nan")}}, place)
    assert place.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 2


def test_page_refers_to_nothing_outside(page: str) -> None:
    assert not re.search(
        r"https?:|//[a-z]|<link|<script|<img|<iframe|@import|url\(|\ssrc=|\shref=", page, re.IGNORECASE
    )


def test_a_script_in_any_text_is_shown_and_not_run(report: dict[str, Any]) -> None:
    shown = 0
    for path in texts_of(report).values():
        try:
            page = render_html(planted(report, path))
        except (KeyError, ValueError):
            continue  # a word that the page looks up, such as a language; it is never shown
        assert "<script" not in page, path
        shown += "&lt;script&gt;" in page
    assert shown >= 10


@pytest.mark.parametrize("rows", [600, 20_000])
def test_no_customer_is_named(rows: int) -> None:
    evaluation = dated(rows)
    twin = build_report(evaluation)
    both = json.dumps(twin, ensure_ascii=False) + render_html(twin)
    assert "line-7" not in both
    assert not set(re.findall(r"\d{7}", both)) & {i[5:] for i in evaluation.X.index.get_level_values(-1)}
    assert len(render_html(twin).encode()) < 2_000_000
    assert twin["importance"]["rows"] <= 3_000


def test_rare_categories_are_hidden() -> None:
    X = make_table(400)
    X["plan"] = pd.Categorical([f"+49 170 {5_000_000 + i}" for i in range(400)])
    model = make_model()
    model.weights["plan"] = {f"+49 170 {5_000_000 + i}": 3.0 for i in range(400)}
    twin = build_report(evaluate(X, model))
    both = json.dumps(twin) + render_html(twin)
    assert "+49 170" not in both
    assert "a rare value" in both


def test_figures_of_the_page_are_those_of_the_twin(report: dict[str, object], page: str) -> None:
    text = text_of(page)
    digits = {"auc": 3, "average_precision": 3, "lift": 2, "brier": 4, "ece": 4, "empc": 3}
    for m in report["metrics"]:
        k = digits[m["name"]]
        assert f"{number(m['value'], k)} {number(m['low'], k)} to {number(m['high'], k)}" in text.replace("  ", " ")
    for d in report["deciles"]:
        assert f"{d['decile']} {count(d['rows'])} {percent(d['score'])} {d['positives']} {percent(d['rate'])}" in text
    best = report["profit"]
    assert f"contacts the top {share(best['best_share'])} and earns {number(best['best_profit'])} per customer" in text
    assert f"9,900 60 40 {percent(0.01)}" in text
    for feature in report["importance"]["features"]:
        assert percent(feature["share"]) in text


def test_twin_holds_the_metrics_of_the_library(evaluation: Evaluation, report: dict[str, object]) -> None:
    y, p = evaluation.y.to_numpy(), evaluation.p.to_numpy()
    costs = {"clv": 300, "offer_cost": 12, "contact_cost": 2}
    expected = {
        "auc": discrimination.auc(y, p), "average_precision": discrimination.average_precision(y, p),
        "lift": metrics.lift_score(y, p), "brier": calibration.brier(y, p), "ece": metrics.ece_score(y, p),
        "empc": metrics.empc_score(y, p, **costs),
    }  # fmt: skip
    found = {m["name"]: m for m in report["metrics"]}
    assert {name: m["value"] for name, m in found.items()} == pytest.approx(expected, rel=1e-5)
    assert all(m["low"] <= m["value"] <= m["high"] for m in found.values())
    assert found["empc"]["chance"] == pytest.approx(campaign_profit.constant_policy_profit(y, **costs), rel=1e-5)
    assert found["lift"]["best"] == pytest.approx(discrimination.max_lift(y), rel=1e-5)


def test_interval_of_training_is_kept_when_it_belongs_to_the_value(evaluation: Evaluation) -> None:
    auc = discrimination.auc(evaluation.y.to_numpy(), evaluation.p.to_numpy())
    for value, kept in ((auc, True), (auc + 0.01, False)):
        evaluation.model.metadata["metrics"] = {"auc": {"value": value, "low": 0.11, "high": 0.99}}
        found = build_report(evaluation)["metrics"][0]
        del evaluation.model.metadata["metrics"]
        assert ((found["low"], found["high"]) == (0.11, 0.99)) is kept


def test_profit_is_the_best_of_the_curve(evaluation: Evaluation, report: dict[str, object]) -> None:
    profit = report["profit"]
    assert profit["best_profit"] == max(profit["profit"])
    order = np.argsort(-evaluation.p.to_numpy(), kind="stable")[: round(profit["best_share"] * evaluation.rows)]
    hits = evaluation.y.to_numpy()[order].sum()
    expected = (hits * (0.3 * (300 - 12) - 2) - (len(order) - hits) * 14) / evaluation.rows
    assert profit["best_profit"] == pytest.approx(expected, rel=1e-4)
    assert profit["low"] < profit["best_profit"] < profit["high"]


def test_importance_is_the_mean_absolute_contribution(evaluation: Evaluation, report: dict[str, object]) -> None:
    strength = evaluation.model.contributions(evaluation.X).abs().mean().sort_values(ascending=False)
    found = {f["column"]: f["value"] for f in report["importance"]["features"]}
    assert list(found) == list(strength.index)
    assert found == pytest.approx(strength.to_dict(), rel=1e-4)
    assert sum(f["share"] for f in report["importance"]["families"]) == pytest.approx(1, abs=1e-4)


def test_dependence_follows_the_model(report: dict[str, object]) -> None:
    found = {d["column"]: d for d in report["dependence"]}
    assert [b["mean"] for b in found["silent_days"]["bins"][:3]] == pytest.approx([-0.6, -0.3, 0.0], abs=1e-6)
    calls = [b["mean"] for b in found["events_30d"]["bins"]]
    assert calls == sorted(calls, reverse=True)
    assert found["last_bill_amount"]["missing"]["mean"] == pytest.approx(0.005, rel=1e-4)
    assert found["plan"]["bins"][0]["label"] == PLANS[0]
    rows = sum(b["rows"] for b in found["last_bill_amount"]["bins"]) + found["last_bill_amount"]["missing"]["rows"]
    assert rows == report["importance"]["rows"]


def test_example_reasons_in_both_languages(report: dict[str, object], page: str) -> None:
    assert [e["level"] for e in report["examples"]] == ["high", "middle", "low"]
    p = [e["probability"] for e in report["examples"]]
    assert p == sorted(p, reverse=True)
    first = report["examples"][0]["up"][0]
    assert first["en"].endswith("raises the risk")
    assert first["zh"].endswith("风险升高")
    assert first["contribution"] > 0
    assert all(r["contribution"] < 0 for e in report["examples"] for r in e["down"])


def test_the_three_customers_are_told_without_exact_values() -> None:
    rows = 200
    X = pd.DataFrame(
        {
            "salary": 1_234_567.0 + 1_001 * (np.arange(rows) % 40),
            "born": pd.Timestamp("1954-11-21") + pd.to_timedelta(np.arange(rows) % 90, unit="D"),
            "tax_no": 880_000_831_495 + 7 * np.arange(rows),
        }
    )
    up = pd.DataFrame(1.0, index=X.index, columns=X.columns)
    model = SimpleNamespace(contributions=lambda given: up.loc[given.index], metadata={})
    evaluation = SimpleNamespace(p=pd.Series(np.linspace(0, 1, rows)), X=X, model=model, smallest_group=10)
    told = {r["en"].split(":")[0]: r["en"] for r in examples_facts(cast("Evaluation", evaluation))[0]["up"]}
    assert re.match(r"salary: 1,2\d0,000,", told["salary"])
    assert re.match(r"born: (1954|1955),", told["born"])
    assert "880" not in told["tax_no"]


def test_leaks_stand_first(page: str) -> None:
    text = text_of(page)
    assert "Do not use this model before its suspicious column has been explained." in text
    assert "plan: decides the outcome alone (AUC of this column alone: 0.991), used by the model" in text
    assert page.index('class="alert"') < page.index('class="tiles"')


def test_leaks_that_were_left_out_do_not_condemn_the_model(evaluation: Evaluation) -> None:
    leak = {"column": "Churn Score", "why": "decides the outcome alone", "single_auc": None}
    page = render_html(build_report(dataclasses.replace(evaluation, leaks=(leak,))))
    assert "Do not use this model" not in page
    assert "Churn Score: decides the outcome alone, left out" in page


def test_windows(report: dict[str, object], page: str) -> None:
    assert report["population"]["windows"] == {
        "gap_days": 15, "horizon_days": 60, "dormancy_days": 30, "observation_days": 30,
    }  # fmt: skip
    assert report["population"]["closed"] is True
    assert "Every label of training was known before the first test date." in page


def test_open_labels_are_admitted(evaluation: Evaluation) -> None:
    late = evaluation.population.assign(as_of=pd.to_datetime(["2025-05-31", "2025-08-31", "2025-10-31", "2025-11-30"]))
    changed = Evaluation(evaluation.model, evaluation.X, evaluation.y, evaluation.p, population=late)
    twin = build_report(changed)
    assert twin["population"]["closed"] is False
    assert "some labels of training were not known yet" in render_html(twin)


def test_other_customers_of_the_same_dates_are_not_called_later(evaluation: Evaluation) -> None:
    shared = evaluation.population.assign(as_of=pd.to_datetime(["2025-05-31", "2025-06-30"] * 2))
    question = {**METADATA, "name": "upgrade", "target": "upgrade"}
    changed = Evaluation(make_model(question), evaluation.X, evaluation.y, evaluation.p, population=shared)
    twin = build_report(changed)
    page = render_html(twin)
    assert twin["population"]["same_dates"]
    assert "of other customers on the same dates" in page
    assert "of later dates" not in page
    assert "who may leave" not in page


def test_silence_is_not_waited_for_where_no_prepaid_line_is_asked(evaluation: Evaluation) -> None:
    """A saved model of an earlier version says dormancy_days though its label is for postpaid lines."""
    spec = {"question": {"kind": "arrears", "gap": "1d", "horizon": "60d", "billing_types": ["postpaid"]}}
    windows = {"gap_days": 1, "horizon_days": 60, "dormancy_days": 30}
    model = make_model({**METADATA, "spec": spec, "windows": windows})
    dates = evaluation.population.assign(as_of=pd.to_datetime(["2025-07-31", "2025-08-31", "2025-10-31", "2025-11-30"]))
    twin = build_report(Evaluation(model, evaluation.X, evaluation.y, evaluation.p, population=dates))
    assert twin["population"]["windows"]["dormancy_days"] == 0
    assert twin["population"]["closed"] is True


def test_tuning(report: dict[str, object], page: str) -> None:
    assert report["tuning"]["best"] == {"trial": 2, "value": 0.74, "settings": {"leaves": 31}}
    assert "3 trials, 1 of them stopped early, 0 failed. Best: trial 2 with 0.7400." in page


def test_markup_in_names_is_harmless(page: str) -> None:
    assert "Flat <10 GB>" not in page
    assert "Flat &lt;10 GB&gt;" in page


def test_every_picture_has_a_title_and_a_description(page: str) -> None:
    pictures = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(pictures) >= 10
    assert all(re.search(r"<title>[^<]+</title><desc>[^<]+</desc>", p) for p in pictures)


def test_flat_table() -> None:
    model = make_model({"name": "churn", "target": "Churn"})
    roles = pd.DataFrame(
        {"as_of": None, "role": ["train", "test"], "rows": [900, 300], "positives": [90, 30], "censored": 0}
    )
    twin = build_report(evaluate(make_table(300), model, population=roles))
    text = text_of(render_html(twin))
    assert twin["population"]["windows"] is None
    assert "The model was trained from one table without dates" in text
    assert "The data behind it" not in text
    assert "How it was tuned" not in text
    assert "Will it last" not in text
    assert "silent_days" in text


def test_other_outcomes_get_other_words() -> None:
    model = make_model({"name": "propensity", "target": "accepted"})
    text = text_of(render_html(build_report(evaluate(make_table(400), model))))
    assert "positive cases" in text
    assert "raises the score" in text
    assert "leave" not in text.split("Model card")[0]


@pytest.mark.parametrize("rows", [1, 2, 7, 30])
def test_tiny_test_sets(rows: int) -> None:
    X = make_table(rows)
    y = pd.Series((np.arange(rows) % 2).astype(float), X.index)
    assert render_html(build_report(Evaluation(make_model(), X, y, p=0.2 + 0.5 * y)))  # type: ignore[arg-type]


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_single_class_is_said(label: float) -> None:
    X = make_table(50)
    p = make_model().predict_proba(X)
    twin = build_report(Evaluation(make_model(), X, pd.Series(label, X.index), p))  # type: ignore[arg-type]
    assert all(m["value"] is None for m in twin["metrics"])
    assert "The test rows hold one class only" in text_of(render_html(twin))


def test_constant_scores_are_called_useless() -> None:
    X = make_table(200)
    y = pd.Series((np.arange(200) % 5 == 0).astype(float), X.index)
    twin = build_report(Evaluation(make_model(), X, y, pd.Series(0.2, X.index)))  # type: ignore[arg-type]
    assert "This model cannot yet tell customers who leave from the others." in text_of(render_html(twin))


def test_columns_of_every_kind() -> None:
    X = make_table(200).assign(
        flag=True, when=pd.Timestamp("2025-01-01"), empty=np.nan, text="same", small=pd.array([1, None] * 100, "Int64")
    )
    model = make_model()
    model.weights |= {"flag": 0.1, "text": {"same": 0.2}, "empty": 0.4, "when": {}, "small": 0.3}
    model._one = lambda values, name: np.full(len(values), 0.1 * (1 + len(name)))  # type: ignore[method-assign]
    model.feature_names = list(X.columns)
    twin = build_report(evaluate(X, model))
    assert len(twin["dependence"]) == 6
    assert render_html(twin)


def test_mismatched_evaluation_is_refused() -> None:
    X = make_table(5)
    with pytest.raises(DataError, match="must have the same rows"):
        Evaluation(make_model(), X, pd.Series([1.0]), pd.Series([0.5]))  # type: ignore[arg-type]
    with pytest.raises(DataError, match="1 missing labels"):
        Evaluation(make_model(), X, pd.Series([np.nan, 0, 1, 0, 1]), pd.Series(0.5, range(5)))  # type: ignore[arg-type]


def test_foreign_json_is_refused() -> None:
    with pytest.raises(DataError, match="not a report of custintel"):
        render_html({"format": "custintel report", "format_version": 99})


@pytest.mark.parametrize(
    ("ece", "rate", "said"),
    [(0.01, 0.2, "taken at face value"), (0.01, 0.03, "roughly right"), (0.03, 0.2, "roughly right"),
     (0.03, 0.05, "an order only"), (0.06, 0.5, "an order only"), (0.01, 0.97, "roughly right")],
)  # fmt: skip
def test_verdict_on_calibration_knows_how_rare_the_outcome_is(
    report: dict[str, object], ece: float, rate: float, said: str
) -> None:
    measures = [{**m, "value": ece} if m["name"] == "ece" else m for m in report["metrics"]]
    assert said in text_of(render_html({**report, "metrics": measures, "rate": rate}))


@pytest.mark.parametrize(("low", "doubted"), [(-0.01, True), (0.2, False)])
def test_uncertain_profit_is_called_uncertain(report: dict[str, object], low: float, doubted: bool) -> None:
    page = render_html({**report, "profit": {**report["profit"], "low": low}})
    assert ("this gain is not certain" in page) is doubted


# small groups


def _groups_of(twin: dict[str, object]) -> list[float]:
    """The number of customers behind everything that the twin shows."""
    rows = [r["rows"] for r in twin["deciles"]] + [p["rows"] for p in twin["calibration"]["points"]]
    rows += [d["rows"] for d in twin["stability"]["dates"]]
    for shown in twin["dependence"]:
        bins = [*shown["bins"], *([shown["missing"]] if shown["missing"] else [])]
        rows += [b["rows"] for b in bins]
    return rows


@pytest.mark.parametrize("rows", [3, 9, 10, 37, 64, 150, 1200])
def test_no_group_of_few_customers_is_shown(rows: int) -> None:
    X = make_table(rows, 5)
    X["plan"] = pd.Categorical(np.where(np.arange(rows) == 0, "the plan of one", X["plan"].astype(str)))
    twin = build_report(evaluate(X))
    assert all(count >= 10 for count in _groups_of(twin))
    assert len(twin["deciles"]) == min(10, rows // 10)
    assert "the plan of one" not in json.dumps(twin)
    assert "the plan of one" not in render_html(twin)
    for histogram in [
        twin["calibration"]["histogram"],
        *(d["histogram"] for d in twin["dependence"] if "histogram" in d),
    ]:
        runs = np.split(np.asarray(histogram), np.flatnonzero(np.diff(histogram)) + 1)
        assert all(run.sum() == 0 or run.sum() >= 10 - 1e-3 for run in runs)


def test_curves_do_not_tell_of_single_customers() -> None:
    X = make_table(80, 5)
    twin = build_report(evaluate(X))
    assert len(twin["profit"]["share"]) == 80 // 10 + 1
    bends = np.flatnonzero(np.abs(np.diff(twin["gain"]["captured"], 2)) > 1e-6)
    assert len(bends) <= 2 * (80 // 10 + 1)  # a knot between two of the hundred points bends both


def test_the_size_of_the_smallest_group_can_be_set() -> None:
    twin = build_report(dataclasses.replace(evaluate(make_table(300, 5)), smallest_group=60))
    assert len(twin["deciles"]) == 5
    assert all(count >= 60 for count in _groups_of(twin))
    assert "cut into 5 groups" in render_html(twin)


@settings(max_examples=200, deadline=None)
@given(counts=st.lists(st.integers(0, 30), min_size=1, max_size=12), least=st.integers(1, 20))
def test_small_bins_are_merged_with_their_neighbours(counts: list[int], least: int) -> None:
    places = merge_small_bins(counts, least)
    assert (np.diff(places) >= 0).all()
    totals = np.bincount(places, counts)
    assert ((totals == 0) | (totals >= least)).all() or sum(counts) < least
    if sum(counts) >= least:
        assert np.isclose(sum(smooth_small_bins(counts, least)), sum(counts))
