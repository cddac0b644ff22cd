"""Mistakes of type show when columns are computed on the trial operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from custintel.builder import FeatureBuilder
from custintel.builder.trial_operator import trial_problems, trial_warehouse
from custintel.contracts.table_contracts import TABLES

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "family: own\nabout: Own\nsource: usage\nwindows: [7d, 30d]\n"


def _problems(folder: Path, text: str) -> list[str]:
    (folder / "own.yaml").write_text(text)
    return [str(problem) for problem in trial_problems(FeatureBuilder(["own"], features_path=folder))]


def test_all_shipped_columns_can_be_computed() -> None:
    assert trial_problems(FeatureBuilder()) == []


def test_the_trial_has_rows_in_every_table_and_column() -> None:
    wh = trial_warehouse()
    assert wh.tables == tuple(TABLES)
    assert (wh.report.frame()[["set_aside", "duplicates"]] == 0).all(axis=None)
    assert wh.report.unresolved().empty
    for name, contract in TABLES.items():
        assert set(contract.columns) <= set(wh.columns(name))


@pytest.mark.parametrize(
    ("features", "line", "given"),
    [
        ("features:\n  n: {sql: sum(direction), unit: n, missing: 0, about: a}", 6, "sum(direction)"),
        ("features:\n  n: {sql: avg(abs(service)), unit: n, missing: 0, about: a}", 6, "avg(abs(service))"),
        (
            "features:\n  n: {sql: count(*), unit: n, missing: 0, about: a}\n"
            "  t: {sql: last(service), unit: category, missing: null, about: t}\n"
            "derived:\n  d: {sql: sqrt(t_7d), unit: n, about: d}\n  fine: {sql: n_7d + 1, unit: n, about: f}",
            9,
            "sqrt(t_7d)",
        ),
    ],
)
def test_a_feature_that_does_not_compute_is_found(tmp_path: Path, features: str, line: int, given: str) -> None:
    found = _problems(tmp_path, HEAD + features)
    assert len(found) == 1
    assert found[0].startswith(f"{tmp_path}/own.yaml:{line}: ")
    assert f"given: {given}" in found[0]


@pytest.mark.parametrize("sql", ["sum(points)", "count_if(points = 'gold')"])
def test_own_columns_may_be_of_any_type(tmp_path: Path, sql: str) -> None:
    text = HEAD + f'columns: [points]\nfeatures:\n  n: {{sql: "{sql}", unit: n, missing: 0, about: a}}\n'
    assert _problems(tmp_path, text) == []


def test_a_slice_that_does_not_compute_is_found(tmp_path: Path) -> None:
    text = HEAD + "slices:\n  odd: {sql: duration_s > 'x', about: odd}\n"
    text += "features:\n  n: {sql: count(*), unit: n, missing: 0, slices: [all, odd], about: a}\n"
    (found,) = _problems(tmp_path, text)
    assert "odd_n_7d cannot be computed" in found
