"""The results page."""

from __future__ import annotations

import platform
from typing import Any

from _place import provenance

_HEAD = """\
# Speed of features

How fast are features, and how much memory do they need? The call records are generated, in no order:
{a_customer} a customer over 230 days, 2 % of them late. Features as of one day see
the last 90 days (39 % of the records). `builder` is `FeatureBuilder.build`: the plan, the spine of customers, filling
what is missing, and the pandas frame. Results are checked to be equal to 1e-9. Runs take turns, and the median is
given.
{provenance} Python {python}. Where the load of the machine is above its cores, wall times
are too long: compare CPU.
"""


def page(found: list[dict[str, Any]]) -> str:
    """Markdown of all cases."""
    by_case: dict[str, list[dict[str, Any]]] = {}
    for one in found:
        by_case.setdefault(one["case"], []).append(one)
    head = _HEAD.format(
        a_customer=100,
        provenance=provenance("duckdb", "polars", "pandas", "numpy"),
        python=platform.python_version(),
    )
    sections = [write(by_case[case]) for case, write in _SECTIONS.items() if case in by_case]
    return "\n".join([head, *sections, "Script: `experiments/feature_speed.py`.\n"])


def _table(one: dict[str, Any]) -> str:
    rows = [_row(line) for line in one["lines"]]
    return "\n".join(["| what | wall s | CPU s | output | runs |", "|---|--:|--:|---|--:|", *rows])


def _row(line: dict[str, Any]) -> str:
    shape = f"{line['rows']:,} x {line['columns']}"
    return f"| {line['what']} | {line['wall']:.2f} | {line['cpu']:.2f} | {shape} | {line['runs']} |"


def _wall(one: dict[str, Any], what: str, key: str = "wall") -> float:
    return float(next(line[key] for line in one["lines"] if line["what"] == what))


def _ratio(one: dict[str, Any], above: str, below: str, goal: str) -> str:
    wall = _wall(one, above) / _wall(one, below)
    cpu = _wall(one, above, "cpu") / _wall(one, below, "cpu")
    aim = f" (goal: wall at most {goal})" if goal else ""
    return f"- {above} / {below}: wall {wall:.2f}, CPU {cpu:.2f}{aim}"


def _memory(one: dict[str, Any]) -> str:
    opened = f"{one['opened_gb']:.1f} GB after opening, " if "opened_gb" in one else ""
    return f"Memory of the process: {opened}{one['peak_gb']:.1f} GB at most. Load at the end: {one['load']:.1f}."


def _columns(runs: list[dict[str, Any]]) -> str:
    (one,) = runs
    ratios = [
        _ratio(one, "builder, one date", "Polars, one date", "0.5"),
        _ratio(one, "builder, one date", "Polars, one date, records sorted by customer", ""),
        _ratio(one, "builder, one date", "one SELECT, one date", "0.2"),
        _ratio(one, "builder, six dates at once", "builder, one date", "3"),
        _ratio(one, "builder, one date", "reading the columns (floor)", ""),
    ]
    title = f"## 135 columns of {one['records']:,} records\n\n9 slices x 3 windows x 5 aggregates.\n"
    return "\n".join([title, _table(one), "", *ratios, "", _memory(one), ""])


def _sixty(runs: list[dict[str, Any]]) -> str:
    (one,) = runs
    title = f"## Sixty features of many kinds, {one['records']:,} records\n"
    return "\n".join([title, _table(one), "", _ratio(one, "builder", "Polars", "1.0"), "", _memory(one), ""])


def _catalogue(runs: list[dict[str, Any]]) -> str:
    (one,) = runs
    title = f"## All features of call records, {one['records']:,} records\n\nGoal: 90 s and 4 GB.\n"
    return "\n".join([title, _table(one), "", _memory(one), ""])


def _simulated(runs: list[dict[str, Any]]) -> str:
    (one,) = runs
    title = f"## All features of a simulated operator, about {one['records']:,} records\n"
    ratio = _ratio(one, "next day from kept days", "all features of a simulated operator", "0.05")
    return "\n".join([title, _table(one), "", ratio, "", _memory(one), ""])


def _next(runs: list[dict[str, Any]]) -> str:
    (one,) = runs
    title = f"## The next day from kept days, 135 columns, {one['records']:,} records\n"
    ratio = _ratio(one, "next day from kept days", "full build", "0.05")
    return "\n".join([title, _table(one), "", ratio, "", _memory(one), ""])


def _records(runs: list[dict[str, Any]]) -> str:
    rows = []
    for one in runs:
        wall, cpu = _wall(one, "builder, one date"), _wall(one, "builder, one date", "cpu")
        million = one["records"] / 1e6
        limit = "2 GB for the engine" if one["variant"] == "limited" else "none"
        cells = (
            f"{million:.0f}",
            limit,
            f"{one['opened_s']:.0f}",
            f"{wall:.1f}",
            f"{cpu:.1f}",
            f"{1e3 * cpu / million:.0f}",
        )
        rows.append("| " + " | ".join([*cells, f"{one['opened_gb']:.1f}", f"{one['peak_gb']:.1f}"]) + " |")
    head = [
        "## More and more records, 135 columns, one date\n",
        "| million records | limit | opening s | wall s | CPU s | CPU ms a million | GB opened | GB peak |",
        "|--:|---|--:|--:|--:|--:|--:|--:|",
    ]
    note = "\nThe limit is that of the database; arrays and the result stand beside it."
    return "\n".join([*head, *rows, note, ""])


def _threads(runs: list[dict[str, Any]]) -> str:
    (one,) = runs
    title = f"## One thread, all features of call records, {one['records']:,} records\n"
    about = "With one thread two builds are the same to the last digit; with several, sums of fractions are not.\n"
    ratio = _ratio(one, "one thread", "all threads", "")
    return "\n".join([title, about, _table(one), "", ratio, "", _memory(one), ""])


_SECTIONS = {
    "columns": _columns,
    "sixty": _sixty,
    "catalogue": _catalogue,
    "simulated": _simulated,
    "next": _next,
    "records": _records,
    "threads": _threads,
}
