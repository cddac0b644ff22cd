"""The ``question:`` of a model file: what is asked about the days after a date, in the grammar of ``features/``.

A question is a named outcome (``kind: churn``) or an expression over the rows of a table inside a forward window. An
expression becomes a family like those of ``features/``: seen from the end of its horizon, the window ahead is a window
that looks back, so that one compiler serves features and labels.

>>> question = {"source": "bills", "target": "sum(amount)", "horizon": "60d"}
>>> [entry.column for entry in question_catalogue(question, 60).entries()]
['target_60d']
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pandas as pd
from sqlglot import exp

from custintel.catalogue._catalogue import Catalogue
from custintel.catalogue._check_family import check_family
from custintel.catalogue._expand_columns import expand
from custintel.catalogue._feature_grammar import Reader, read_family
from custintel.catalogue.question_kinds import (
    BILLING_TYPES,
    ENTITIES,
    EXPERIMENT_OUTCOMES,
    EXPRESSION_TYPES,
    QUESTION_KINDS,
    TARGET_TYPES,
)
from custintel.contracts.own_contracts import known_tables
from custintel.errors import close_hint, raise_problems
from custintel.expressions.check_types import type_problems, value_type
from custintel.expressions.parse import parse
from custintel.expressions.whitelist import AS_OF
from custintel.files.yaml_reader import Located

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from custintel.catalogue.feature_family import Family
    from custintel.expressions.check_types import ValueType
    from custintel.expressions.expression import Expression

TARGET = "target"
UNLESS = "unless_"
_FAMILY = "question"
_HISTORY, _HISTORY_DAYS = "history", 999
ROW_KEYS = ("source", "time", "join", "columns", "previous", "per", "gather")
"""Keys of a question that mean what they mean in a family of ``features/``."""

EXPRESSION_KEYS = (*ROW_KEYS, "target", "missing", "type", "gap", "horizon", "unless", "entity", "billing_types")
_DURATION = re.compile("(0|[1-9][0-9]{0,2})d", re.ASCII)
_LEAST_DAYS = {"gap": 0, "horizon": 1, "dormancy": 1, "late": 0, "first_days": 1, "window": 1}
QUESTION_FORM = "{kind: churn, gap: 15d, horizon: 60d}, or {source: bills, target: sum(amount), horizon: 60d}"
"""What a question may look like, for messages."""

_VALUE_TYPES: Mapping[str, ValueType] = {
    "string": "text",
    "integer": "number",
    "number": "number",
    "boolean": "condition",
    "date": "date",
    "timestamp": "date",
}
_ADDED_TYPES: Mapping[str, ValueType] = {
    "event_date": "date",
    "visible_date": "date",
    "weekday": "number",
    "hour": "number",
    "is_weekend": "condition",
    "is_night": "condition",
}
_TYPE_OF_VALUE = {"condition": "yes_no", "number": "amount", "text": "class"}
_ZERO_WITHOUT_ROWS = ("count", "sum")


def days_of(duration: str) -> int:
    """The days of a duration.

    >>> days_of("60d")
    60
    """
    return int(duration.removesuffix("d"))


def located(plain: object, where: str) -> Located:
    """Plain data as values of a file that all stand at one place.

    >>> located({"gap": "7d"}, "question").mapping["gap"]
    Located(value='7d', where='question')
    """
    if isinstance(plain, dict):
        return Located({str(key): located(value, where) for key, value in plain.items()}, where)
    if isinstance(plain, (list, tuple)):
        return Located([located(value, where) for value in plain], where)
    return Located(plain, where)  # type: ignore[arg-type]


def read_question(at: Located, reader: Reader) -> dict[str, Any]:
    """The question of a model file as plain data, with the ``type`` of its label; mistakes go to the reader."""
    if not isinstance(at.value, dict):
        reader.wrong(at.where, "question is not a mapping", str(at.plain()), QUESTION_FORM)
        return {}
    plain = {key: value.plain() for key, value in at.mapping.items()}
    _check_values(at, reader)
    if "kind" not in at.mapping:
        return {**plain, "type": _read_expression(at, reader)}
    return {**plain, "type": _read_kind(at, reader)}


def checked_question(question: Mapping[str, Any]) -> dict[str, Any]:
    """A question given as plain data, with the ``type`` of its label.

    >>> checked_question({"source": "bills", "target": "sum(amount) > 100", "horizon": "30d"})["type"]
    'yes_no'
    """
    reader = Reader()
    read = read_question(located(dict(question), "question"), reader)
    raise_problems(reader.problems)
    return read


def question_catalogue(question: Mapping[str, Any], window: int, with_target: bool = True) -> Catalogue:
    """The families of an expression question as a catalogue, each with one window of some days.

    Parameters
    ----------
    question : mapping
        The question as plain data.
    window : int
        Days of the window.
    with_target : bool
        Whether the target is asked for, or competing events only.

    Raises
    ------
    custintel.errors.ConfigurationError
        With every mistake of the question.
    """
    reader = Reader()
    at = located(dict(question), "question")
    families = _target_families(at, window, reader) if with_target else []
    families += _unless_families(at, window, reader)
    entries = expand(families, reader)
    raise_problems(reader.problems)
    return Catalogue(tuple(families), tuple(e for e in entries if e.feature != _HISTORY))


def _read_kind(at: Located, reader: Reader) -> str:
    """The type of a named outcome."""
    given = at.mapping["kind"]
    kind = QUESTION_KINDS.get(str(given.value))
    if kind is None:
        allowed = f"{', '.join(QUESTION_KINDS)}, or source and target instead of kind"
        reader.wrong(
            given.where, "unknown kind", str(given.plain()), allowed, close_hint(str(given.value), QUESTION_KINDS)
        )
        return ""
    reader.keys(at, ("kind", "type", *kind.keys), f"a question of kind {given.value}")
    own = at.mapping.get("type")
    if own is not None and own.value != kind.target_type:
        reader.wrong(own.where, f"the type of {given.value} is another", str(own.plain()), kind.target_type)
    if "outcome" in at.mapping:
        _check_outcome(at.mapping["outcome"], reader)
    return kind.target_type


def _check_outcome(at: Located, reader: Reader) -> None:
    """The outcome of an experiment: one with a name, or a condition or number over the rows of a table."""
    if not isinstance(at.value, dict):
        if at.value not in EXPERIMENT_OUTCOMES:
            allowed = f"{', '.join(EXPERIMENT_OUTCOMES)}, or {{source: bills, target: sum(amount)}}"
            hint = "an outcome is what a contact should bring about: stayed, not churn"
            reader.wrong(at.where, "unknown outcome of an experiment", str(at.plain()), allowed, hint)
        return
    reader.keys(at, (*ROW_KEYS, "target", "missing"), "an outcome")
    asked = {key: value for key, value in at.mapping.items() if key in (*ROW_KEYS, "target", "missing")}
    if _read_expression(Located({**asked, "horizon": Located("1d", at.where)}, at.where), reader) == "class":
        reader.wrong(at.where, "the outcome is a text", str(asked["target"].value), "a condition or a number")


def _read_expression(at: Located, reader: Reader) -> str:
    """The type of an expression question, after a look at everything that it reads."""
    reader.keys(at, EXPRESSION_KEYS, "a question")
    needed = [key for key in ("source", "target", "horizon") if key not in at.mapping]
    if needed:
        reader.wrong(at.where, f"the question has no {', '.join(needed)}", allowed=QUESTION_FORM)
    _unless_families(at, 1, reader)
    if "source" in needed or "target" in needed:
        return ""
    families = _target_families(at, 1, reader)
    target = next((f.expression for family in families for f in family.features if f.name == TARGET), None)
    return _target_type(at, families[0], target, reader) if target is not None else ""


def _target_families(at: Located, window: int, reader: Reader) -> list[Family]:
    """The family of the target."""
    own = at.mapping
    target = own.get("target", Located(None, at.where))
    expression = reader.expression(target, at, "the target")
    if expression is None or "source" not in own:
        return []
    known = len(reader.problems)
    _check_no_as_of(expression, reader)
    unit = "category" if own.get("type", target).value == "class" or _inferred_type(at, expression) == "class" else "u"
    missing = own["missing"].plain() if "missing" in own else _missing(expression, unit)
    sql = target if "missing" in own else Located(zero_sums(expression), target.where)
    features = {TARGET: _feature(sql, unit, missing, f"{window}d")}
    if "previous" in own:  # the row before may stand before the window
        features[_HISTORY] = _feature(Located("count(*)", target.where), "rows", 0, f"{_HISTORY_DAYS}d")
    family = _family(_FAMILY, {key: own[key] for key in ROW_KEYS if key in own}, features, own["source"].where, reader)
    return [family] if len(reader.problems) == known else []


def _unless_families(at: Located, window: int, reader: Reader) -> list[Family]:
    """A family for each table of competing events; its one feature counts them."""
    given = at.mapping.get("unless")
    if given is None:
        return []
    if not isinstance(given.value, dict):
        reader.wrong(
            given.where, "unless is not a mapping", str(given.plain()), "{terminations: \"cause = 'port_out'\"}"
        )
        return []
    return [family for table, one in given.mapping.items() for family in _unless_family(table, one, window, reader)]


def _unless_family(table: str, at: Located, window: int, reader: Reader) -> list[Family]:
    """The family that counts the competing events of one table."""
    condition = reader.expression(at, at, f"unless {table}")
    if condition is None:
        return []
    if condition.aggregates:
        hint = "a competing event is a row of its table: leave the aggregate out"
        reader.wrong(at.where, f"an aggregate in unless {table}", condition.text, "a condition on one row", hint)
        return []
    known = len(reader.problems)
    _check_no_as_of(condition, reader)
    name = f"{UNLESS}{table}"
    count = Located(f"count_if({condition.text})", at.where)
    family = _family(
        name, {"source": Located(table, at.where)}, {name: _feature(count, "events", 0, f"{window}d")}, at.where, reader
    )
    reader.problems.extend(p for f in family.features for p in type_problems(f.expression, column_types(family)))
    return [family] if len(reader.problems) == known else []


def _feature(sql: Located, unit: str, missing: object, window: str) -> Located:
    rest = {"unit": unit, "missing": missing, "about": "what the question counts", "windows": [window]}
    return Located({"sql": sql, **located(rest, sql.where).mapping}, sql.where)


def _family(
    name: str, rows: Mapping[str, Located], features: Mapping[str, Located], where: str, reader: Reader
) -> Family:
    """A family of ``features/``, read and checked."""
    words = located({"family": name, "about": "a question", "windows": ["1d"]}, where).mapping
    family = read_family(Located({**words, **rows, "features": Located(dict(features), where)}, where), reader)
    check_family(family, reader)
    return family


def _check_no_as_of(expression: Expression, reader: Reader) -> None:
    """A forward window has no as-of date of its own."""
    if any(column.name == AS_OF for column in expression.tree.find_all(exp.Column)):
        hint = "gap and horizon say which days count"
        reader.wrong(expression.where, "as_of in a question", expression.text, "columns of the rows", hint)


def zero_sums(expression: Expression) -> str:
    """The text of an expression in which the sum of no rows is 0, as the count of no rows is.

    >>> from custintel.expressions.parse import parse
    >>> zero_sums(parse("sum(amount) < 20"))
    'coalesce(sum(amount), 0) < 20'
    """

    def zero(node: exp.Expression) -> exp.Expression:
        inside = isinstance(node.parent, exp.Coalesce) or not isinstance(node, exp.Sum)
        return node if inside else exp.Coalesce(this=node.copy(), expressions=[exp.Literal.number(0)])

    return expression.tree.transform(zero).sql("duckdb", normalize_functions="lower")


def true_without_rows(target: str) -> bool:
    """Whether a condition holds for a customer without any row in the window, so that time alone cannot make it true.

    >>> true_without_rows("sum(amount) < 20"), true_without_rows("count(*) > 3"), true_without_rows("max(amount) < 20")
    (True, False, False)
    """
    expression = parse(target)
    if not _adds(expression):
        return False
    empty = pd.DataFrame({"nothing": [0.0]})
    return bool(expression.over_columns(lambda _: "nothing").numpy(empty)[0] == 1)


def _adds(expression: Expression) -> bool:
    """Whether an expression is made of counts and sums, which are 0 without rows; a ratio of them is not known."""
    adds = all(a.function in _ZERO_WITHOUT_ROWS for a in expression.aggregates)
    return adds and expression.tree.find(exp.Div) is None


def _missing(expression: Expression, unit: str) -> float | None:
    """What no row means: nothing, for counts and sums; unknown, for averages, ratios, extremes and texts."""
    return 0 if _adds(expression) and unit != "category" else None


def _target_type(at: Located, family: Family, target: Expression, reader: Reader) -> str:
    """The type of the label: what the target gives, which a given type must not contradict."""
    columns = {} if family.kind == "gathered" else column_types(family)
    reader.problems.extend(type_problems(target, columns))
    found, given = _inferred_type(at, target), at.mapping.get("type")
    if given is not None and given.value in TARGET_TYPES:
        if given.value not in EXPRESSION_TYPES or found not in ("", given.value):
            allowed = found or ", ".join(EXPRESSION_TYPES)
            reader.wrong(given.where, "the target is of another type", str(given.value), allowed)
        return str(given.value)
    if not found:
        allowed = "a condition (yes_no), a number (amount) or a text (class)"
        hint = f"say which with type: {', '.join(EXPRESSION_TYPES)}"
        reader.wrong(target.where, "the target has no type that can be told", target.text, allowed, hint)
    return found


def _inferred_type(at: Located, target: Expression) -> str:
    """The type that an expression tells by itself; empty if it does not."""
    own = at.mapping
    tables = [*(str(item.value) for item in own["source"].items), *(own["join"].mapping if "join" in own else ())]
    columns = {} if "gather" in own else _types_of_tables(tables)
    return _TYPE_OF_VALUE.get(str(value_type(target, columns)), "")


def column_types(family: Family) -> dict[str, ValueType]:
    """The types of the columns that a family may read, as far as contracts tell."""
    return _types_of_tables([family.source, *family.join])


def _types_of_tables(tables: Iterable[str]) -> dict[str, ValueType]:
    found: dict[str, ValueType] = dict(_ADDED_TYPES)
    known = known_tables()
    for table in reversed([name for name in tables if name in known]):
        found |= {name: _VALUE_TYPES[column.type] for name, column in known[table].columns.items()}
    return found | {f"previous_{name}": kind for name, kind in found.items()}


def _check_values(at: Located, reader: Reader) -> None:
    """Durations, and values of closed lists."""
    for key, least in _LEAST_DAYS.items():
        _check_days(at.mapping.get(key), key, least, reader)
    for key, allowed in (("billing_types", BILLING_TYPES), ("type", TARGET_TYPES), ("entity", ENTITIES)):
        for item in at.mapping[key].items if key in at.mapping else ():
            if item.value not in allowed:
                hint = close_hint(str(item.value), allowed)
                reader.wrong(item.where, f"unknown {key}", str(item.value), ", ".join(allowed), hint)
    months = at.mapping.get("horizon_months")
    if months is not None and (not isinstance(months.value, int) or isinstance(months.value, bool) or months.value < 1):
        reader.wrong(months.where, "horizon_months is not a whole number", str(months.plain()), "1 or more")
    for name, cost in at.mapping["unit_costs"].mapping.items() if "unit_costs" in at.mapping else ():
        if isinstance(cost.value, bool) or not isinstance(cost.value, (int, float)):
            reader.wrong(cost.where, f"the unit cost of {name} is not a number", str(cost.plain()))


def _check_days(at: Located | None, key: str, least: int, reader: Reader) -> None:
    if at is None:
        return
    found = _DURATION.fullmatch(str(at.value))
    if found is None or int(found[1]) < least:
        whole = isinstance(at.value, int) and not isinstance(at.value, bool) and at.value >= least
        hint = f"did you mean {at.value}d?" if whole else ""
        reader.wrong(at.where, f"{key} is no number of days", str(at.plain()), f"{least}d to 999d, such as 60d", hint)
