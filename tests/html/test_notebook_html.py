"""What notebooks show: well-formed, self-contained, escaped, and with the facts."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from custintel import FeatureBuilder, Warehouse

_EVIL = '<script>alert("x")</script>'


class _Balanced(HTMLParser):
    """Refuses tags that do not close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not [name for name, _ in attrs if name.startswith("on") or name in ("src", "href")]
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def _text(shown: object) -> str:
    """The text of an object's HTML, which must be whole, without scripts and without addresses."""
    html = shown._repr_html_()  # type: ignore[attr-defined]
    assert "<script" not in html
    assert not re.search(r"https?:|url\(|@import", html)
    parser = _Balanced()
    parser.feed(html)
    assert parser.open == []
    return " ".join(parser.text)


@pytest.fixture
def wh() -> Warehouse:
    calls = pd.DataFrame({"customer_id": ["a"] * 3, "service": "voice", "direction": "out", "duration_s": [60, -5, 60]})
    calls["event_time"] = pd.to_datetime(["2025-06-01 10:00", "2025-06-02 10:00", "2025-06-30 10:00"])
    cells = pd.DataFrame({"cell_id": [_EVIL]})
    return Warehouse.from_frames(usage=calls.assign(cell_id=_EVIL), cells=cells)


def test_warehouse_and_report_say_where_the_rows_went(wh: Warehouse) -> None:
    shown = _text(wh)
    assert "Warehouse of 2025-06-01 to 2025-06-30" in shown
    assert "wh.set_aside('usage')" in shown
    assert 'build(wh, as_of="2025-06-30")' in shown
    assert repr(wh).splitlines()[-1] == "  set aside: usage 1"
    assert "below minimum: duration_s" in _text(wh.report)
    assert "usage: 1 rows set aside, below minimum: duration_s" in repr(wh.report)


def test_a_warehouse_without_times_and_faults() -> None:
    wh = Warehouse.from_frames(plans=pd.DataFrame({"plan_id": [_EVIL]}))
    assert "1 tables without times" in _text(wh)
    assert "set aside" not in repr(wh)
    assert "why rows" not in _text(wh.report)


def test_builder_shows_families_and_what_columns_mean() -> None:
    builder = FeatureBuilder(["usage", "billing"])
    shown = _text(builder)
    assert f"{len(builder.describe())} columns in {len(builder.catalogue.families)} families" in shown
    for row in builder.describe().itertuples():
        assert row.column in shown
        assert row.about_zh in shown
    assert repr(builder).startswith("FeatureBuilder(bills, bill_changes, ")
    assert "more families" in repr(FeatureBuilder())


def test_a_users_own_words_are_escaped(tmp_path) -> None:
    (tmp_path / "mine.yaml").write_text(
        f"family: mine\nabout: '{_EVIL}'\nsource: usage\nwindows: [7d]\n"
        f"features:\n  n: {{sql: count_if(service = 'a<b'), unit: '{_EVIL}', missing: 0, about: '{_EVIL}'}}\n"
    )
    builder = FeatureBuilder(["mine"], features_path=tmp_path)
    assert _EVIL in _text(builder)
    assert "'a<b'" in _text(builder.plan("2025-06-30"))


def test_plan_shows_buckets_steps_and_sql(wh: Warehouse) -> None:
    plan = FeatureBuilder(["usage", "billing"]).plan("2025-06-30", wh)
    shown = _text(plan)
    for step in plan.steps:
        assert step.name in shown
        assert step.sql in shown
    assert "no table bills" in shown
    assert "Plan as of 2025-06-30" in shown
