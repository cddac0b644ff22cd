"""What the grammar of features cannot say: functions from tables and dates to columns.

A family of the catalogue that says ``function: arrears`` takes its columns from the function of that name. Each
module here is one function in SQL; `feature_function` registers one of your own in Python:

>>> from custintel.functions import find
>>> arrears = find("arrears")
>>> [read.table for read in arrears.reads], arrears.columns[:2]
(['bills', 'payments'], ('open_amount', 'overdue_amount'))
"""

from __future__ import annotations

from importlib import import_module

from custintel.functions._declared import FeatureFunction, Reads, find, registered, sql_function
from custintel.functions._python import View, answer, feature_function, load_python
from custintel.functions._question import Question, Relation
from custintel.functions._step import PART, Step

__all__ = [
    "PART",
    "FeatureFunction",
    "Question",
    "Reads",
    "Relation",
    "Step",
    "View",
    "answer",
    "feature_function",
    "find",
    "load_python",
    "registered",
    "sql_function",
]

_MODULES = (
    "arrears",
    "circle",
    "community",
    "debtors",
    "destinations",
    "experience",
    "fraud_ties",
    "handset",
    "household",
    "imei",
    "places",
    "plan_fit",
    "ties",
    "unsolved",
)
for _module in _MODULES:
    import_module(f"{__name__}.{_module}")  # a module registers its function
