"""Pseudonyms at the door: nobody is named, features stay what they are, and the holder of the key maps back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from command_line import run

from custintel.builder import FeatureBuilder
from custintel.contracts import reidentify
from custintel.contracts.pseudonyms import IDENTIFIERS, KEY_VARIABLE, Pseudonyms
from custintel.contracts.replace_identifiers import identifiers
from custintel.contracts.table_contracts import TABLES
from custintel.errors import ConfigurationError, DataError, QualityWarning
from custintel.simulate import simulate
from custintel.warehouse import Warehouse

if TYPE_CHECKING:
    import pyarrow as pa

KEY = "0123456789abcdef0123456789abcdef"
CODE = re.compile(r"p[0-9a-f]{32}")
NOBODY = {"plan_id", "cell_id", "offer_id", "campaign_id", "dealer_id", "addon_id"}
"""Identities of things, and of dealers: they stay."""


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    """A small operator, dirt included."""
    return dict(simulate(customers=80, months=4, seed=5).tables)


@pytest.fixture(scope="module")
def both(tables: dict[str, pa.Table]) -> tuple[Warehouse, Warehouse]:
    """The operator with its own identifiers, and with pseudonyms."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KEY_VARIABLE, KEY)
        return opened(tables), opened(tables, pseudonymise=True)


def opened(tables: dict[str, Any], pseudonymise: bool = False) -> Warehouse:
    return Warehouse.from_frames(None, "2025-12-31", pseudonymise, **tables)


def test_every_identity_of_the_contracts_has_a_space() -> None:
    for table, contract in TABLES.items():
        named = {c for c in contract.columns if c.endswith("_id") or c in ("msisdn", "other_party", "prefix")} - NOBODY
        assert named - {"number_range"} == set(identifiers(table)) - {"number_range"}, table
        assert set(identifiers(table).values()) <= set(IDENTIFIERS)
        assert {c.name for c in contract.columns.values() if c.sensitive} - named <= {"birth_year"}


def test_all_features_are_the_same(both) -> None:
    plain, coded = both
    date = str(plain.period[1].date())
    X, Y = (FeatureBuilder().build(wh, date) for wh in both)
    Y = reidentify(Y.reset_index(), plain.frame("customers")["customer_id"]).set_index("customer_id").loc[X.index]
    assert X["contact_countries"].sum() > 0
    assert X["shared_devices"].notna().any()
    # entropies are sums over numbers in the order of a hash: their last digits may differ
    pd.testing.assert_frame_equal(X, Y, rtol=1e-12, atol=1e-12)
    assert coded.report.to_json() == plain.report.to_json()
    assert coded.period == plain.period


def test_no_identifier_is_left_anywhere(both, tmp_path) -> None:
    plain, coded = both
    known = {
        str(value)
        for name in plain.tables
        for column in identifiers(name)
        if column in plain.columns(name) and column != "prefix"
        for value in plain.frame(name)[column].dropna()
    }
    folder = coded.save(tmp_path / "coded")
    for file in folder.rglob("*.parquet"):
        found = {str(value) for column in pd.read_parquet(file).items() for value in column[1].dropna().unique()}
        assert found & known == set(), file
    assert coded.truth == {}
    assert sum(coded.report[name].set_aside for name in coded.tables) > 0
    for name in coded.tables:
        aside = coded.set_aside(name)
        assert list(aside.columns) == ["reason", "broken_column", "source", "source_row"]
        assert len(aside) == plain.report[name].set_aside


def test_equal_numbers_stay_equal_and_others_do_not_meet(both) -> None:
    plain, coded = both
    for name in plain.tables:
        for column in identifiers(name):
            if column not in plain.columns(name):
                continue
            pair = pd.DataFrame({"a": plain.frame(name)[column], "b": coded.frame(name)[column]}).dropna()
            assert pair["b"].str.fullmatch(CODE).all()
            assert len(pair.drop_duplicates()) == pair["a"].nunique() == pair["b"].nunique()
    ours = set(plain.frame("customers")["msisdn"]) & set(plain.frame("usage")["other_party"])
    codes = set(coded.frame("customers")["msisdn"]) & set(coded.frame("usage")["other_party"])
    assert len(codes) == len(ours) > 0


def test_a_line_that_is_its_number_is_one_and_the_same() -> None:
    usage = calls(customer_id=["447911", "447922", "447922"], other_party=["447922", "447911", "447922"])
    wh = Warehouse.from_frames(usage=usage, pseudonymise=True)
    assert wh.report["usage"].set_aside == 1  # a call to oneself is found before
    frame = wh.frame("usage")
    assert frame["customer_id"].tolist() == frame["other_party"].tolist()[::-1]


def calls(**columns: list[Any]) -> pd.DataFrame:
    n = len(next(iter(columns.values())))
    times = pd.Timestamp("2025-06-01 10:00") + pd.to_timedelta(np.arange(n), unit="h")
    given = {"customer_id": "a", "event_time": times, "service": "voice", "direction": "out", "duration_s": 60.0}
    return pd.DataFrame({**given, **columns})


def test_bad_identifiers_are_set_aside_before() -> None:
    usage = calls(customer_id=["a", "", None, " a "], other_party=["1", "2", "3", None])
    wh = Warehouse.from_frames(usage=usage, pseudonymise=True)
    assert [str(broken) for broken in wh.report["usage"].broken_rules] == ["missing value: customer_id"]
    assert wh.frame("usage")["customer_id"].nunique() == 1
    assert wh.frame("usage")["other_party"].isna().sum() == 1


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (None, "pseudonyms need a key"),
        ("", "need a key"),
        ("short", "too short"),
        (" " * 40, r"too easy to guess\n  given: 0 different characters besides blanks\n  allowed: at least 8"),
        ("short " * 10, "too easy to guess"),
        ("x" * 64, "too easy to guess"),
    ],
)
def test_without_a_good_key(monkeypatch, tmp_path, capsys, key, said) -> None:
    monkeypatch.delenv(KEY_VARIABLE)
    if key is not None:
        monkeypatch.setenv(KEY_VARIABLE, key)
    calls(other_party=["1"]).to_csv(tmp_path / "usage.csv", index=False)
    for make in (
        lambda: Warehouse.open(tmp_path, pseudonymise=True),
        lambda: Warehouse.from_frames(usage=calls(other_party=["1"]), pseudonymise=True),
        lambda: reidentify(pd.DataFrame({"customer_id": ["p"]}), ["a"]),
    ):
        with pytest.raises(ConfigurationError, match=said) as caught:
            make()
        assert key in (None, "") or key not in str(caught.value).replace("too short", "")
    assert run("import", tmp_path, "--out", tmp_path / "out", "--pseudonymise") == 1
    assert re.search(said, capsys.readouterr().err)
    assert not (tmp_path / "out").exists()


def test_the_key_is_shown_nowhere(tmp_path) -> None:
    made = Pseudonyms(KEY)
    wh = Warehouse.from_frames(usage=calls(other_party=["1"]), pseudonymise=True)
    folder = wh.save(tmp_path / "w")
    texts = [repr(made), repr(wh), wh._repr_html_(), (folder / "warehouse.json").read_text()]
    assert [text for text in texts if KEY in text] == []
    assert made.fingerprint == wh.pseudonymised
    other = Pseudonyms(KEY[::-1])
    assert other.fingerprint != made.fingerprint
    assert other.of("line", ["a"]) != made.of("line", ["a"]) != made.of("account", ["a"])


def test_a_saved_warehouse_remembers_and_is_not_coded_twice(both, tmp_path) -> None:
    folder = both[1].save(tmp_path / "w")
    again = Warehouse.open(folder)
    assert again.pseudonymised == both[1].pseudonymised
    assert again.digest() == both[1].digest()
    assert again.report.to_json() == both[1].report.to_json()
    with pytest.raises(ConfigurationError, match="pseudonyms already"):
        Warehouse.open(folder, pseudonymise=True)
    assert both[0].pseudonymised is None
    coded = Warehouse.open(both[0].save(tmp_path / "plain"), pseudonymise=True)
    assert coded.digest() == both[1].digest()


def test_columns_beyond_the_contracts_are_left_out_unless_a_mapping_names_them() -> None:
    usage = calls(other_party=["1"]).assign(imsi="262011234567890", subscriber="Ann Example", tariff="gold")
    rename = {"usage": {"tariff": "tariff"}}
    with pytest.warns(QualityWarning, match=r"left out with pseudonyms: usage: imsi, subscriber"):
        wh = Warehouse.from_frames(usage=usage, rename=rename, pseudonymise=True)
    assert wh.frame("usage")["tariff"].tolist() == ["gold"]
    assert {"imsi", "subscriber"} & set(wh.columns("usage")) == set()
    assert "imsi" in Warehouse.from_frames(usage=usage, rename=rename).columns("usage")


def test_number_ranges_are_found_before_and_may_be_given() -> None:
    numbering = pd.DataFrame({"prefix": ["44", "4479"], "country": ["GB", "GB"], "risk": [0.0, 0.9]})
    usage = calls(other_party=["447911", "442011", "4911"], customer_id=list("abc")).assign(destination="international")
    plain, coded = (Warehouse.from_frames(usage=usage, numbering=numbering, pseudonymise=p) for p in (False, True))
    ranges = coded.frame("usage")["number_range"]
    assert ranges.iloc[:2].tolist() == coded.frame("numbering")["prefix"].iloc[[1, 0]].tolist()
    assert ranges.isna().tolist() == [False, False, True]
    given = Warehouse.from_frames(usage=usage.assign(number_range=["4479", "44", None], other_party=["x", "y", "z"]),
                                  numbering=numbering)  # fmt: skip
    builder = FeatureBuilder(["contact_countries"])
    risks = [builder.build(wh, "2025-06-01")["destination_risk_max_7d"].tolist() for wh in (plain, given)]
    assert risks[0][:2] == risks[1][:2] == [0.9, 0.0]


def test_scores_are_mapped_back_by_the_holder_of_the_key(monkeypatch, tmp_path, both) -> None:
    originals = both[0].frame("customers")["customer_id"]
    codes = both[1].frame("customers")["customer_id"]
    scores = pd.DataFrame({"customer_id": codes[::-1], "probability": np.linspace(0, 1, len(codes))})
    named = reidentify(scores, originals)
    assert named["customer_id"].tolist() == originals[::-1].tolist()
    assert named["probability"].tolist() == scores["probability"].tolist()
    with pytest.raises(DataError, match=rf"1 of {len(codes)} rows are of nobody"):
        reidentify(scores, originals.iloc[1:])
    with pytest.raises(DataError, match="nothing to re-identify"):
        reidentify(scores, originals, space="nobody")
    monkeypatch.setenv(KEY_VARIABLE, KEY[::-1])
    with pytest.raises(DataError, match="are of nobody"):
        reidentify(scores, originals)


def test_import_and_back_on_the_command_line(tmp_path, capsys, tables) -> None:
    folder = tmp_path / "tables"
    folder.mkdir()
    for name in ("customers", "usage"):
        tables[name].to_pandas().to_csv(folder / f"{name}.csv", index=False)
    assert run("import", folder, "--out", tmp_path / "coded", "--pseudonymise", "--most-set-aside", 0.5) == 0
    assert "set aside" in capsys.readouterr().out
    wh = Warehouse.open(tmp_path / "coded")
    assert wh.report["usage"].set_aside > 0
    wh.frame("customers")[["customer_id"]].assign(score=0.5).to_csv(tmp_path / "scores.csv", index=False)
    assert run("reidentify", tmp_path / "scores.csv", folder / "customers.csv", "--out", tmp_path / "named.csv") == 0
    named = pd.read_csv(tmp_path / "named.csv", dtype=str)["customer_id"]
    assert sorted(named) == sorted(Warehouse.open(folder).frame("customers")["customer_id"])
    assert run("import", folder, "--out", tmp_path / "plain", "--most-set-aside", 0.5) == 0
    assert Warehouse.open(tmp_path / "plain").digest() == Warehouse.open(folder).digest()
    assert run("import", folder, "--out", tmp_path / "never", "--most-set-aside", 0) == 3
    assert not (tmp_path / "never").exists()


@pytest.mark.slow
def test_spark_gives_the_same_pseudonyms(both, tables, spark, operators) -> None:
    del operators  # the session holds the tables of that operator
    coded = Warehouse.open(spark, latest="2025-12-31", pseudonymise=True)
    plain = Warehouse.open(spark, latest="2025-12-31")
    for name in ("customers", "usage", "bills", "numbering"):
        for column, space in identifiers(name).items():
            if column in coded.columns(name) and column in plain.columns(name):
                codes = Pseudonyms(KEY).of(space, plain.frame(name)[column].dropna())
                assert sorted(coded.frame(name)[column].dropna()) == sorted(codes)
        assert list(coded.set_aside(name).columns) == ["reason", "broken_column", "source", "source_row"]
    builder, date = FeatureBuilder(["contact_countries", "churned_contacts"]), str(plain.period[1].date())
    X, Y = builder.build(plain, date), builder.build(coded, date)
    Y = reidentify(Y.reset_index(), X.index).set_index("customer_id").loc[X.index]
    pd.testing.assert_frame_equal(X, Y, check_dtype=False)
