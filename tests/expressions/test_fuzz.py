"""Attacks on the expression language: nothing off the whitelist is read, and what is read touches nothing."""

from __future__ import annotations

import contextlib
import gc
import sys
import threading
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlglot import exp, parse_one

from custintel.errors import ConfigurationError, DataError
from custintel.expressions.parse import MAX_DEPTH, MAX_LENGTH, parse
from custintel.expressions.whitelist import FUNCTIONS, OPERATORS, OWN_FUNCTIONS
from custintel.rules import Rule
from custintel.rules._match_sql import match_sql
from custintel.rules._rule_set import RuleSet
from custintel.rules.rule_condition import condition_text
from custintel.rules.rule_files import rules_from_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from custintel.expressions.expression import Expression

ATTACKS = {
    "files": [
        "read_csv('/etc/passwd') > 1", "read_csv_auto('x')", "read_parquet('s3://x/y')", "read_json('x')",
        "read_text('x')",
        "read_blob('/etc/shadow')", "glob('/etc/*')", "sniff_csv('x')", "parquet_scan('x')", "parquet_metadata('x')",
        "'/etc/passwd'.csv", "a in '/etc/passwd'", "a in (from '/etc/passwd')", "from 'x.csv'", "load_file('x')",
        "input_file_name()", "a in (select * from read_csv('/etc/passwd'))", "pg_read_file('x')", "st_read('x')",
    ],
    "engine": [
        "pragma database_list", "pragma_table_info('t')", "duckdb_settings()", "duckdb_secrets()",
        "current_setting('x')",
        "getenv('HOME')", "getvariable('x')", "current_user = 'x'", "current_database() = 'x'", "version()",
        "now() > a",
        "random() > a", "uuid() = 'x'", "pg_sleep(10)", "sleep(10)", "set_config('a', 'b')", "nextval('s')",
        "reflect('java.lang.Runtime', 'getRuntime')", "java_method('java.lang.System', 'exit', 0)",
        "xp_cmdshell('x')",
        "query('select 1')", "query_table('t')", "histogram(a)", "schema_of_json('x')", "http_get('http://x')",
        "system('x')",
    ],
    "statements": [
        "attach 'x.db'", "attach 'x' as y; a", "copy t to '/tmp/x'", "export database 'x'", "import database 'x'",
        "install httpfs",
        "load httpfs", "create macro f() as 1", "create table x as select 1", "drop table customers",
        "delete from customers",
        "insert into t values (1)", "update t set a = 1", "alter table t add b int", "set memory_limit = '1B'",
        "call f()",
        "a; drop table customers", "a;", ";", "a > 1; select 1", "begin; a", "explain select 1", "use x",
    ],
    "queries": [
        "(select 1)", "select 1", "a in (select b from t)", "exists (select 1)", "not exists (from t)",
        "a = (select max(a) from t)",
        "with x as (select 1) select * from x", "values (1)", "table customers", "a > any (select 1)",
        "a > all (values (1))",
        "a union select b", "a from t", "a where b", "from t", "unnest([1, 2])", "a in unnest(b)",
        "(a) in ((select 1))",
        "case when (select true) then 1 end", "count((select 1))", "least((select 1), 2)",
        "a between (select 1) and 2",
    ],
    "windows and shapes": [
        "sum(a) over ()", "row_number() over (order by a)", "lag(a) over (order by b)", "sum(a) filter (where b)",
        "sum(distinct a)",
        "first(a order by b)", "max(a) within group (order by b)", "a qualify b", "count(*) over w", "grouping(a)",
        "*", "t.*",
        "columns('.*')", "columns(*)", "* exclude (a)", "* replace (1 as a)", "(a, b)", "row(a, b)", "[a, b]",
        "{'a': 1}",
        "map {'a': 1}", "struct_pack(a := 1)", "a[1]", "a[1:2]", "a.b", "a.b.c", "a->'x'", "a->>'x'", "x -> x + 1",
        "list_transform(a, x -> x)", "lambda x: x + 1", "list_filter(a, lambda x: x > 1)", "apply(a, x -> 1)",
        "f(x => 1)",
        "a as b", "a b", "distinct a",
    ],
    "casts": [
        "a::int", "a::json", "cast(a as blob)", "try_cast(a as int)", "cast('x' as regclass)",
        "'2025-01-31'::timestamp",
        "date 'now'", "date '2025-02-30'", "date '0000-00-00'", "date '٢٠٢٥-٠١-٣١'", "timestamp 'now'",
        "time '12:00'", "interval '1' day",
        "cast(date '2025-01-31' as varchar)", "cast(a as date)", "x'ab' = a", "b'01' = a", "e'a' = a", "U&'a' = a",
        "convert(a, int)",
    ],
    "comments and templates": [
        "a -- comment", "a /* b */", "a /*", "/* a", "a #b", "`a`", "$1", "$$a$$", "?", ":a", "@a", "{{ a }}",
        "{% a %}", "${a}", "#{a}",
        "a\\", "'a\\' = b", "%(a)s", "{0}", "f'{a}' = b",
    ],
    "python": [
        "__import__('os').system('x')", "().__class__", "a.__class__.__mro__", "getattr(a, 'b')", "eval('1')",
        "exec('x')",
        "open('/etc/passwd')", "os.system('x')", "lambda: 1", "[x for x in a]", "a if b else c", "a := 1", "a ** 2",
        "a // 2", "not(a) or b()",
        "a and print(b)", "pd.read_csv('x')", "globals()['a']", "subprocess.run('x')", "import os", "breakpoint()",
    ],
    "look-alikes": [
        "ｓｅｌｅｃｔ > 1", "ａ > 1", "a ＞ 1", "a > １", "a > ٣", "a > ²", "a ≥ 1", "‘x’ = a", "“a” > 1", "a\u037e b",
        "a \u2212 1 > 0",
        "a\u200b > 1", "\ufeffa > 1", '"a\u202e" > 1', "'x\u202e' = a", "'\ud800' = a", '"\ud800" > 1', "a\x00 > 1",
        "'a\x00' = b",
        "'a\nb' = c", '"" > 1', '" " > 1', "ﬁ > 1", "𝐚 > 1",
    ],
    "numbers": [
        "a > 1e999", "a > 1e", "a > 0x10", "a > 1.2.3", "a > " + "9" * 400, "a > 1e-9999", "a > 1i", "a > nan()",
        "a > 10u8",
    ],
    "deep": [
        "(" * 900 + "a" + ")" * 900, "not " * 400 + "a", "- " * 900 + "a", "+".join("a" * 900),
        "(a and " * 60 + "b" + ")" * 60,
        "case when a then " * 90 + "b" + " end" * 90, "coalesce(a, " * 150 + "b" + ")" * 150, "(" * 1900, "[" * 1900,
        "a" * 5000,
        "not (" * 300 + "a" + ")" * 300, "a = " * 450 + "b", "a is null" + " is null" * 200,
    ],
}  # fmt: skip
FLAT = [(kind, text) for kind, texts in ATTACKS.items() for text in texts]
FRAME = pd.DataFrame(
    {
        "a": [1.0, None, 3.0],
        "b": [2.0, 0.0, np.nan],
        "plan": ["S", None, "x"],
        "as_of": pd.to_datetime(["2025-01-31"] * 3),
    }
)
FORBIDDEN = (
    "open", "socket.", "subprocess.", "os.", "exec", "compile", "ctypes.", "pickle.", "shutil.", "import",
)  # fmt: skip


class Watch:
    """Sees what the interpreter is asked to do: an audit hook, which cannot be taken away but can be told to sleep.

    Threads that run already are not seen, and no garbage is collected meanwhile: what earlier tests left behind
    (sockets of Spark, temporary folders) is closed by a collection at any moment or by a thread of its own. Threads
    that start while it watches are seen.
    """

    def __init__(self) -> None:
        self.seen: list[str] | None = None
        self.other_threads: set[int] = set()
        sys.addaudithook(self.hook)

    def hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.seen is not None and threading.get_ident() not in self.other_threads and event.startswith(FORBIDDEN):
            self.seen.append(f"{event} {arguments!r:.200}")

    @contextlib.contextmanager
    def nothing_touched(self) -> Iterator[None]:
        gc.disable()
        self.other_threads = set(sys._current_frames()) - {threading.get_ident()}
        self.seen = []
        try:
            yield
        finally:
            seen, self.seen = self.seen, None
            gc.enable()
        assert seen == []


WATCH = Watch()


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    found = duckdb.connect(config={"enable_external_access": "false"})
    found.execute("create table t as select * from (values (1.0, 2.0, 'S', date '2025-01-31')) v(a, b, plan, as_of)")
    return found


def allowed(node: exp.Expression) -> bool:
    if isinstance(node, exp.Anonymous):
        return str(node.this).lower() in OWN_FUNCTIONS
    return type(node) in FUNCTIONS or type(node) in OPERATORS


def check(found: Expression) -> None:
    """An accepted expression holds nothing off the whitelist, says the same when read again, and touches nothing."""
    assert all(allowed(node) for node in found.tree.walk())
    again = parse(found.tree.sql("duckdb", normalize_functions="lower")) if len(found.text) < MAX_LENGTH / 4 else found
    assert again.tree == found.tree
    written = parse_one(found.sql(), read="duckdb", into=exp.Condition)
    assert parse_one(written.sql("duckdb"), read="duckdb", into=exp.Condition) == written
    frame = FRAME.assign(**dict.fromkeys(found.columns - set(FRAME.columns), 1.0))
    with WATCH.nothing_touched():
        try:
            values = found.numpy(frame)
        except DataError:
            return  # types that do not go together
    assert len(values) == len(frame)


def read(text: str) -> Expression | None:
    try:
        return parse(text, "attack")
    except ConfigurationError as error:
        problems = error.problems
    assert problems
    assert all(p.where == "attack" and p.wrong for p in problems)
    return None


def _touch_a_file() -> None:
    with open(__file__):
        pass


class _LeftBehind:
    """Garbage in a circle, which touches a file when it is collected."""

    def __init__(self) -> None:
        self.circle = self

    def __del__(self) -> None:
        _touch_a_file()


def _touch_in_a_thread() -> None:
    thread = threading.Thread(target=_touch_a_file)
    thread.start()
    thread.join()


@pytest.mark.parametrize(
    "touch", [_touch_a_file, _touch_in_a_thread, lambda: eval("1")], ids=["file", "thread", "code"]
)
def test_the_watch_sees_what_is_touched(touch: Callable[[], object]) -> None:
    with pytest.raises(AssertionError, match=r"open|compile"), WATCH.nothing_touched():
        touch()


def test_the_watch_does_not_see_what_other_tests_left_behind() -> None:
    """A full run failed once, because a collection or another thread touched something just then."""
    begin = threading.Event()
    other = threading.Thread(target=lambda: (begin.wait(), _touch_a_file()))
    other.start()
    _LeftBehind()
    with WATCH.nothing_touched():
        begin.set()
        other.join()
        _ = [[] for _ in range(100_000)]  # enough for a collection


@pytest.mark.parametrize(("kind", "text"), FLAT, ids=lambda value: repr(value)[:40])
def test_attacks_are_refused_with_a_reason(kind: str, text: str) -> None:
    assert read(text) is None


@pytest.mark.parametrize(("kind", "text"), FLAT, ids=lambda value: repr(value)[:40])
def test_attacks_hidden_in_an_expression_are_refused(kind: str, text: str) -> None:
    assert read(f"(a > 1) and coalesce({text}, b) > 2") is None


@pytest.mark.parametrize(("kind", "text"), FLAT, ids=lambda value: repr(value)[:40])
def test_a_rule_is_refused_too(kind: str, text: str) -> None:
    with pytest.raises(ConfigurationError):
        _ = Rule("attack", text).node


def test_a_text_is_only_a_text(con: duckdb.DuckDBPyConnection) -> None:
    """What is an attack outside quotes is a harmless value inside them, on every path."""
    for _, text in FLAT:
        if len(text) > 200 or "\\" in text or not text.isprintable():
            continue
        found = parse("plan = '" + text.replace("'", "''") + "'")
        check(found)
        assert con.sql(f"select {found.sql()} from t").fetchall() == [(False,)]
        sql = match_sql(RuleSet.compile({"r": found.text}), "t", key="b")
        assert con.sql(sql).fetchall() == [(2, False)]


def test_a_name_in_quotes_is_only_a_name() -> None:
    for name in (
        "select",
        'a"; drop table t; --',
        "/etc/passwd",
        "Monthly  Charges",
        "客户",
        "a.b",
        "read_csv('x')",
        "'",
    ):
        quoted = '"' + name.replace('"', '""') + '"'
        found = parse(f"{quoted} > 1")
        assert found.columns == {name}
        assert found.text == f"{quoted} > 1"
        check(found)
        node = Rule("named", f"{quoted} > 1").node
        assert RuleSet.from_nodes({"r": node}).match(pd.DataFrame({name: [2.0, 0.0]}))["r"].tolist() == [True, False]


def test_deep_nesting_is_refused_with_an_error_that_teaches() -> None:
    long = "+".join("a" * 900)  # a chain is long, not deep
    for text in ATTACKS["deep"][:7]:
        said = "2699 parts" if text == long else f"nested too deeply(.|\n)*allowed: {MAX_DEPTH} levels"
        with pytest.raises(ConfigurationError, match=said):
            parse(text)
    assert parse(" + ".join("a" * 300)).numpy(FRAME)[0] == 300
    assert parse(" and ".join(["a"] * 300)).numpy(FRAME)[0] == 1


def test_deep_nesting_is_refused_deep_in_a_program_too() -> None:
    def deeper(levels: int) -> Expression | None:
        return read("not (" * 20 + "a > 1" + ")" * 20) if not levels else deeper(levels - 1)

    for levels in range(0, 700, 50):
        found = deeper(levels)
        assert found is None or found.columns == {"a"}


def test_numbers_of_parameters_are_numbers() -> None:
    for value in (float("nan"), float("inf"), "1 or true", None, True, "b", [1]):
        rule = Rule("attack", "a > most", parameters={"most": value})  # type: ignore[dict-item]
        with pytest.raises(ConfigurationError, match="not a number"):
            _ = rule.node
    assert Rule("fine", "a > most", parameters={"most": -1e-7}).expression.text == "a > -1e-07"


@pytest.mark.parametrize(
    "text",
    [
        "rules: !!python/object/apply:os.system ['x']",
        "rules: {a: !!python/name:os.system {when: a > 1}}",
        "rules: {a: {when: !!python/object/new:str ['a > 1']}}",
        "a: &a [x, x]\nb: &b [*a, *a]\nrules: {r: {when: *b}}",
        "rules: {r: {when: a > 1}, r: {when: a > 2}}",
        "rules: {r: {when: [a > 1]}}",
        "rules: {r: {when: a > 1, loss: .inf}}",
        "rules: {r: {when: a > 1, loss: .nan}}",
        "rules: {r: {when: a > most, parameters: {most: b}}}",
        "rules: {r: {when: a > most, parameters: most}}",
        "rules: {r: {when: a > 1, severity: 2.5}}",
        "rules: {r: {when: a > 1, about: {x: 1}}}",
        "rules: {R-1: {when: a > 1}}",
        "rules: {r: {when: a > 1, expression: b}}",
        "rules: [a, b]",
        "- rules",
        "rules: {r: a > 1}",
        "[" * 3000,
        "rules: {r: {when: '" + "(" * 900 + "'}}",
        "rules: \x00",
    ],
    ids=lambda text: text[:45],
)
def test_files_of_rules_hold_plain_values_only(text: str) -> None:
    with WATCH.nothing_touched(), pytest.raises(ConfigurationError):
        rules_from_yaml(text)


NUMBER = st.sampled_from(["0", "1", "2.5", ".5", "1e3", "-4", "100000"])
COLUMN = st.sampled_from(["a", "b", "c", '"Monthly  Charges"', '"select"', "客户"])


def trees() -> st.SearchStrategy[str]:
    """Expressions of the language, grown at random; types may clash."""
    leaf = COLUMN | NUMBER | st.sampled_from(["'S'", "''", "'it''s'", "true", "null", "date '2025-01-31'", "as_of"])

    def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        sign = st.sampled_from([" + ", " - ", " * ", " / ", " > ", " >= ", " < ", " = ", " <> ", " and ", " or "])
        call = st.sampled_from(["coalesce", "least", "greatest", "nullif", "days_between"])
        return (
            st.builds(lambda x, s, y: f"{x}{s}{y}", inner, sign, inner)
            | st.builds(lambda f, x, y: f"{f}({x}, {y})", call, inner, inner)
            | st.builds(
                lambda f, x: f"{f}({x})", st.sampled_from(["abs", "floor", "sqrt", "ln", "", "not ", "-"]), inner
            )
            | st.builds(
                lambda x, t: f"{x} {t}", inner, st.sampled_from(["is null", "is not null", "in (1, 2)", "in ('S')"])
            )
            | st.builds(lambda x, y, z: f"case when {x} then {y} else {z} end", inner, inner, inner)
            | st.builds(lambda x, y, z: f"{x} between {y} and {z}", inner, inner, inner)
        )

    return st.recursive(leaf, grown, max_leaves=8)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(trees())
@example("a is null is null")
@example("- -a > -(-1)")
def test_what_is_read_says_the_same_again_and_touches_nothing(text: str) -> None:
    found = read(text)
    if found is not None:
        check(found)


SPLICES = [text for _, text in FLAT if len(text) < 80]


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(trees(), st.sampled_from(SPLICES), st.integers(0, 200), st.integers(0, 8))
def test_attacks_spliced_into_expressions(text: str, attack: str, place: int, cut: int) -> None:
    at = place % (len(text) + 1)
    found = read(text[:at] + attack + text[at + cut :])
    if found is not None:
        check(found)


LETTERS = st.text(
    st.characters(codec=None) | st.sampled_from(list("ab1.'\"()<>=+-*/,; \n\\{}[]@#$%^&|~!?:_`")), max_size=40
)


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(LETTERS)
def test_any_letters_are_read_or_refused(text: str) -> None:
    found = read(text)
    if found is not None:
        check(found)


@settings(max_examples=500, deadline=None)
@given(trees())
def test_rules_are_run_without_a_way_out(con: duckdb.DuckDBPyConnection, text: str) -> None:
    """In an engine that may not leave its memory, the SQL of a rule never asks to."""
    try:
        rule = Rule("fuzzed", text)
        rules = RuleSet.from_nodes({rule.name: rule.node})
    except ConfigurationError:
        return  # most are refused, because their types clash: nothing is left to run
    assert Rule("again", condition_text(rule.node)).version == rule.version
    columns = '1.0 as c, 2.0 as "Monthly  Charges", 3.0 as "select", 4.0 as 客户'
    with contextlib.suppress(duckdb.BinderException, duckdb.ConversionException, duckdb.OutOfRangeException):
        con.sql(match_sql(rules, f"(select *, {columns} from t)", key="a")).fetchall()
