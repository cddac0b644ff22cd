"""The page at the end of the demo: what was asked, and links to every report and list that was made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from custintel.html.page import escape, page, section, table, write_page

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Made:
    """What one question of the demo made: its name and meaning, report and list (file names), customers in the list."""

    name: str
    about: str
    report: str
    scores: str
    customers: int


def write_demo_page(folder: Path, answers: Sequence[Made], decided: Made | None) -> Path:
    """Write ``index.html`` into the folder; all its links are relative."""
    made = [*answers, *([decided] if decided else [])]
    columns = [("", "Question"), ("", "Report"), ("", "List"), ("n", "Customers")]
    rows = [[escape(m.about), _link(m.report), _link(m.scores), f"{m.customers:,}"] for m in made]
    lead = "Each report says how good the answers are on dates that the model never saw, and what it goes by."
    files = [["Tables of the simulated operator", _link("tables")], ["MLflow store", _link("mlflow.db")]]
    body = "\n".join(
        [
            '<header><div class="eyebrow">custintel demo</div><h1>What the records of one operator tell</h1></header>',
            section("Questions and answers", lead, table(columns, rows)),
            section("Where it comes from", "", table([("", "What"), ("", "Where")], files)),
        ]
    )
    return write_page(page("custintel demo", body, language="en"), folder / "index.html")


def _link(name: str) -> str:
    return f'<a href="{escape(name)}">{escape(name)}</a>' if name else ""
