"""How a builder and a plan look in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.notebook import code, folded, panel, quiet, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from custintel.builder._plan import Plan
    from custintel.builder._steps import Step
    from custintel.catalogue import Catalogue, Entry

__all__ = ["builder_html", "plan_html"]

_FIRST = 3


def builder_html(catalogue: Catalogue, title: str) -> str:
    """Families with their columns, and every column with its meaning to be unfolded."""
    entries = catalogue.entries()
    own = {family.name: [e for e in entries if e.family == family.name] for family in catalogue.families}
    rows = [(f.name, len(own[f.name]), f.source, f.about, _first(own[f.name])) for f in catalogue.families]
    columns = [folded(f"{name}: {len(of)} columns", _columns_table(of)) for name, of in own.items()]
    return panel(
        title,
        table(["family", "columns", "source", "about", "first columns"], rows),
        folded("all columns", "".join(columns)),
        quiet('find one: builder.describe("bill"), builder.describe("账单"); all of them: builder.describe()'),
    )


def _first(entries: Sequence[Entry]) -> str:
    return ", ".join(e.column for e in entries[:_FIRST]) + (", ..." if len(entries) > _FIRST else "")


def _columns_table(entries: Iterable[Entry]) -> str:
    rows = [(e.column, e.about, e.about_zh, e.unit, _missing(e)) for e in entries]
    return table(["column", "about", "含义", "unit", "missing"], rows)


def _missing(entry: Entry) -> str:
    return "stays missing" if entry.missing is None else f"{entry.missing:g}"


def plan_html(plan: Plan, title: str) -> str:
    """Families with their buckets and steps; the SQL of each step to be unfolded."""
    counts = {name: sum(e.family == name and e.kind != "derived" for e in plan.entries) for name in plan.families}
    rows = [(name, plan.buckets.get(name), counts[name], len(steps)) for name, steps in plan.families.items()]
    derived = sum(e.kind == "derived" for e in plan.entries)
    parts = {"rows that come out": plan.spine, **plan.families, "all columns side by side": (plan.last,)}
    sql = [folded(f"{name}: {len(steps)} steps", _steps_html(steps)) for name, steps in parts.items()]
    return panel(
        title,
        table(["family", "time buckets", "columns", "steps"], rows),
        quiet(f"{derived} columns are derived from these") if derived else "",
        folded("SQL, step by step", "".join(sql)),
        folded(f"{len(plan.skipped)} columns left out", table(["column", "why"], plan.skipped.items())),
        quiet("one statement: plan.sql()"),
    )


def _steps_html(steps: Sequence[Step]) -> str:
    return "".join(folded(f"{step.name}: {step.about}", code(step.sql)) for step in steps)
