"""What usage costs and how it is paid: tariffs, rating, bills, payments, dunning, and prepaid balances.

The records of a month come in. Postpaid lines get bills, which their accounts pay on time, late or never; prepaid lines
spend a balance that they recharge. All money is in whole cents.

>>> from custintel.simulate._simulation_config import PlansConfig
>>> from custintel.simulate.billing._plans_and_contracts import make_tariffs
>>> tariffs = make_tariffs(PlansConfig())
>>> len(tariffs.fee) == len(PlansConfig().plans)
True
"""

from __future__ import annotations
