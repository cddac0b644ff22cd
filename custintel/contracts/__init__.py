"""What each raw table must look like, and the checks that set broken rows aside.

Raw tables come in from frames, files, databases or Spark (`raw_tables`), with a mapping of foreign column names
(`column_mapping`): a column may be an expression over columns of the file, and rows that are no rows are left out and
counted. Shipped contracts stand in ``tables.yaml``; a user's own table brings one of the same form (`own_contracts`).
`check_table` reads every column as the type of its contract, finds the first rule that each row
breaks (`row_rules`), and writes two tables: the clean one, and the rows set aside with their original values, reason
and position. `time_checks` finds exchanged days and months, missing times of day and wrong units. `pseudonyms` replace
identifiers where a key is given. What goes out is a `QualityReport`: no row is lost without being counted.

>>> import pandas as pd
>>> from custintel.warehouse import Warehouse
>>> plans = pd.DataFrame({"plan_id": ["s", "m"], "monthly_fee": ["9.90", "cheap"]})
>>> Warehouse.from_frames(plans=plans).report.reasons()
   table      reason       column  rows
0  plans  unreadable  monthly_fee     1
"""

from __future__ import annotations

from custintel.contracts.pseudonyms import reidentify

__all__ = ["reidentify"]
