"""A small telecom operator whose truth is known.

`simulate` takes a number of customers, a number of months and a seed, and returns an `Operator`. Its ``tables`` are the
raw tables that a real operator would hand over: usage records that arrive late, duplicated or broken, bills, payments,
recharges, care contacts, campaigns. Its ``truth`` is what no operator knows: the weekly hazard of leaving, the effect
of every offer, which lines are fraud. Methods are measured against that truth. `SimulationConfig` holds every
parameter; `SimulationConfig.fraud_study` adds further kinds of fraud, and `SimulationConfig.offer_study` five offers
whose effects are known for every customer. With ``policy=``, a function of the caller chooses whom campaigns contact,
and the world answers. The same seed gives the same bytes.

The months run in `_operator`, where `_campaign_policy` asks the policy. People and cells are in `people`, records in
`usage`, decisions in `behaviour`, money in `billing`, `fraud` is laid over the records, and `output` writes the tables.

>>> operator = simulate(customers=60, months=1, seed=1)
>>> operator.tables["usage"].column_names[:4]
['customer_id', 'event_time', 'arrival_time', 'service']
>>> sorted(operator.truth)
['campaign_effects', 'cases', 'churn', 'p_state', 'traits', 'wallets', 'weekly']
"""

from __future__ import annotations

from custintel.simulate._operator import simulate
from custintel.simulate._simulation_config import SimulationConfig

__all__ = ["SimulationConfig", "simulate"]
