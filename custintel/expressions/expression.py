"""An expression of the language, and the aggregate calls inside it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlglot import exp

from custintel.errors import ConfigurationError
from custintel.expressions._evaluate_numpy import evaluate
from custintel.expressions._render_sql import render
from custintel.expressions._say_in_words import Language, write_phrase
from custintel.expressions.translate_dialect import to_text
from custintel.expressions.whitelist import AGGREGATES, AS_OF, FUNCTIONS, TIME_OF_DAY_FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Aggregate:
    """One aggregate call: ``sum(duration_s)``, ``count(distinct other_party)``, ``count(*)`` (argument ``*``).

    Examples
    --------
    >>> from custintel.expressions.parse import parse
    >>> parse("count(distinct other_party)").aggregates[0]
    Aggregate(function='count', argument='other_party', distinct=True)
    """

    function: str
    argument: str
    distinct: bool = False

    @property
    def row(self) -> Expression | None:
        """The argument as a row expression; None for ``count(*)``.

        >>> Aggregate("sum", "a / 2").row.sql()
        'CAST(a AS DOUBLE) / CAST(2 AS DOUBLE)'
        """
        if self.argument == "*":
            return None
        from custintel.expressions.parse import parse

        return parse(self.argument)


@dataclass(frozen=True)
class Expression:
    """A checked expression. Made by `parse` alone.

    Examples
    --------
    >>> from custintel.expressions.parse import parse
    >>> minutes = parse("sum(duration_s) / 60")
    >>> minutes.aggregates
    (Aggregate(function='sum', argument='duration_s', distinct=False),)
    >>> print(parse("charge / data_mb").sql("spark"))
    CAST(charge AS DOUBLE) / NULLIF(CAST(data_mb AS DOUBLE), 0)
    """

    text: str
    tree: exp.Expression = field(compare=False, repr=False)
    where: str = field(default="expression", compare=False, repr=False)

    @cached_property
    def columns(self) -> frozenset[str]:
        """Names of the columns read, ``as_of`` left out.

        >>> from custintel.expressions.parse import parse
        >>> sorted(parse("days_between(day, as_of) > limit_days").columns)
        ['day', 'limit_days']
        """
        return frozenset(c.name for c in self.tree.find_all(exp.Column) if c.name != AS_OF)

    @cached_property
    def time_of_day_columns(self) -> frozenset[str]:
        """Names of the columns whose time of day is read: days are not enough for ``seconds_between``.

        >>> from custintel.expressions.parse import parse
        >>> sorted(parse("seconds_between(event_time, arrival_time) + days_between(day, as_of)").time_of_day_columns)
        ['arrival_time', 'event_time']
        """
        calls = (node for node in self.tree.find_all(exp.Anonymous) if str(node.this).lower() in TIME_OF_DAY_FUNCTIONS)
        return frozenset(c.name for call in calls for c in call.find_all(exp.Column) if c.name != AS_OF)

    @cached_property
    def unaggregated_columns(self) -> frozenset[str]:
        """Names of the columns read outside every aggregate call, ``as_of`` left out.

        >>> from custintel.expressions.parse import parse
        >>> parse("sum(a) / b").unaggregated_columns
        frozenset({'b'})
        """
        outside = (c for c in self.tree.find_all(exp.Column) if c.find_ancestor(*AGGREGATES) is None)
        return frozenset(c.name for c in outside if c.name != AS_OF)

    @cached_property
    def aggregates(self) -> tuple[Aggregate, ...]:
        """The different aggregate calls inside, in order.

        >>> from custintel.expressions.parse import parse
        >>> [a.function for a in parse("max(a) - min(a) / max(a)").aggregates]
        ['max', 'min']
        """
        return tuple(dict.fromkeys(_aggregate(node) for node in self.tree.find_all(*AGGREGATES, bfs=False)))

    def sql(self, dialect: str = "duckdb", time: str = "event_time") -> str:
        """SQL text for an engine. Division, ``ln`` and ``sqrt`` give missing where they are not defined.

        ``time`` names the column by which ``first`` and ``last`` order rows.

        >>> from custintel.expressions.parse import parse
        >>> print(parse("last(fee)").sql("spark", time="start_date"))
        MAX_BY(fee, CASE WHEN NOT fee IS NULL THEN start_date END)
        """
        return _written(self, dialect, time)

    def numpy(self, frame: pd.DataFrame, as_of: object = None) -> NDArray[Any]:
        """Values on a pandas frame, one a row; row expressions only.

        Numbers and conditions come as floats (true is 1, unknown is NaN), texts with None, times with NaT. ``as_of``
        may be given here or as a column.

        >>> import pandas as pd
        >>> from custintel.expressions.parse import parse
        >>> lines = pd.DataFrame({"minutes": [40.0, None], "roaming": [False, True]})
        >>> parse("minutes > 30 and not roaming").numpy(lines)
        array([1., 0.])
        """
        return evaluate(self.tree, frame, as_of)

    def words(self, names: Mapping[str, str] | None = None, language: Language = "en") -> str:
        """The expression said in English (``en``) or Chinese (``zh``); ``names`` gives words for columns.

        >>> from custintel.expressions.parse import parse
        >>> parse("minutes > 30 and tenure_days <= 90").words({"minutes": "Minutes", "tenure_days": "days of tenure"})
        'Minutes more than 30 and days of tenure at most 90'
        """
        return write_phrase(self.tree, names or {}, language)

    def replace_aggregates(self, write: Callable[[Aggregate], str], dialect: str = "duckdb") -> str:
        """SQL text in which every aggregate call is replaced by the SQL that ``write`` returns for it.

        >>> from custintel.expressions.parse import parse
        >>> parse("sum(x) / count(*)").replace_aggregates(lambda a: f"p_{a.function}")
        'CAST(p_sum AS DOUBLE) / NULLIF(CAST(p_count AS DOUBLE), 0)'
        """

        def swap(node: exp.Expression) -> exp.Expression:
            if not isinstance(node, AGGREGATES):
                return node
            return exp.maybe_parse(write(_aggregate(node)), dialect=dialect)

        return render(self.tree.transform(swap), "event_time").sql(dialect)

    def over_columns(self, name: Callable[[Aggregate], str]) -> Expression:
        """The same expression over columns that hold the values of its aggregates.

        >>> from custintel.expressions.parse import parse
        >>> parse("sum(x) / count(*)").over_columns(lambda a: f"p_{a.function}").text
        'p_sum / p_count'
        """

        def swap(node: exp.Expression) -> exp.Expression:
            return exp.column(name(_aggregate(node))) if isinstance(node, AGGREGATES) else node

        tree = self.tree.transform(swap)
        return Expression(text=tree.sql("duckdb", normalize_functions="lower"), tree=tree, where=self.where)

    def rename(self, names: Mapping[str, str]) -> Expression:
        """The same expression with columns renamed.

        >>> from custintel.expressions.parse import parse
        >>> parse("a / b").rename({"a": "a_30d"}).text
        'a_30d / b'
        """

        def swap(node: exp.Expression) -> exp.Expression:
            if isinstance(node, exp.Column) and node.name in names:
                return exp.column(names[node.name])
            return node

        tree = self.tree.transform(swap)
        return Expression(text=tree.sql("duckdb", normalize_functions="lower"), tree=tree, where=self.where)

    def with_numbers(self, numbers: Mapping[str, float]) -> Expression:
        """The same expression with some names replaced by numbers.

        >>> from custintel.expressions.parse import parse
        >>> parse("minutes > max_arguments").with_numbers({"max_arguments": 30}).text
        'minutes > 30'

        Raises `ConfigurationError` for what is not a finite number.
        """

        def swap(node: exp.Expression) -> exp.Expression:
            if isinstance(node, exp.Column) and node.name in numbers:
                return _number(numbers[node.name])
            return node

        tree = self.tree.transform(swap)
        return Expression(text=tree.sql("duckdb", normalize_functions="lower"), tree=tree, where=self.where)


def _number(value: float) -> exp.Expression:
    """A number as a node; a negative one as the language writes it."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not math.isfinite(value):
        raise ConfigurationError(f"a parameter that is not a number\n  given: {value!r}\n  allowed: 30, 0.5, -1e3")
    text = repr(abs(float(value))).removesuffix(".0")
    literal = exp.Literal.number(text)
    return exp.Neg(this=literal) if value < 0 else literal


@lru_cache(maxsize=20_000)
def _written(expression: Expression, dialect: str, time: str) -> str:
    return to_text(render(expression.tree, time), dialect)


def _aggregate(node: exp.Expression) -> Aggregate:
    name = FUNCTIONS[type(node)].name
    inner = node.this
    if isinstance(inner, exp.Distinct):
        return Aggregate(name, inner.expressions[0].sql("duckdb", normalize_functions="lower"), distinct=True)
    return Aggregate(name, "*" if isinstance(inner, exp.Star) else inner.sql("duckdb", normalize_functions="lower"))
