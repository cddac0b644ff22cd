"""A user's own table: its contract, its mistakes, and that it works wherever a shipped one does."""

# ruff: noqa: E501  (a mistake stands beside what is said of it)

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pandas as pd
import pytest
from command_line import run as run_command

from custintel.builder import FeatureBuilder
from custintel.contracts.own_contracts import contracts_text, forget_tables, known_tables, read_contracts
from custintel.contracts.pseudonyms import KEY_VARIABLE
from custintel.contracts.table_contracts import TABLES, tables_markdown
from custintel.errors import ConfigurationError, ContractError
from custintel.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTRACT = """shop_visits:
  about: One row a visit to a shop
  key: [visit_id]
  event_time: event_time
  arrival_time: arrival_time
  columns:
    visit_id:     {type: string, about: Identity of the visit}
    customer_id:  {type: string, about: The line}
    event_time:   {type: timestamp, about: When the customer came in}
    arrival_time: {type: timestamp, about: When the row reached the data}
    purpose:      {type: string, values: [buy, repair, question], about: Why}
    minutes:      {type: number, min: 0, unit: min, about: Time in the shop}
    badge:        {type: string, identifier: device, about: Device that was brought}
"""
FAMILY = """family: shop_visits
about: Visits to shops
about_zh: 到店
source: shop_visits
reason: care
windows: [30d, 90d]
features:
  shop_visits:    {sql: count(*), unit: visits, missing: 0, about: Visits to a shop, about_zh: 到店次数}
  repair_minutes: {sql: sum(case when purpose = 'repair' then minutes end), unit: min, missing: 0, about: Repair, about_zh: 维修}
"""
VISITS = pd.DataFrame(
    {
        "visit_id": ["1", "2", "3", "4", "5"],
        "customer_id": ["a", "a", "b", "a", "b"],
        "event_time": [
            "2025-03-20 10:00",
            "2025-05-20 11:00",
            "2025-06-02 09:00",
            "2025-06-20 16:00",
            "2025-06-30 10:00",
        ],
        "arrival_time": ["2025-03-20 11:00", "2025-06-25 11:00", "2025-06-02 10:00", "2025-06-20 17:00", None],
        "purpose": ["repair", "Repair", "buy", "repair", "question"],
        "minutes": [10.0, 20.0, 5.0, 40.0, 1.0],
        "badge": ["d1", "d2", None, "d1", None],
    }
)
CUSTOMERS = pd.DataFrame(
    {"customer_id": ["a", "b", "c"], "billing_type": "postpaid", "activation_date": pd.Timestamp("2020-01-01")}
)


@pytest.fixture(autouse=True)
def _no_table_stays_known() -> Iterator[None]:
    forget_tables()
    yield
    forget_tables()


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    path = tmp_path / "my_tables.yaml"
    path.write_text(CONTRACT, encoding="utf-8")
    return path


@pytest.fixture
def features(tmp_path: Path) -> Path:
    folder = tmp_path / "my_features"
    folder.mkdir()
    (folder / "shops.yaml").write_text(FAMILY, encoding="utf-8")
    return folder


def opened(contract: object, **more: object) -> Warehouse:
    return Warehouse.from_frames(shop_visits=VISITS, customers=CUSTOMERS, contracts=contract, **more)  # type: ignore[arg-type]


def test_a_contract_of_fifteen_lines_is_enough(contract: Path, features: Path) -> None:
    assert len(CONTRACT.splitlines()) <= 15
    wh = opened(contract)
    assert wh.tables == ("customers", "shop_visits")
    X = FeatureBuilder(["shops"], features).build(wh, ["2025-06-24", "2025-06-25"])
    # the second visit of a arrived on the 25th; the first is out of the window by then
    assert X["shop_visits_90d"].tolist() == [1.0, 1.0, 0.0, 2.0, 1.0, 0.0]
    assert X["repair_minutes_30d"].tolist() == [40.0, 0.0, 0.0, 40.0, 0.0, 0.0]
    assert X["repair_minutes_90d"].tolist() == [40.0, 0.0, 0.0, 60.0, 0.0, 0.0]


def test_what_goes_without_saying() -> None:
    own = read_contracts({"t": {"about": "T", "event_time": "d", "columns": _columns(d="date", bill_id="string")}})["t"]
    assert own.columns["customer_id"].references == "customers"
    assert own.columns["bill_id"].references == "bills"
    assert own.required == ("customer_id", "d")


def _columns(**types: str) -> dict[str, object]:
    return {name: {"type": type_, "about": "A"} for name, type_ in {"customer_id": "string", **types}.items()}


@pytest.mark.parametrize("place", ["folder", "file", "connection", "argument", "contracts folder"])
def test_every_door_takes_it(place: str, tmp_path: Path, contract: Path) -> None:
    tables = tmp_path / "tables"
    tables.mkdir()
    VISITS.to_csv(tables / "shop_visits.csv", index=False)
    if place == "folder":
        (tables / "contracts.yaml").write_text(CONTRACT, encoding="utf-8")
        wh = Warehouse.open(tables)
    elif place == "argument":
        wh = Warehouse.open(tables, contracts=contract)
    elif place == "contracts folder":
        (tmp_path / "contracts").mkdir()
        contract.rename(tmp_path / "contracts" / "a.yaml")
        wh = Warehouse.open(tables, contracts=tmp_path / "contracts")
    else:
        database = tmp_path / "operator.duckdb"
        connection = duckdb.connect(str(database))
        connection.register("visits", VISITS)
        connection.execute("create table shop_visits as select * from visits")
        if place == "file":
            connection.close()
        wh = Warehouse.open(database if place == "file" else connection, contracts=contract)
    assert wh.report.frame().loc["shop_visits", "kept"] == 5


def test_its_rows_are_checked_like_all_others(contract: Path) -> None:
    bad = VISITS.assign(purpose=["buy", "dance", "buy", "buy", "buy"], minutes=[1, 1, -1, 1, 1],
                        customer_id=["a", "a", "a", "nobody", "a"])  # fmt: skip
    wh = Warehouse.from_frames(shop_visits=bad, customers=CUSTOMERS, contracts=contract)
    assert {(r.reason, r.column) for r in wh.report["shop_visits"].broken_rules} == {
        ("not in vocabulary", "purpose"), ("below minimum", "minutes"), ("unknown customer", "customer_id"),
    }  # fmt: skip
    assert wh.report["shop_visits"].balanced


def test_a_saved_warehouse_knows_its_contracts(contract: Path, features: Path, tmp_path: Path) -> None:
    wh = opened(contract)
    expected = FeatureBuilder(["shops"], features).build(wh, "2025-06-30")
    place = wh.save(tmp_path / "saved")
    forget_tables()
    again = Warehouse.open(place)
    assert dict(again.contracts) == dict(wh.contracts)
    pd.testing.assert_frame_equal(FeatureBuilder(["shops"], features).build(again, "2025-06-30"), expected)


def test_a_contract_written_is_read_as_the_same() -> None:
    own = read_contracts(_parsed(CONTRACT))
    again = read_contracts(_parsed(contracts_text(own)))
    assert dict(again) == dict(own)


def _parsed(text: str) -> dict[str, object]:
    import yaml

    return yaml.safe_load(text)


def test_pseudonyms_replace_its_identifiers(contract: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "0123456789abcdef" * 2)
    wh = opened(contract, pseudonymise=True)
    visits, customers = wh.frame("shop_visits"), wh.frame("customers")
    assert set(visits["customer_id"]) <= set(customers["customer_id"])
    assert visits["badge"].dropna().str.fullmatch("p[0-9a-f]{32}").all()
    assert sorted(visits["purpose"]) == ["buy", "question", "repair", "repair", "repair"]


def test_two_warehouses_keep_their_own_contracts(contract: Path) -> None:
    wh = opened(contract)
    other = read_contracts({"shop_visits": {"about": "Another", "key": ["visit_id"], "columns": {
        "visit_id": {"type": "string", "about": "Identity"}}}})  # fmt: skip
    assert known_tables()["shop_visits"] == other["shop_visits"] != wh.contracts["shop_visits"]
    assert wh.period[1] == pd.Timestamp("2025-06-30")


def test_the_shipped_contracts_do_not_change(contract: Path) -> None:
    before = dict(TABLES)
    opened(contract)
    assert dict(TABLES) == before
    assert "## shop_visits" not in tables_markdown()
    assert "| `minutes` | number |  | min | 0 ..  | Time in the shop |" in tables_markdown(
        [known_tables()["shop_visits"]]
    )


def test_an_unknown_table_says_what_to_do(features: Path, contract: Path) -> None:
    with pytest.raises(ContractError, match=r"hint: a table of your own has a contract: contracts="):
        Warehouse.from_frames(shop_visits=VISITS)
    with pytest.raises(ConfigurationError, match=r"shops.yaml:1: unknown source table") as caught:
        FeatureBuilder(["shops"], features)
    assert "contracts=" in caught.value.problems[0].hint
    read_contracts(contract)
    assert FeatureBuilder(["shops"], features).columns is None


MISTAKES = {
    "usage: {about: Calls, columns: {customer_id: {type: string, about: A}}}": "1: usage: the name of a shipped table",
    "Visits: {about: V, columns: {customer_id: {type: string, about: A}}}": "1: Visits: the name of a table is no plain word",
    "order: {about: V, columns: {customer_id: {type: string, about: A}}}": "1: order: a table cannot be called so",
    "about: Visits\ncolumns: {customer_id: {type: string, about: A}}": "1: an entry without the name of its table",
    "v:\n  about: V": "1: v: a table without columns",
    "v:\n  about: V\n  evnt_time: t\n  columns: {customer_id: {type: string, about: A}}": "3: v: unknown key",
    "v:\n  about: V\n  event_time: d\n  columns: {customer_id: {type: string, about: A}}": "3: v: no such column",
    "v:\n  about: V\n  event_time: customer_id\n  columns: {customer_id: {type: string, about: A}}":
        "3: v: event_time is no time",
    "v:\n  about: V\n  ahead_days: 1 day); drop table x\n  columns: {customer_id: {type: string, about: A}}":
        "3: v: ahead_days is no number of days",
    "v:\n  columns:\n    customer_id: {type: string, about: A}": "1: v: no about",
    "v:\n  about: V\n  columns:\n    customer_id: {type: integer, about: A}": "4: v.customer_id: an identity that is no text",
    "v:\n  about: V\n  columns:\n    x: {type: number, about: A}": "1: v: features can neither read nor join this table",
    "v:\n  about: V\n  columns:\n    customer_id: string": "4: v.customer_id: not a mapping of keys",
    "v:\n  about: V\n  columns:\n    customer_id: {type: text, about: A}": "4: v.customer_id: unknown type",
    "v:\n  about: V\n  key: [x]\n  columns:\n    x: {type: string}": "5: v.x: no about",
    "v:\n  about: V\n  key: [x]\n  columns:\n    x: {type: string, about: A, identifier: person}":
        "5: v.x: unknown identifier",
    "v:\n  about: V\n  key: [x]\n  columns:\n    x: {type: string, about: A, references: custmers}":
        "5: v.x: references no table",
    "v:\n  about: V\n  key: [x]\n  columns:\n    x: {type: string, about: A, values: [yes, no]}": "5: v.x: a value is not text",
    "v:\n  about: V\n  key: [x]\n  columns:\n    x: {type: number, about: A, min: low}": "5: v.x: min is not a number",
    "v:\n  about: V\n  key: [x]\n  columns:\n    x: {type: string, about: A, required: maybe}":
        "5: v.x: required is neither true nor false",
    "v:\n  about: V\n  key: [x]\n  columns:\n    x: {type: string, about: A, needed_when: read_csv('/etc/passwd')}":
        "5: v.x: unknown function read_csv",
    "v:\n  about: V\n  key: [x]\n  columns:\n    x: {type: string, about: A, needed_when: y > 1}":
        "5: v.x: needed_when is a condition on the columns of one row",
    "v:\n  about: V\n  key: [x]\n  columns:\n    x: {type: string, about: A}\n    event_date: {type: date, about: B}":
        "6: v.event_date: a column cannot be called so",
    "v:\n  about: V\n  key: [x]\n  columns:\n    x: {type: string, about: A}\n    My Col: {type: date, about: B}":
        "6: v.My Col: the name of a column is no plain word",
    "v: [1, 2": "not readable as YAML",
    "": "no contract",
}  # fmt: skip


@pytest.mark.parametrize(("text", "wrong"), MISTAKES.items(), ids=list(map(str, range(len(MISTAKES)))))
def test_mistakes_name_file_and_line(text: str, wrong: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        read_contracts(path)
    assert wrong in str(caught.value)
    assert all(problem.where.startswith(str(path)) for problem in caught.value.problems)
    assert list(known_tables()) == list(TABLES), "a contract with mistakes is not declared"


def test_all_mistakes_come_at_once(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("v:\n  key: [y]\n  columns:\n    x: {type: txt}\nusage: {about: B}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        read_contracts(path)
    assert sorted(p.where.removeprefix(str(path)).split(":")[1] for p in caught.value.problems) == list("12445")


def test_a_table_in_two_files_is_a_mistake(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(CONTRACT, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="a table given twice"):
        read_contracts(tmp_path)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such file or folder"):
        Warehouse.open(tmp_path, contracts=tmp_path / "none.yaml")


def test_the_command_line(tmp_path: Path, contract: Path, features: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tables = tmp_path / "tables"
    tables.mkdir()
    VISITS.to_parquet(tables / "shop_visits.parquet")
    CUSTOMERS.to_parquet(tables / "customers.parquet")
    assert run_command("check", tables, "--contracts", contract) == 0
    assert "shop_visits" in capsys.readouterr().out
    forget_tables()
    assert run_command("features", "check", features) == 1
    assert run_command("features", "check", features, "--contracts", contract) == 0
    forget_tables()
    assert run_command("import", tables, "--contracts", contract, "--out", tmp_path / "kept") == 0
    forget_tables()
    out = tmp_path / "X.parquet"
    asked = ("--as-of", "2025-06-30", "--features", features, "--topic", "shops", "--out", out)
    assert run_command("features", "build", tmp_path / "kept", *asked) == 0
    assert pd.read_parquet(out)["shop_visits_90d"].sum() == 4


def test_the_how_to_of_the_page_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "tables.md").read_text(encoding="utf-8")
    section = page.split("\n## Your own table\n")[1].split("\n## ")[0]
    monkeypatch.chdir(tmp_path)
    assert run_command("simulate", "tables", "--customers", "60", "--months", "6") == 0
    (tmp_path / "my_features").mkdir()
    for name, text in re.findall(r"```yaml\n# (\S+)\n(.*?)```", section, flags=re.DOTALL):
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert len(text.splitlines()) <= 15
    space: dict[str, pd.DataFrame] = {}
    exec("\n".join(re.findall(r"```python\n(.*?)```", section, flags=re.DOTALL)), space)
    assert space["X"]["shop_visits_90d"].sum() > 50
    assert run_command("check", "tables") == 0
    command = "features build tables/ --as-of 2025-06-29 --features my_features/ --topic shops"
    assert command in section
    assert run_command(*command.split()) == 0
