"""The families and models that come with the library."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from custintel.adapters.registry import adapter_named
from custintel.catalogue import Catalogue
from custintel.catalogue.learner_classes import DEFAULT_LEARNERS, LEARNER_ROOMS, learner_parameters
from custintel.catalogue.model_spec import load_model_spec
from custintel.catalogue.question_kinds import TARGET_TYPES

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(path for path in (ROOT / "features").glob("*.yaml") if path.stem != "reasons")
MODELS = sorted(path.stem for path in (ROOT / "models").glob("*.yaml"))
TOPICS = [
    "billing",
    "campaigns",
    "care",
    "competitors",
    "contacts",
    "contract",
    "customer",
    "fraud",
    "habits",
    "mobility",
    "network",
    "payments",
    "recharge",
    "usage",
]
FAMILIES = {family.name: family for family in Catalogue.load().families}


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


def test_topics_are_the_files() -> None:
    assert list(Catalogue.load().topics) == [path.stem for path in FILES] == TOPICS


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_is_all_families_of_its_file(topic: str) -> None:
    text = (ROOT / "features" / f"{topic}.yaml").read_text(encoding="utf-8")
    written = re.findall(r"^family: (\w+)$", text, flags=re.M)
    found = Catalogue.load(topics=[topic])
    assert [family.name for family in found.families] == written
    assert found.topics == (topic,)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_topic_opens_with_what_it_is_about(path: Path) -> None:
    comment = re.match(r"(?:# .*\n)+(?=\n)", path.read_text(encoding="utf-8"))
    assert comment is not None
    assert len(comment[0].splitlines()) <= 4
    about = Catalogue.load().topics_about[path.stem]
    assert re.fullmatch(r"[A-Z].{40,}\.", about)


def test_no_family_is_named_like_a_topic() -> None:
    assert set(FAMILIES).isdisjoint(TOPICS)


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
    columns = [e for e in Catalogue.load(topics=spec.topics).entries() if e.column not in spec.exclude]
    assert columns
    assert {entry.reason for entry in columns} <= set(spec.actions)
    assert all(action[key] for action in spec.actions.values() for key in ("about", "about_zh", "en", "zh"))


def test_every_reason_group_has_columns_and_words() -> None:
    catalogue = Catalogue.load()
    own = {column.reason for name in ("ValueModel", "TierForecast") for column in adapter_named(name).extra_columns()}
    assert {entry.reason for entry in catalogue.entries()} | own == set(catalogue.reasons)
    assert set(TOPICS) <= set(catalogue.reasons)
    for group in catalogue.reasons.values():
        assert all(group.words().values())
        assert re.search(r"[\u4e00-\u9fff]", group.about_zh + group.action_zh)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_file_repeats_no_column_patterns(name: str) -> None:
    text = (ROOT / "models" / f"{name}.yaml").read_text(encoding="utf-8")
    assert "columns:" not in text
    assert len(text.splitlines()) <= 45


@pytest.mark.parametrize("name", LEARNER_ROOMS)
def test_learners_have_the_parameters_a_model_may_name(name: str) -> None:
    parameters = learner_parameters(name)
    if parameters is None:
        assert name == "TableRegressor", "the learner stands in another room than the table of learners says"
        return
    learner = getattr(import_module(LEARNER_ROOMS[name]), name)
    assert set(parameters) <= set(learner().get_params())
    assert not {"random_state", "n_jobs", "monotone"} & set(parameters)


def test_every_type_of_question_has_a_learner() -> None:
    assert set(DEFAULT_LEARNERS) == set(TARGET_TYPES)
    assert set(DEFAULT_LEARNERS.values()) <= set(LEARNER_ROOMS)
