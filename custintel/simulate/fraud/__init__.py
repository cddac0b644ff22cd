"""Fraud that is laid over the records, and innocent lines that look like it.

`_fraud_cases` holds the first kinds (SIM boxes, customers who never pay, faked activations of dealers),
`_attacks_and_look_alikes` chooses attacked lines and look-alikes, and `_extended_fraud_records` writes the records of
the further kinds. Fraud changes no decision of an honest customer.

>>> from custintel.simulate import SimulationConfig, simulate
>>> operator = simulate(60, 1, seed=1, config=SimulationConfig.fraud_study())
>>> list(operator.truth["look_alikes"].columns)
['customer_id', 'look']
"""

from __future__ import annotations
