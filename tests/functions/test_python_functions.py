"""Functions of one's own in Python: they see only what was known, and what they give is checked."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from custintel.builder import FeatureBuilder
from custintel.catalogue import Catalogue
from custintel.errors import ConfigurationError, DataError
from custintel.functions import feature_function
from custintel.functions import function_registry as _declared
from custintel.functions.function_registry import find_function
from custintel.functions.python_functions import AsOfView, load_python
from custintel.warehouse import Warehouse

YAML = """\
family: own
about: Own
function: own
features:
  own_rows: {sql: rows_seen, unit: events, missing: 0, about: Rows, sensitivity: personal}
  own_place: {sql: "case when rows_seen > 1 then 'many' else place end", unit: category, missing: null, about: Place}
derived:
  own_double: {sql: own_rows * 2, unit: events, about: Twice}
"""
CALLS = pd.DataFrame(
    {
        "customer_id": ["a", "a", "a", "b"],
        "event_time": pd.to_datetime(["2025-03-01", "2025-06-10", "2025-06-11", "2025-06-30"]),
        "arrival_time": pd.to_datetime(["2025-03-01", "2025-06-10", "2025-06-20", "2025-06-30"]),
        "service": "voice",
        "direction": "out",
        "cell_id": ["x", "y", "z", "w"],
    }
)


@pytest.fixture(autouse=True)
def _no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_declared, "_FUNCTIONS", dict(_declared._FUNCTIONS))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "own.yaml").write_text(YAML, encoding="utf-8")
    return tmp_path


@pytest.fixture
def wh() -> Warehouse:
    return Warehouse.from_frames(usage=CALLS)


def register(days: int | None = 90) -> None:
    @feature_function("own", reads={"usage": days}, columns=["rows_seen", "place"])
    def own(view: AsOfView) -> pd.DataFrame:
        calls = view.frame("usage")
        grouped = calls.sort_values("event_time").groupby("customer_id")
        return pd.DataFrame({"rows_seen": grouped.size(), "place": grouped["cell_id"].last()})


def test_columns_of_a_python_function(folder: Path, wh: Warehouse) -> None:
    register()
    X = FeatureBuilder(["own"], features_path=folder).build(wh, ["2025-06-10", "2025-06-19", "2025-06-20"])
    rows = X["own_rows"].unstack("customer_id")
    assert rows["a"].tolist() == [1.0, 1.0, 2.0]
    assert X.loc[("2025-06-10", "a"), "own_place"] == "y"
    assert X.loc[("2025-06-20", "a"), "own_place"] == "many"
    assert X["own_double"].tolist() == (2 * X["own_rows"]).tolist()


def test_look_back_without_end(folder: Path, wh: Warehouse) -> None:
    register(days=None)
    X = FeatureBuilder(["own"], features_path=folder).build(wh, "2025-06-30", customers=["b", "a", "nobody"])
    assert X["own_rows"].to_dict() == {"b": 1.0, "a": 3.0, "nobody": 0.0}


def test_metadata_is_that_of_the_yaml(folder: Path) -> None:
    register()
    entry = Catalogue.load(folder, ["own"]).entry("own_rows")
    assert (entry.kind, entry.unit, entry.sensitivity, entry.window) == ("function", "events", "personal", None)


def test_a_function_that_is_not_registered_is_asked_for(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="unknown function"):
        FeatureBuilder(["own"], features_path=folder)
    register()
    assert len(FeatureBuilder(["own"], features_path=folder).catalogue.entries()) == 3


def test_a_file_that_registers(folder: Path) -> None:
    text = (
        "from custintel.functions import feature_function\n"
        "@feature_function('own', reads={'usage': 30}, columns=['rows_seen', 'place'])\n"
        "def own(view):\n    return view.frame('usage')\n"
    )
    (folder / "own.py").write_text(text, encoding="utf-8")
    load_python(folder / "own.py")
    assert find_function("own").reads[0].days == 30
    load_python(folder / "own.py")
    with pytest.raises(ConfigurationError, match="no Python file"):
        load_python(folder / "absent.py")


def test_a_file_that_fails_says_where_it_stands(folder: Path) -> None:
    (folder / "own.py").write_text("@feature_function('own')\ndef own(view): ...\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"own\.py fails when it is run\n  given: NameError: name 'feature_f"):
        load_python(folder / "own.py")


def test_the_example_of_the_page_runs_as_it_stands(folder: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "catalogue.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, flags=re.S)
    (feature,) = re.findall(r"`(burst_days: \{.*?\})`", page)
    (folder / "bursts.py").write_text(code, encoding="utf-8")
    load_python(folder / "bursts.py")
    (folder / "own.yaml").write_text(
        f"family: own\nabout: Own\nfunction: bursts\nfeatures:\n  {feature}\n", encoding="utf-8"
    )
    calls = pd.concat(
        [CALLS.iloc[[1]].assign(event_time=CALLS["event_time"][1] + pd.Timedelta(minutes=m)) for m in range(21)]
    )
    wh = Warehouse.from_frames(usage=pd.concat([calls, CALLS.iloc[[3]]]))
    assert FeatureBuilder(["own"], features_path=folder).build(wh, "2025-06-30")["burst_days"].tolist() == [1.0, 0.0]


def test_there_is_no_sql(folder: Path, wh: Warehouse) -> None:
    register()
    builder = FeatureBuilder(["own", "usage"], features_path=folder)
    with pytest.raises(ConfigurationError, match=r"Python functions have no SQL: own\n  hint: FeatureBuilder"):
        builder.sql("2025-06-30")
    assert "is run by build" in builder.plan("2025-06-30", wh).skipped["own_rows"]


def test_tables_that_are_absent_are_said(folder: Path, wh: Warehouse) -> None:
    @feature_function("own", reads={"usage": 30, "bills": 90}, columns=["rows_seen", "place"])
    def own(view: AsOfView) -> pd.DataFrame:
        raise AssertionError("not to be called")

    X = FeatureBuilder(["own", "usage"], features_path=folder, skip_unavailable=True).build(wh, "2025-06-30")
    assert X.attrs["custintel"]["skipped"]["own_rows"] == "no table bills"
    with pytest.raises(DataError, match="topic own: no table bills"):
        FeatureBuilder(["own", "usage"], features_path=folder).build(wh, "2025-06-30")


def test_columns_of_a_python_function_are_known_before_it_is_run(folder: Path, wh: Warehouse) -> None:
    register()
    builder = FeatureBuilder(["own", "usage"], features_path=folder)
    assert builder.columns_of(wh) == list(builder.build(wh, "2025-06-30"))


@pytest.mark.parametrize(
    ("give", "words"),
    [
        (lambda view: view.frame("usage"), "does not give rows_seen, place"),
        (lambda view: view.frame("usage").assign(rows_seen=1, place="x"), "several rows a customer"),
        (lambda view: 7, "gives no data frame"),
        (lambda view: view.frame("bills"), "has not declared that it reads bills"),
    ],
)
def test_what_a_function_gives_is_checked(folder: Path, wh: Warehouse, give: object, words: str) -> None:
    feature_function("own", reads={"usage": 90}, columns=["rows_seen", "place"])(give)
    with pytest.raises(DataError, match=words):
        FeatureBuilder(["own"], features_path=folder).build(wh, "2025-06-30")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"name": "own", "reads": {"usge": 90}, "columns": ["x"]}, "reads unknown tables"),
        ({"name": "own", "reads": {}, "columns": ["x"]}, "reads unknown tables"),
        ({"name": "own", "reads": {"usage": 90}, "columns": []}, "gives no columns"),
        ({"name": "arrears", "reads": {"usage": 90}, "columns": ["x"]}, "is a function of the library"),
    ],
)
def test_what_is_declared_is_checked(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        feature_function(**arguments)(lambda view: view)


def test_values_written_later_are_not_seen_before() -> None:
    care = pd.DataFrame(
        {
            "care_id": ["1"],
            "customer_id": ["a"],
            "event_time": pd.to_datetime(["2025-06-01"]),
            "kind": ["fault"],
            "resolved_time": pd.to_datetime(["2025-06-10"]),
            "solved_well": [True],
        }
    )
    seen = {}

    @feature_function("own", reads={"care": 90, "plans": None}, columns=["rows_seen", "place"])
    def own(view: AsOfView) -> pd.DataFrame:
        seen[str(view.as_of.date())] = view.frame("care").iloc[0]
        assert view.frame("plans")["plan_id"].tolist() == ["s"]
        return pd.DataFrame({"rows_seen": [1], "place": [None]}, index=["a"])

    text = YAML.replace("family: own\n", "family: own_care\n")
    wh = Warehouse.from_frames(care=care, usage=CALLS, plans=pd.DataFrame({"plan_id": ["s"]}))
    _build(text, wh, ["2025-06-09", "2025-06-10"])
    assert pd.isna(seen["2025-06-09"]["solved_well"])
    assert pd.isna(seen["2025-06-09"]["resolved_time"])
    assert bool(seen["2025-06-10"]["solved_well"])
    assert seen["2025-06-10"]["resolved_time"] == pd.Timestamp("2025-06-10")


def _build(text: str, wh: Warehouse, dates: list[str]) -> pd.DataFrame:
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "own.yaml").write_text(text, encoding="utf-8")
        return FeatureBuilder(["own_care"], features_path=place).build(wh, dates)
