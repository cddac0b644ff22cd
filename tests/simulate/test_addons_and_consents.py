"""Add-ons and consents: what they follow from, and that nothing else follows from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from custintel.simulate import simulate
from custintel.warehouse import Warehouse

if TYPE_CHECKING:
    from custintel.simulate._operator import Operator


def frame(operator: Operator, name: str) -> pd.DataFrame:
    made = operator.tables[name].to_pandas()
    return made.astype({c: str for c in made.columns if c in ("customer_id", "addon_id", "purpose", "channel", "kind")})


@pytest.fixture(scope="module")
def addons(operator: Operator) -> pd.DataFrame:
    made = frame(operator, "addons")
    return made.assign(start_date=pd.to_datetime(made.start_date), end_date=pd.to_datetime(made.end_date))


@pytest.fixture(scope="module")
def consents(operator: Operator) -> pd.DataFrame:
    return frame(operator, "consents")


def test_no_other_table_changes_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    with_them = simulate(customers=80, months=2, seed=3)
    for name in ("addons", "consents"):
        monkeypatch.setattr(f"custintel.simulate.output._operator_tables.{name}", lambda state: None)
    without = simulate(customers=80, months=2, seed=3)
    others = [name for name in with_them.tables if name not in ("addons", "consents")]
    assert len(others) == 21
    assert all(with_them.tables[name].equals(without.tables[name]) for name in others)
    assert all(with_them.truth[name].equals(without.truth[name]) for name in with_them.truth)


def test_the_same_seed_gives_the_same_rows() -> None:
    one, two = (simulate(customers=80, months=2, seed=3).tables for _ in range(2))
    assert all(one[name].equals(two[name]) and len(one[name]) > 0 for name in ("addons", "consents"))


def test_they_meet_their_contracts(operator: Operator) -> None:
    tables = {name: operator.tables[name] for name in ("customers", "addons", "consents")}
    report = Warehouse.from_frames(latest="2026-03-31", **tables).report.frame()
    assert (report.loc[["addons", "consents"], "set_aside"] == 0).all()


def test_packs_last_thirty_days_and_the_rest_longer(addons: pd.DataFrame) -> None:
    days = (addons.end_date - addons.start_date).dt.days
    packs = addons.addon_id.isin(["travel_pack", "data_pack"])
    assert days[packs].max() == 30
    assert 60 < days[~packs].median() < 400
    assert (days.dropna() >= 0).all()


def test_those_who_like_data_buy_music_and_those_who_move_travel_packs(
    operator: Operator, addons: pd.DataFrame
) -> None:
    traits = operator.truth["traits"].reset_index().astype({"customer_id": str}).set_index("customer_id")
    of = {name: traits.loc[addons.customer_id[addons.addon_id == name].unique()] for name in ("music", "travel_pack")}
    assert of["music"].data_appetite.mean() > traits.data_appetite.mean() + 0.2
    assert of["travel_pack"].mobility.mean() > traits.mobility.mean() + 0.3
    assert of["music"].price_sensitivity.mean() < traits.price_sensitivity.mean()


def test_some_cancel_before_they_leave(operator: Operator, addons: pd.DataFrame) -> None:
    ends = frame(operator, "terminations").query("cause == 'voluntary' or cause == 'port_out'")
    left = ends.groupby("customer_id").event_time.min().dt.normalize()
    kept = addons[~addons.addon_id.str.endswith("_pack")].dropna(subset=["end_date"])
    kept = kept[kept.end_date >= "2025-01-01"]
    before = (kept.customer_id.map(left) - kept.end_date).dt.days
    early = before.between(1, 90).sum() / before.between(-5, 90).sum()
    assert 0.15 < early < 0.85  # some before, the others with the line


def test_most_agree_to_texts_and_few_to_partners(consents: pd.DataFrame) -> None:
    first = consents.drop_duplicates(["customer_id", "purpose", "channel"])
    share = first.groupby(["purpose", "channel"]).granted.mean()
    assert 0.68 < share["marketing", "sms"] < 0.80
    assert share["marketing", "call"] < share["marketing", "sms"] - 0.2
    assert share["partners"].max() < 0.32


def test_contacts_make_people_opt_out_of_the_channel(operator: Operator, consents: pd.DataFrame) -> None:
    contacts = frame(operator, "contacts").query("not control")
    outs = consents[(consents.purpose == "marketing") & ~consents.granted & (consents.statement_time >= "2025-01-01")]
    joined = outs.merge(contacts, on=["customer_id", "channel"], suffixes=("", "_contact"))
    wait = (joined.statement_time - joined.event_time).dt.days
    soon = wait.between(0, 14).sum()
    mirror = (-wait).between(0, 14).sum()  # as many days before the contact
    assert soon > 1.5 * mirror > 0
