"""Expressions said in English and Chinese, for rules, reports and the data dictionary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from sqlglot import exp

from custintel.expressions.whitelist import function_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


Language = Literal["en", "zh"]

_BINARY: dict[type, dict[str, str]] = {
    exp.And: {"en": "{0} and {1}", "zh": "{0}且{1}"},
    exp.Or: {"en": "{0} or {1}", "zh": "{0}或{1}"},
    exp.EQ: {"en": "{0} is {1}", "zh": "{0}为{1}"},
    exp.NEQ: {"en": "{0} is not {1}", "zh": "{0}不为{1}"},
    exp.GT: {"en": "{0} more than {1}", "zh": "{0}大于{1}"},
    exp.GTE: {"en": "{0} at least {1}", "zh": "{0}不小于{1}"},
    exp.LT: {"en": "{0} less than {1}", "zh": "{0}小于{1}"},
    exp.LTE: {"en": "{0} at most {1}", "zh": "{0}不大于{1}"},
    exp.Add: {"en": "{0} + {1}", "zh": "{0} + {1}"},
    exp.Sub: {"en": "{0} - {1}", "zh": "{0} - {1}"},
    exp.Mul: {"en": "{0} x {1}", "zh": "{0} × {1}"},
    exp.Div: {"en": "{0} / {1}", "zh": "{0} / {1}"},
}
_CALLS: dict[str, dict[str, str]] = {
    "count": {"en": "number of {0}", "zh": "{0}的个数"},
    "sum": {"en": "total of {0}", "zh": "{0}合计"},
    "avg": {"en": "mean of {0}", "zh": "{0}平均值"},
    "min": {"en": "smallest {0}", "zh": "{0}最小值"},
    "max": {"en": "largest {0}", "zh": "{0}最大值"},
    "stddev": {"en": "standard deviation of {0}", "zh": "{0}标准差"},
    "first": {"en": "first {0}", "zh": "首次{0}"},
    "last": {"en": "last {0}", "zh": "最近{0}"},
    "abs": {"en": "size of {0}", "zh": "{0}的绝对值"},
    "floor": {"en": "{0} rounded down", "zh": "{0}向下取整"},
    "ln": {"en": "logarithm of {0}", "zh": "{0}的对数"},
    "sqrt": {"en": "square root of {0}", "zh": "{0}的平方根"},
    "year": {"en": "year of {0}", "zh": "{0}的年份"},
    "month": {"en": "month of {0}", "zh": "{0}的月份"},
    "least": {"en": "least of {0}", "zh": "{0}中的最小者"},
    "greatest": {"en": "greatest of {0}", "zh": "{0}中的最大者"},
    "coalesce": {"en": "first known of {0}", "zh": "{0}中首个已知值"},
    "nullif": {"en": "{0} unless it is {1}", "zh": "{0}(等于{1}时缺失)"},
    "median": {"en": "median of {0}", "zh": "{0}中位数"},
    "days_between": {"en": "days from {0} to {1}", "zh": "{0}至{1}的天数"},
    "seconds_between": {"en": "seconds from {0} to {1}", "zh": "{0}至{1}的秒数"},
    "distance_km": {"en": "kilometres from {0}, {1} to {2}, {3}", "zh": "{0}、{1}至{2}、{3}的公里数"},
}
_PHRASES = {
    "rows": {"en": "rows", "zh": "记录"},
    "distinct": {"en": "different {0}", "zh": "不同{0}"},
    "missing": {"en": "{0} unknown", "zh": "{0}未知"},
    "known": {"en": "{0} known", "zh": "{0}已知"},
    "not": {"en": "not {0}", "zh": "非{0}"},
    "in": {"en": "{0} one of {1}", "zh": "{0}为{1}之一"},
    "not in": {"en": "{0} none of {1}", "zh": "{0}不为{1}中任何一个"},
    "between": {"en": "{0} from {1} to {2}", "zh": "{0}在{1}至{2}之间"},
    "when": {"en": "{1} when {0}", "zh": "{0}时为{1}"},
    "else": {"en": "otherwise {0}", "zh": "否则为{0}"},
    "true": {"en": "yes", "zh": "是"},
    "false": {"en": "no", "zh": "否"},
    "null": {"en": "unknown", "zh": "未知"},
    "as_of": {"en": "the as-of date", "zh": "统计日"},
    "and": {"en": ", ", "zh": "、"},
}


def write_phrase(tree: exp.Expression, names: Mapping[str, str], language: Language) -> str:
    """The expression as a phrase; ``names`` gives the words for columns."""
    return _PhraseWriter(names, language).write_phrase(tree)


class _PhraseWriter:
    def __init__(self, names: Mapping[str, str], language: Language) -> None:
        self.names, self.language = names, language

    def write_phrase(self, node: exp.Expression) -> str:
        if type(node) in _BINARY:
            return _BINARY[type(node)][self.language].format(
                self.write_phrase(node.this), self.write_phrase(node.expression)
            )
        function = function_of(node)
        if function is not None:
            return self.call(node, function.name)
        writer = _PHRASES_BY_NODE.get(type(node))
        return writer(self, node) if writer else node.sql("duckdb")

    def phrase(self, key: str, *parts: str) -> str:
        return _PHRASES[key][self.language].format(*parts)

    def joined(self, nodes: list[exp.Expression]) -> str:
        return _PHRASES["and"][self.language].join(self.write_phrase(node) for node in nodes)

    def call(self, node: exp.Expression, name: str) -> str:
        given = list(node.expressions) if isinstance(node, exp.Anonymous) else list(node.iter_expressions())
        if name in ("least", "greatest", "coalesce"):
            return _CALLS[name][self.language].format(self.joined(given))
        return _CALLS[name][self.language].format(*(self.write_phrase(part) for part in given))

    def column(self, node: exp.Expression) -> str:
        known = {"as_of": self.phrase("as_of"), **self.names}
        return known.get(node.name, node.name)

    def literal(self, node: exp.Expression) -> str:
        return str(node.this)

    def negation(self, node: exp.Expression) -> str:
        inner = node.this.unnest()
        if isinstance(inner, exp.Is):
            return self.phrase("known", self.write_phrase(inner.this))
        if isinstance(inner, exp.In):
            return self.phrase("not in", self.write_phrase(inner.this), self.joined(inner.expressions))
        return self.phrase("not", self.write_phrase(node.this))

    def case(self, node: exp.Expression) -> str:
        parts = [
            self.phrase("when", self.write_phrase(b.this), self.write_phrase(b.args["true"])) for b in node.args["ifs"]
        ]
        default = node.args.get("default")
        parts += [self.phrase("else", self.write_phrase(default))] if default is not None else []
        return _PHRASES["and"][self.language].join(parts)


_PHRASES_BY_NODE: dict[type, Callable[[_PhraseWriter, exp.Expression], str]] = {
    exp.Column: _PhraseWriter.column,
    exp.Literal: _PhraseWriter.literal,
    exp.Cast: lambda writer, node: writer.write_phrase(node.this),
    exp.Star: lambda writer, _node: writer.phrase("rows"),
    exp.Boolean: lambda writer, node: writer.phrase("true" if node.this else "false"),
    exp.Null: lambda writer, _node: writer.phrase("null"),
    exp.Paren: lambda writer, node: f"({writer.write_phrase(node.this)})",
    exp.Neg: lambda writer, node: f"-{writer.write_phrase(node.this)}",
    exp.Not: _PhraseWriter.negation,
    exp.Is: lambda writer, node: writer.phrase("missing", writer.write_phrase(node.this)),
    exp.In: lambda writer, node: writer.phrase("in", writer.write_phrase(node.this), writer.joined(node.expressions)),
    exp.Between: lambda writer, node: writer.phrase(
        "between", *(writer.write_phrase(e) for e in node.iter_expressions())
    ),
    exp.Distinct: lambda writer, node: writer.phrase("distinct", writer.joined(node.expressions)),
    exp.Case: _PhraseWriter.case,
}
