"""What the grammar of features cannot say: functions from tables and dates to columns.

A family of the catalogue that says ``function: arrears`` takes its columns from the function of that name. Each
module here is one function in SQL; `feature_function` registers one of your own in Python:

>>> from custintel.functions.function_registry import find
>>> arrears = find("arrears")
>>> [read.table for read in arrears.reads], arrears.columns[:2]
(['bills', 'payments'], ('open_amount', 'overdue_amount'))
"""

from __future__ import annotations

from importlib import import_module

from custintel.functions.python_functions import feature_function

__all__ = ["feature_function"]

_MODULES = (
    "_arrears",
    "_call_communities",
    "_calling_circle",
    "_contact_ties",
    "_destinations",
    "_devices",
    "_household",
    "_network_experience",
    "_places",
    "_plan_fit",
    "_unsolved_care",
)
for _module in _MODULES:
    import_module(f"{__name__}.{_module}")  # a module registers its functions
