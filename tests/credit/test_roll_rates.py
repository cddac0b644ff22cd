"""Stages of arrears, and the rates at which customers roll from one to the next."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from three_postpaid_lines import PAID, tables

from custintel.credit import roll_rates
from custintel.credit._roll_rates import ARREARS_STAGES, arrears_stages
from custintel.errors import DataError
from custintel.warehouse import Warehouse


def test_stages_follow_the_oldest_bill_not_paid_in_full() -> None:
    payments = [p for p in PAID if p[0] not in ("a3", "a4", "b3")]
    payments += [("b3", "2025-04-25", 30.0, "ok"), ("a4", "2025-04-18", 5.0, "ok")]
    found = arrears_stages(tables(payments, []), ["2025-03-31", "2025-04-30", "2025-05-31", "2025-07-31"])
    assert found.loc["a"].tolist() == ["1-30", "31-60", "61-90", "91-150"]
    assert found.loc["b"].tolist() == ["1-30", "current", "current", "current"]
    assert found.loc["c"].tolist() == ["current"] * 4


def test_rates_of_a_simulated_operator_are_those_it_was_made_with() -> None:
    wh = Warehouse.simulate(customers=2000, months=9, seed=2)
    found = roll_rates(wh, pd.date_range("2025-03-31", "2025-09-30", freq="ME"))
    shares = found.drop(columns="customers")
    np.testing.assert_allclose(shares.sum(axis=1)[found["customers"] > 0], 1.0)
    assert 0.22 <= shares.loc["1-30", "31-60"] <= 0.38
    assert shares.loc["61-90", ["91-150", "written off"]].sum() >= 0.6
    assert list(found.index) == list(ARREARS_STAGES)
    with pytest.raises(DataError, match="two dates"):
        roll_rates(wh, ["2025-03-31"])
