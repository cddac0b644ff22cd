"""The desk's report: figures recomputed by hand, the month it speaks of, both languages, one page without any link."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from planted import planted, texts_of

from custintel.errors import ConfigurationError, DataError
from custintel.metrics.confidence_intervals import wilson
from custintel.reports import fraud_desk_report
from custintel.reports.fraud_desk._desk_page import fraud_desk_html
from custintel.rules import AlarmSettings, Rule, RuleBase
from custintel.rules.monitoring._saved_loss import saved_loss
from custintel.rules.monitoring.alarm_outcomes import record_outcomes
from custintel.rules.rule_evidence import describe_evidence, report_texts

if TYPE_CHECKING:
    from pathlib import Path

WHO = {"by": "L. Chen", "reason": "trial <b>passed</b>"}
PROOF = {"hits": 40, "alarms": 50, "customers": 1000, "precision": 0.67, "recall": 0.4, "cases": 100}


def a_base() -> RuleBase:
    """Two expert rules since January, a mined one since March, one that nobody ever triggers."""
    base = RuleBase()
    expert = [
        Rule("burst", "minutes > 30", kind="irsf", loss=400.0, severity=5, about="Many minutes", about_zh="通话很多"),
        Rule("idle", "cells > 500", kind="sim_box", loss=100.0),
    ]
    for rule in expert:
        base.add(rule, by="L. Chen", reason="seen", evidence={"precision": 0.8}, at="2025-01-05")
        base.change_state(rule.name, "shadow", at="2025-01-05", **WHO)
    for rule in expert:
        base.change_state(rule.name, "active", at="2025-01-20", **WHO)
    base.add(Rule("mined_01", "cells <= 2", origin="mined", loss=50.0), by="learn", evidence=PROOF, at="2025-03-03")
    base.change_state("mined_01", "shadow", at="2025-03-04", **WHO)
    base.change_state("mined_01", "active", at="2025-03-20", **WHO)
    legitimate = pd.DataFrame({"minutes": [float(k % 40) for k in range(200)], "cells": [float(k) for k in range(200)]})
    base.learn_profiles(legitimate, at="2025-03-21")
    return base


def customers() -> pd.DataFrame:
    """Two who match, one who resembles, one innocent."""
    rows = {"c1": (60, 1), "c2": (45, 30), "c3": (29, 90), "c4": (1, 90)}
    X = pd.DataFrame.from_dict(rows, orient="index", columns=["minutes", "cells"]).astype(float)
    index = pd.MultiIndex.from_product([[pd.Timestamp("2025-03-31")], X.index], names=["as_of", "customer_id"])
    return X.set_axis(index)


def closed() -> pd.DataFrame:
    """Ten alarms of the expert rule in February, four of them right; three of March, all right."""
    rows = [("burst", f"old{k}", "2025-02-10", "fraud" if k < 4 else "not", "match") for k in range(10)]
    rows += [("burst", f"new{k}", "2025-03-10", "arrears", "match") for k in range(3)]
    rows += [
        ("mined_01", "new0", "2025-03-11", "fraud", "match"),
        ("mined_01", "lone7", "2025-03-12", "fraud", "match"),
    ]
    rows += [("burst", "near9", "2025-03-13", "not", "resembles"), ("burst", "open", "2025-03-13", "unknown", "match")]
    return pd.DataFrame(rows, columns=["rule", "customer_id", "time", "outcome", "tier"])


def facts(**given: Any) -> dict[str, Any]:
    base = a_base()
    how = given.pop("how", None)
    return fraud_desk_report(base, base.alarms(customers(), how), outcomes=closed(), settings=how, **given).to_dict()


def test_the_headline_counts_what_is_there() -> None:
    h = facts()["headline"]
    assert (h["alarms"], h["match"], h["resembles"], h["cases"]) == (4, 3, 1, 3)
    assert h["urgent"] == 3
    near = next(c for c in facts()["cases"]["items"] if c["customer_id"] == "c3")
    assert h["expected_loss"] == pytest.approx(0.8 * 400 * 2 + near["expected_loss"])
    assert (h["closed"]["closed"], h["closed"]["confirmed"]) == (16, 9)
    assert h["savable_loss"] == pytest.approx(h["expected_loss"] / 2)


def test_cases_are_told_in_words_the_most_urgent_first() -> None:
    items = facts()["cases"]["items"]
    assert [case["customer_id"] for case in items] == ["c1", "c2", "c3"]
    assert [alarm["rule"] for alarm in items[0]["alarms"]] == ["burst", "mined_01"]
    assert items[2]["alarms"][0]["missed"] == ["minutes more than 30: 29, 1 off"]
    assert items[0]["alarms"][0]["matched"] == ["minutes more than 30"]
    # the evidence states a precision of matches and none of resemblances
    assert [alarm["proved"] for alarm in items[0]["alarms"]] == [True, True]
    assert [alarm["proved"] for alarm in items[2]["alarms"]] == [False]
    assert "not proved yet, counted with" in fraud_desk_html(facts())


def test_precision_by_month_is_that_of_matches_with_wilsons_interval() -> None:
    found = facts()["performance"]
    burst = next(rule for rule in found["rules"] if rule["rule"] == "burst")
    assert [(p["month"], p["closed"], p["confirmed"]) for p in burst["points"]] == [
        ("2025-02", 10, 4),
        ("2025-03", 3, 3),
    ]
    low, high = wilson(4, 10)
    assert burst["points"][0]["low"] == pytest.approx(low, abs=1e-5)
    assert burst["points"][0]["high"] == pytest.approx(high, abs=1e-5)
    assert (burst["stated"], burst["verdict"]) == (0.8, "below")
    assert found["all"]["total"]["closed"] == 15
    assert found["months"][-1] == "2025-03"


@pytest.mark.parametrize(
    ("hits", "alarms", "stated", "verdict"),
    [
        (9, 10, 0.8, "keeps"),
        (20, 50, 0.8, "below"),
        (7, 10, 0.8, "doubt"),
        (1, 2, 0.8, "few"),
        (9, 10, None, "unstated"),
    ],
)
def test_the_verdict_on_a_rule(hits: int, alarms: int, stated: float | None, verdict: str) -> None:
    base = RuleBase()
    base.add(Rule("burst", "minutes > 30"), evidence={} if stated is None else {"precision": stated})
    told = pd.DataFrame({"rule": "burst", "outcome": ["fraud"] * hits + ["not"] * (alarms - hits)})
    found = fraud_desk_report(base, base.alarms(customers()), outcomes=told).to_dict()["performance"]["rules"][0]
    assert found["verdict"] == verdict


def test_an_outcome_without_a_rule_is_that_of_all_alarms_on_the_customer() -> None:
    base = a_base()
    told = pd.DataFrame({"customer_id": ["c1", "c2"], "outcome": ["confirmed", False], "time": "2025-03-31"})
    found = fraud_desk_report(base, base.alarms(customers()), outcomes=told).to_dict()
    by_rule = {rule["rule"]: rule["measured"] for rule in found["alarms"]}
    assert (by_rule["burst"]["closed"], by_rule["burst"]["confirmed"]) == (2, 1)
    assert (by_rule["mined_01"]["closed"], by_rule["mined_01"]["confirmed"]) == (1, 1)
    assert {case["customer_id"]: case["outcome"] for case in found["cases"]["items"]} == {
        "c1": "confirmed",
        "c2": "refuted",
        "c3": "open",
    }
    assert found["headline"]["saved_loss"] == pytest.approx(0.5 * 320)
    assert found["headline"]["cases"] == 1


def test_outcomes_as_a_base_keeps_them_need_no_customers() -> None:
    base = a_base()
    kept = pd.DataFrame({"rule": ["burst", "mined_01"], "month": "2025-03", "outcome": "fraud", "alarm": "0a1b2c3d"})
    found = fraud_desk_report(base, base.alarms(customers()), outcomes=kept).to_dict()
    assert (found["catches"]["catches"], found["catches"]["mined"], found["catches"]["only"]) == (1, 1, 0)
    assert found["performance"]["rules"][0]["points"][0]["month"] == "2025-03"


def test_outcomes_recorded_in_the_base_are_found_there() -> None:
    base = a_base()
    alarms = base.alarms(customers())
    told = pd.DataFrame({"customer_id": ["c1", "c2"], "outcome": ["fraud", "not"]})
    record_outcomes(base, alarms, told, by="desk", at="2025-04-02")
    found = fraud_desk_report(base, alarms, month="2025-04").to_dict()
    measured = {rule["rule"]: rule["total"] for rule in found["performance"]["rules"]}
    assert (measured["burst"]["closed"], measured["burst"]["confirmed"]) == (2, 1)
    assert (measured["mined_01"]["closed"], measured["mined_01"]["confirmed"]) == (1, 1)
    # one customer, caught by both rules: one case
    assert (found["catches"]["catches"], found["catches"]["mined"], found["catches"]["only"]) == (1, 1, 0)


def test_who_catches() -> None:
    found = facts()["catches"]
    # four and three confirmed of the expert's rule (one of them the mined rule's, too), one of the mined rule alone
    assert (found["catches"], found["mined"], found["only"]) == (8, 2, 1)
    assert found["share"] == pytest.approx(0.25)


def test_the_life_of_a_month_is_that_month_only() -> None:
    march = facts()["life"]
    assert march["counts"] == {"added": 1, "shadow": 1, "active": 1}
    assert march["rules"][0]["states"] == ["proposed", "shadow", "active"]
    assert [rule["rule"] for rule in march["rules"]] == ["mined_01"]
    assert march["rules"][0]["new"] is True
    february = facts(month="2025-02")
    assert february["life"]["rules"] == []
    assert february["learned"] == []
    assert february["headline"]["closed"]["closed"] == 10
    assert {rule["rule"]: rule.get("state") for rule in february["alarms"]} == {"burst": "active", "mined_01": None}


def test_what_was_learned_says_its_evidence_in_words() -> None:
    found = facts()["learned"]
    assert [rule["rule"] for rule in found] == ["mined_01"]
    entry = a_base().entry("mined_01")
    assert describe_evidence(entry) == [
        "Proved on 1,000 customers: 40 of 50 alarms were cases, so at least 67 % should be; "
        "it finds 40.0 % of all cases."
    ]
    assert "50 条告警中 40 条属实" in describe_evidence(entry, "zh")[0]
    base = RuleBase()
    base.add(Rule("b", "minutes > 40", origin="derived", parents=("burst@1",)), evidence={"width": 0.25, "list": [1]})
    assert describe_evidence(base.entry("b")) == ["Derived from burst.", "width: 0.25."]


def test_rules_unused_are_those_that_may_alarm_and_did_not() -> None:
    found = facts()["unused"]
    assert [(rule["rule"], rule["since"], rule["days"]) for rule in found] == [("idle", "2025-01-20", 70)]


def test_delay_by_kind_where_starts_are_known() -> None:
    base = a_base()
    alarms = base.alarms(customers())
    known = RuleBase.cases(alarms).assign(start=["2025-03-21", "2025-03-27", None])
    found = fraud_desk_report(base, alarms, known).to_dict()["delay"]
    assert [(row["kind"], row["cases"], row["median"]) for row in found] == [("irsf", 2, 7.0)]
    assert fraud_desk_report(base, alarms).to_dict()["delay"] == []


def test_saved_loss_is_the_part_after_the_alarm() -> None:
    given = pd.DataFrame(
        {
            "expected_loss": [100.0] * 7,
            "loss": [300.0, 300.0, 300.0, None, None, None, None],
            "outcome": ["fraud", "not", "unknown", "arrears", "open", "fraud", "fraud"],
            "kinds": [["irsf"], ["irsf"], ["irsf"], ["irsf", "box"], [], ["irsf"], ["irsf"]],
            "start": ["2025-06-01", "2025-06-01", "2025-06-01", "2025-06-01", "2025-06-01", "2025-06-01", None],
            "first": ["2025-06-04", "2025-06-04", "2025-06-04", "2025-06-03", "2025-06-11", "2025-06-06", "2025-06-06"],
            "detected": [None, None, None, None, None, "2025-06-11", None],
        }
    )
    found = saved_loss(given, {"irsf": 30, "box": 10, "default": 20})
    assert found.tolist() == pytest.approx([300 * 0.9, 0, 100 * 0.9, 100 * 0.8, 100 * 0.5, 100 * 0.5, 100 * 0.5])
    assert saved_loss(given, 2.0).iloc[0] == 0.0
    assert saved_loss(given, 30, unknown_start=1.0).iloc[6] == 100.0


def test_saved_loss_says_what_is_wrong() -> None:
    given = pd.DataFrame({"expected_loss": [1.0]})
    with pytest.raises(DataError, match="no expected_loss"):
        saved_loss(pd.DataFrame({"loss": [1.0]}))
    with pytest.raises(ConfigurationError, match="above 0"):
        saved_loss(given, 0)
    with pytest.raises(ConfigurationError, match="0 to 1"):
        saved_loss(given, unknown_start=2)


def test_what_cannot_be_read_is_said() -> None:
    base = a_base()
    alarms = base.alarms(customers())
    with pytest.raises(DataError, match="an outcome that cannot be read"):
        fraud_desk_report(base, alarms, outcomes=pd.DataFrame({"rule": ["burst"], "outcome": ["perhaps"]}))
    with pytest.raises(DataError, match="no outcomes of alarms"):
        fraud_desk_report(base, alarms, outcomes=pd.DataFrame({"outcome": ["fraud"]}))
    with pytest.raises(DataError, match="these are no alarms"):
        fraud_desk_report(base, customers())
    with pytest.raises(ConfigurationError, match="not a month"):
        fraud_desk_report(base, alarms, month="sometime")


def _leaves(content: Any, path: str = "") -> dict[str, set[str]]:
    """Places of texts, and the figures that are filled into each."""
    if isinstance(content, dict):
        return {k: v for name, part in content.items() for k, v in _leaves(part, f"{path}.{name}").items()}
    return {path: set(re.findall(r"{(\w+)", str(content)))}


def test_both_languages_say_the_same() -> None:
    en, zh = _leaves(report_texts("en")), _leaves(report_texts("zh"))
    assert en.keys() == zh.keys()
    assert {place for place in en if en[place] != zh[place]} == set()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_is_whole_and_points_to_nothing_outside(language: Any, tmp_path: Path) -> None:
    base, how = a_base(), AlarmSettings(language=language)
    report = fraud_desk_report(base, base.alarms(customers(), how), outcomes=closed(), settings=how)
    page = report.save(tmp_path / "desk.html").read_text(encoding="utf-8")
    twin = json.loads((tmp_path / "desk.json").read_text(encoding="utf-8"))
    assert twin == report.to_dict()
    assert fraud_desk_html(twin) == page
    assert f'<html lang="{language}">' in page
    assert not re.search(r"https?:|src=|<script|url\(|{\w+}", page)
    assert "trial &lt;b&gt;passed" in page
    assert page.count("<svg") == 3
    assert ("通话很多" in page) == (language == "zh")


def test_a_script_in_any_text_is_shown_and_not_run() -> None:
    base, how = a_base(), AlarmSettings()
    twin = fraud_desk_report(base, base.alarms(customers(), how), outcomes=closed(), settings=how).to_dict()
    shown = 0
    for path in texts_of(twin).values():
        try:
            page = fraud_desk_html(planted(twin, path))
        except (KeyError, ValueError, TypeError, OSError):
            continue  # a word that the page looks up, such as a state, or a time; it is never shown
        assert "<script" not in page, path
        shown += "&lt;script&gt;" in page
    assert shown >= 10


def test_customers_of_earlier_alarms_are_not_named() -> None:
    text = json.dumps(facts()) + fraud_desk_html(facts())
    assert [name for name in ("old0", "new0", "lone7", "near9") if name in text] == []
    assert "c4" not in re.findall(r"\w+", fraud_desk_html(facts()))


def test_a_desk_with_nothing_to_do() -> None:
    base = RuleBase()
    base.propose("burst", "minutes > 30", by="me")
    page = fraud_desk_report(base, base.alarms(customers())).html()
    assert "No case to look at" in page
    assert "No outcome of an alarm is known yet" in page


def test_the_same_facts_give_the_same_bytes() -> None:
    assert fraud_desk_html(facts()) == fraud_desk_html(facts())
