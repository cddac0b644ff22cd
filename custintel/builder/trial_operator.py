"""Every column computed on a trial operator: a few typed rows in every table, so that mistakes of type show.

A column that reads well may still not compute: ``sum(direction)`` adds up texts. All columns are computed at once; when
that fails, those at fault are found by halving.

>>> from custintel.builder import FeatureBuilder
>>> trial_problems(FeatureBuilder(["billing"]))
[]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from custintel.builder._feature_builder import FeatureBuilder
from custintel.contracts.own_contracts import declared_tables, known_tables
from custintel.errors import Problem
from custintel.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from custintel.catalogue.feature_family import Entry, Family
    from custintel.contracts.table_contracts import ColumnContract, TableContract


_ROWS = 6
_NAMES = ("0", "1", "2")
_START = pd.Timestamp("2025-01-06 09:30")
_STEP = pd.Timedelta(days=9)
# columns beyond the contract may be of any type: the first with which a family computes is taken
_OWN_TYPES = ("number", "string", "boolean", "timestamp")
_HINT = "look at the types of the columns: texts cannot be added, a text is not compared with a number"


def trial_problems(builder: FeatureBuilder) -> list[Problem]:
    """The features that cannot be computed, with file, line and what the engine says; none when all is well."""
    trial = _Trial(builder)
    features: dict[str, list[Entry]] = {}
    for entry in builder.catalogue.entries():
        features.setdefault(entry.where, []).append(entry)
    derived = [of for of in features.values() if of[0].kind == "derived"]
    base = [of for of in features.values() if of[0].kind != "derived"]
    if trial.error(base + derived) is None:
        return []
    return trial.problems(base) or trial.problems(derived)


class _Trial:
    """Computes some features of a builder, on one operator for each type of the columns beyond the contracts."""

    def __init__(self, builder: FeatureBuilder) -> None:
        families = builder.catalogue.families
        own = _OWN_TYPES if any(family.columns for family in families) else _OWN_TYPES[:1]
        self.warehouses = [trial_warehouse(families, type_) for type_ in own]
        self.builder = builder

    def problems(self, features: Sequence[Sequence[Entry]]) -> list[Problem]:
        """Those at fault, found by halving."""
        error = self.error(features) if features else None
        if error is None:
            return []
        if len(features) > 1:
            half = len(features) // 2
            return self.problems(features[:half]) + self.problems(features[half:])
        fails = [entry for entry in features[0] if self.error([[entry]]) is not None]
        first = fails[0] if fails else features[0][0]
        return [Problem(first.where, f"{first.column} cannot be computed: {error}", first.expression, hint=_HINT)]

    def error(self, features: Iterable[Sequence[Entry]]) -> str | None:
        """What goes wrong with these features, in one line; None when one of the operators can compute them."""
        columns = [entry.column for of in features for entry in of]
        part = FeatureBuilder(self.builder.topics, self.builder.features_path, columns)
        errors = []
        for wh in self.warehouses:
            errors.append(_error(part, wh))
            if errors[-1] is None:
                return None
        return errors[0]


def _error(builder: FeatureBuilder, wh: Warehouse) -> str | None:
    """What goes wrong for one date and for two."""
    last = wh.period[1]
    try:
        for days in ([last], [last - pd.Timedelta(days=5), last]):
            builder.build(wh, days, customers=_NAMES)  # those with events: what nobody asks for is not computed
    except Exception as error:  # a function of the user's own may raise anything
        return str(error).splitlines()[0]
    return None


def trial_warehouse(families: Iterable[Family] = (), own: str = "number") -> Warehouse:
    """An operator with a few rows in every known table, and in the columns that families bring along.

    >>> wh = trial_warehouse()
    >>> set(wh.tables) == set(known_tables()), int(wh.report.frame()["set_aside"].sum())
    (True, 0)
    """
    tables = {name: _table(contract) for name, contract in known_tables().items()}
    for family in families:
        for column in family.columns:
            tables[family.source][column] = [_free(own, n) for n in range(_ROWS)]
    last = (_START + _ROWS * _STEP).date()
    return Warehouse.from_frames(None, last, False, declared_tables(), **tables)


def _table(contract: TableContract) -> pd.DataFrame:
    columns = contract.columns.values()
    return pd.DataFrame({c.name: [_value(c, contract, n) for n in range(_ROWS)] for c in columns})


def _value(column: ColumnContract, contract: TableContract, row: int) -> Any:
    """Names are small numbers, so that one table's names are found in another."""
    if column.type == "string":
        if column.values:
            return column.values[row % len(column.values)]
        if contract.key == (column.name,):
            return str(row)
        return str((row + (column.name == contract.not_self)) % len(_NAMES))
    if column.type in ("number", "integer"):
        low = column.min if column.min is not None else min(1.0, column.max if column.max is not None else 1.0)
        value = low + row if column.max is None else min(low + row, column.max)
        return int(value) if column.type == "integer" else float(value)
    moment = _free(column.type, row)
    return moment.normalize() if column.type == "date" else moment


def _free(kind: str, row: int) -> Any:
    values = {"number": float(row), "string": f"text {row}", "boolean": row % 2 == 0}
    return values.get(kind, _START + row * _STEP)
