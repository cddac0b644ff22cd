"""`QuestionCounts`: rows, events and what is not known yet of a question, by date, as a table, words and a page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from custintel.html import notebook_html
from custintel.html.page import page, write_page
from custintel.reports.model.own_section import BarChart, Section, Table, Text, draw_section, section_facts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from custintel.questions import Question

_MOST_CLASSES = 8
_QUANTILES = {"q10": 0.1, "median": 0.5, "q90": 0.9}
_MEASURES = {
    "yes_no": ("rate", "Share of events"),
    "amount": ("mean", "Mean amount"),
    "class": ("known", "Known labels"),
    "duration": ("rate", "Share who left while they were watched"),
    "response": ("rate", "Share of offers taken"),
    "experiment": ("rate", "Mean outcome"),
}


def counts_by_date(labels: pd.DataFrame, roles: Mapping[pd.Timestamp, str], question: Question) -> pd.DataFrame:
    """A row for each date: its role, rows, known labels, what they are, and why others are missing."""
    days = labels.index.get_level_values("as_of")
    rows = [
        {"as_of": day, "role": role, **_counts(labels[days == day], question.target_type, role != "not known yet")}
        for day, role in roles.items()
    ]
    frame = pd.DataFrame(rows)
    classes = [name for name in frame if str(name).startswith("class ")]
    return frame.fillna(dict.fromkeys(classes, 0)).astype(dict.fromkeys(classes, int))


def _counts(part: pd.DataFrame, target: str, closed: bool) -> dict[str, Any]:
    known = part[part["label"].notna()]
    told = closed and target != "duration" and "cause" in part
    lost = int((part["label"].isna() & part["cause"].notna()).sum()) if told else 0
    missing = {"competing": lost, "not_known": len(part) - len(known) - lost}
    return {"rows": len(part), "known": len(known), **_answers(known, target), **missing}


def _answers(known: pd.DataFrame, target: str) -> dict[str, Any]:
    """What the known labels of a date are."""
    label = known["label"]
    if target == "class":
        counts = label.astype(str).value_counts().head(_MOST_CLASSES)
        return {f"class {name}": int(count) for name, count in counts.items()}
    label = label.astype(float)
    if target == "amount":
        quantiles = {name: float(label.quantile(q)) for name, q in _QUANTILES.items()}
        return {"mean": float(label.mean()), **quantiles, "zero": float((label == 0).mean()) if len(label) else None}
    if target == "duration":
        left = known["cause"].notna()
        return {"events": int(left.sum()), "rate": float(left.mean()) if len(left) else None}
    rate = float(label.mean()) if len(label) else None
    return {"rate": rate} if not label.isin([0, 1]).all() else {"events": int(label.sum()), "rate": rate}


@dataclass(frozen=True)
class QuestionCounts:
    """What a question would learn from and be judged on, before anything is trained.

    Attributes
    ----------
    name, about, question, learner
        The question, and the learner that would answer it.
    frame : DataFrame
        A row for each as-of date: ``role`` (learn, judge, learn and judge, known, not
        used, not known yet), ``rows`` asked
        about, ``known`` labels, ``events`` and ``rate`` (of an amount ``mean``, quantiles and the share of ``zero``; of
        classes a column each), ``competing`` (a competing event came first, or
        the outcome came inside the gap) and ``not_known`` (censored, or without a
        value).
    period
        First and last day of the data.
    missing, left_out
        What stands in the way of training; which features the tables do not allow.
    arms
        Rows and mean label of each offer or treatment, where the question is about contacts.
    """

    name: str
    about: str
    question: Question
    learner: str
    frame: pd.DataFrame = field(repr=False)
    period: tuple[pd.Timestamp, pd.Timestamp]
    missing: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    arms: Mapping[str, tuple[int, float]] = field(default_factory=dict)

    @property
    def measure(self) -> str:
        """The column of `frame` that charts show."""
        wanted = _MEASURES[self.question.target_type][0]
        return wanted if wanted in self.frame else "known"

    def words(self) -> list[str]:
        """Sentences: what is asked, about which days, what is learned from and judged on, and what is missing."""
        first, last = (str(day.date()) for day in self.period)
        asked = f"{self.about}. The answer is {_KINDS[self.question.target_type]}; {self.learner} would learn it."
        data = f"The data cover {first} to {last}. {self._window()}"
        return [asked, data, *self._roles(), *self._arm_words(), *self._missing_words()]

    def _missing_words(self) -> list[str]:
        left_out = [f"Features left out, because of the tables: {line}." for line in self.left_out]
        return [*(f"Missing: {line}." for line in self.missing), *left_out]

    def _window(self) -> str:
        gap, end, delay = self.question.gap_days, self.question.end_days, self.question.label_delay_days
        known = f"A label is known {delay} days after its date."
        if self.question.window_days:
            return f"Contacts count on days {gap + 1} to {end} after a date, and what follows within " + (
                f"{self.question.window_days} days of each. {known}"
            )
        return f"Days {gap + 1} to {end} after a date count. {known}"

    def _roles(self) -> list[str]:
        return [
            f"{_ROLES[role]}: {_dates(part)}, {self._rows(part)}."
            for role in _ROLES
            if len(part := self.frame[self.frame["role"] == role])
        ]

    def _rows(self, part: pd.DataFrame) -> str:
        rows, known = int(part["rows"].sum()), int(part["known"].sum())
        unknown = "" if rows == known else f", {rows - known:,} of them without a label"
        return f"{rows:,} row{'' if rows == 1 else 's'}{unknown}{self._answers(part, known)}"

    def _answers(self, part: pd.DataFrame, known: int) -> str:
        """What the known labels of some dates are."""
        if not known:
            return ""
        classes = {str(c).removeprefix("class "): int(part[c].sum()) for c in part if str(c).startswith("class ")}
        if classes:
            return ": " + ", ".join(f"{name} {count / known:.0%}" for name, count in classes.items())
        if "events" in part and self.question.target_type != "experiment":
            events = int(part["events"].sum())
            return f", {events:,} event{'' if events == 1 else 's'} ({events / known:.1%})"
        measure = "mean" if "mean" in part else "rate"
        return f", mean {(part[measure] * part['known']).sum() / known:,.4g}"

    def _arm_words(self) -> list[str]:
        said = [f"{name} {rows:,} rows (mean {mean:.3g})" for name, (rows, mean) in self.arms.items()]
        return [f"Offers and control: {', '.join(said)}."] if said else []

    def section(self) -> Section:
        """The same as a section of a page: words, chart and table."""
        shown = self.frame.assign(as_of=self.frame["as_of"].dt.strftime("%Y-%m-%d"))
        rows = tuple(tuple(None if pd.isna(v) else v for v in row) for row in shown.to_numpy(dtype=object).tolist())
        labels = tuple(f"{day}, {role}" for day, role in zip(shown["as_of"], shown["role"], strict=True))
        values = tuple(None if pd.isna(v) else float(v) for v in shown[self.measure])
        title = _MEASURES[self.question.target_type][1]
        digits = 0 if self.measure == "known" else 3
        chart = BarChart(f"{title} by as-of date", labels, values, "", digits)  # type: ignore[arg-type]
        table = Table(tuple(map(_heading, shown.columns)), rows, "By as-of date", "", 3)
        return Section(
            f"Question: {self.name}", "Counted before anything is trained.", (Text(tuple(self.words())), chart, table)
        )

    def write(self, path: str | Path) -> Path:
        """Write a page with words, chart and table; it refers to nothing outside."""
        html = page(f"Question: {self.name}", draw_section(section_facts(self.section())), language="en")
        return write_page(html, path)

    def __str__(self) -> str:
        return "\n".join(self.words())

    def _repr_html_(self) -> str:
        shown = self.frame.assign(as_of=self.frame["as_of"].dt.strftime("%Y-%m-%d"))
        rows = [[round(v, 4) if isinstance(v, float) else v for v in row] for row in shown.astype(object).to_numpy()]
        lines = [notebook_html.muted_line(line) for line in self.words()]
        table = notebook_html.table([_heading(name) for name in shown.columns], rows)
        return notebook_html.panel(f"Question: {self.name}", *lines, table)


_KINDS = {
    "yes_no": "yes or no",
    "amount": "an amount",
    "class": "a class",
    "duration": "a time until an exit",
    "response": "whether an offer is taken",
    "experiment": "an outcome with and without a contact",
}
_ROLES = {
    "learn": "Learned from",
    "judge": "Judged on",
    "learn and judge": "Learned from, and judged on other customers of the same dates",
    "known": "Labels known, but no way to learn from some and be judged on others",
    "not used": "Not used, because their labels were not known on the test date",
    "not known yet": "Labels not known yet",
}


def _dates(part: pd.DataFrame) -> str:
    days = [str(day.date()) for day in part["as_of"]]
    return days[0] if len(days) == 1 else f"{len(days)} dates from {days[0]} to {days[-1]}"


def _heading(name: object) -> str:
    return {"as_of": "as-of date", "not_known": "not known"}.get(str(name), str(name))
