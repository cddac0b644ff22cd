"""Match and similarity of many rules in SQL: one statement over a table of features, and the engine that runs it.

A text that is compared with a number is read as one, and missing if it is none.
Every subject and every condition is computed once, whatever number of rules use it. Missing is null; NaN, which engines
take for a number larger than all others, counts as missing, also inside functions that look for missing values.

>>> from custintel.rules._rule_set import RuleSet
>>> print(match_sql(RuleSet.compile({"a": "minutes > 30"}), "features"))
with subjects as (
select customer_id, nullif(try_cast(minutes AS DOUBLE), cast('NaN' as double)) as v0 from features
), met as (
select customer_id, coalesce(v0 > 30.0e0, false) as c0 from subjects
)
select customer_id, c0 as r0 from met
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from custintel.expressions.expression import Expression
from custintel.rules._failing_rules import reason_without_data, report_failing_rules
from custintel.rules._rule_set import RuleSet
from custintel.rules.rule_condition import AllOf, Condition, Node

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from custintel.engines.engine import Engine
    from custintel.rules._rule_base import RuleBase
    from custintel.rules._similarity import Ramp

    Writer = Callable[[RuleSet, str, str, str], str]


def match_sql(rules: RuleSet, relation: str, key: str = "customer_id", dialect: str = "duckdb") -> str:
    """Key, and ``r0``, ``r1``, ... true where the rules match, in their order."""
    writer = _Writer(rules, dialect)
    columns = [f"{writer.match(node)} as r{k}" for k, node in enumerate(rules.nodes.values())]
    return f"{writer.opening(relation, key)}\n)\nselect {', '.join([key, *columns])} from met"


def similarity_sql(rules: RuleSet, relation: str, key: str = "customer_id", dialect: str = "duckdb") -> str:
    """Key, and ``r0``, ``r1``, ... the similarity to the rules, in their order; 1 where they match."""
    writer = _Writer(rules, dialect)
    near = [f"{writer.near(c)} as n{k}" for k, c in enumerate(rules.conditions)]
    columns = [f"{writer.similarity(node)} as r{k}" for k, node in enumerate(rules.nodes.values())]
    return (
        f"{writer.opening(relation, key)}\n), near as (\nselect {', '.join([key, *near])} from met\n)\n"
        f"select {', '.join([key, *columns])} from near"
    )


class _Writer:
    """Numbers the subjects and conditions of a rule set, and writes what refers to them."""

    def __init__(self, rules: RuleSet, dialect: str) -> None:
        self.ramps, self.dialect = rules.ramps, dialect
        self.conditions = {c: k for k, c in enumerate(rules.conditions)}
        main: dict[str, str] = {}
        for condition in rules.conditions:
            main[condition.subject] = main.get(condition.subject) or _kind(condition)
        # what one rule reads as a text and another as a number is two columns: none disturbs the other
        self.kinds = {c: _kind(c) or main[c.subject] for c in rules.conditions}
        self.subjects = {
            read: k for k, read in enumerate(dict.fromkeys((c.subject, kind) for c, kind in self.kinds.items()))
        }

    def opening(self, relation: str, key: str) -> str:
        subjects = [f"{self._subject(c)} as v{k}" for c, k in self._first_conditions()]
        met = [f"{self._met(c)} as c{k}" for c, k in self.conditions.items()]
        values = [f"v{k}" for k in self._needed()]
        return (
            f"with subjects as (\nselect {', '.join([key, *subjects])} from {relation}\n"
            f"), met as (\nselect {', '.join([key, *values, *met])} from subjects"
        )

    def match(self, node: Node) -> str:
        if isinstance(node, Condition):
            return f"c{self.conditions[node]}"
        join = " and " if isinstance(node, AllOf) else " or "
        return f"({join.join(self.match(part) for part in node.parts)})"

    def near(self, condition: Condition) -> str:
        k, ramp = self.conditions[condition], self.ramps.get(condition)
        rest = "0.0e0" if ramp is None else _ramp_sql(ramp, self._value_of(condition))
        return f"case when c{k} then 1.0e0 else {rest} end"

    def similarity(self, node: Node) -> str:
        if isinstance(node, Condition):
            return f"n{self.conditions[node]}"
        parts = [self.similarity(part) for part in node.parts]
        if isinstance(node, AllOf):
            return f"(0.5e0 * (({' + '.join(parts)}) / {_number(len(parts))}) + 0.5e0 * least({', '.join(parts)}))"
        return f"greatest({', '.join(parts)})"

    def _first_conditions(self) -> list[tuple[Condition, int]]:
        first: dict[tuple[str, str], Condition] = {}
        for condition in self.conditions:
            first.setdefault((condition.subject, self.kinds[condition]), condition)
        return [(first[read], k) for read, k in self.subjects.items()]

    def _value_of(self, condition: Condition) -> str:
        return f"v{self.subjects[condition.subject, self.kinds[condition]]}"

    def _needed(self) -> list[int]:
        """Subjects whose values are read again after the comparison."""
        return sorted({self.subjects[c.subject, self.kinds[c]] for c in self.conditions if c in self.ramps})

    def _subject(self, condition: Condition) -> str:
        text = self._text(condition)
        if self.kinds[condition] != "number":
            return text
        cast = "try_cast" if self.dialect in _TYPED else "CAST"
        return f"nullif({cast}({text} AS DOUBLE), cast('NaN' as double))"

    def _text(self, condition: Condition) -> str:
        """The subject with its columns as doubles where it calculates, and without NaN where it asks for missing."""
        given = condition.expression
        asks = not self.kinds[condition] or given.tree.find(*_ASKING) is not None
        without_nan = asks and self.dialect in _TYPED

        def column(node: exp.Expression) -> exp.Expression:
            if not isinstance(node, exp.Column):
                return node
            found = _known(node) if without_nan else node
            if not _is_term(node):
                return found
            # for Spark a TryCast is written by way of the text, which changes single precision
            kind = exp.TryCast if self.dialect == "duckdb" else exp.Cast
            return kind(this=found, to=exp.DataType.build("double"))

        tree = given.tree.transform(column)
        return given.sql(self.dialect) if tree == given.tree else Expression(f"{tree}", tree).sql(self.dialect)

    def _met(self, condition: Condition) -> str:
        v, sign = self._value_of(condition), condition.comparison
        if sign in ("null", "known"):
            return f"{v} is {'not ' if sign == 'known' else ''}null"
        return f"coalesce({v} {sign} {_value(condition.value)}, false)"


_TYPED = ("duckdb", "spark")
"""Engines that say the type of a value."""

_ASKING = (exp.Coalesce, exp.Least, exp.Greatest, exp.Case, exp.Nullif, exp.Is, exp.Predicate, exp.Connector, exp.Not)
"""What does not simply become NaN when a value in it is NaN."""


def _is_term(column: exp.Expression) -> bool:
    """Whether a column is calculated with, where small integers would overflow and single precision be lost."""
    parent = column.parent
    while isinstance(parent, exp.Paren):
        parent = parent.parent
    return isinstance(parent, (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg, exp.Abs, exp.Floor, exp.Sqrt, exp.Ln))


def _known(column: exp.Expression) -> exp.Expression:
    """A column with NaN as null, whether it holds numbers or not."""
    x = column.sql("duckdb")
    is_nan = f"lower(typeof({x})) in ('double', 'float') and lower(cast({x} as varchar)) = 'nan'"
    return exp.maybe_parse(f"case when {is_nan} then null else {x} end", dialect="duckdb")


def _kind(condition: Condition) -> str:
    """Whether the subject is read as a number; unknown ('') when only its presence is asked."""
    if condition.comparison in ("null", "known"):
        return ""
    values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    return "text" if any(isinstance(v, str) for v in values) else "number"


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(_value(v) for v in value)})"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return _number(float(value))  # type: ignore[arg-type]


def _number(value: float) -> str:
    """A number with an exponent, which every engine reads as a double and none as a decimal."""
    text = repr(float(value))
    return text if "e" in text else f"{text}e0"


def _ramp_sql(ramp: Ramp, v: str) -> str:
    x, m = ramp.values, ramp.nearness_at
    pieces = [f"when {v} is null then 0.0e0", f"when {v} <= {_number(x[0])} then {_number(m[0])}"]
    for k in range(1, len(x)):
        slope = (m[k] - m[k - 1]) / (x[k] - x[k - 1])
        line = f"{_number(m[k - 1])} + ({v} - {_number(x[k - 1])}) * {_number(slope)}"
        pieces.append(f"when {v} < {_number(x[k])} then {line}")
    return f"case {' '.join(pieces)} else {_number(m[-1])} end"


KEY = ("customer_id",)


def match_in_engine(engine: Engine, relation: str, rules: RuleBase | RuleSet, key: Sequence[str] = KEY) -> pd.DataFrame:
    """Which customers of a table match which rules, computed by the engine that holds the table.

    Parameters
    ----------
    engine : Engine
        Of a warehouse (``wh.engine``), DuckDB or Spark.
    relation : str
        Features as the engine calls them: a table, a view, or a query in brackets.
    rules : RuleBase or RuleSet
        Of a base, the rules that fire.
    key : sequence of str
        Columns that name a row.

    Returns
    -------
    DataFrame
        Index: the key. One boolean column a rule, by name (of a base) or identity. A rule that the engine cannot
        answer (a column that is not there, a text inside a function of numbers) matches nobody; a `QualityWarning` and
        ``attrs["set_aside"]`` name it. A text that is compared with a number and says none is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> from custintel.engines.duckdb_engine import DuckDBEngine
    >>> engine = DuckDBEngine()
    >>> engine.register("features", pd.DataFrame({"customer_id": ["a", "b"], "max_lines_per_device": [60, None]}))
    >>> from custintel.rules import RuleBase
    >>> base = RuleBase()
    >>> _ = base.propose("sim_bank", "max_lines_per_device >= 50", by="me")
    >>> base.shadow("sim_bank", by="me", reason="an example")
    >>> match_in_engine(engine, "features", base.compile("shadow")).to_numpy().ravel().tolist()
    [True, False]
    """
    return _answered(match_sql, engine, relation, rules, key).astype(bool)


def similarity_in_engine(
    engine: Engine, relation: str, rules: RuleBase | RuleSet, key: Sequence[str] = KEY
) -> pd.DataFrame:
    """How similar the customers of a table are to each rule, computed by the engine that holds the table.

    Parameters and index are those of `match_in_engine`; values from 0 to 1, which is a match.
    """
    return _answered(similarity_sql, engine, relation, rules, key).astype(float)


def _compiled(rules: RuleBase | RuleSet) -> RuleSet:
    return rules if isinstance(rules, RuleSet) else rules.compile()


def _answered(
    write: Writer, engine: Engine, relation: str, rules: RuleBase | RuleSet, key: Sequence[str]
) -> pd.DataFrame:
    """What the engine says of all rules that it can answer, and nothing of the others."""
    compiled = _compiled(rules)

    def run(part: RuleSet) -> pd.DataFrame:
        found = engine.native(write(part, relation, ", ".join(key), engine.dialect))
        return found.set_index(list(key)).set_axis(list(part.nodes), axis=1)

    try:
        found, aside = run(compiled), {}
    except Exception as error:
        aside = _failing(run, compiled, error)
        if not aside or len(aside) == len(compiled.nodes):
            raise
        found = run(compiled.only(set(compiled.nodes) - set(aside))).reindex(columns=list(compiled.nodes), fill_value=0)
    names = [id_ if isinstance(rules, RuleSet) else rules.entries[id_].rule.name for id_ in compiled.nodes]
    return report_failing_rules(found.set_axis(names, axis=1), aside)


def _failing(run: Callable[[RuleSet], pd.DataFrame], rules: RuleSet, error: Exception) -> dict[str, str]:
    """Which rules fail, by asking half of them at a time."""
    names = list(rules.nodes)
    if len(names) == 1:
        return {names[0]: reason_without_data(error)}
    found: dict[str, str] = {}
    for half in (names[: len(names) // 2], names[len(names) // 2 :]):
        try:
            run(rules.only(half))
        except Exception as wrong:
            found |= _failing(run, rules.only(half), wrong)
    return found
