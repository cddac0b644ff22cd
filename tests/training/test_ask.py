"""`ask`: the counts are those of the rows that training uses, and what cannot be asked is said before features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from custintel import Warehouse, ask, score, train
from custintel.adapters.registry import adapter_named
from custintel.builder import FeatureBuilder
from custintel.catalogue.model_spec import load_model_spec
from custintel.errors import ConfigurationError, DataError, DateError
from custintel.training.dataset import dataset_from_warehouse

if TYPE_CHECKING:
    from pathlib import Path

QUIET = (
    "model: quiet\nabout: Who makes few calls\nquestion: {source: usage, target: count(*) < 8, gap: 5d, horizon: 30d}\n"
)
FEATURES = "features: {topics: [times_of_day]}\nlearner: {class: TableClassifier, params: {effort: fast}}\n"
AMOUNT = QUIET.replace("count(*) < 8", "sum(duration_s)") + "features: {topics: [times_of_day]}\n"
CLASS = QUIET.replace("count(*) < 8", "case when count(*) < 8 then 'few' else 'many' end")
QUESTIONS = {
    "by date": QUIET + FEATURES,
    "by customer": QUIET + "dates: {every: half_month, history_days: 40, test: customers}\n" + FEATURES,
    "population of another topic": QUIET + "population: events_30d > 3\n" + FEATURES,
    "amount": AMOUNT,
    "class": CLASS + FEATURES,
}


def _calls(customers: int, days: int = 212) -> pd.DataFrame:
    """Calls on some days of each customer, fewer for some than for others."""
    rng = np.random.default_rng(0)
    who, day = np.nonzero(rng.random((customers, days)) < rng.uniform(0.05, 0.7, customers)[:, None])
    return pd.DataFrame(
        {
            "customer_id": [f"C{k:04d}" for k in who],
            "event_time": pd.Timestamp("2025-01-01 12:00") + pd.to_timedelta(day, unit="D"),
            "service": "voice",
            "direction": "out",
            "duration_s": 60.0,
        }
    )


@pytest.fixture(scope="module")
def wh() -> Warehouse:
    return Warehouse.from_frames(usage=_calls(150))


def _file(folder: Path, text: str) -> Path:
    place = folder / "own.yaml"
    place.write_text(text, encoding="utf-8")
    return place


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_rows_counted_are_those_of_training(name: str, wh: Warehouse, tmp_path: Path) -> None:
    counts = ask(_file(tmp_path, QUESTIONS[name]), wh)
    spec = load_model_spec("quiet", tmp_path)
    learner = adapter_named(str(spec.learner["class"]))
    used = dataset_from_warehouse(wh, spec, learner, None)
    trained = used.population.groupby("as_of")[["rows", "censored"]].sum()
    asked = counts.frame[counts.frame["role"].isin(["learn", "judge", "learn and judge"])].set_index("as_of")
    assert asked["rows"].to_dict() == trained["rows"].to_dict()
    assert (asked["rows"] - asked["known"]).to_dict() == trained["censored"].to_dict()
    if "events" in asked:
        assert asked["events"].to_dict() == used.population.groupby("as_of")["positives"].sum().to_dict()
    if name != "by customer":
        assert asked.index[asked["role"] == "judge"].tolist() == [pd.Timestamp(used.windows["test_as_of"][0])]


def test_later_dates_are_not_known_yet(wh: Warehouse, tmp_path: Path) -> None:
    frame = ask(_file(tmp_path, QUESTIONS["by date"]), wh).frame
    later = frame[frame["role"] == "not known yet"]
    assert later["as_of"].min() + pd.Timedelta(days=35) > wh.period[1]
    assert (later["known"] == 0).all()
    assert later["not_known"].tolist() == later["rows"].tolist()
    assert later["rate"].isna().all()


def test_amounts_and_classes(wh: Warehouse, tmp_path: Path) -> None:
    amounts = ask(_file(tmp_path, AMOUNT), wh).frame
    known = amounts[amounts["known"] > 0]
    assert ((known["q10"] <= known["median"]) & (known["median"] <= known["q90"])).all()
    classes = ask(_file(tmp_path, QUESTIONS["class"]), wh)
    assert (classes.frame[["class few", "class many"]].sum(axis=1) == classes.frame["known"]).all()
    assert classes.measure == "known"
    assert any("many" in line and "%" in line for line in classes.words())


def test_words_say_what_is_missing(tmp_path: Path) -> None:
    few = _calls(150, days=212)
    rare = QUESTIONS["by date"].replace("count(*) < 8", "count(*) > 22")
    words = ask(_file(tmp_path, rare), Warehouse.from_frames(usage=few)).words()
    assert any(line.startswith("Missing: too few of one class") for line in words)
    short = Warehouse.from_frames(usage=_calls(100, days=140))
    counts = ask(_file(tmp_path, QUESTIONS["by date"].replace("[times_of_day]", "[times_of_day, bills]")), short)
    assert "known" in set(counts.frame["role"])
    assert any(line.startswith("Missing: the data are too short") for line in counts.words())
    assert any(line.startswith("Features left out, because of the tables: no table bills") for line in counts.words())
    with pytest.raises(DateError, match="too short"):
        ask(_file(tmp_path, QUESTIONS["by date"]), Warehouse.from_frames(usage=_calls(100, days=70)))


def test_a_page_refers_to_nothing_outside(wh: Warehouse, tmp_path: Path) -> None:
    counts = ask(_file(tmp_path, QUESTIONS["by date"]), wh)
    text = counts.write(tmp_path / "ask.html").read_text(encoding="utf-8")
    assert "Share of events by as-of date" in text
    assert "http" not in text
    assert counts.frame["as_of"].dt.strftime("%Y-%m-%d").map(counts._repr_html_().count).min() > 0


CONTACTS = pd.DataFrame(
    {
        "contact_id": [f"K{k}" for k in range(200)],
        "customer_id": [f"C{k % 100:04d}" for k in range(200)],
        "event_time": pd.date_range("2025-02-02", periods=200, freq="12h"),
        "channel": "sms",
        "offer_id": "bonus",
        "control": False,
    }
)
REFUSED = {
    "no table": ("arrears", DataError, "needs tables that are not there"),
    "window too long": (QUIET.replace("30d", "400d"), DateError, "longer than the data"),
    "constant": (QUIET.replace("< 8", "< 1000"), DataError, "the target is constant"),
    "nobody": (QUIET.replace("30d}", "30d, billing_types: [postpaid]}"), DataError, "nobody is asked"),
    "no control group": ("uplift", DataError, "no control group"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_asked_is_said_before_features_are_built(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, error, said = REFUSED[name]
    frames = {"usage": _calls(100), **({"contacts": CONTACTS} if name == "no control group" else {})}
    wh = Warehouse.from_frames(**frames)
    monkeypatch.setattr(FeatureBuilder, "build", lambda *_: pytest.fail("features were built"))
    own = given.startswith("model:")
    with pytest.raises(error, match=said):
        ask(_file(tmp_path, given) if own else given, wh)
    with pytest.raises(error, match=said):
        train("quiet" if own else given, wh, models_path=tmp_path if own else None, tracking=False)


def test_a_population_that_nobody_meets_is_refused(wh: Warehouse, tmp_path: Path) -> None:
    place = _file(tmp_path, QUIET + "population: events_30d > 3000\n" + FEATURES)
    with pytest.raises(DataError, match=r"nobody is asked.*\n.*events_30d > 3000"):
        ask(place, wh)
    with pytest.raises(DataError, match="nobody is asked"):
        train("quiet", wh, models_path=tmp_path, tracking=False)


def test_files_that_are_no_questions(wh: Warehouse, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such file"):
        ask(tmp_path / "absent.yaml", wh)
    with pytest.raises(ConfigurationError, match="names no model"):
        ask(_file(tmp_path, "about: nothing"), wh)
    with pytest.raises(ConfigurationError, match="did you mean usage"):
        ask(_file(tmp_path, QUIET.replace("usage", "usge")), wh)


def test_a_population_of_another_topic_is_trained_and_scored(wh: Warehouse, tmp_path: Path) -> None:
    _file(tmp_path, QUESTIONS["population of another topic"])
    run = train("quiet", wh, models_path=tmp_path, tracking=False)
    assert "events_30d" not in run.model.feature_names
    active = FeatureBuilder(columns=["events_30d"]).build(wh, "2025-07-31")["events_30d"] > 3
    assert sorted(score(run.model, wh, as_of="2025-07-31")["customer_id"]) == sorted(active.index[active])
