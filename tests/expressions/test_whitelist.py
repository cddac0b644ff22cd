"""What the expression language takes, and how it refuses the rest."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from custintel.errors import ConfigurationError
from custintel.expressions.parse import parse
from custintel.expressions.whitelist import FUNCTION_NAMES

ACCEPTED = [
    "count(*)",
    "count(distinct other_party)",
    "count_if(service = 'voice' and not answered)",
    "sum(duration_s) / 60",
    "last(amount) - first(amount)",
    "stddev(n) / avg(n)",
    "ln(sum(n)) - sum(n * ln(n)) / sum(n)",
    "days_between(max(event_date), as_of)",
    "DAYS_BETWEEN(a, b)",
    "case when a > 1 then 'x' when a is null then 'y' else 'z' end",
    "kind in ('complaint', 'fault') or topic not in ('network')",
    "hour between 9 and 17",
    "start_date >= date '2025-01-31'",
    "coalesce(a, b, 0) + least(a, 1) * greatest(b, 2) - nullif(c, 0)",
    "-(a - 1.5e3)",
    '"Monthly Charges" > 50',
    "sqrt(abs(floor(a)))",
    "year(as_of) - birth_year",
    "median(seconds_between(previous_event_time, event_time))",
    "distance_km(latitude, longitude, 47.5, 19.1) > 30",
]

REFUSED = [
    ("read_csv('/etc/passwd')", "unknown function read_csv"),
    ("read_parquet('x')", "unknown function"),
    ("getenv('HOME')", "unknown function getenv"),
    ("(select 1)", "queries are not allowed"),
    ("exists(select 1)", "queries are not allowed"),
    ("x in (select 1)", "not part of the expression language"),
    ("select 1", "not an expression"),
    ("drop table x", "not an expression"),
    ("a; drop table x", "; is not part"),
    ("a -- comment", "-- is not part"),
    ("a /* comment */", "/* is not part"),
    ("{{ a }}", "{ is not part"),
    ("$1", "$ is not part"),
    ("?", "placeholder is not part"),
    ("a.b", "not part of the expression language"),
    ("x::int", "casts are not allowed"),
    ("cast(x as date)", "casts are not allowed"),
    ("date 'tomorrow'", "casts are not allowed"),
    ("try_cast(x as int)", "trycast|try_cast"),
    ("sum(x) over (order by y)", "window"),
    ("sum(x) filter (where y)", "filter is not part"),
    ("sum(distinct x)", "distinct outside count"),
    ("sum(*)", "* outside count"),
    ("*", "* outside count"),
    ("count()", "count takes 1 argument"),
    ("count(a, b)", "count takes 1 argument"),
    ("max(a, 3)", "max takes 1 argument"),
    ("least(a)", "least takes 2 or more arguments"),
    ("days_between(a)", "days_between takes 2 arguments"),
    ("seconds_between(a, b, c)", "seconds_between takes 2 arguments"),
    ("distance_km(a, b)", "distance_km takes 4 arguments"),
    ("sum(median(x))", "an aggregate inside an aggregate"),
    ("sum(avg(x))", "an aggregate inside an aggregate"),
    ("x like 'a%'", "like is not part"),
    ("x is true", "is works with null only"),
    ("case a when 1 then 2 end", "not part of the expression language"),
    ("x in y", "not part of the expression language"),
    ("x in (a, 1)", "in needs a list of values"),
    ("x[1]", "bracket is not part"),
    ("[1, 2]", "unknown function"),
    ("a || b", "dpipe is not part"),
    ("interval 1 day", "interval is not part"),
    ("a % 2", "mod is not part"),
    ("a ^ 2", "not part of|unknown function"),
    ("'a\\b' = x", "backslash"),
    ("a >", "not an expression"),
    ("(a", "not an expression"),
    ("", "empty expression"),
    ("   ", "empty expression"),
    ("(" * 1_500, "nested too deeply"),
    ("a" * 2_001, "an expression of 2001 characters"),
]


@pytest.mark.parametrize("text", ACCEPTED)
def test_accepts(text: str) -> None:
    again = parse(parse(text).tree.sql("duckdb"))
    assert again.sql() == parse(text).sql()


@pytest.mark.parametrize(("text", "says"), REFUSED, ids=lambda value: value[:30])
def test_refuses_and_says_why(text: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match="|".join(re.escape(s) for s in says.split("|"))) as caught:
        parse(text, "usage.yaml:7")
    assert caught.value.problems[0].where == "usage.yaml:7"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("log(x)", "write ln(x)"),
        ("mean(x)", "write avg(x)"),
        ("cuont(x)", "write count"),
        ("date_diff(a, b)", "days_between"),
        ("quantile(x, 0.5)", "median(x)"),
        ("haversine(a, b, c, d)", "distance_km"),
    ],
)
def test_unknown_functions_get_a_hint(text: str, hint: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse(text)
    assert hint in caught.value.problems[0].hint


def test_two_mistakes_are_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse("modus(x) + mode(y)")
    assert [p.wrong for p in caught.value.problems] == ["unknown function modus", "unknown function mode"]


WORDS = """
a b as_of count sum last ln nullif case when then else end and or not in is null between date true
select from where union limit exists read_csv glob copy attach pragma over filter distinct cast as int
( ) , * + - / % = < > <> != || :: [ ] { } . ; -- /* */ -> => @ # $1 ? ~ ^ & |
1 0.5 1e9 'x' 'a''b' "q" '/etc/passwd' interval day array struct lambda columns exclude replace
left right like ilike similar to collate at time zone unnest row struct_pack list_value getenv
"""
KNOWN_SQL = {*FUNCTION_NAMES, "arg_max", "arg_min", "date_diff", "cast", "sin", "cos", "asin", "radians"}
OPERATOR_WORDS = {"and", "or", "not", "in", "when", "then", "else", "between", "is"}


@settings(max_examples=1_500, deadline=None)
@given(st.lists(st.sampled_from(WORDS.split()), min_size=1, max_size=14).map(" ".join))
def test_nothing_off_the_whitelist_passes(text: str) -> None:
    """Whatever is accepted holds only known calls and no word of a statement."""
    try:
        found = parse(text)
    except ConfigurationError:
        return
    written = re.sub(r"'(?:[^']|'')*'|\"[^\"]*\"", "_", found.sql()).lower()
    calls = set(re.findall(r"([a-z_][a-z0-9_]*) ?\(", written)) - OPERATOR_WORDS
    assert calls <= KNOWN_SQL, written
    words = set(re.findall(r"[a-z_]+", written))
    assert not words & {"select", "from", "where", "union", "over", "filter", "interval", "unnest", "lambda"}, written
    assert not re.search(r"[;\[\]{}#@$?|&^~%]|--|/\*|->", written), written
    assert not found.tree.find(exp.Query, exp.Command, exp.Placeholder, exp.Subquery)


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_with_a_reason(text: str) -> None:
    with contextlib.suppress(ConfigurationError):
        assert parse(text).sql()
