"""What the checks found: counts for each table, and reasons."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from custintel.html.notebook_html import collapsible, muted_line, panel, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


@dataclass(frozen=True)
class BrokenRule:
    """A reason for setting rows aside, and how many it took.

    Examples
    --------
    >>> str(BrokenRule("below minimum", "duration_s", 4))
    'below minimum: duration_s'
    """

    reason: str
    column: str
    rows: int = 0

    def __str__(self) -> str:
        return f"{self.reason}: {self.column}" if self.column else self.reason


@dataclass(frozen=True)
class TableReport:
    """Where the rows of one table went: rows_in == kept + set_aside + duplicates + left_out, always.

    Attributes
    ----------
    table
        Name of the table.
    rows_in, kept, duplicates
        Rows given; rows of the clean table; rows equal to an earlier one with the same key, which are dropped.
    faults
        Reasons for setting rows aside, with counts.
    unresolved, missing
        Rows kept that name something which its table does not have, and that lack a value, by column.
    swapped
        Rows kept whose day and month seem exchanged.
    equal
        Rows kept that are equal to an earlier one in every column: no key says that they are the same record.
    after_end
        Rows kept that are dated after the end of their line.
    days_only
        Columns of times that hold days without a time of day.
    clocks
        Times of such columns that have a time of day all the same, by column: kept as they are.
    orders
        Columns of dates whose texts were found to write the day or the month first.
    offsets
        Times that name their offset or are instants while no zone is named, by column: they stand in UTC.
    units
        Columns whose numbers since an epoch were set aside but fit another unit of time, and which.
    left_out
        Rows of the source that the mapping says are no rows of this table.

    Examples
    --------
    >>> report = TableReport("usage", 10, 7, 1, (BrokenRule("below minimum", "duration_s", 2),))
    >>> report.set_aside, report.balanced
    (2, True)
    """

    table: str
    rows_in: int
    kept: int
    duplicates: int
    broken_rules: tuple[BrokenRule, ...] = ()
    unresolved: Mapping[str, int] = field(default_factory=dict)
    missing: Mapping[str, int] = field(default_factory=dict)
    swapped: int = 0
    equal: int = 0
    after_end: int = 0
    days_only: tuple[str, ...] = ()
    orders: Mapping[str, str] = field(default_factory=dict)
    offsets: Mapping[str, int] = field(default_factory=dict)
    times_of_day: Mapping[str, int] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    left_out: int = 0

    @property
    def set_aside(self) -> int:
        """Rows that broke the contract.

        Examples
        --------
        >>> TableReport("usage", 1, 1, 0).set_aside
        0
        """
        return sum(broken.rows for broken in self.broken_rules)

    @property
    def balanced(self) -> bool:
        """Whether every row that came in is accounted for.

        Examples
        --------
        >>> TableReport("usage", 2, 1, 0).balanced
        False
        """
        return self.rows_in == self.kept + self.set_aside + self.duplicates + self.left_out

    def notes(self) -> list[str]:
        """What is worth knowing of rows that were kept, and of the unit of times set aside, in sentences.

        Examples
        --------
        >>> TableReport("usage", 3, 3, 0, equal=1, days_only=("event_time",)).notes()
        ['usage: 1 row equals another in every column; kept, since no key says that they are the same record', \
'usage.event_time holds days without a time of day: what needs an hour is left out']
        """
        name, said = self.table, []
        if self.left_out:
            said.append(f"{name}: {self.left_out:,} rows of the source are left out by the mapping (rows:)")
        if self.equal:
            rows = "1 row equals" if self.equal == 1 else f"{self.equal:,} rows equal"
            said.append(
                f"{name}: {rows} another in every column; kept, since no key says that they are the same record"
            )
        said += [
            f"{name}.{column} holds days without a time of day: what needs an hour is left out{self._stray(column)}"
            for column in self.days_only
        ]
        said += [f"{name}.{column}: texts write the {order}" for column, order in self.orders.items()]
        said += [
            f"{name}.{column}: {rows:,} times with an offset stand in UTC, since no zone is named"
            for column, rows in self.offsets.items()
        ]
        said += [f"{name}.{column}: times set aside look like {unit}" for column, unit in self.units.items()]
        if self.after_end:
            said.append(f"{name}: {self.after_end:,} rows kept are dated after the end of their line")
        return said

    def _stray(self, column: str) -> str:
        """The tail of the note on times of day in a column of days."""
        rows = self.times_of_day.get(column, 0)
        return f" ({rows:,} of {self.kept:,} rows have one all the same)" if rows else ""


def _report_of(given: Mapping[str, Any]) -> TableReport:
    """A report that was written as JSON, perhaps by an older release."""
    given = dict(given)
    rules = given.pop("faults", ()) or given.pop("broken_rules", ())
    given |= {"times_of_day": given.pop("clocks", None) or given.get("times_of_day", {})}
    broken_rules = tuple(BrokenRule(**broken) for broken in rules)
    return TableReport(**{**given, "broken_rules": broken_rules, "days_only": tuple(given.get("days_only", ()))})


def _said(row: Mapping[Any, Any]) -> str:
    return str(BrokenRule(str(row["reason"]), str(row["column"])))


class QualityReport:
    """What was set aside, from all tables.

    Examples
    --------
    >>> report = QualityReport([TableReport("usage", 10, 7, 1, (BrokenRule("below minimum", "duration_s", 2),))])
    >>> report.frame()
           rows_in  kept  set_aside  duplicates
    table
    usage       10     7          2           1
    >>> report.reasons()
       table         reason      column  rows
    0  usage  below minimum  duration_s     2
    """

    def __init__(self, tables: Iterable[TableReport]) -> None:
        self.tables = {report.table: report for report in tables}

    def __iter__(self) -> Iterator[TableReport]:
        return iter(self.tables.values())

    def __getitem__(self, table: str) -> TableReport:
        return self.tables[table]

    def frame(self) -> pd.DataFrame:
        """One row a table: rows_in = kept + set_aside + duplicates, + left_out where a mapping leaves rows out.

        Examples
        --------
        >>> QualityReport([TableReport("usage", 3, 3, 0)]).frame().loc["usage"].to_dict()
        {'rows_in': 3, 'kept': 3, 'set_aside': 0, 'duplicates': 0}
        """
        rows = [(r.table, r.rows_in, r.kept, r.set_aside, r.duplicates) for r in self]
        frame = pd.DataFrame(rows, columns=["table", "rows_in", "kept", "set_aside", "duplicates"]).set_index("table")
        left_out = [r.left_out for r in self]
        return frame.assign(left_out=left_out) if any(left_out) else frame

    def reasons(self) -> pd.DataFrame:
        """One row a reason: how many rows of which table it set aside.

        Examples
        --------
        >>> QualityReport([TableReport("usage", 3, 3, 0)]).reasons().columns.tolist()
        ['table', 'reason', 'column', 'rows']
        """
        rows = [(r.table, broken.reason, broken.column, broken.rows) for r in self for broken in r.broken_rules]
        return pd.DataFrame(rows, columns=["table", "reason", "column", "rows"])

    def unresolved(self) -> pd.DataFrame:
        """One row a column that names rows of another table which are not there; the naming rows are kept.

        Examples
        --------
        >>> QualityReport([TableReport("usage", 3, 3, 0, unresolved={"cell_id": 2})]).unresolved()
           table   column  rows
        0  usage  cell_id     2
        """
        rows = [(r.table, column, count) for r in self for column, count in r.unresolved.items()]
        return pd.DataFrame(rows, columns=["table", "column", "rows"])

    def missing(self) -> pd.DataFrame:
        """One row a column that some rows ought to have and do not: calls without duration or cell; they are kept.

        Examples
        --------
        >>> QualityReport([TableReport("usage", 3, 3, 0, missing={"cell_id": 2})]).missing()
           table   column  rows
        0  usage  cell_id     2
        """
        rows = [(r.table, column, count) for r in self for column, count in r.missing.items()]
        return pd.DataFrame(rows, columns=["table", "column", "rows"])

    def notes(self) -> list[str]:
        """What is worth knowing of rows that were kept, in sentences.

        Examples
        --------
        >>> QualityReport([TableReport("care", 3, 3, 0, orders={"event_time": "day first"})]).notes()
        ['care.event_time: texts write the day first']
        """
        return [note for report in self for note in report.notes()]

    def to_json(self) -> list[dict[str, Any]]:
        """Return the report as plain lists and dicts.

        Examples
        --------
        >>> QualityReport([TableReport("usage", 3, 3, 0)]).to_json()[0]["kept"]
        3
        """
        return [asdict(report) for report in self]

    @classmethod
    def from_json(cls, given: Iterable[Mapping[str, Any]]) -> QualityReport:
        """Read what `to_json` wrote.

        Examples
        --------
        >>> QualityReport.from_json(QualityReport([TableReport("usage", 3, 3, 0)]).to_json())["usage"].rows_in
        3
        """
        return cls(_report_of(r) for r in given)

    def __repr__(self) -> str:
        reasons = [f"  {r['table']}: {r['rows']:,} rows set aside, {_said(r)}" for r in self._worst(10)]
        return "\n".join([repr(self.frame()), *reasons, *(f"  {note}" for note in self.notes())])

    def _repr_html_(self) -> str:
        rows = [(r.table, r.rows_in, r.kept, r.set_aside, r.duplicates) for r in self]
        reasons = [(r["table"], _said(r), r["rows"]) for r in self._worst(50)]
        unresolved = [tuple(row) for row in self.unresolved().astype(object).to_numpy().tolist()]
        return panel(
            f"Data quality: {sum(r.rows_in for r in self):,} rows in {len(self.tables)} tables",
            muted_line("rows in = kept + set aside + exact duplicates (+ left out by the mapping)"),
            *map(muted_line, self.notes()),
            table(["table", "rows in", "kept", "set aside", "duplicates"], rows),
            collapsible("why rows were set aside", table(["table", "reason", "rows"], reasons)),
            collapsible("keys that name no row of their table", table(["table", "column", "rows"], unresolved)),
        )

    def _worst(self, most: int) -> list[dict[Any, Any]]:
        """The reasons that took the most rows."""
        return self.reasons().sort_values("rows", ascending=False, kind="stable").head(most).to_dict("records")
