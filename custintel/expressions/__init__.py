"""The expression language of features and rules: SQL expressions over columns, and nothing else.

A text comes in. `parse` checks every part of it against the `whitelist`, so that an expression can read no file, call
no other function and grow without bound. What goes out is an `Expression`, which knows the columns and aggregates it
reads and can be written as SQL for each engine (`translate_dialect`), computed on a data frame with NumPy, and said in
English or Chinese. `check_types` finds texts where numbers are needed.

>>> import pandas as pd
>>> from custintel.expressions.parse import parse
>>> share = parse("count_if(direction = 'out') / count(*)")
>>> sorted(share.columns), [aggregate.function for aggregate in share.aggregates]
(['direction'], ['count', 'count'])
>>> parse("charge / data_mb").numpy(pd.DataFrame({"charge": [6.0], "data_mb": [3.0]}))
array([2.])
>>> parse("minutes > 30").words({"minutes": "Minutes abroad"})
'Minutes abroad more than 30'
"""

from __future__ import annotations
