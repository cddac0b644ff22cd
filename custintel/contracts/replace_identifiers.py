"""Identifiers of checked tables replaced by pseudonyms; what only their digits tell is looked up before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from custintel.contracts.row_rules import DERIVED
from custintel.contracts.table_contracts import TABLES
from custintel.engines.duckdb_engine import DuckDBEngine
from custintel.engines.engine import Engine, quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from custintel.contracts.pseudonyms import Pseudonyms
    from custintel.contracts.table_contracts import TableContract


_BATCH = 500_000


def identifiers(table: str, own: Mapping[str, TableContract] | None = None) -> dict[str, str]:
    """The columns of a table that identify somebody or something, with the space of the identifiers.

    A column that names rows of another table has the space of that table's key.

    Examples
    --------
    >>> identifiers("payments")
    {'payment_id': 'payment', 'customer_id': 'line', 'account_id': 'account', 'bill_id': 'bill'}
    """
    contracts, found = {**TABLES, **(own or {})}, {}
    for column in contracts[table].columns.values():
        named = contracts.get(column.references or "")
        space = column.identifier or (named.columns[named.key[0]].identifier if named and named.key else None)
        if space is not None:
            found[column.name] = space
    return found


def replace_identifiers(
    engine: Engine,
    tables: Mapping[str, TableContract],
    pseudonyms: Pseudonyms,
    kept: Mapping[str, Collection[str]],
) -> dict[str, list[str]]:
    """Replace the identifiers of all clean tables (and their contracts); return the columns left out, by table.

    Left out are columns beyond the contracts, because nobody knows what is in them, but for those that a mapping names
    (`kept`). Of rows set aside only reason and place stay: a broken row may have anything anywhere.
    """
    if {"usage", "numbering"} <= set(tables):
        _resolve_ranges(engine)
    spaces = {space for name in tables for space in identifiers(name, tables).values()}
    for space in sorted(spaces):
        engine.register(_map(space), _pseudonym_table(engine, tables, space, pseudonyms))
    left_out = {name: _replace(engine, name, tables, kept.get(name, ())) for name in tables}
    for space in spaces:
        engine.unregister(_map(space))
    return {name: columns for name, columns in left_out.items() if columns}


def _map(space: str) -> str:
    return f"_pseudonyms_{space}"


def _own(engine: Engine, table: str, tables: Mapping[str, TableContract], space: str) -> list[str]:
    """The columns of a clean table in a space."""
    there = engine.columns(engine.relation(table))
    return [column for column, own in identifiers(table, tables).items() if own == space and column in there]


def _pseudonym_table(
    engine: Engine, tables: Mapping[str, TableContract], space: str, pseudonyms: Pseudonyms
) -> pa.Table:
    """Every identifier of a space beside its pseudonym."""
    parts = [
        f"select {quoted(column)} as original from {engine.relation(name)} where {quoted(column)} is not null"
        for name in tables
        for column in _own(engine, name, tables, space)
    ]
    if not parts:
        return pa.table({"original": pa.array([], pa.string()), "pseudonym": pa.array([], pa.string())})
    found = engine.arrow(f"select distinct original from ({' union all '.join(parts)}) as identifiers").column(
        "original"
    )
    codes = []
    for start in range(0, len(found), _BATCH):
        codes += pseudonyms.of(space, found.slice(start, _BATCH).to_pylist())
    if len(set(codes)) != len(codes):
        raise RuntimeError("two identifiers have one pseudonym, please report this")
    return pa.table({"original": found, "pseudonym": pa.array(codes, pa.string())})


def _replace(engine: Engine, table: str, tables: Mapping[str, TableContract], kept: Collection[str]) -> list[str]:
    """Make a clean table anew with pseudonyms, and its rows set aside without values."""
    relation, contract = engine.relation(table), tables[table]
    names = list(engine.columns(relation))
    stay = [name for name in names if name in contract.columns or name in DERIVED or name in kept]
    spaces = {column: space for column, space in identifiers(table, tables).items() if column in names}
    joins, picked = [], []
    for i, (column, space) in enumerate(spaces.items()):
        joins.append(f"left join {_map(space)} as pseudonym_{i} on pseudonym_{i}.original = clean.{quoted(column)}")
    of = {column: f"pseudonym_{i}.pseudonym" for i, column in enumerate(spaces)}
    picked = [f"{of.get(name, f'clean.{quoted(name)}')} as {quoted(name)}" for name in stay]
    # joins lose the order of rows, and sums of money depend on it in their last digits
    order = " order by clean.rowid" if isinstance(engine, DuckDBEngine) else ""
    engine.create_table(table, f"select {', '.join(picked)} from {relation} as clean {' '.join(joins)}{order}")
    place = "reason, broken_column, source, source_row"
    engine.create_table(table, f"select {place} from {engine.relation(table, 'set_aside')}", "set_aside")
    return [name for name in names if name not in stay]


def _resolve_ranges(engine: Engine) -> None:
    """Give each call the longest prefix of `numbering` that its other party begins with."""
    relation, numbering = engine.relation("usage"), engine.relation("numbering")
    names = engine.columns(relation)
    if "other_party" not in names or "number_range" in names:
        return
    lengths = f"select distinct length(prefix) as digits from {numbering}"
    begun = (
        f"select number.other_party, length.digits, substr(number.other_party, 1, length.digits) as start"
        f" from (select distinct other_party from {relation}) as number cross join ({lengths}) as length"
    )
    ranged = (
        "select beginning.other_party, range.prefix,"
        " row_number() over (partition by beginning.other_party order by beginning.digits desc) as place"
        f" from ({begun}) as beginning join {numbering} as range on range.prefix = beginning.start"
    )
    engine.create_temp_table(
        "_ranges", f"select other_party as original, prefix from ({ranged}) as ranges where place = 1"
    )
    order = " order by clean.rowid" if isinstance(engine, DuckDBEngine) else ""
    joined = f"left join {engine.temp_table('_ranges')} as range on range.original = clean.other_party"
    engine.create_table(
        "usage", f"select clean.*, range.prefix as number_range from {relation} as clean {joined}{order}"
    )
    engine.drop_temp_table("_ranges")
