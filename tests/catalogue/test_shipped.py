"""The families and models that come with the library."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from custintel.catalogue import Catalogue
from custintel.catalogue.model_spec import LEARNERS, group_of, load_model_spec

ROOT = Path(__file__).resolve().parents[2]
FAMILIES = sorted(path.stem for path in (ROOT / "features").glob("*.yaml"))
MODELS = sorted(path.stem for path in (ROOT / "models").glob("*.yaml"))
ASKED_FOR = {
    "arrears",
    "bill_steps",
    "billing",
    "bursts",
    "campaign_results",
    "campaigns",
    "care",
    "care_results",
    "circle",
    "community",
    "competitors",
    "contacts",
    "contract",
    "customer",
    "data",
    "debtors",
    "denominations",
    "destinations",
    "dunning",
    "experience",
    "fraud_ties",
    "handset",
    "hours",
    "household",
    "imei",
    "international",
    "mobility",
    "networks",
    "overlaps",
    "pauses",
    "payment_steps",
    "payments",
    "peak_hour",
    "places",
    "plan_changes",
    "plan_fit",
    "plan_steps",
    "promise_results",
    "promises",
    "recharge",
    "recharge_channels",
    "recharge_steps",
    "responses",
    "rhythm",
    "roaming",
    "signature",
    "signature_destinations",
    "surveys",
    "ties",
    "timing",
    "travel",
    "unbilled",
    "unsolved",
    "usage",
    "velocity",
}


@pytest.mark.parametrize("folder", ["features", "models"])
def test_content_folders_hold_no_code(folder: str) -> None:
    python = sorted(path.name for path in (ROOT / folder).rglob("*.py"))
    assert python == ["__init__.py"]
    lines = (ROOT / folder / "__init__.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1
    assert lines[0].startswith('"""')


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_loads_alone(name: str) -> None:
    found = Catalogue.load(topics=[name])
    assert [family.name for family in found.families] == [name]
    assert len(found.entries()) >= 1


def test_families_are_files_of_their_name() -> None:
    assert sorted(family.name for family in Catalogue.load().families) == FAMILIES
    assert set(FAMILIES) >= ASKED_FOR


def test_there_are_enough_columns_and_most_are_said_in_the_grammar() -> None:
    entries = Catalogue.load().entries()
    assert len(entries) >= 350
    assert sum(entry.kind == "function" for entry in entries) < 0.2 * len(entries)


def test_what_is_said_of_persons_is_marked() -> None:
    classes = {entry.column: entry.sensitivity for entry in Catalogue.load().entries()}
    for column in ("age", "cells_30d", "radius_of_gyration", "days_on_device", "mutual_contacts"):
        assert classes[column] == "personal"
    for column in ("credit_score", "churned_contacts", "fraud_contacts", "broken_promises_180d", "home_region"):
        assert classes[column] == "sensitive"


ENTRIES = {entry.column: entry for entry in Catalogue.load().entries()}


@pytest.mark.parametrize("column", ENTRIES)
def test_a_column_is_said_in_two_languages(column: str) -> None:
    entry = ENTRIES[column]
    assert re.fullmatch(r"[A-Z][^.]*[^.,]", entry.about), (
        "a noun phrase that begins with a capital and has no full stop"
    )
    assert len(entry.about) <= 110
    assert re.search(r"[\u4e00-\u9fff]", entry.about_zh)
    assert not re.search(r"[a-z]{2}|[。，]", entry.about_zh)


def test_meanings_are_different() -> None:
    for language in ("about", "about_zh"):
        said = [getattr(entry, language) for entry in ENTRIES.values()]
        assert len(said) == len(set(said)), sorted({text for text in said if said.count(text) > 1})


@pytest.mark.parametrize("name", MODELS)
def test_a_model_says_what_to_do_about_every_column(name: str) -> None:
    spec = load_model_spec(name)
    columns = [e.column for e in Catalogue.load(topics=spec.families).entries() if e.column not in spec.exclude]
    without = [column for column in columns if group_of(column, spec.reasons["groups"]) is None]
    assert without == []
    assert all(action[key] for action in spec.actions.values() for key in ("about", "about_zh", "en", "zh"))
    assert list(spec.actions) == list(spec.reasons["groups"])


@pytest.mark.parametrize("name", LEARNERS)
def test_learners_have_the_parameters_a_model_may_name(name: str) -> None:
    from custintel import learners, value

    assert set(LEARNERS[name]) <= set(getattr(value if name == "ValueModel" else learners, name)().get_params())
