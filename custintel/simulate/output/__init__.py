"""From the state at the end of the simulation to tables.

`_operator_tables` and `_surveys_promises_devices` write what the operator has, `_delay_and_dirt` makes its records
late and faulty, and `_truth_tables` writes what only the simulator knows.

>>> import numpy as np
>>> from custintel.simulate.output._arrow_tables import money_column
>>> money_column(np.array([1250, 99])).to_pylist()
[12.5, 0.99]
"""

from __future__ import annotations
