"""The expression language of features and rules: SQL expressions over columns, nothing else.

>>> from custintel.expressions import parse
>>> share = parse("count_if(direction = 'out') / count(*)")
>>> sorted(share.columns), [a.function for a in share.aggregates]
(['direction'], ['count', 'count'])
"""

from __future__ import annotations

from custintel.expressions._dialects import DIALECTS, check_dialect, translated
from custintel.expressions._expression import Aggregate, Expression
from custintel.expressions._language import AS_OF, FUNCTION_NAMES
from custintel.expressions._parse import parse
from custintel.expressions._types import ValueType, type_problems

__all__ = [
    "AS_OF",
    "DIALECTS",
    "FUNCTION_NAMES",
    "Aggregate",
    "Expression",
    "ValueType",
    "check_dialect",
    "parse",
    "translated",
    "type_problems",
]
