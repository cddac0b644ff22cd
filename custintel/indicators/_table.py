"""Long tables of indicators: one row a line (customer), period, split and service, and one column a value.

Lines, splits and services are small numbers in SQL: ``line`` counts the customers of the result, a split is three times
the part of the week plus the part of the day, a service is its place in `SERVICES`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from custintel.builder import Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from custintel.indicators._rules import Rules

__all__ = ["BOTH", "CALLS", "GROUP", "KEYS", "PLAIN", "TEXTS", "Indicator", "Table", "exploded_sql"]

KEYS = "line, period, split, service"
GROUP = "((line * 65536 + period) * 4 + service) * 9"
"""Line, period and service as one number, with room for the split: sorted faster than columns."""
SERVICES = ("", "call", "text", "callandtext")
PLAIN, CALLS, TEXTS, BOTH = range(4)


@dataclass(frozen=True)
class Indicator:
    """A value of a long table under the name it has in the result; a distribution has a column a statistic."""

    name: str
    column: str
    services: tuple[int, ...]
    distribution: bool = False

    def values(self, rules: Rules) -> list[tuple[str, str]]:
        """(column, what the name ends in)."""
        if not self.distribution:
            return [(self.column, "")]
        return [(f"{self.column}_{one}", f"__{one}") for one in rules.statistics]


@dataclass(frozen=True)
class Table:
    """A long table: its steps, the last of which is the table, and the indicators in it."""

    steps: tuple[Step, ...]
    indicators: tuple[Indicator, ...]

    def result_step(self, rules: Rules) -> Step:
        """One row a line, split and service: weeks become mean and population standard deviation."""
        name = self.steps[-1].name
        columns = [column for one in self.indicators for column, _ in one.values(rules)]
        if not rules.weekly:
            body = ", ".join(["line", "split", "service", *columns])
            return Step(f"{name}_result", f"select {body} from {name}", f"{name}: of all records together")
        over = [f"avg({c}) as {c}__mean, stddev_pop({c}) as {c}__std" for c in columns]
        body = ",\n    ".join(["line", "split", "service", *over])
        sql = f"select\n    {body}\nfrom {name}\ngroup by line, split, service"
        return Step(f"{name}_result", sql, f"{name}: mean and standard deviation over the weeks with records")

    def keys(self, rules: Rules) -> Iterator[tuple[str, int, int, str]]:
        """Each column of the result: its name, split, service, and column of the long table."""
        over = ("__mean", "__std") if rules.weekly else ("",)
        for one in self.indicators:
            for split, split_name in rules.all_splits:
                for service in one.services:
                    middle = "__".join(part for part in (one.name, split_name, SERVICES[service]) if part)
                    for column, end in one.values(rules):
                        for spread in over:
                            yield f"{middle}{end}{spread}", split, service, f"{column}{spread}"


def exploded_sql(rules: Rules, columns: Sequence[str], relation: str, lists: Iterable[tuple[str, str]] = ()) -> str:
    """Each row once for every split that it belongs to; ``lists`` go along, one value a split."""
    splits = "[0, day_part, 3 * week_part, 3 * week_part + day_part]" if rules.splits else "[0]"
    along = [f"unnest({values}) as {name}" for name, values in lists]
    body = ", ".join([*columns, f"unnest({splits}) as split", *along])
    return f"select {body} from {relation}"
