"""Windows of numbers added up in memory: partials come from one grouped scan, the rest is array arithmetic.

A grouped scan gives one row a customer and bucket. Written as a matrix (bucket, customer), a window is a sum of some of
its rows, and a year of windows costs a few additions a column; in SQL those rows are grouped again for each date.

>>> cells, customers = np.array([0, 1, 1]), np.array([0, 0, 2])   # of three partials
>>> layout = Layout.of(cells, customers, 3, (((0,), (1,)),))      # one date: cell 0 is piece 1, cell 1 is piece 2
>>> Totals(layout, {"n": np.array([5.0, 2.0, 4.0])}).count("n", [1, 2])[2]
array([[7., 0., 4.]])
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from custintel.expressions import Aggregate

    Floats = NDArray[np.float64]
    Pieces = tuple[tuple[tuple[int, ...], ...], ...]
    """Cells of each piece of each date."""

__all__ = ["Layout", "Totals"]


@dataclass(frozen=True)
class Layout:
    """Where each partial stands in a matrix (cell, customer), and which cells make up the pieces of each date."""

    flat: NDArray[np.intp]
    shape: tuple[int, int]
    pieces: Pieces

    @classmethod
    def of(cls, cells: NDArray[Any], customers_of: NDArray[Any], customers: int, pieces: Pieces) -> Layout:
        """Lay out partials; cells that no partial has take no room."""
        present = np.unique(cells)
        place = np.zeros(int(present[-1]) + 1 if len(present) else 1, dtype=np.intp)
        place[present] = np.arange(len(present))
        known = set(present.tolist())
        kept = tuple(tuple(tuple(int(place[c]) for c in p if c in known) for p in date) for date in pieces)
        return cls(place[cells] * customers + customers_of, (len(present), customers), kept)

    def matrix(self, values: Floats, empty: float) -> Floats:
        """The values of one column of partials as a matrix."""
        found = np.full(self.shape, empty)
        found.reshape(-1)[self.flat] = values
        return found

    def running(self, wanted: Sequence[int], add: Callable[[int], None]) -> Iterator[tuple[int, int]]:
        """Walk through the cells of each date, newest piece first; yields (date, piece) after each wanted piece."""
        for date, pieces in enumerate(self.pieces):
            for number, cells in enumerate(pieces, 1):
                for cell in cells:
                    add(cell)
                if number in wanted:
                    yield date, number
            yield date, 0


class Totals:
    """Aggregates over windows from columns of partials; each method gives an array (date, customer) a piece."""

    def __init__(self, layout: Layout, columns: Mapping[str, Floats]) -> None:
        self.layout, self.columns = layout, columns

    def of(self, aggregate: Aggregate, name: str, wanted: Sequence[int]) -> dict[int, Floats]:
        """The aggregate over the windows that end with the wanted pieces."""
        ways: dict[str, Callable[[str, Sequence[int]], dict[int, Floats]]] = {
            "count": self.count,
            "sum": self.sum,
            "avg": self.avg,
            "stddev": self.stddev,
            "min": lambda n, w: self.extreme(np.fmin, n, w),
            "max": lambda n, w: self.extreme(np.fmax, n, w),
        }
        return ways[aggregate.function](name, wanted)

    def count(self, name: str, wanted: Sequence[int]) -> dict[int, Floats]:
        """Counts; nothing is zero."""
        return self._added(self._filled(name), wanted)

    def sum(self, name: str, wanted: Sequence[int]) -> dict[int, Floats]:
        """Sums; nothing known is missing."""
        given = self.layout.matrix(self.columns[name], np.nan)
        known = ~np.isnan(given)
        sums = self._added(np.where(known, given, 0.0), wanted)
        if known.all():
            return sums
        counts = self._added(known, wanted)
        return {piece: np.where(counts[piece] > 0, sums[piece], np.nan) for piece in sums}

    def avg(self, name: str, wanted: Sequence[int]) -> dict[int, Floats]:
        """Means."""
        sums, counts = (self._added(self._filled(f"{name}_{part}"), wanted) for part in "sn")
        return {piece: _ratio(sums[piece], counts[piece]) for piece in sums}

    def stddev(self, name: str, wanted: Sequence[int]) -> dict[int, Floats]:
        """Sample standard deviations, put together by means (Chan, Golub and LeVeque 1983)."""
        n, s, q = (self._filled(f"{name}_{part}") for part in "nsq")
        state = np.zeros((3, self.layout.shape[1]))

        def add(cell: int) -> None:
            both = state[0] + n[cell]
            apart = _ratio(s[cell], n[cell]) - _ratio(state[1], state[0])
            with np.errstate(invalid="ignore", divide="ignore"):
                between = np.where((state[0] > 0) & (n[cell] > 0), apart * apart * state[0] * n[cell] / both, 0.0)
            state[:] = both, state[1] + s[cell], state[2] + q[cell] + between

        def finished() -> Floats:
            with np.errstate(invalid="ignore", divide="ignore"):
                return np.where(state[0] > 1, np.sqrt(np.maximum(state[2], 0.0) / (state[0] - 1)), np.nan)

        return self._collected(wanted, add, finished, lambda: state.fill(0.0))

    def extreme(self, better: Callable[..., Floats], name: str, wanted: Sequence[int]) -> dict[int, Floats]:
        """Smallest or largest values; nothing known is missing."""
        given = self.layout.matrix(self.columns[name], np.nan)
        state = np.full(self.layout.shape[1], np.nan)

        def add(cell: int) -> None:
            better(state, given[cell], out=state)

        return self._collected(wanted, add, state.copy, lambda: state.fill(np.nan))

    def _filled(self, name: str) -> Floats:
        return np.nan_to_num(self.layout.matrix(self.columns[name], 0.0), copy=False, nan=0.0)

    def _added(self, given: NDArray[Any], wanted: Sequence[int]) -> dict[int, Floats]:
        state = np.zeros(self.layout.shape[1])

        def add(cell: int) -> None:
            np.add(state, given[cell], out=state)

        return self._collected(wanted, add, state.copy, lambda: state.fill(0.0))

    def _collected(
        self, wanted: Sequence[int], add: Callable[[int], None], value: Callable[[], Floats], clear: Callable[[], None]
    ) -> dict[int, Floats]:
        shape = (len(self.layout.pieces), self.layout.shape[1])
        found = {piece: np.empty(shape) for piece in wanted}
        for date, piece in self.layout.running(wanted, add):
            if piece:
                found[piece][date] = value()
            else:
                clear()
        return found


def _ratio(above: Floats, below: Floats) -> Floats:
    """Division; by zero is missing."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(below != 0, above / below, np.nan)
