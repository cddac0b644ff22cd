"""A family against the contracts: tables, columns, times, and what may be read when."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from custintel.catalogue.feature_family import ALL, Family, Feature
from custintel.contracts.own_contracts import known_tables
from custintel.contracts.table_contracts import OWN_TABLE_HINT
from custintel.errors import close_hint
from custintel.functions.function_registry import find_function, registered_functions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from custintel.catalogue._feature_grammar import Reader
    from custintel.contracts.table_contracts import TableContract
    from custintel.expressions.expression import Expression

# Families of which each customer has one row: those of a function, and those of the row in force.


def check_function(family: Family, reader: Reader) -> None:
    """Note every mistake of a family of a function: its name, and the columns that are read."""
    function = find_function(family.function)
    if function is None:
        _unknown(family, reader)
        return
    for feature in family.features:
        check_row(feature, f"function: {function.name}", reader)
        _check_columns(feature, function.name, function.columns, reader)


def _unknown(family: Family, reader: Reader) -> None:
    known = [function.name for function in registered_functions()]
    own = "a function of your own is registered first: @feature_function, or --python FILE.py"
    hint = close_hint(family.function, known) or own
    reader.wrong(family.where, "unknown function", family.function, ", ".join(known), hint)


def check_row(feature: Feature, kind: str, reader: Reader) -> None:
    """A feature of one row: no aggregates, no windows, no slices."""
    if feature.expression.aggregates:
        hint = "there is one row a customer: remove the aggregate, or ask it of windows in another family"
        wrong = f"an aggregate in {feature.name}, whose family is {kind}"
        reader.wrong(feature.expression.where, wrong, feature.expression.text, "an expression of one row", hint)
    if feature.own_windows or feature.slices != (ALL,):
        reader.wrong(feature.where, f"{feature.name} has windows or slices, but its family is {kind}")


def _check_columns(feature: Feature, function: str, columns: Iterable[str], reader: Reader) -> None:
    for name in sorted(feature.expression.columns - set(columns)):
        allowed, hint = ", ".join(columns), close_hint(name, columns)
        reader.wrong(feature.expression.where, f"unknown column of function {function}", name, allowed, hint)


# Which columns the expressions of a family may read, and why not the others.


class Readable:
    """Which columns the expressions of a family may read, and why not the others."""

    def __init__(self, columns: Mapping[str, str], late: Mapping[str, str], reader: Reader) -> None:
        self.columns, self.late, self.reader = columns, late, reader

    def check(self, expression: Expression) -> None:
        """Note unknown columns and columns read before they are known."""
        for name in sorted(expression.columns):
            if name not in self.columns:
                self._unknown(name, expression)
            elif name in self.late:
                self._too_early(name, expression)

    def _unknown(self, name: str, expression: Expression) -> None:
        tables = " and ".join(dict.fromkeys(self.columns.values()))
        behind = name.removeprefix("previous_")
        plain = close_hint(name, self.columns) or "a column beyond the contract is to be named under columns:"
        hint = f"name it under previous: [{behind}]" if behind != name and behind in self.columns else plain
        self.reader.wrong(expression.where, f"unknown column of {tables}", name, ", ".join(self.columns), hint)

    def _too_early(self, name: str, expression: Expression) -> None:
        hint = f"put features of {name} into a family with time: {self.late[name]}"
        self.reader.wrong(expression.where, "a column read before it is known", name, hint=hint)


def check_previous(family: Family, readable: Readable, reader: Reader) -> None:
    """Columns of the row before must be columns that a row may be asked for."""
    for name in family.previous:
        if name not in readable.columns:
            hint = close_hint(name, readable.columns)
            reader.wrong(family.where, "previous names an unknown column", name, ", ".join(readable.columns), hint)
        elif name in readable.late:
            hint = f"put it into a family with time: {readable.late[name]}"
            reader.wrong(family.where, "a column read before it is known", name, hint=hint)


# What the contracts say about tables, as far as the catalogue needs it.


# what the warehouse adds to every clean table with a time, and to usage
_ADDED = frozenset({"event_date", "visible_date"})
_ADDED_TO_USAGE = frozenset({"weekday", "hour", "is_weekend", "is_night"})


@dataclass(frozen=True)
class TableFacts:
    """Columns of a clean table: those of the contract and those the warehouse adds."""

    name: str
    columns: frozenset[str]
    known_at: Mapping[str, str]
    times: frozenset[str]
    key: tuple[str, ...]
    event_time: str | None
    has_arrival: bool

    @property
    def can_be_source(self) -> bool:
        """Whether features can be asked of it: rows of customers, with a time."""
        return "customer_id" in self.columns and self.event_time is not None

    @property
    def can_be_joined(self) -> bool:
        """Whether it is a list that nothing arrives in (one key, no arrival time), or has one row a key and day."""
        is_list = len(self.key) == 1 and not self.has_arrival
        return is_list or (self.event_time is not None and self.key[1:] == (self.event_time,))


def table_facts() -> Mapping[str, TableFacts]:
    """Facts about every table of the contracts, those of your own that were read so far included."""
    return _facts_of(tuple(known_tables().values()))


@lru_cache(maxsize=16)
def _facts_of(contracts: tuple[TableContract, ...]) -> Mapping[str, TableFacts]:
    return {contract.name: _facts(contract) for contract in contracts}


def _facts(contract: TableContract) -> TableFacts:
    own = contract.columns
    added = _ADDED if contract.event_time else frozenset[str]()
    added |= _ADDED_TO_USAGE if contract.name == "usage" else frozenset()
    return TableFacts(
        name=contract.name,
        columns=frozenset(own) | added,
        known_at={name: column.known_at for name, column in own.items() if column.known_at},
        times=frozenset(name for name, column in own.items() if column.type in ("timestamp", "date")),
        key=contract.key,
        event_time=contract.event_time,
        has_arrival=contract.arrival_time is not None,
    )


def check_family(family: Family, reader: Reader) -> None:
    """Note every mistake of a family that shows against the contracts."""
    if family.kind == "function":
        check_function(family, reader)
        return
    tables = table_facts()
    if family.source not in tables or not tables[family.source].can_be_source:
        _wrong_source(family, tables, reader)
        return
    source = tables[family.source]
    joined = [tables[name] for name in family.join if _join_is_good(family, name, tables, reader)]
    _check_time(family, source, reader)
    readable = _readable(family, source, joined, reader)
    check_previous(family, readable, reader)
    for expression in (*family.slices.values(), *family.gather.values()):
        readable.check(expression)
    _check_slices(family, reader)
    _check_per(family, source, reader)
    for name, expression in family.gather.items():
        _check_aggregate(name, expression, reader)
    for feature in family.features:
        _check_feature(family, feature, readable, reader)


def _wrong_source(family: Family, tables: Mapping[str, TableFacts], reader: Reader) -> None:
    if not family.source:
        return  # its absence is noted already
    good = [name for name, facts in tables.items() if facts.can_be_source]
    known = family.source in tables
    wrong = "a source without customers or time" if known else "unknown source table"
    hint = "look it up with join:" if known else close_hint(family.source, tables) or OWN_TABLE_HINT
    reader.wrong(family.where, wrong, family.source, ", ".join(good), hint)


def _join_is_good(family: Family, name: str, tables: Mapping[str, TableFacts], reader: Reader) -> bool:
    good = [table for table, facts in tables.items() if facts.can_be_joined]
    if name not in good:
        wrong = "a table that cannot be joined" if name in tables else "unknown table to join"
        hint = (
            "only lists with one key, and tables with one row a key and day"
            if name in tables
            else close_hint(name, good) or OWN_TABLE_HINT
        )
        reader.wrong(family.where, wrong, name, ", ".join(good), hint)
        return False
    column = family.join[name]
    if column not in tables[family.source].columns | set(family.columns):
        hint = close_hint(column, tables[family.source].columns)
        reader.wrong(family.where, f"{name} is joined by an unknown column of {family.source}", column, hint=hint)
        return False
    return True


def _check_time(family: Family, source: TableFacts, reader: Reader) -> None:
    if family.time and family.time not in source.times:
        given = ", ".join(sorted(source.times))
        hint = close_hint(family.time, source.times)
        reader.wrong(family.where, f"time is not a time column of {source.name}", family.time, given, hint)


def _readable(family: Family, source: TableFacts, joined: Iterable[TableFacts], reader: Reader) -> Readable:
    columns = dict.fromkeys(sorted(source.columns | set(family.columns)), source.name)
    for table in joined:
        twice = [name for name in table.columns if columns.get(name, source.name) != source.name]
        for name in sorted(twice):
            _check_plain_name(family, name, reader)
        columns = {**dict.fromkeys(sorted(table.columns), table.name), **columns}
    late = {name: known for name, known in source.known_at.items() if known != (family.time or source.event_time)}
    columns |= {f"previous_{name}": columns[name] for name in family.previous if name in columns}
    return Readable(columns, late, reader)


def _check_plain_name(family: Family, name: str, reader: Reader) -> None:
    for expression in _row_expressions(family):
        if name in expression.columns:
            hint = "join only one of the tables that have it"
            reader.wrong(expression.where, "a column that two joined tables have", name, hint=hint)


def _row_expressions(family: Family) -> Iterator[Expression]:
    yield from family.slices.values()
    yield from family.gather.values()
    yield from (feature.expression for feature in family.features if family.kind != "gathered")


def _check_slices(family: Family, reader: Reader) -> None:
    for name, condition in family.slices.items():
        if condition.aggregates:
            hint = "a slice is a condition on one row"
            reader.wrong(condition.where, f"an aggregate in the slice {name}", condition.text, hint=hint)


def _check_per(family: Family, source: TableFacts, reader: Reader) -> None:
    if family.per is not None and family.per not in source.columns | set(family.columns):
        hint = close_hint(family.per, source.columns)
        reader.wrong(family.where, f"per is not a column of {source.name}", family.per, hint=hint)
    for name, expression in family.gather.items():
        if any(aggregate.function == "median" for aggregate in expression.aggregates):
            hint = "take the median over the gathered rows, under features:"
            reader.wrong(expression.where, f"a median is gathered as {name}", expression.text, hint=hint)


def _check_aggregate(name: str, expression: Expression, reader: Reader) -> None:
    if not expression.aggregates:
        allowed = "an aggregate such as count(*) or sum(amount)"
        hint = "many rows fall into a window; say how they become one value"
        reader.wrong(expression.where, f"{name} is no aggregate", expression.text, allowed, hint)
    elif expression.unaggregated_columns:
        given = ", ".join(sorted(expression.unaggregated_columns))
        hint = "put it inside sum, avg, min, max, first or last"
        reader.wrong(expression.where, f"{name} reads a column outside every aggregate", given, hint=hint)


def _check_feature(family: Family, feature: Feature, readable: Readable, reader: Reader) -> None:
    unknown = [name for name in feature.slices if name != ALL and name not in family.slices]
    for name in unknown:
        known = (ALL, *family.slices)
        reader.wrong(
            feature.where, f"unknown slice of feature {feature.name}", name, ", ".join(known), close_hint(name, known)
        )
    for name, count in Counter(feature.slices).items():
        if count > 1:
            reader.wrong(feature.where, f"a slice given twice for feature {feature.name}", name)
    if family.kind == "gathered":
        _check_gathered(family, feature, reader)
        return
    readable.check(feature.expression)
    if family.kind == "latest":
        check_row(feature, "as: latest", reader)
    else:
        _check_windowed(family, feature, reader)


def _check_windowed(family: Family, feature: Feature, reader: Reader) -> None:
    _check_aggregate(feature.name, feature.expression, reader)
    if not feature.windows and family.windows:
        reader.wrong(feature.where, f"feature {feature.name} has no window", "[]", "[7d, 30d, 90d]")


def _check_gathered(family: Family, feature: Feature, reader: Reader) -> None:
    _check_aggregate(feature.name, feature.expression, reader)
    for name in sorted(feature.expression.columns - set(family.gather)):
        hint = close_hint(name, family.gather) or "only what gather: names can be read after gathering"
        reader.wrong(feature.where, "unknown gathered value", name, ", ".join(family.gather), hint)
    for aggregate in feature.expression.aggregates:
        if aggregate.function in ("first", "last") or aggregate.distinct:
            given = f"{aggregate.function}({aggregate.argument})"
            reader.wrong(
                feature.where, "not possible over gathered rows", given, "count(*), sum, avg, min, max, stddev, median"
            )
