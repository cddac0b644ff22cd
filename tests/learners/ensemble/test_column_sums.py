"""Sums of columns that are parts of one whole."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from custintel.learners import TableClassifier
from custintel.learners.ensemble._column_sums import ColumnSums, part_groups

GROUPS = [
    (["Total day charge", "Total eve charge", "Total night charge"], ((0, 1, 2),)),
    (["DayMins", "EveMins", "NightMins", "Age"], ((0, 1, 2),)),
    (["calls_in", "calls_out", "calls_missed", "sms_in", "sms_out"], ((0, 1, 2),)),
    (["bill_30d", "bill_60d", "bill_90d"], ()),
    (["x1", "x2", "x3"], ()),
    (["f_1", "f_2", "f_3"], ()),
    (["age", "tenure", "bill"], ()),
    (["MonthlyCharges", "TotalCharges"], ()),
    ([f"part_{a}{b}" for a in "abcdefghi" for b in "abcdefgh"], ()),
]


@pytest.mark.parametrize(("names", "expected"), GROUPS)
def test_parts_of_a_whole_by_name(names: list[str], expected: tuple[tuple[int, ...], ...]) -> None:
    assert part_groups(names) == expected


def test_parts_with_negative_amounts_or_constraints_are_not_summed() -> None:
    names = ["calls_in", "calls_out", "calls_missed"]
    matrix = np.array([[1.0, 2.0, 3.0], [0.0, 1.0, -1.0]])
    assert ColumnSums.learn(matrix, names, np.zeros(3, dtype=bool)).groups == ()
    assert ColumnSums.learn(np.abs(matrix), names, np.array([True, False, False])).groups == ()
    assert ColumnSums.learn(np.abs(matrix), names, np.zeros(3, dtype=bool)).groups == ((0, 1, 2),)


def test_credit_keeps_row_totals() -> None:
    rng = np.random.default_rng(0)
    matrix = rng.gamma(2, 1, (500, 5))
    matrix[::9, 1] = np.nan
    sums = ColumnSums.learn(matrix, ["a_x", "b_x", "c_x", "y", "z"], np.zeros(5, dtype=bool))
    parts = rng.normal(size=(500, 6))
    credited = sums.credit_parts(parts, matrix)
    np.testing.assert_allclose(credited.sum(axis=1), parts.sum(axis=1), atol=1e-12)
    np.testing.assert_array_equal(credited[:, 3:], parts[:, 3:5])


def test_a_sum_is_learned_and_explained_by_its_parts() -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.gamma(4, 1, (3000, 4)), columns=["day_fee", "eve_fee", "night_fee", "intl_fee"])
    y = (table.sum(axis=1) > 19).astype(int)
    model = TableClassifier(effort="fast", n_jobs=1).fit(table[:2000], y[:2000])
    assert (model.predict(table[2000:]) == y[2000:]).mean() > 0.97
    parts = model.contributions(table[2000:])
    assert list(parts.columns) == list(table.columns)
    odds = model.log_odds(table[2000:])
    np.testing.assert_allclose(parts.sum(axis=1) + model.expected_value_, odds, atol=1e-9)
