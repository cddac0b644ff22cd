"""Models are read and checked against the catalogue."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from custintel.catalogue.model_spec import load_model_spec
from custintel.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """\
model: mine
about: Mine
question: {kind: churn, gap: 15d, horizon: 60d, dormancy: 30d, billing_types: [prepaid]}
population: {active_within_days: 15, where: billing_type = 'prepaid' and events_30d > 0}
dates: {every: month, history_days: 90}
features: {topics: [usage, recharge], exclude: [devices_90d]}
learner: {class: ChurnClassifier, params: {effort: fast}}
constraints: {days_since_outgoing_90d: 1, out_minutes_*: -1}
search: {leaves: {low: 4, high: 31, log: true}, l2: [1, 10]}
costs: {clv: 200, offer_cost: 10, contact_cost: 1}
reasons:
  count: 2
  groups:
    volume: {columns: [events_*], about: Volume, action: Call}
"""


def _write(folder: Path, text: str) -> Path:
    (folder / "mine.yaml").write_text(text, encoding="utf-8")
    return folder


def test_a_model_is_read(tmp_path: Path) -> None:
    spec = load_model_spec("mine", _write(tmp_path, GOOD))
    assert spec.topics == ("usage", "recharge")
    assert spec.exclude == ("devices_90d",)
    assert spec.constraints == {"days_since_outgoing_90d": 1, "out_minutes_*": -1}
    assert spec.search["l2"] == [1, 10]
    assert spec.reasons == {"count": 2, "groups": {"volume": ["events_*"]}}
    assert spec.actions["recharge"]["about"] == "Top-ups"
    assert spec.actions["volume"] == {"about": "Volume", "about_zh": "Volume", "en": "Call", "zh": "Call"}
    assert spec.dates["history_days"] == 90
    assert spec.where.endswith("mine.yaml:1")


def test_a_model_names_only_the_groups_whose_words_it_changes(tmp_path: Path) -> None:
    groups = GOOD[GOOD.index("    volume:") :]
    own = "    silence: {action: Call}\n    network: {about: Coverage, about_zh: 覆盖}\n"
    spec = load_model_spec("mine", _write(tmp_path, GOOD.replace(groups, own)))
    shipped = load_model_spec("churn")
    assert spec.reasons["groups"] == {}
    assert spec.actions["silence"] == {**shipped.actions["silence"], "en": "Call", "zh": "Call"}
    assert spec.actions["network"] == {**shipped.actions["network"], "about": "Coverage", "about_zh": "覆盖"}
    assert spec.actions["care"] == shipped.actions["care"]


def test_a_model_is_plain_data(tmp_path: Path) -> None:
    for spec in (load_model_spec("churn"), load_model_spec("mine", _write(tmp_path, GOOD))):
        assert json.loads(json.dumps(spec.as_dict())) == spec.as_dict()


def test_a_folder_of_ones_own_comes_first(tmp_path: Path) -> None:
    _write(tmp_path, GOOD.replace("model: mine", "model: churn"))
    assert load_model_spec("churn", tmp_path).about == "Mine"
    assert load_model_spec("churn").about != "Mine"
    assert load_model_spec("churn_prepaid", tmp_path).question["billing_types"] == ["prepaid"]


OWN = """\
model: mine
about: Who pays much
question:
  source: bills
  target: sum(amount) > 100
  gap: 7d
  horizon: 60d
  unless: {terminations: "cause in ('voluntary', 'port_out')"}
population: events_30d > 0
"""


def test_a_question_of_ones_own_needs_few_lines(tmp_path: Path) -> None:
    spec = load_model_spec("mine", _write(tmp_path, OWN))
    assert spec.question["type"] == "yes_no"
    assert spec.question["unless"] == {"terminations": "cause in ('voluntary', 'port_out')"}
    assert spec.population == {"where": "events_30d > 0"}
    assert spec.topics is None
    assert spec.learner == {"class": "TableClassifier", "params": {}}
    assert json.loads(json.dumps(spec.as_dict())) == spec.as_dict()


@pytest.mark.parametrize(
    ("target", "kind", "learner"),
    [
        ("sum(amount)", "amount", "TableRegressor"),
        ("case when sum(amount) > 9 then 'much' else 'little' end", "class", "TableClassifier"),
        ("max(amount) > 9", "yes_no", "TableClassifier"),
    ],
)
def test_the_target_tells_the_type_and_the_learner(tmp_path: Path, target: str, kind: str, learner: str) -> None:
    spec = load_model_spec("mine", _write(tmp_path, OWN.replace("sum(amount) > 100", target)))
    assert (spec.question["type"], spec.learner["class"]) == (kind, learner)


def test_a_class_of_ones_own_is_not_looked_into(tmp_path: Path) -> None:
    own = "learner: {class: my_package.MyClassifier, params: {anything: 1}}\nsearch: {depth: [1, 2]}\n"
    spec = load_model_spec("mine", _write(tmp_path, OWN + own))
    assert spec.learner == {"class": "my_package.MyClassifier", "params": {"anything": 1}}


@pytest.mark.parametrize(
    ("old", "new", "line", "wrong", "hint"),
    [
        ("source: bills", "source: bils", 4, "unknown source table", "bills"),
        ("sum(amount) > 100", "sum(amounts) > 100", 5, "unknown column of bills", "amount"),
        ("sum(amount) > 100", "amount > 100", 5, "target is no aggregate", "how they become one value"),
        ("cause in", "causes in", 8, "unknown column of terminations", "cause"),
        ("terminations", "termination", 8, "unknown source table", "terminations"),
        ("gap: 7d", "gap: 7", 6, "gap is no number of days", "7d"),
        ("horizon: 60d", "horizont: 60d", 7, "unknown key in a question", "horizon"),
        ("  target: sum(amount) > 100\n", "", 3, "the question has no target", ""),
        ("source: bills", "kind: arears\n  source: bills", 4, "unknown kind", "arrears"),
        ("events_30d > 0", "event_30d > 0", 9, "population.where names no column of the catalogue", "events_30d"),
    ],
)
def test_one_mistake_of_a_question(tmp_path: Path, old: str, new: str, line: int, wrong: str, hint: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_model_spec("mine", _write(tmp_path, OWN.replace(old, new, 1)))
    found = caught.value.problems[0]
    assert (found.where, found.wrong) == (f"{tmp_path / 'mine.yaml'}:{line}", wrong)
    assert hint in found.hint


def test_label_is_the_former_name_of_question(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_model_spec("mine", _write(tmp_path, GOOD.replace("question:", "label:")))
    (found,) = caught.value.problems
    assert found.where.endswith("mine.yaml:3")
    assert "question:" in found.hint
    assert "kind: churn" in found.allowed


CASES = [
    # what is replaced, by what, line, what is wrong, a word of the hint
    ("dates:", "date:", 5, "unknown key in a model", "dates"),
    ("gap:", "gaps:", 3, "unknown key in a question of kind churn", "gap"),
    ("kind: churn", "kind: chrun", 3, "unknown kind", "churn"),
    ("[prepaid]", "[prepayed]", 3, "unknown billing_types", "prepaid"),
    ("every: month", "every: day", 5, "unknown every", ""),
    ("gap: 15d", "gap: -1d", 3, "gap is no number of days", ""),
    ("gap: 15d", "gap: 15", 3, "gap is no number of days", "15d"),
    ("horizon: 60d", "horizon: two", 3, "horizon is no number of days", ""),
    ("events_30d > 0", "event_30d > 0", 4, "population.where names no column of the catalogue", "events_30d"),
    ("events_30d > 0", "mode(events_30d) > 0", 4, "unknown function mode", ""),
    ("[usage, recharge]", "[usage, rechrge]", 6, "unknown topic or family", "recharge"),
    ("[devices_90d]", "[device_90d]", 6, "exclude names no column of the catalogue", "devices_90d"),
    ("ChurnClassifier", "ChurnClasifier", 7, "unknown learner", "ChurnClassifier"),
    ("effort: fast", "efort: fast", 7, "unknown key in params of ChurnClassifier", "effort"),
    (
        "days_since_outgoing_90d: 1",
        "days_since_out_90: 1",
        8,
        "a constraint names no column of the catalogue",
        "days_since_outgoing_90d",
    ),
    (
        "days_since_outgoing_90d: 1",
        "days_since_outgoing_90d: up",
        8,
        "the constraint of days_since_outgoing_90d is no direction",
        "",
    ),
    ("days_since_outgoing_90d: 1", "plan_id: 1", 8, "a constraint on a column of texts", ""),
    ("leaves: {", "leafs: {", 9, "unknown key in search", "leaves"),
    ("low: 4, high: 31", "low: 31, high: 4", 9, "search of leaves is no range", ""),
    ("[1, 10]", "[]", 9, "search of l2 is no range", ""),
    ("clv: 200", "clv: -200", 10, "costs.clv is not an amount", ""),
    ("clv: 200", "clw: 200", 10, "unknown key in costs", "clv"),
    ("count: 2", "count: 0", 12, "count is not a whole number", ""),
    ("[events_*]", "[evnts_*]", 14, "group volume names no column of the catalogue", ""),
    ("columns: [events_*], ", "", 14, "unknown reason group", ""),
    ("volume: {columns: [events_*], ", "recharges: {", 14, "unknown reason group", "recharge"),
    ("about: Volume, ", "", 14, "group volume has no about", ""),
]


@pytest.mark.parametrize(("old", "new", "line", "wrong", "hint"), CASES, ids=[case[1] or case[0] for case in CASES])
def test_one_mistake(tmp_path: Path, old: str, new: str, line: int, wrong: str, hint: str) -> None:
    assert GOOD.count(old) >= 1
    with pytest.raises(ConfigurationError) as caught:
        load_model_spec("mine", _write(tmp_path, GOOD.replace(old, new, 1)))
    (found,) = caught.value.problems
    assert found.where == f"{tmp_path / 'mine.yaml'}:{line}"
    assert found.wrong == wrong
    assert hint in found.hint


def test_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("kind: churn", "kind: x").replace("clv: 200", "clv: x").replace("[usage", "[usag")
    with pytest.raises(ConfigurationError) as caught:
        load_model_spec("mine", _write(tmp_path, text))
    assert len(caught.value.problems) == 3


def test_a_model_without_a_question(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no question"):
        load_model_spec("mine", _write(tmp_path, "model: mine\nabout: Mine\n"))


def test_constraints_may_name_columns_of_ones_own_features(tmp_path: Path) -> None:
    features = tmp_path / "features"
    features.mkdir()
    (features / "mine.yaml").write_text(
        "family: mine\nabout: Mine\nsource: usage\nwindows: [30d]\n"
        "features: {rings: {sql: count(*), unit: calls, missing: 0, about: Rings}}\n",
        encoding="utf-8",
    )
    models = tmp_path / "models"
    models.mkdir()
    _write(models, GOOD.replace("out_minutes_*", "rings_30d"))
    assert load_model_spec("mine", models, features).constraints["rings_30d"] == -1
    with pytest.raises(ConfigurationError, match="rings_30d"):
        load_model_spec("mine", models)


def test_a_value_model_names_its_horizon_and_costs(tmp_path: Path) -> None:
    question = "question: {kind: future_margin, horizon_months: 6, unit_costs: {data_gb: 0.2}}"
    text = "\n".join([question if line.startswith("question:") else line for line in GOOD.splitlines()])
    text = text.replace("ChurnClassifier, params: {effort: fast}", "ValueModel, params: {annual_discount: 0.08}")
    text = text.replace("search: {leaves: {low: 4, high: 31, log: true}, l2: [1, 10]}\n", "")
    spec = load_model_spec("mine", _write(tmp_path, text))
    assert spec.question["horizon_months"] == 6
    assert spec.question["unit_costs"] == {"data_gb": 0.2}
    bad = text.replace("horizon_months: 6", "horizon_months: 0").replace("0.2", "cheap").replace("annual_d", "annual_c")
    with pytest.raises(ConfigurationError, match="3 mistakes"):
        load_model_spec("mine", _write(tmp_path, bad))
