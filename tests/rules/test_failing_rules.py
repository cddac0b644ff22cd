"""One rule that cannot be answered takes no other rule with it; most are refused when they are proposed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from custintel.catalogue import Catalogue
from custintel.engines.duckdb_engine import DuckDBEngine
from custintel.errors import ConfigurationError, DataError, QualityWarning
from custintel.rules import Rule, RuleBase
from custintel.rules._match_row import RowMatcher
from custintel.rules._match_sql import match_in_engine, similarity_in_engine
from custintel.rules._rule_set import RuleSet
from custintel.rules.rule_files import rules_from_yaml

if TYPE_CHECKING:
    from pathlib import Path

X = pd.DataFrame(
    {"customer_id": ["a", "b", "c", "d"], "minutes": [40.0, 50.0, 3.0, None], "plan": ["S", "M", "S", None]}
).set_index("customer_id")
WHO = {"by": "an analyst", "reason": "three cases"}

CLASHES = [
    ("'a' * 1000000000 > 1", "a text where a number is needed", "'a' in 'a' * 1000000000"),
    ("minutes > 3 and abs('x') > minutes", "a text where a number is needed", "'x' in abs('x')"),
    ("minutes > 3 and sqrt(-'x') > 1", "a text where a number is needed", "'x' in -'x'"),
    ("minutes in ('x', 1)", "a text beside a number", "minutes IN ('x', 1)"),
    ("coalesce(minutes, 1, 'x') = 1", "a number beside a text", "coalesce(minutes, 1, 'x')"),
    ("least(minutes, 1, 'x') > 1", "a number beside a text", "least(minutes, 1, 'x')"),
    ("case when 'x' then 1 end > 0", "a text where a condition is needed", "'x' in CASE"),
    ("case when minutes > 1 then 1 else 'x' end = 1", "a number beside a text", "CASE WHEN"),
    ("date '2025-01-31' * 2 > minutes", "a date where a number is needed", "* 2"),
    ("year(3) > minutes", "a number where a date is needed", "3 in year(3)"),
    ("days_between(minutes > 1, day) > 3", "a condition where a date is needed", "in days_between"),
    ("distance_km('a', 1, 2, 3) > minutes", "a text where a number is needed", "'a' in distance_km"),
    ("(minutes is null) = 'x'", "a condition beside a text", "= 'x'"),
]


@pytest.mark.parametrize(("when", "wrong", "place"), CLASHES, ids=[clash[0] for clash in CLASHES])
def test_types_that_do_not_go_together_are_refused_with_the_place(when: str, wrong: str, place: str) -> None:
    for refuse in (lambda: RuleBase().propose("poison", when), lambda: RuleBase().add(Rule("poison", when))):
        with pytest.raises(ConfigurationError) as raised:
            refuse()
        problems = [p for p in raised.value.problems if p.wrong == wrong]
        assert problems
        assert all(p.where == "rule poison" and place in p.given and p.hint for p in problems[:1])
    with pytest.raises(ConfigurationError, match=wrong):
        rules_from_yaml(json.dumps({"rules": {"poison": {"when": when}}}))


@pytest.mark.parametrize(
    "when",
    [
        "(minutes > 1) + (cells > 2) >= 2", "minutes * (plan = 'S') > 3", "plan = 'S' or flag", "flag = true",
        "case when plan = 'S' then 1 else 0 end > 0", "days_between(day, date '2025-01-31') > 3",
        "coalesce(minutes, 0) > 3", "nullif(plan, 'x') in ('S', 'M')", "not (plan is null)",
        "least(minutes, cells, 5) > 1",
    ],
)  # fmt: skip
def test_what_goes_together_is_taken(when: str) -> None:
    RuleBase().propose("fine", when)


def test_the_types_of_a_table_count_too() -> None:
    table = X.assign(flag=True, day=pd.Timestamp("2025-01-31"))
    base = RuleBase()
    base.propose("fine", "minutes > 3 and plan = 'S' and flag and days_between(day, day) = 0", columns=table)
    for when, wrong in (
        ("minutes = 'x'", "a number beside a text"),
        ("day + 1 > 3", "a date where a number is needed"),
        ("year(minutes) > 2000", "a number where a date is needed"),
    ):
        with pytest.raises(ConfigurationError, match=wrong):
            base.propose("poison", when, columns=table)


def test_a_column_that_there_is_not_is_refused_with_what_is_meant() -> None:
    base = RuleBase()
    for columns in (X, X.columns, list(X.columns)):
        with pytest.raises(ConfigurationError, match=r"reads a column that there is not(.|\n)*did you mean minutes\?"):
            base.propose("typo", "minuts > 3 and plan = 'S'", columns=columns)
    with pytest.raises(ConfigurationError, match=r"events_31d(.|\n)*did you mean (.|\n)*events_30d"):
        base.propose("typo", "out_events_31d > 3", columns=Catalogue.load())
    assert len(base) == 0
    base.propose("burst", "out_events_30d > 3", columns=Catalogue.load())


def test_a_condition_that_could_not_be_read_again_is_refused() -> None:
    """With blanks after its commas a text may be longer than what may be given: it was accepted, and broke `match`."""
    base = RuleBase()
    base.propose("long", f"least({','.join(['abc'] * 400)}) > 1")
    base.shadow("long", **WHO)
    assert base.match(pd.DataFrame({"abc": [2.0, 0.0]}), "shadow")["long"].tolist() == [True, False]
    with pytest.raises(ConfigurationError, match="1000 parts"):
        base.propose("larger", f"least({','.join(['a'] * 900)}) > 1")


# --- a rule of an earlier version, or on other data ------------------------------------------------------------------

POISON = {
    "calculates with a text": ("'a' * 1000000000 > 1", "a text where a number is needed"),
    "text column": ("plan + 1 > minutes and abs(coalesce(plan, 'x')) > 1", "a text where a number is needed"),
    "typo": ("minuts > 3", r"the table has no column minuts \(did you mean minutes\?\)"),
}


def poisoned(when: str, place: Path | None = None) -> RuleBase:
    """A base as an earlier version wrote it: nobody looked at the types."""
    base = RuleBase(place)
    for rule in (Rule("many", "minutes > 30"), Rule("poison", when), Rule("small", "plan = 'S'")):
        content = {"rule": rule.id, "content": rule.to_state(), "state": "proposed", "evidence": {}}
        base._write("added", content, "me", "three cases", None)
        base.shadow(rule.name, **WHO)
        base.activate(rule.name, **WHO)
    return base


@pytest.mark.parametrize("what", POISON)
def test_the_others_answer_and_the_poison_is_reported(what: str) -> None:
    when, said = POISON[what]
    base = poisoned(when)
    said = rf"1 rule\(s\) cannot be answered and are set aside(.|\n)*poison@\w+: {said}"
    with pytest.warns(QualityWarning, match=said):
        found = base.match(X)
    assert found.to_dict("list") == {
        "many": [True, True, False, False], "poison": [False] * 4, "small": [True, False, True, False],
    }  # fmt: skip
    with pytest.warns(QualityWarning, match=said):
        near = base.similarity(X)
    with pytest.warns(QualityWarning, match=said):
        alarms = base.alarms(X)
    assert near["many"].tolist()[:2] == [1.0, 1.0]
    assert near["poison"].tolist() == [0.0] * 4
    assert alarms["rule"].tolist() == ["many", "small", "many", "small"]
    for result in (found, near, alarms):
        assert list(result.attrs["set_aside"]) == [base["poison"].id]


@pytest.mark.parametrize("what", POISON)
def test_rows_of_a_stream_are_answered_too(what: str) -> None:
    when, said = POISON[what]
    base = poisoned(when)
    look = base.row_matcher()
    row = {"minutes": 40.0, "plan": "S"}
    with pytest.warns(QualityWarning, match=said):
        first = look(row)
    again = look(row)  # said once
    assert first == again == {base["many"].id: 1.0, base["poison"].id: 0.0, base["small"].id: 1.0}
    assert list(look.set_aside) == [base["poison"].id]
    with pytest.raises(DataError, match="no rule can be answered"):
        look({"other": 1})


def test_a_value_of_another_type_in_one_row_of_a_stream_spoils_that_row_only() -> None:
    look = RowMatcher(RuleSet.compile({"a": "minutes + cells > 30", "b": "plan = 'S'"}))
    with pytest.warns(QualityWarning, match="a: TypeError") as raised:
        assert look({"minutes": ["Jane Roe"], "cells": 1, "plan": "S"}) == {"a": 0.0, "b": 1.0}
    assert "Jane" not in str(raised[0].message)
    assert look({"minutes": 40.0, "cells": 1, "plan": "S"}) == {"a": 1.0, "b": 1.0}


TEXTS = pd.DataFrame(
    {
        "customer_id": list("abcdefg"), "t": ["x", "y", "5", "7", None, " 8.5 ", "1e3"],
        "n": [0.0, 1.0, 2.0, None, 1.0, 9.0, 0.0], "f": [True, False, None, True, False, True, False],
    }
)  # fmt: skip
SAME = {
    "t > 6": "dfg", "t <= 6": "c", "t = 7": "d", "t <> 7": "cfg", "t in (5, 7)": "cd", "t not in (5, 7)": "fg",
    "not t": "cdfg", "t": "", "t = '7'": "d", "t <> '7'": "abcfg", "t + 1 > 6": "dfg", "t > n": "cg", "-t < -6": "dfg",
    "abs(t) > 6": "dfg", "t / 2 > 3": "dfg", "t > 6 or n = 1": "bdefg", "t + 1 > 6 or n = 1": "bdefg",
    "t between 5 and 7": "cd", "f": "adf", "not f": "beg", "f = 1": "adf", "t is null": "e",
}  # fmt: skip


@pytest.mark.parametrize("when", SAME)
def test_a_text_beside_a_number_is_read_alike_on_tables_engines_and_rows(when: str) -> None:
    rules = RuleSet.compile({"r": when})
    engine = DuckDBEngine()
    engine.register("features", TEXTS)
    look = RowMatcher(rules)
    rows = [look(row)["r"] == 1 for row in TEXTS.astype(object).to_dict("records")]
    for found in (rules.match(TEXTS)["r"], match_in_engine(engine, "features", rules)["r"], rows):
        assert "".join(TEXTS["customer_id"][np.asarray(found)]) == SAME[when]


@pytest.mark.parametrize(
    ("when", "wrong", "column"),
    [
        ("not t", "a text where a condition is needed", "t"),
        ("n > 3 and t", "a text where a condition is needed", "t"),
        ("not (f or n)", "a number where a condition is needed", "n"),
        ("day", "a date where a condition is needed", "day"),
    ],
)
def test_a_column_that_does_not_say_yes_or_no_is_no_condition(when: str, wrong: str, column: str) -> None:
    table = TEXTS.assign(day=pd.Timestamp("2025-01-31"))
    with pytest.raises(ConfigurationError, match=wrong) as raised:
        RuleBase().propose("bare", when, columns=table)
    assert [problem.given for problem in raised.value.problems] == [f"{column} in {when}"]
    RuleBase().propose("fine", "not f and t > 6 and t = '7' and n > 0", columns=table)


@pytest.mark.parametrize("what", POISON)
def test_an_engine_answers_the_others_too(what: str) -> None:
    base = poisoned(POISON[what][0])
    engine = DuckDBEngine()
    engine.register("features", X.reset_index())
    for ask in (match_in_engine, similarity_in_engine):
        with pytest.warns(QualityWarning, match=r"1 rule\(s\) cannot be answered"):
            found = ask(engine, "features", base)
        assert found["many"].tolist() == [1, 1, 0, 0]
        assert found["small"].tolist() == [1, 0, 1, 0]
        assert found["poison"].tolist() == [0] * 4
        assert list(found.attrs["set_aside"]) == [base["poison"].id]
    with pytest.raises(Exception, match="nowhere"):
        match_in_engine(engine, "nowhere", base)


def test_a_text_of_numbers_is_a_text_for_one_rule_and_a_number_for_another() -> None:
    """Both were one column of the statement: the text was put in order as a text, or was an error for all rules."""
    engine = DuckDBEngine()
    engine.register("features", pd.DataFrame({"customer_id": ["a", "b"], "code": ["7", "10"]}))
    found = match_in_engine(engine, "features", RuleSet.compile({"is": "code = '7'", "above": "code > 8"}))
    assert found.to_dict("list") == {"is": [True, False], "above": [False, True]}


def test_the_score_answers_without_the_poison() -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"calls": rng.integers(0, 200, 900), "cells": rng.integers(1, 30, 900)})
    case = (table["calls"] > 120) & (table["cells"] <= 3)
    base = RuleBase()
    for name, when in (("box", "calls > 120 and cells <= 3"), ("poison", "coalesce(kind, 'x') = 'y' and cells < 5")):
        base.propose(name, when)
        base.shadow(name, **WHO)
    base.learn_score(table.assign(kind="x"), case.to_numpy())
    with pytest.warns(QualityWarning, match="the table has no column kind"):
        found = base.score(table)
    assert found[case].min() > found[~case].max()
    assert list(found.attrs["set_aside"]) == [base["poison"].id]


def test_a_table_that_no_rule_can_read_is_an_error(tmp_path: Path) -> None:
    base = poisoned("minuts > 3", tmp_path / "rules.jsonl")
    for ask in (base.match, base.similarity, base.alarms):
        with pytest.raises(DataError, match=r"no rule can be answered\n  many@(.|\n)*hint: build the features"):
            ask(pd.DataFrame({"other": [1]}))


def test_no_value_of_a_customer_is_in_what_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from custintel.rules._match_numpy import TableMatcher

    def fail(_table: TableMatcher, _node: Any) -> np.ndarray:
        raise ValueError("could not convert string to float: 'Jane Roe'")

    answer = TableMatcher.match
    monkeypatch.setattr(
        TableMatcher, "match", lambda t, node: fail(t, node) if "minutes" in str(node) else answer(t, node)
    )
    with pytest.warns(QualityWarning, match="many: ValueError") as raised:
        RuleSet.compile({"many": "minutes > 30", "small": "plan = 'S'"}).match(X)
    assert "Jane" not in str(raised[0].message)


def test_texts_are_numbers_for_the_condition_that_orders_them_and_texts_for_the_others() -> None:
    """One rule that ordered a column made it a number, or missing, for all others, and for its own questions too."""
    table = pd.DataFrame({"code": ["7", "10", "x", None], "plan": ["S", "M", "S", None]})
    rules = {
        "is": "code = '7'",
        "above": "code > 8",
        "both": "code > 6 and code <> '10'",
        "share": "case when plan = 'S' then 1 else 0 end > 0",
    }
    assert RuleSet.compile(rules).match(table).to_dict("list") == {
        "is": [True, False, False, False], "above": [False, True, False, False], "both": [True, False, False, False],
        "share": [True, False, True, False],
    }  # fmt: skip
    base = RuleBase()
    for name, when in rules.items():
        base.propose(name, when)
    assert base.match(table, "proposed").sum().tolist() == [1, 1, 1, 2]
