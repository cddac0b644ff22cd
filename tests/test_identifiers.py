"""A customer's identifier is text, from every reader to every writer."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from custintel import Warehouse, load_model, score, train
from custintel.cli._main import main
from custintel.decide import Audience, Constraints, ContactPolicy, DecisionLog, OfferValues, allocate
from custintel.errors import ContractError, DataError, QualityWarning
from custintel.files.spreadsheet_cells import unescape_formulas
from custintel.fraud import detection_delay
from custintel.identifiers import identifier_index, identifier_text, known_identifier, may_identify
from custintel.rules import RuleBase
from custintel.rules.monitoring._random_audit import audit_sample, audited_recall
from custintel.training.read_table import read_table

if TYPE_CHECKING:
    from pathlib import Path

    from custintel.artifact import Model

# what operators write: leading zeros, signs, blanks inside, more digits than a float holds, other alphabets
_DIGITS = st.text("0123456789", min_size=1, max_size=20)
_WRITTEN = st.one_of(
    _DIGITS,
    _DIGITS.map(lambda digits: "00" + digits),
    _DIGITS.map(lambda digits: "+44 " + digits),
    st.sampled_from(
        ["NA", "null", "nan", "None", "-", "001.50", "TRUE", "1e5", "2025-01-31", "1,234", "客户 7", "é-ß", "Ж9"]
    ),
)
_TABLES = st.lists(_WRITTEN, min_size=1, max_size=30)


@pytest.fixture(scope="module")
def model(quick_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that learned who is who from the column `line`."""
    rng = np.random.default_rng(0)
    bill = rng.normal(40, 12, 300)
    left = np.where(bill + rng.normal(0, 15, 300) > 50, "yes", "no")
    table = pd.DataFrame({"line_id": [f"{i:05d}" for i in range(300)], "bill": bill, "left": left})
    run = train("churn", table=table, target="left", models_path=quick_models, tracking=False)
    return run.model.save(tmp_path_factory.mktemp("model") / "m")


@pytest.fixture(scope="module")
def loaded(model: Path) -> Model:
    return load_model(model)


def _bills(rows: int) -> np.ndarray:
    return np.linspace(20.0, 60.0, rows)


def _write(frame: pd.DataFrame, place: Path) -> Path:
    if place.suffix == ".parquet":
        frame.to_parquet(place, index=False)
    elif place.suffix == ".xlsx":
        frame.to_excel(place, index=False)
    else:
        frame.to_csv(place, index=False)
    return place


def _read(place: Path) -> pd.DataFrame:
    if place.suffix == ".parquet":
        return pd.read_parquet(place)
    return unescape_formulas(pd.read_csv(place, dtype=str, keep_default_na=False))


# --- one identifier -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pd.Series(["00001", " 7 ", ""]), ["00001", "7", None]),
        (pd.Series(["00001", 7, 8.0, None, " "], dtype=object), ["00001", "7", "8", None, None]),
        (pd.Series([447911000001.0, np.nan]), ["447911000001", None]),
        (pd.Series([123456789012345678, 123456789012345679]), ["123456789012345678", "123456789012345679"]),
        (pd.array([123456789012345678, None], dtype="Int64"), ["123456789012345678", None]),
        (pd.Categorical(["007", None, "007"]), ["007", None, "007"]),
        (pd.Categorical([7, 8]), ["7", "8"]),
        ([123456789012345678, None], ["123456789012345678", None]),
        ([Decimal("123456789012345678.00"), Decimal("1.5")], ["123456789012345678", "1.5"]),
        (np.array([7.5, 3.0]), ["7.5", "3"]),
        (pd.Index([1, 2]), ["1", "2"]),
        (np.array([16777215.0], dtype="float32"), ["16777215"]),
    ],
)
def test_identifiers_are_text(values: Any, expected: list[str | None]) -> None:
    assert identifier_text(pd.Series(values) if isinstance(values, pd.Categorical) else values).tolist() == expected


@pytest.mark.parametrize(
    "values",
    [
        [1e17],
        [2.0**53],
        [None, 9.9e15],
        pd.Series([1e17, 1.0]),
        ["4.47911E+11"],
        np.array([16777216.0], dtype="float32"),
        pd.array([16777216.0, None], dtype="Float32"),
    ],
)
def test_lost_digits_are_refused_without_showing_them(values: Any) -> None:
    with pytest.raises(DataError, match="lost digits") as caught:
        identifier_text(values, "line")
    assert "hint" in str(caught.value)
    assert "9900000000000000" not in str(caught.value)
    assert "1e+17" not in str(caught.value)


def test_names_of_identifiers() -> None:
    assert known_identifier(["bill", "msisdn", "Customer ID"]) == "Customer ID"
    assert known_identifier(["bill", "valid"]) is None
    assert [n for n in ("paid", "prepaid", "grid", "amount_paid", "valid") if may_identify(n)] == []
    assert all(may_identify(n) for n in ("customerID", "user_id", "MSISDN", "id", "line id", "ID", "客户编号"))


def test_an_index_keeps_its_dates() -> None:
    index = pd.MultiIndex.from_product([[pd.Timestamp("2025-01-31")], [7.0, 8.0]], names=["as_of", "customer_id"])
    assert identifier_index(index).tolist() == [(pd.Timestamp("2025-01-31"), "7"), (pd.Timestamp("2025-01-31"), "8")]


# --- from a table to the list ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".xlsx"])
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ids=_TABLES, blanks=st.sets(st.integers(0, 29), max_size=3))
def test_identifiers_come_through_every_reader(tmp_path: Path, suffix: str, ids: list[str], blanks: set[int]) -> None:
    written = [None if i in blanks else name for i, name in enumerate(ids)]
    frame = pd.DataFrame({"customer_id": pd.Series(written, dtype=object), "bill": _bills(len(ids))})
    place = tmp_path / f"t{suffix}"
    if suffix == ".tsv":
        frame.to_csv(place, index=False, sep="\t")
    else:
        _write(frame, place)
    assert read_table(place).identifiers("customer_id").tolist() == written


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ids=_TABLES, kinds=st.sampled_from([(".csv", ".csv"), (".parquet", ".csv"), (".csv", ".parquet")]))
def test_identifiers_come_through_scoring_unchanged(
    tmp_path: Path, loaded: Model, ids: list[str], kinds: tuple[str, str]
) -> None:
    frame = pd.DataFrame({"line_id": ids, "bill": _bills(len(ids))})
    source, out = _write(frame, tmp_path / f"t{kinds[0]}"), tmp_path / f"s{kinds[1]}"
    if len(set(ids)) < len(ids):
        with pytest.warns(QualityWarning, match="with another row"):
            score(loaded, table=source, out=out)
    else:
        score(loaded, table=source, out=out)
    assert sorted(_read(out)["customer_id"]) == sorted(ids)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".xlsx"])
def test_the_command_line_scores_whom_training_knew(
    model: Path, tmp_path: Path, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = ["00001", "+44 7911", "123456789012345678", "客户 7", None, "00001"]
    frame = pd.DataFrame({"line_id": pd.Series(ids, dtype=object), "customer_id": list("abcdef"), "bill": _bills(6)})
    table, out = _write(frame, tmp_path / f"t{suffix}"), tmp_path / "s.csv"
    with pytest.raises(SystemExit) as left:
        main(["score", str(model), "--table", str(table), "--out", str(out)])
    told = capsys.readouterr()
    assert left.value.code == 0
    assert sorted(_read(out)["customer_id"]) == sorted(name or "" for name in ids)
    assert "'line_id', as in training" in told.out
    assert "1 of 6 rows has no identifier" in told.err
    assert "2 of 6 rows share 1 identifier" in told.err
    assert "00001" not in told.err


def test_where_customers_come_from_is_said(loaded: Model) -> None:
    bills = pd.DataFrame({"bill": _bills(3)})

    def scored(**more: Any) -> tuple[list[str], str]:
        found = score(loaded, table=bills.assign(**more.pop("columns", {})), **more)
        return sorted(found["customer_id"]), found.attrs["custintel"]["notes"][0]

    three = {
        "line_id": ["x", "y", "z"],
        "customer_id": ["1", "2", "3"],
        "msisdn": ["7", "8", "9"],
        "other": ["p", "q", "r"],
    }
    assert scored(columns=three)[0] == ["x", "y", "z"]
    assert scored(columns=three, id_column="Other") == (["p", "q", "r"], "customer_id is the column 'other', as asked")
    del three["line_id"]
    assert scored(columns=three)[0] == ["1", "2", "3"]
    del three["customer_id"]
    assert scored(columns=three)[0] == ["7", "8", "9"]
    assert "recognised by its name" in scored(columns=three)[1]
    del three["msisdn"]
    assert scored(columns=three)[0] == ["0", "1", "2"]
    assert "row number" in scored(columns=three)[1]
    assert "'line_id' of training is not there" in scored(columns=three)[1]


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (pd.Index(["007", "008"], name="customer_id"), ["007", "008"]),
        (pd.Index([447911000001.0, 7.0], name="msisdn"), ["447911000001", "7"]),
        (pd.CategoricalIndex(["007", "008"], name="customer_id"), ["007", "008"]),
        (pd.Index(["a", "b"]), ["a", "b"]),
        (pd.MultiIndex.from_tuples([("2025-01-31", 7), ("2025-01-31", 8)], names=["as_of", "customer_id"]), ["7", "8"]),
    ],
)
def test_customers_of_an_index(loaded: Model, index: pd.Index, expected: list[str]) -> None:
    assert sorted(score(loaded, table=pd.DataFrame({"bill": _bills(2)}, index=index))["customer_id"]) == sorted(
        expected
    )


def test_dates_of_a_feature_table_are_those_of_its_scores(loaded: Model) -> None:
    days = pd.to_datetime(["2025-01-31", "2025-02-28"])
    index = pd.MultiIndex.from_arrays([days, ["a", "a"]], names=["as_of", "customer_id"])
    with pytest.warns(QualityWarning, match="share 1 identifier"):
        found = score(loaded, table=pd.DataFrame({"bill": _bills(2)}, index=index))
    assert sorted(found["as_of"]) == list(days)


def test_the_model_keeps_the_name_of_the_column(loaded: Model) -> None:
    assert loaded.metadata["id_column"] == "line_id"


def test_a_long_number_of_excel_is_refused(model: Path, tmp_path: Path) -> None:
    table = tmp_path / "t.xlsx"
    pd.DataFrame({"line_id": [123456789012345678, 123456789012345679], "bill": [1.0, 2.0]}).to_excel(table, index=False)
    with pytest.raises(DataError, match="format the cells as text"):
        score(model, table=table)


def test_numbers_of_excel_are_digits(loaded: Model, tmp_path: Path) -> None:
    table = tmp_path / "t.xlsx"
    ids = pd.Series([447911000001, None, 7], dtype=object)
    pd.DataFrame({"line_id": ids, "bill": _bills(3)}).to_excel(table, index=False)
    with pytest.warns(QualityWarning, match="no identifier"):
        found = score(loaded, table=table)
    assert set(found["customer_id"].dropna()) == {"447911000001", "7"}


def test_whole_numbers_with_gaps_of_parquet(loaded: Model, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    ids = [123456789012345678, None, 123456789012345679]
    pq.write_table(pa.table({"line_id": pa.array(ids), "bill": _bills(3)}), tmp_path / "t.parquet")
    with pytest.warns(QualityWarning, match="1 of 3 rows has no identifier"):
        found = score(loaded, table=tmp_path / "t.parquet")
    assert set(found["customer_id"].dropna()) == {"123456789012345678", "123456789012345679"}


# --- warehouse ------------------------------------------------------------------------------------------------------


def _plans(ids: Any) -> Warehouse:
    return Warehouse.from_frames(plans=pd.DataFrame({"plan_id": ids, "monthly_fee": _bills(len(ids))}))


def test_a_warehouse_sets_rounded_identifiers_aside() -> None:
    wh = _plans([1e17, 1e17 + 32, 5.0])
    assert wh.frame("plans")["plan_id"].tolist() == ["5"]
    assert [(f.reason, f.rows) for r in wh.report for f in r.broken_rules] == [("digits lost", 2)]
    with pytest.raises(ContractError, match="digits lost"):
        _plans([1e17, 2e17])


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([Decimal("123456789012345678"), Decimal("123456789012345679")], ["123456789012345678", "123456789012345679"]),
        (["007", 8.0], ["007", "8"]),
        (pd.Categorical(["007", "008"]), ["007", "008"]),
        (pd.array([123456789012345678, None], dtype="Int64"), ["123456789012345678"]),
    ],
)
def test_a_warehouse_keeps_all_digits(ids: Any, expected: list[str]) -> None:
    assert _plans(ids).frame("plans")["plan_id"].tolist() == expected


# --- rules, decisions, cases ----------------------------------------------------------------------------------------


def _base() -> RuleBase:
    base = RuleBase()
    base.propose("busy", "minutes >= 50", by="me")
    base.shadow("busy", by="me", reason="an example")
    return base


def test_alarms_outcomes_and_audits_meet_as_text() -> None:
    base = _base()
    X = pd.DataFrame({"minutes": [60, 70, 1, 2, 3]}, index=pd.Index([7.0, 8.0, 9.0, 10.0, 11.0], name="customer_id"))
    alarms = base.alarms(X, None, "shadow")
    assert sorted(alarms.index) == ["7", "8"]
    assert sorted(RuleBase.cases(alarms)["customer_id"]) == ["7", "8"]
    outcomes = pd.DataFrame({"customer_id": [7, 8, 9, 10, 11], "outcome": ["fraud", "not", "fraud", "not", "not"]})
    audit = audit_sample(X, alarms, share=1.0)
    found = audited_recall(X, alarms, audit, outcomes)
    assert (found.caught, found.audited, found.open) == (1, 3, 0)


def test_customers_without_a_name_are_cases_too() -> None:
    X = pd.DataFrame({"minutes": [60, 70]}, index=pd.Index(["a", None], name="customer_id"))
    assert len(RuleBase.cases(_base().alarms(X, None, "shadow"))) == 2


def test_contacts_are_found_whatever_wrote_the_customer() -> None:
    values = OfferValues.from_wide(pd.DataFrame({"sms": [5.0, 5.0]}, index=pd.Index([7, 8], name="customer_id")), 0.0)
    contacts = pd.DataFrame({"customer_id": ["7"], "event_time": ["2025-06-29"], "offer_id": ["sms"]})
    rules = Constraints(contact=ContactPolicy(at_most=1, days=30))
    made = allocate(values, rules, audience=Audience(contacts=contacts, as_of="2025-06-30")).decisions["offer"]
    assert made.tolist() == ["none", "sms"]


def test_the_decision_log_holds_text(tmp_path: Path) -> None:
    one = pd.DataFrame({"customer_id": [7.0], "as_of": ["2025-06-30"], "action": ["sms"], "propensity": [1.0]})
    one["policy_version"] = "1"
    log = DecisionLog(tmp_path)
    log.append(one)
    again = DecisionLog(tmp_path).append(one.assign(customer_id=["7"]))
    assert (again.added, again.known) == (0, 1)
    log.record(pd.DataFrame({"customer_id": [7], "as_of": ["2025-06-30"], "outcome": [1.0]}))
    assert log.frame()["customer_id"].tolist() == ["7"]
    assert log.frame()["outcome"].tolist() == [1.0]


def test_rows_of_values_without_a_customer_are_refused() -> None:
    rows = pd.DataFrame({"customer_id": ["a", " "], "offer": ["x", "x"], "value": [1.0, 2.0]})
    with pytest.raises(ValueError, match=r"1 row\(s\) without customer_id"):
        OfferValues.from_long(rows)


def test_the_delay_of_detection_meets_cases_as_text() -> None:
    alarms = pd.DataFrame({"customer_id": [7.0], "as_of": ["2025-01-05"]})
    known = pd.DataFrame({"customer_id": ["7"], "kind": ["sim_box"], "start_date": ["2025-01-02"]})
    assert detection_delay(alarms, known).loc["all", "detected"] == 1.0


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_the_command_line_of_rules_and_offers_keeps_identifiers(tmp_path: Path, suffix: str) -> None:
    ids = ["00001", "NA", "123456789012345678"]
    table = _write(pd.DataFrame({"customer_id": ids, "minutes": [60, 70, 80]}), tmp_path / f"t{suffix}")
    base = _base()
    base.activate("busy", by="me", reason="an example")
    (tmp_path / "rules.jsonl").write_text("".join(json.dumps(dict(e)) + "\n" for e in base.log.events))
    out = tmp_path / f"alarms{suffix}"
    with pytest.raises(SystemExit) as left:
        main(["alarms", str(table), "--base", str(tmp_path / "rules.jsonl"), "--out", str(out)])
    assert left.value.code == 0
    assert sorted(_read(out)["customer_id"]) == sorted(ids)
    values = _write(
        pd.DataFrame({"customer_id": ids, "offer": "sms", "value": 1.0, "cost": 0.5}), tmp_path / f"v{suffix}"
    )
    (tmp_path / "c.yaml").write_text("budget: 10\n")
    made = tmp_path / f"d{suffix}"
    with pytest.raises(SystemExit) as left:
        main(["decide", str(values), "--constraints", str(tmp_path / "c.yaml"), "--out", str(made)])
    assert left.value.code == 0
    assert sorted(_read(made)["customer_id"]) == sorted(ids)
