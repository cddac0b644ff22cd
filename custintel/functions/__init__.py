"""Feature functions: features that the grammar of a feature file cannot say.

A family of the catalogue that says ``function: NAME`` takes its columns from the function of that name. A function in
SQL goes from a `FunctionContext` (the tables at hand, the as-of dates, what each date may see) to steps of SQL; each
private module here holds one subject. A function of your own in Python, registered with `feature_function`, goes from
an `AsOfView` of the tables to a data frame. Either gives at most one row per customer and date.

>>> from custintel.functions.function_registry import find_function
>>> arrears = find_function("arrears")
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
