"""The expression language of features and rules: SQL expressions over columns, nothing else.

>>> from custintel.expressions.parse import parse
>>> share = parse("count_if(direction = 'out') / count(*)")
>>> sorted(share.columns), [a.function for a in share.aggregates]
(['direction'], ['count', 'count'])
"""

from __future__ import annotations
