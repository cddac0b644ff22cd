"""Functions by name, with what they read and what they give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from custintel.contracts.own_contracts import known_tables
from custintel.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from custintel.functions.function_context import FunctionContext, Step


@dataclass(frozen=True)
class Reads:
    """What a function reads of one table.

    Attributes
    ----------
    table
        A table of the contracts.
    required, optional
        Columns beside ``customer_id`` and the days; an optional one that a table does not have is missing everywhere.
    days
        Look-back in days; None: everything up to the date.
    whole
        Every column that the table has, whatever they are.
    """

    table: str
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    days: int | None = None
    whole: bool = False


@dataclass(frozen=True)
class FeatureFunction:
    """A function behind families of the catalogue.

    Attributes
    ----------
    name
        As the catalogue calls it: ``function: NAME``.
    reads
        The tables it reads, the main one first.
    outputs
        Each column it gives, with what it needs beyond the required columns (``bills.due_date``).
    compute
        SQL: from a `FunctionContext` to steps; Python: from a `AsOfView` to a data frame.
    language
        ``sql`` or ``python``.
    """

    name: str
    reads: tuple[Reads, ...]
    outputs: tuple[tuple[str, tuple[str, ...]], ...]
    compute: Callable[[Any], Any]
    language: Literal["sql", "python"]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns it gives."""
        return tuple(column for column, _ in self.outputs)

    @property
    def needs(self) -> Mapping[str, tuple[str, ...]]:
        """What each column needs beyond the required columns."""
        return dict(self.outputs)


_FUNCTIONS: dict[str, FeatureFunction] = {}


def find_function(name: str) -> FeatureFunction | None:
    """The function of a name; None if there is none.

    >>> find_function("arrears").language
    'sql'
    """
    return _FUNCTIONS.get(name)


def registered_functions() -> tuple[FeatureFunction, ...]:
    """All functions, in the order in which they were registered.

    >>> "arrears" in [function.name for function in registered_functions()]
    True
    """
    return tuple(_FUNCTIONS.values())


def register_function(function: FeatureFunction) -> None:
    """Make a function known; one of the same language and name is replaced, so that a cell can be run again."""
    _check(function)
    other = _FUNCTIONS.get(function.name)
    if other is not None and other.language != function.language:
        raise ConfigurationError(f"{function.name} is a function of the library\n  hint: give yours another name")
    _FUNCTIONS[function.name] = function


def _check(function: FeatureFunction) -> None:
    where = f"function {function.name}"
    unknown = [read.table for read in function.reads if read.table not in known_tables()]
    if unknown or not function.reads:
        allowed = ", ".join(known_tables())
        raise ConfigurationError(f"{where} reads unknown tables\n  given: {unknown}\n  allowed: {allowed}")
    if not function.outputs:
        raise ConfigurationError(f'{where} gives no columns\n  hint: columns=["my_column"]')


def sql_function(
    name: str, reads: Sequence[Reads], outputs: Mapping[str, Sequence[str]]
) -> Callable[[Callable[[FunctionContext], list[Step]]], Callable[[FunctionContext], list[Step]]]:
    """Register a function in SQL: pure, from a `FunctionContext` to steps.

    The last step must have ``customer_id``, ``as_of`` and the columns given, at most one row a customer and date.

    Parameters
    ----------
    name
        As the catalogue calls it.
    reads
        The tables and columns it reads, the main table first.
    outputs
        Each column with what it needs beyond the required columns, such as ``bills.due_date``.
    """

    def decorate(compute: Callable[[FunctionContext], list[Step]]) -> Callable[[FunctionContext], list[Step]]:
        given = tuple((column, tuple(needs)) for column, needs in outputs.items())
        register_function(FeatureFunction(name, tuple(reads), given, compute, "sql"))
        return compute

    return decorate
