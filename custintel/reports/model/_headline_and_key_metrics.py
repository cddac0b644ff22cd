"""The top of the report: headline, verdict in plain words and key metrics; the texts of all sections.

>>> texts()["notes"]
'Notes'
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from custintel.html.number_format import count, format_date, number, percent, share
from custintel.html.page import escape

Facts = Mapping[str, Any]


@cache
def texts() -> dict[str, Any]:
    """Return the texts of the report, all from ``report_en.yaml``."""
    text = files("custintel.reports.model").joinpath("report_en.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def metric(report: Facts, name: str) -> Facts:
    """Return one metric of the twin."""
    found: Facts = next(m for m in report["metrics"] if m["name"] == name)
    return found


def asks_yes_or_no(report: Facts) -> bool:
    """Whether the question is answered by yes or no; reports of earlier versions all are."""
    return bool(report.get("target_type", "yes_no") == "yes_no")


def used_leaks(report: Facts) -> list[Facts]:
    """Return the suspicious columns that the model uses."""
    return [leak for leak in report["leaks"] if leak["used"]]


def outcome_words(report: Facts) -> dict[str, str]:
    """Return the words for this kind of outcome."""
    words: dict[str, str] = texts()["outcome"][report["outcome"]]
    return words


def holdout_words(report: Facts) -> str:
    """Say how the test rows were kept apart."""
    population = report["population"]
    if population.get("same_dates"):
        return str(texts()["held"]["customers"])
    return str(texts()["held"]["dated" if population["windows"] or population.get("later") else "flat"])


def grade(report: Facts) -> str:
    """Grade the order of the scores: by the AUC, and by whether its interval excludes chance."""
    auc = metric(report, "auc")
    if auc["value"] is None:
        return "undefined"
    if auc["low"] <= 0.5:
        return "useless"
    steps = ((0.9, "very_strong"), (0.8, "strong"), (0.7, "useful"))
    return next((name for least, name in steps if auc["value"] >= least), "weak")


def header(report: Facts) -> str:
    """Return the head of the page."""
    t, card = texts(), report["card"]
    line = t["eyebrow"] if card["version"] else t["eyebrow_plain"]
    eyebrow = line.format(name=card["name"], version=card["version"])
    first, *more = report.get("headline") or [_headline(report), *_verdicts(report)]
    about = f'<p class="lead">{escape(card["about"])}.</p>\n' if card.get("about") else ""
    verdicts = "".join(f'<p class="verdict">{escape(text)}</p>' for text in more)
    return (
        f'<header>\n<div class="eyebrow">{escape(eyebrow)}</div>\n<h1>{escape(first)}</h1>\n'
        f"{about}{verdicts}\n</header>"
    )


def _headline(report: Facts) -> str:
    """Return the one sentence a hurried reader should take away."""
    t, graded = texts()["headline"], grade(report)
    if n := len(used_leaks(report)):
        return str(t["leaks"]["one" if n == 1 else "many"].format(count=n))
    if graded == "undefined":
        return str(t["undefined"])
    words = outcome_words(report)
    if graded == "useless":
        return str(t["useless"].format(**words))
    deciles, lift = report["deciles"], metric(report, "lift")["value"]
    # fewer groups than ten are larger than a tenth
    found = deciles[0]["found"] if len(deciles) == 10 else report["gain"]["captured"][10] if report["gain"] else None
    return str(t["good"].format(found=share(found), lift=number(lift, 1), **words))


def _verdicts(report: Facts) -> list[str]:
    """Return the verdict on order, probabilities and money."""
    t, graded = texts()["verdict"], grade(report)
    auc, population = metric(report, "auc"), report["population"]
    numbers = {name: number(auc[key], 3) for name, key in (("auc", "value"), ("low", "low"), ("high", "high"))}
    unit = outcome_words(report)["unit"]
    said = [t["leaks"]] if used_leaks(report) else []
    order = t["order"][graded].format(
        **numbers, rows=count(population["test_rows"]), unit=unit, held=holdout_words(report)
    )
    if graded == "undefined":
        return [*said, order]
    return [*said, f"{order} {_calibration(report)}", *_money(report)]


def _calibration(report: Facts) -> str:
    """Say whether the probabilities mean what they say; a small error is large where the outcome is rare."""
    ece, rate = metric(report, "ece")["value"], min(report["rate"], 1 - report["rate"])
    name = "good" if ece <= min(0.02, rate / 5) else "fair" if ece <= min(0.05, rate / 2) else "poor"
    return str(texts()["verdict"]["calibration"][name].format(ece=number(ece * 100, 1)))


def _money(report: Facts) -> list[str]:
    """Say what the best campaign earns."""
    profit = report["profit"]
    if profit is None:
        return []
    t, best = texts()["verdict"]["money"], profit["best_share"]
    name = "nobody" if best == 0 else "everybody" if best == 1 else "campaign"
    numbers = {key: number(profit[of]) for key, of in (("profit", "best_profit"), ("low", "low"), ("high", "high"))}
    doubt = f" {t['doubt']}" if best and profit["low"] <= 0 else ""
    return [str(t[name].format(share=share(best), **numbers)) + doubt]


def key_metrics(report: Facts) -> str:
    """Return the key metrics: rows, rate, AUC, lift, profit."""
    own = [_rate_metric(report), *_score_metrics(report)] if asks_yes_or_no(report) else _own_metrics(report)
    found = [_rows_metric(report), *own]
    return f'<div class="tiles">{"".join(_key_metric(*tile) for tile in found)}</div>'


def _key_metric(value: str, name: str, more: str) -> str:
    """Return one key metric."""
    return f'<div class="tile"><b>{escape(value)}</b><span>{escape(name)}</span><small>{escape(more)}</small></div>'


def _rows_metric(report: Facts) -> tuple[str, str, str]:
    """Say how much was tested."""
    t, population = texts()["tiles"]["rows"], report["population"]
    dates = [row["as_of"] for row in population["rows"] if row["role"] == "test" and row["as_of"]]
    later = population.get("later") or {}
    form = "later" if later else "flat" if not dates else "one" if len(dates) == 1 else "more"
    date = format_date(dates[0]) if dates else ""
    more = t[form].format(customers=count(population["test_customers"]), dates=len(dates), date=date, **later)
    return count(population["test_rows"]), t["name"].format(unit=outcome_words(report)["unit"].capitalize()), more


def _rate_metric(report: Facts) -> tuple[str, str, str]:
    """Say how frequent the outcome is."""
    t, population = texts()["tiles"]["rate"], report["population"]
    more = t["more"].format(positives=count(population["test_positives"]), rows=count(population["test_rows"]))
    return percent(report["rate"]), t["name"].format(**outcome_words(report)), more


def _own_metrics(report: Facts) -> list[tuple[str, str, str]]:
    """The first measures of the learner's own."""
    return [
        (
            number(m["value"], m["digits"]),
            m["title"],
            f"{number(m['low'], m['digits'])} to {number(m['high'], m['digits'])}",
        )
        for m in report["own_metrics"][:4]
    ]


def _score_metrics(report: Facts) -> list[tuple[str, str, str]]:
    """Say how good the order is and what it is worth."""
    t, profit = texts()["tiles"], report["profit"]
    auc, lift = metric(report, "auc"), metric(report, "lift")
    found = []
    if auc["value"] is not None:
        found.append((number(auc["value"], 3), t["auc"]["name"], _interval_words(t["auc"]["more"], auc, 3)))
        found.append((f"{number(lift['value'], 1)} ×", t["lift"]["name"], _interval_words(t["lift"]["more"], lift, 1)))
    if profit is not None:
        more = t["profit"]["more"].format(share=share(profit["best_share"]), everybody=number(profit["contact_all"]))
        found.append((number(profit["best_profit"]), t["profit"]["name"], more))
    return found


def _interval_words(text: str, metric: Facts, digits: int) -> str:
    """Fill in the ends of an interval."""
    return text.format(low=number(metric["low"], digits), high=number(metric["high"], digits),
                       best=number(metric["best"], digits))  # fmt: skip
