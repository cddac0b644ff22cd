"""From arrays to the tables of the contracts: Arrow, with dictionaries for everything that repeats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence

    from custintel.simulate._random_streams import Bools, Floats, Ints, Strings
    from custintel.simulate._simulated_days import Calendar


Column = Any  # pyarrow has no types of its own


@dataclass(frozen=True)
class Identifiers:
    """Identities of everything; the order of the numbers in them tells nothing."""

    customers: Column
    accounts: Column
    cells: Column  # the last one does not exist
    numbers: Column
    devices: Column
    order: Ints  # of the lines in the table of customers

    @classmethod
    def make(cls, sizes: tuple[int, int, int, int], numbers: Strings, rng: np.random.Generator) -> Identifiers:
        """Name lines, accounts, cells and devices; `sizes` are their counts."""
        lines, accounts, cells, devices = sizes
        return cls(
            customers=shuffled_ids("C", lines, rng),
            accounts=shuffled_ids("A", accounts, rng),
            cells=pa.array([f"cell_{i + 1:04d}" for i in range(cells)] + ["cell_9999"]),
            numbers=pa.array(numbers.tolist(), pa.string()),
            devices=pa.array([f"35{i:012d}" for i in rng.permutation(devices).tolist()]),
            order=rng.permutation(lines),
        )


def shuffled_ids(prefix: str, count: int, rng: np.random.Generator) -> Column:
    """Identities in random order.

    >>> shuffled_ids("C", 3, np.random.default_rng(0)).to_pylist()
    ['C000003', 'C000001', 'C000002']
    """
    return pa.array([f"{prefix}{i + 1:06d}" for i in rng.permutation(count).tolist()])


def dictionary_column(index: Ints, values: Sequence[str] | Column) -> Column:
    """Dictionary column from positions in a list of values; a negative position is missing."""
    dictionary = values if isinstance(values, pa.Array) else pa.array(list(values), pa.string())
    small: Ints = np.asarray(index, dtype=np.int8 if len(dictionary) < 128 else np.int32)
    missing = small < 0
    positions = pa.array(np.where(missing, 0, small), mask=missing) if missing.any() else pa.array(small)
    return pa.DictionaryArray.from_arrays(positions, dictionary)


def date_column(days: Ints, calendar: Calendar) -> Column:
    """Dates from days; NEVER is missing."""
    return pa.array(calendar.dates(days))


def time_column(seconds: Ints, calendar: Calendar, missing: Bools | None = None) -> Column:
    """Timestamps from seconds since the start; negative seconds count as given unless marked missing."""
    return pa.array(calendar.times(seconds), mask=missing)


def float_column(values: npt.NDArray[Any], missing: Bools | None = None) -> Column:
    """Floating-point column."""
    return pa.array(np.asarray(values, dtype=np.float64), mask=missing)


def integer_column(values: Ints, missing: Bools | None = None) -> Column:
    """Integer column."""
    return pa.array(np.asarray(values, dtype=np.int64), mask=missing)


def boolean_column(values: Bools, missing: Bools | None = None) -> Column:
    """Boolean column."""
    return pa.array(np.asarray(values, dtype=bool), mask=missing)


def running_ids(prefix: str, count: int) -> Column:
    """Running identities B1, B2, ..."""
    return pa.array([f"{prefix}{i}" for i in range(1, count + 1)], pa.string())


def money_column(cents: Ints) -> Column:
    """Money in u from whole cents."""
    return float_column(np.asarray(cents) / 100)


def arrow_table(order: Ints | None = None, **columns: Column) -> pa.Table:
    """Put columns together, in the given order of rows."""
    made = pa.table(columns)
    return made if order is None else made.take(pa.array(order))


def share_column(values: Floats) -> Column:
    """Shares, rounded."""
    return float_column(np.round(values, 6))
