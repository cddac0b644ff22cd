"""How families become columns."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from custintel.catalogue import Catalogue
from custintel.catalogue.feature_family import column_name

if TYPE_CHECKING:
    from pathlib import Path

SMALL = """\
family: calls_small
about: Calls
about_zh: 通话
source: usage
windows: [7d, 30d]
slices:
  night: {sql: is_night, about: at night, about_zh: 夜间}
  far: destination = 'international'
features:
  rings: {sql: count(*), unit: calls, missing: 0, slices: [all, night, far], about: Rings, about_zh: 响铃次数}
  quiet:
    {sql: "days_between(max(event_date), as_of)", unit: d, missing: 90, windows: [90d],
     about: Quiet days, about_zh: 静默天数}
derived:
  night_part: {sql: "night_rings / nullif(rings, 0)", unit: share, about: Night part}
  part_growth: {sql: night_part_7d - night_part_30d, unit: share, about: Growth}
  quiet_part: {sql: quiet_90d / 90, unit: share, about: Quiet part}
  mixed: {sql: rings / quiet_90d, unit: ratio, about: Mixed, windows: [30d]}
  from_bills: {sql: rings_30d / last_bill_amount_90d, unit: ratio, about: Calls for money}
"""


@pytest.fixture
def small(tmp_path: Path) -> Catalogue:
    (tmp_path / "small.yaml").write_text(SMALL, encoding="utf-8")
    return Catalogue.load(tmp_path)


COLUMNS = [
    # column, window, slice, kind, missing, expression, about, about_zh
    ("rings_7d", 7, "all", "window", 0, "count(*)", "Rings, last 7 days", "近7天响铃次数"),
    ("rings_30d", 30, "all", "window", 0, "count(*)", "Rings, last 30 days", "近30天响铃次数"),
    ("night_rings_7d", 7, "night", "window", 0, "count(*)", "Rings at night, last 7 days", "近7天夜间响铃次数"),
    ("far_rings_30d", 30, "far", "window", 0, "count(*)", "Rings (far), last 30 days", "近30天(far)响铃次数"),
    ("quiet_90d", 90, "all", "window", 90, "days_between(max(event_date), as_of)", "Quiet days", "静默天数"),
    (
        "night_part_7d",
        7,
        None,
        "derived",
        None,
        "night_rings_7d / nullif(rings_7d, 0)",
        "Night part, last 7 days",
        "近7天Night part",
    ),
    ("part_growth", None, None, "derived", None, "night_part_7d - night_part_30d", "Growth", "Growth"),
    ("quiet_part", None, None, "derived", None, "quiet_90d / 90", "Quiet part", "Quiet part"),
    ("mixed_30d", 30, None, "derived", None, "rings_30d / quiet_90d", "Mixed", "Mixed"),
]


@pytest.mark.parametrize("row", COLUMNS, ids=[row[0] for row in COLUMNS])
def test_columns_of_a_family(small: Catalogue, row: tuple[object, ...]) -> None:
    e = small.entry(str(row[0]))
    assert (e.column, e.window, e.slice, e.kind, e.missing, e.expression, e.about, e.about_zh) == row


def test_no_column_more_than_asked(small: Catalogue) -> None:
    assert sum(e.family == "calls_small" for e in small.entries()) == 3 * 2 + 1 + 2 + 1 + 1 + 1 + 1


HOW = """\
family: ways
about: Ways
source: usage
windows: [30d, 999d]
{previous}
features:
  way_rows: {{sql: count(*), unit: n, missing: 0, about: Rows, sensitivity: personal}}
  way_cells: {{sql: count(distinct cell_id) / count(*), unit: n, missing: 0, about: Cells}}
  way_middle: {{sql: median(duration_s) / sum(duration_s), unit: s, missing: null, about: Middle}}
"""


@pytest.mark.parametrize(
    ("previous", "how"),
    [("", ["parts", "distinct", "apart"]), ("previous: [event_time]", ["apart", "apart", "apart"])],
)
def test_the_catalogue_says_how_a_column_is_computed(tmp_path: Path, previous: str, how: list[str]) -> None:
    (tmp_path / "ways.yaml").write_text(HOW.format(previous=previous), encoding="utf-8")
    frame = Catalogue.load(tmp_path).describe().set_index("column")
    assert frame.loc[["way_rows_999d", "way_cells_30d", "way_middle_30d"], "how"].tolist() == how
    assert frame.loc["way_rows_999d", ["window", "sensitivity"]].tolist() == [999, "personal"]
    assert frame.loc[["outstanding_amount", "monthly_fee", "net_monthly_fee"], "how"].tolist() == [
        "function",
        "row",
        "row",
    ]


def test_lines_are_kept(small: Catalogue, tmp_path: Path) -> None:
    assert small.entry("quiet_90d").where == f"{tmp_path / 'small.yaml'}:11"


def test_derived_columns_come_after_what_they_read(small: Catalogue) -> None:
    from custintel.expressions.parse import parse

    seen: set[str] = set()
    for entry in small.entries():
        assert entry.kind != "derived" or parse(entry.expression).columns <= seen
        seen.add(entry.column)


def test_a_family_of_ones_own_replaces_the_shipped_one(tmp_path: Path) -> None:
    text = "family: care_contacts\nabout: Ours\nsource: care\nwindows: [30d]\nfeatures:\n"
    for name in ("complaint_care_contacts_180d", "fault_care_contacts_180d"):
        assert Catalogue.load().entry(name)
    (tmp_path / "ours.yaml").write_text(
        text
        + "  care_contacts: {sql: count(*), unit: cases, missing: 0, about: Ours, windows: [180d],"
        + " slices: [all, complaint, fault]}\n"
        + "  others: {sql: count(*), unit: cases, missing: 0, about: Ours, windows: [30d, 90d]}\n"
        + "slices: {complaint: kind = 'complaint', fault: kind = 'fault'}\n",
        encoding="utf-8",
    )
    found = Catalogue.load(tmp_path)
    columns = [e.column for e in found.entries() if e.family == "care_contacts"]
    assert columns == [
        "care_contacts_180d",
        "complaint_care_contacts_180d",
        "fault_care_contacts_180d",
        "others_30d",
        "others_90d",
    ]
    assert [f.name for f in found.families].count("care_contacts") == 1
    (own,) = (f for f in found.families if f.name == "care_contacts")
    assert (own.topic, own.reason) == ("care", "care")
    assert "ours" not in found.topics


def test_a_family_of_ones_own_may_be_of_another_kind_than_the_one_it_replaces(tmp_path: Path) -> None:
    shipped = Catalogue.load().entry("days_past_due")
    (tmp_path / "arrears.yaml").write_text(
        "family: open_bills\nabout: Ours\nsource: bills\nwindows: [365d]\nprevious: [amount]\nfeatures:\n"
        "  days_past_due: {sql: avg(amount - previous_amount), unit: d, missing: null, about: Ours, windows: [365d]}\n",
        encoding="utf-8",
    )
    (tmp_path / "ours.yaml").write_text(
        "family: ours\nabout: Ours\nfunction: arrears\nfeatures:\n"
        "  in_debt: {sql: overdue_bills > 0, unit: flag, missing: 0, about: In debt, sensitivity: sensitive}\n"
        "derived:\n  both: {sql: in_debt * days_past_due_365d, unit: d, about: Both}\n",
        encoding="utf-8",
    )
    found = Catalogue.load(tmp_path, ["open_bills", "ours"])
    assert [(e.column, e.kind, e.how, e.sensitivity) for e in found.entries()] == [
        ("days_past_due_365d", "sequence", "apart", "normal"),
        ("in_debt", "function", "function", "sensitive"),
        ("both", "derived", "row", "normal"),
    ]
    assert shipped.how == "function"
    assert Catalogue.load().entry("days_past_due") == shipped


def test_columns_beyond_the_contract_are_named_and_read(tmp_path: Path) -> None:
    text = """\
        family: loyalty
        about: Loyalty
        source: customers
        as: latest
        columns: [loyalty_points]
        features:
          loyalty_points: {sql: loyalty_points, unit: number, missing: 0, about: Points}
        """
    (tmp_path / "loyalty.yaml").write_text(dedent(text), encoding="utf-8")
    found = Catalogue.load(tmp_path)
    assert found.entry("loyalty_points").kind == "latest"
    assert found.families[-1].columns == ("loyalty_points",)


def test_some_families_leave_out_what_reads_the_others(small: Catalogue) -> None:
    found = small.select(["calls_small"])
    assert [family.name for family in found.families] == ["calls_small"]
    assert found.left_out == (("from_bills", "reads last_bill_amount_90d of a family that is not loaded"),)
    assert "from_bills" not in found.describe()["column"].tolist()
    assert "from_bills" not in dict(small.select(["calls_small", "billing"]).left_out)


def test_an_edited_file_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "small.yaml"
    file.write_text(SMALL, encoding="utf-8")
    first = Catalogue.load(tmp_path)
    assert Catalogue.load(tmp_path) is first
    file.write_text(SMALL.replace("unit: calls", "unit: rings"), encoding="utf-8")
    assert Catalogue.load(tmp_path).entry("rings_7d").unit == "rings"


def test_describe_has_a_row_a_column(small: Catalogue) -> None:
    frame = small.describe().set_index("column")
    assert frame.loc["night_rings_30d", ["family", "window", "slice", "unit"]].tolist() == [
        "calls_small",
        30,
        "night",
        "calls",
    ]
    assert frame["missing"].isna()["part_growth"]
    assert frame["window"].isna()["part_growth"]


@pytest.mark.parametrize(
    ("parts", "column"),
    [
        (("events", "night", 30), "night_events_30d"),
        (("events", "all", 7), "events_7d"),
        (("tenure", None, None), "tenure"),
    ],
)
def test_column_names(parts: tuple[str, str | None, int | None], column: str) -> None:
    assert column_name(*parts) == column
