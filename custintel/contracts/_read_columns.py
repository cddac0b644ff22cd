"""SQL that reads a raw column as the type of its contract.

A value is *given* when it is neither NULL nor blank (for all types but free text also not one of `-`, `nan`, `null`,
`na`, `n/a`, `none`). A given value that cannot be read stays NULL in the typed column, and the row is set aside: the
checks compare the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from custintel.contracts._mapping_expressions import UNREADABLE, mapping_sql
from custintel.contracts.column_mapping import UNITS, ColumnSource
from custintel.engines.engine import literal, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custintel.contracts.table_contracts import ColumnContract
    from custintel.expressions.check_types import ValueType


_BLANK_WORDS = ("", "-", "nan", "null", "na", "n/a", "none")
_YES = ("true", "t", "yes", "y", "1")
_NO = ("false", "f", "no", "n", "0")
_EXACT = 2**53  # from here on a double cannot tell every whole number from its neighbour
_SHORT = 6  # digits; longer numbers are subscribers
_FLOATS = ("DOUBLE", "FLOAT")
_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "HUGEINT")
_STAMPS = ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")
_UNIX = datetime(1970, 1, 1)
_INSTANT = "TIMESTAMP WITH TIME ZONE"
_AS_THEY_ARE = {"number": ("DOUBLE", "BIGINT"), "condition": ("BOOLEAN",), "date": ("TIMESTAMP", "DATE"), "text": ()}
OFFSET = "[0-9] ?([Zz]|[A-Za-z]{3,}[A-Za-z_/+0-9-]*|[+-][0-9]{2}(:?[0-9]{2})?)"
"""How a text ends that names its offset or its zone, as a regular expression."""

_ZONE_NAME = "[A-Za-z]{3}"


@dataclass(frozen=True)
class Reading:
    """SQL of one column in two steps: what is given, and what it says; `certain` if the second cannot fail."""

    contract: ColumnContract
    given: str
    typed: str
    certain: bool
    given_name: str
    lost: str = "unreadable"


def reading(contract: ColumnContract, source: ColumnSource, columns: Mapping[str, str], given_name: str) -> Reading:
    """Return how a column is read from raw ones of these types; `given_name` is what the first step will be called."""
    raw_type = columns.get(source.column or "", "VARCHAR")
    raw, kind = _raw(source, raw_type)
    if source.expression is not None:
        raw, kind = _computed(source.expression, columns), "VARCHAR"
    if contract.type == "string" and source.column is not None and raw_type.startswith("DECIMAL"):
        raw, kind = _digits(source.column), "VARCHAR"  # a double would lose digits of long identifiers
    if source.values or source.other is not None:
        raw, kind = _mapped(raw, kind, source), "VARCHAR"
    given = _compared_columns(raw, kind, contract, source)
    typed = _typed(quoted(given_name), kind, contract, source)
    is_free_text = contract.type == "string" and not contract.values
    if source.expression is not None and is_free_text:
        typed = f"nullif({typed}, {literal(UNREADABLE)})"
    certain = kind == contract.sql_type and typed == quoted(given_name)
    lost = "digits lost" if is_free_text and source.expression is None else "unreadable"
    return Reading(
        contract, given, typed, certain, quoted(given_name), "not in vocabulary" if contract.values else lost
    )


def _computed(expression: str, columns: Mapping[str, str]) -> str:
    """An expression of a mapping as text, whose words every type is read from."""
    sql = mapping_sql(expression, columns, _operand)
    return f"case when {sql.unreadable} then {literal(UNREADABLE)} else cast({sql.value} as varchar) end"


def row_condition(expression: str, columns: Mapping[str, str]) -> str:
    """SQL: `yes` for a row of the table, `no` for one that the mapping leaves out, else that it cannot be told.

    >>> row_condition("status = 'gone'", {"status": "BOOLEAN"}).endswith("then 'yes' else 'no' end")
    True
    """
    sql = mapping_sql(expression, columns, _operand)
    return f"case when {sql.unreadable} then {literal(UNREADABLE)} when {sql.value} then 'yes' else 'no' end"


def _operand(column: str, raw_type: str, wanted: ValueType) -> tuple[str, str]:
    """A raw column in an expression: what is given, and what it says as a type; the same if nothing can be lost."""
    raw, kind = _raw(ColumnSource(column=column), raw_type)
    if kind == "DOUBLE":
        raw = f"case when not isnan({raw}) then {raw} end"
    if wanted == "text":
        text = _text(raw, kind)
        shown = _unless_blank(f"lower(trim({text}))", f"trim({text})")
        return shown, shown
    if kind != "VARCHAR" and (kind in _AS_THEY_ARE[wanted]):
        return raw, raw
    given = _unless_blank(f"lower(trim({_text(raw, kind)}))", f"trim({_text(raw, kind)})")
    if wanted == "date":
        return given, _parsed(given, None)
    if wanted == "condition":
        return given, _boolean(given, "VARCHAR")
    number = f"try_cast({given} as double)"
    return given, f"case when isfinite({number}) then {number} end"


def _raw(source: ColumnSource, raw_type: str) -> tuple[str, str]:
    """SQL and simplified type of the source."""
    if source.column is None:
        return f"cast({literal(source.value)} as varchar)", "VARCHAR"
    name = quoted(source.column)
    if raw_type in _FLOATS or raw_type.startswith("DECIMAL"):
        return f"cast({name} as double)", "DOUBLE"
    if raw_type in _INTEGERS:
        return name, "BIGINT"
    if raw_type in _STAMPS:
        return (name if raw_type == "TIMESTAMP" else f"cast({name} as timestamp)"), "TIMESTAMP"
    if raw_type in ("VARCHAR", "DATE", "BOOLEAN", _INSTANT):
        return name, raw_type
    return f"cast({name} as varchar)", "VARCHAR"


def _digits(column: str) -> str:
    """A decimal as text, without a fraction that is zero."""
    return f"regexp_replace(cast({quoted(column)} as varchar), '[.]0+$', '')"


def _text(raw: str, kind: str) -> str:
    """As text; whole floats lose their `.0`, because pandas makes floats of identifiers with gaps."""
    if kind == "VARCHAR":
        return raw
    if kind == "DOUBLE":
        whole = f"{raw} = floor({raw}) and abs({raw}) < {_EXACT}"
        return f"case when {whole} then cast(cast({raw} as bigint) as varchar) else cast({raw} as varchar) end"
    return f"cast({raw} as varchar)"


def _mapped(raw: str, kind: str, source: ColumnSource) -> str:
    """Apply the value map; what it does not name becomes `other`, or stays."""
    text = f"lower(trim({_text(raw, kind)}))"
    cases = [f"when {text} = {literal(k)} then {_as_text(v)}" for k, v in source.values.items()]
    rest = _text(raw, kind) if source.other is None else _other(text, source)
    return f"case {' '.join(cases)} else {rest} end" if cases else rest


def _other(text: str, source: ColumnSource) -> str:
    """The value for everything that is given and not named by the map."""
    return f"case when {text} is not null then {_unless_blank(text, _as_text(source.other))} end"


def _unless_blank(text: str, then: str) -> str:
    """A value, unless the text is one of the words for nothing."""
    return _cases(text, dict.fromkeys(_BLANK_WORDS, "null"), then)


def _cases(text: str, results: Mapping[str, str], otherwise: str = "null") -> str:
    """SQL results by word. DuckDB makes a join of `IN (...)`, which mixes up the order of the rows; not of CASE."""
    cases = " ".join(f"when {literal(word)} then {result}" for word, result in results.items())
    return f"case {text} {cases} else {otherwise} end"


def _as_text(value: str | bool | int | float | None) -> str:
    """A value of the map as a text literal."""
    return "null" if value is None else literal(str(value))


def _compared_columns(raw: str, kind: str, contract: ColumnContract, source: ColumnSource) -> str:
    """NULL where nothing is given."""
    if kind == "DOUBLE":
        present = f"case when not isnan({raw}) then {raw} end"
        text = f"nullif(trim({_text(raw, kind)}), 'nan')"
        return _numbered(text, source) if contract.type == "string" else present
    if contract.type == "string" and not contract.values:
        return _numbered(f"nullif(trim({_text(raw, kind)}), '')", source)
    if contract.type == "string":
        return _unless_blank(f"lower(trim({_text(raw, kind)}))", f"trim({_text(raw, kind)})")
    if kind == "VARCHAR":
        return _unless_blank(f"lower(trim({raw}))", f"trim({raw})")
    return raw


def _numbered(text: str, source: ColumnSource) -> str:
    """Phone numbers as digits with country code (E.164 without the plus), where the mapping asks for it.

    Names of senders, and numbers too short to be more than service numbers, stay as they are.
    """
    if source.numbers is None:
        return text
    plain = f"regexp_replace({text}, '[-\\s().\\/]', '', 'g')"
    return (
        f"case when not regexp_full_match({plain}, '\\+?[0-9]+') then {text} when {plain} like '+%' then {plain}[2:]"
        f" when length({plain}) <= {_SHORT} then {plain} when {plain} like '00%' then {plain}[3:]"
        f" when {plain} like '0%' then {literal(source.country)} || {plain}[2:] else {plain} end"
    )


def _typed(given: str, kind: str, contract: ColumnContract, source: ColumnSource) -> str:
    """What the given value says, in the contract's type."""
    if contract.type == "string" and kind == "DOUBLE" and not contract.values:
        # a double this long may have been several identifiers: no name of anybody
        return f"case when coalesce(abs(try_cast({given} as double)) < {_EXACT}, true) then {given} end"
    if contract.type == "string":
        return _vocabulary(given, contract.values)
    if contract.type == "boolean":
        return _boolean(given, kind)
    if contract.type in ("date", "timestamp"):
        moment = _moment(given, kind, source)
        has = "date" if kind == "DATE" else "timestamp"
        # a time stands for its day, a day for its midnight
        return moment if has == contract.type else f"cast({moment} as {contract.type})"
    return _number(given, kind, contract, source)


def _vocabulary(given: str, values: tuple[str, ...]) -> str:
    """The declared spelling of a value, whatever its case; NULL for a word that is not declared."""
    if not values:
        return given
    folded = _cases(f"lower({given})", {v.lower(): literal(v) for v in values})
    return _cases(given, dict.fromkeys(values, given), folded)


def _boolean(given: str, kind: str) -> str:
    """True and false in the usual spellings, 1 and 0 included."""
    if kind == "BOOLEAN":
        return given
    return _cases(f"lower({_text(given, kind)})", dict.fromkeys(_YES, "true") | dict.fromkeys(_NO, "false"))


def _number(given: str, kind: str, contract: ColumnContract, source: ColumnSource) -> str:
    """A finite number; for integers a whole one (`60.0` is whole)."""
    scale = "" if source.scale is None else f" * {float(source.scale)!r}"
    if kind == "BIGINT" and contract.type == "integer" and not scale:
        return f"try_cast({given} as bigint)"
    value = f"cast({given} as double)" if kind in ("DOUBLE", "BIGINT") else f"try_cast({given} as double)"
    value = f"{value}{scale}"
    if contract.type == "number":
        return value if kind == "BIGINT" else f"case when isfinite({value}) then {value} end"
    return f"case when {value} = floor({value}) then try_cast({value} as bigint) end"


def _moment(given: str, kind: str, source: ColumnSource) -> str:
    """A naive local time (or the date itself when the source is a date)."""
    if source.epoch is not None and kind not in (_INSTANT, "DATE", "TIMESTAMP"):
        return _since(given, kind, source)
    if kind == _INSTANT:
        return f"timezone({literal(source.zone or 'UTC')}, {given})"
    if kind in ("DATE", "TIMESTAMP"):
        return given
    if source.format:
        return _formatted(_text(given, kind), source)
    if kind != "VARCHAR":
        return "cast(null as timestamp)"
    return _parsed(given, source.zone)


def _formatted(given: str, source: ColumnSource) -> str:
    """By the first format that fits; what has an offset or a zone of its own is shown by the local clock."""
    if not any(is_zoned(text) for text in source.format):
        formats = ", ".join(literal(text) for text in source.format)
        return f"cast(try_strptime({given}, [{formats}]) as timestamp)"
    tried = []
    for text in source.format:
        read = f"try_strptime({given}, [{literal(text)}])"
        local = f"timezone({literal(source.zone or 'UTC')}, {read})"
        tried.append(local if is_zoned(text) else f"cast({read} as timestamp)")
    return tried[0] if len(tried) == 1 else f"coalesce({', '.join(tried)})"


def is_zoned(form: str) -> bool:
    """Whether a format reads an offset or the name of a zone.

    >>> is_zoned("%H:%M%z"), is_zoned("%H:%M")
    (True, False)
    """
    plain = form.replace("%%", "")
    return "%z" in plain or "%Z" in plain


def _parsed(given: str, zone: str | None) -> str:
    """ISO text. The year must have four digits, or `15/10/14` would be read as a day of the year 15."""
    # a cast straight to TIMESTAMP would drop the offset of `10:00+02` in silence
    cast = f"try_cast({given} as timestamptz)"
    # DuckDB before 2.0 reads what follows a text with the name of a zone by that zone, too: those texts go apart
    instant = f"case when regexp_matches({given}, '{_ZONE_NAME}') then {cast} else {cast} end"
    local = f"cast({instant} as timestamp)"
    if zone is not None:
        offset = f"regexp_matches({given}, '{OFFSET}$') and {given} like '%:%'"
        local = f"case when {offset} then timezone({literal(zone)}, {instant}) else {local} end"
    return f"case when {instant} >= timestamptz '1000-01-01 00:00:00+00' then {local} end"


def _since(given: str, kind: str, source: ColumnSource) -> str:
    """Units since an epoch, by the local clock of the zone; the bound keeps the arithmetic inside 64 bits."""
    assert source.epoch is not None
    unit = UNITS[source.unit]
    number = f"try_cast({given} as double)" if kind == "VARCHAR" else f"cast({given} as double)"
    start = (source.epoch.replace(tzinfo=None) - _UNIX).total_seconds() * 1e6
    micros = f"cast(round({number} * {unit!r}) as bigint) + {int(start)}"
    moment = f"make_timestamp({micros})"
    if source.zone is not None:
        moment = f"timezone({literal(source.zone)}, timezone('UTC', {moment}))"
    return f"case when abs({number}) < {2e17 / unit!r} then {moment} end"
