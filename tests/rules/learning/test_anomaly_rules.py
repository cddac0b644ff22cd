"""Groups of unusual customers get a rule, which waits for a person."""

from __future__ import annotations

import numpy as np
import pytest
from sim_box_lines import lines

from custintel import RuleBase
from custintel.errors import ConfigurationError
from custintel.rules.learning.anomaly_rules import DiscoverySettings, propose_anomaly_rules


def test_a_group_of_unusual_customers_gets_a_rule_and_waits_for_a_person() -> None:
    X, _ = lines()
    X.iloc[:30, :3] = np.column_stack([np.full(30, 380.0), np.ones(30), np.zeros(30)])
    base = RuleBase()
    found = propose_anomaly_rules(base, X, DiscoverySettings(share=0.02))
    proposed = found[found["rule"] != ""]
    assert not proposed.empty
    assert set(base.frame()["state"]) == {"proposed"}
    assert set(base.frame()["origin"]) == {"anomaly"}
    fired = base.match(X, "proposed").any(axis=1)
    assert fired[:30].mean() > 0.9
    assert fired[30:].mean() < 0.03
    again = propose_anomaly_rules(base, X, DiscoverySettings(share=0.02))
    assert (again["rule"] == "").all()
    assert again["why"].str.contains("covers it|same customers").any()


def test_forbidden_columns_are_neither_looked_at_nor_read() -> None:
    X, _ = lines()
    X["closed"] = 0.0
    X.loc[:30, "closed"] = 1.0
    found = propose_anomaly_rules(RuleBase(), X, DiscoverySettings(share=0.02, forbidden=("closed",)))
    assert not found["when"].str.contains("closed").any()
    with pytest.raises(ConfigurationError, match="share"):
        DiscoverySettings(share=0.9)
