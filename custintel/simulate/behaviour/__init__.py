"""What customers decide: to stay or to leave, to complain, to answer a campaign.

`_weekly_dynamics` moves all lines through the weeks: what they experience changes the hazard of leaving
(`_churn_hazard`), care contacts and campaigns change the experience. `_true_chances` computes the chance of leaving
that somebody who knew every hidden state would give at the end of a month.

>>> import numpy as np
>>> from custintel.simulate._simulation_config import ChurnConfig
>>> from custintel.simulate.behaviour._churn_hazard import delay_chance
>>> chance = delay_chance(np.array([1.0, 30.0, 400.0]), np.array([False, False, False]), ChurnConfig())
>>> bool((np.diff(chance) >= 0).all())
True
"""

from __future__ import annotations
