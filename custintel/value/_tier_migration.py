"""Migration between value tiers: how many customers moved, and what money moved with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from custintel.errors import DataError, MissingExtraError

NEW, LEFT = "new", "left"
SMALLEST_CELL = 10
"""Customers that a cell needs to be shown."""


@dataclass(frozen=True)
class MigrationMatrix:
    """Tiers before (rows, and *new*) against tiers after (columns, and *left*).

    Attributes
    ----------
    counts : DataFrame
        Customers.
    money : DataFrame
        Change of the month's value of these customers, in u; all cells add up to the change of the total.
    moved : DataFrame
        Value of the month before of these customers, in u: what moved with them; 0 for new ones.

    Examples
    --------
    >>> months = pd.DataFrame({"customer_id": ["a", "b", "a", "c"], "tier": ["low", "top", "top", "low"],
    ...                        "month": pd.to_datetime(["2025-01-01"] * 2 + ["2025-02-01"] * 2),
    ...                        "value": [10.0, 90.0, 80.0, 5.0]})
    >>> matrix = migration(months, pd.Timestamp("2025-01"), pd.Timestamp("2025-02"), ["low", "top"])
    >>> matrix.money
    after   low   top  left
    before
    low     0.0  70.0   0.0
    top     0.0   0.0 -90.0
    new     5.0   0.0   0.0
    """

    counts: pd.DataFrame
    money: pd.DataFrame
    moved: pd.DataFrame

    @property
    def shares(self) -> pd.DataFrame:
        """Share of the customers of each row."""
        return self.counts.div(self.counts.sum(axis=1).replace(0, np.nan), axis=0)

    def words(self) -> list[str]:
        """The largest movements of money, in words."""
        counts, money = self.counts.to_numpy(), self.money.to_numpy(np.float64)
        cells = [(i, j) for i, j in np.ndindex(*counts.shape) if i != j and counts[i, j] >= SMALLEST_CELL]
        largest = sorted(cells, key=lambda cell: -abs(money[cell]))[:5]
        return [
            f"{counts[i, j]:,} customers went from {self.counts.index[i]} to {self.counts.columns[j]}: "
            f"{money[i, j]:+,.0f} u a month"
            for i, j in largest
        ]

    def plot(self, ax: Any = None) -> Any:
        """Shares as a heat map, with customers and money written into the cells; returns the axes.

        Parameters
        ----------
        ax : matplotlib axes, optional
            Where to draw; new ones by default.
        """
        try:
            import matplotlib.pyplot as plt
        except ImportError as error:
            raise MissingExtraError("matplotlib", "plot", "drawing a migration matrix") from error
        if ax is None:
            _, ax = plt.subplots(figsize=(1.5 * self.counts.shape[1] + 2, 0.8 * self.counts.shape[0] + 2))
        ax.imshow(
            self.shares.where(~self._small_cells, 0.0).fillna(0.0).to_numpy(),
            cmap="Blues",
            vmin=0,
            vmax=1,
            aspect="auto",
        )
        ax.set_xticks(range(self.counts.shape[1]), self.counts.columns)
        ax.set_yticks(range(self.counts.shape[0]), self.counts.index)
        ax.set_xlabel("tier after")
        ax.set_ylabel("tier before")
        for i in range(self.counts.shape[0]):
            for j in range(self.counts.shape[1]):
                self._write_cell(ax, i, j)
        return ax

    def _write_cell(self, ax: Any, i: int, j: int) -> None:
        shares, shown = self.shares.where(~self._small_cells, 0.0), self._display_tables()
        share = float(np.nan_to_num(shares.to_numpy(np.float64)[i, j]))
        text = "\n".join(str(shown[name].to_numpy()[i, j]) for name in ("customers", "money")).strip()
        ax.text(j, i, text, ha="center", va="center", fontsize=8, color="white" if share > 0.5 else "black")

    @property
    def _small_cells(self) -> pd.DataFrame:
        """Cells of so few customers that they could point at one of them."""
        return (self.counts > 0) & (self.counts < SMALLEST_CELL)

    def _display_tables(self) -> dict[str, pd.DataFrame]:
        """The cells as they are shown: how many, which share, how much; of few customers only that they are few."""
        few = self._small_cells
        shares = self.shares.map(lambda v: "" if np.isnan(v) else f"{v:.1%}").mask(few, "")
        return {
            "customers": self.counts.map(lambda n: f"{n:,}").mask(few, f"1-{SMALLEST_CELL - 1}"),
            "share": shares,
            "money": self.money.map(lambda v: f"{v:+,.0f} u").mask(few, ""),
        }

    def _repr_html_(self) -> str:
        shown = self._display_tables()
        return (
            f"<b>customers</b>{shown['customers'].to_html()}"
            f"<b>share of the row</b>{shown['share'].to_html()}"
            f"<b>change of value a month</b>{shown['money'].to_html()}"
        )


def migration(assigned: pd.DataFrame, before: pd.Timestamp, after: pd.Timestamp, names: list[str]) -> MigrationMatrix:
    """The matrix between two months of an assignment (customer_id, month, tier, value)."""
    sides = [_tiers_of_month(assigned, month) for month in (before, after)]
    both = sides[0].add_suffix("_before").join(sides[1].add_suffix("_after"), how="outer")
    rows = both["tier_before"].fillna(NEW)
    columns = both["tier_after"].fillna(LEFT)
    change = both["value_after"].fillna(0.0) - both["value_before"].fillna(0.0)
    carried = both["value_before"].fillna(0.0)
    cells = pd.DataFrame({"before": rows, "after": columns, "customers": 1, "money": change, "moved": carried})
    counts, money, moved = (_table(cells, what, names) for what in ("customers", "money", "moved"))
    return MigrationMatrix(counts.astype(np.int64), money, moved)


def _table(cells: pd.DataFrame, what: str, names: list[str]) -> pd.DataFrame:
    """Sums by tier before and after, all tiers present."""
    found = cells.pivot_table(index="before", columns="after", values=what, aggfunc="sum", fill_value=0)
    every = found.reindex(index=[*names, NEW], columns=[*names, LEFT], fill_value=0)
    return every.rename_axis(index="before", columns="after")


def _tiers_of_month(assigned: pd.DataFrame, month: pd.Timestamp) -> pd.DataFrame:
    rows = assigned[assigned["month"] == month.to_period("M").to_timestamp()]
    if rows.empty:
        first, last = assigned["month"].min(), assigned["month"].max()
        raise DataError(f"no tiers for this month\n  given: {month:%Y-%m}\n  allowed: {first:%Y-%m} to {last:%Y-%m}")
    return rows.set_index("customer_id")[["tier", "value"]]
