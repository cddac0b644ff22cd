"""Every mistake in a catalogue is told with file, line and hint, all of them at once."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from custintel.catalogue import Catalogue
from custintel.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from custintel.errors import Problem

HEAD = """\
family: mine
about: Mine
source: usage
windows: [30d]
"""
FUNCTION = "family: mine\nabout: Mine\nfunction: arrears\n"
GOOD = "{sql: count(*), unit: events, missing: 0, about: Events}"


def problems_of(folder: Path, **files: str) -> list[Problem]:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(dedent(text), encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        Catalogue.load(folder)
    return list(caught.value.problems)


def only_problem(folder: Path, text: str) -> Problem:
    (found,) = problems_of(folder, mine=text)
    return found


# text of the file, line, what is wrong, what is given, a word of the hint
CASES = {
    "unknown key": (
        HEAD + f"window: 7d\nfeatures:\n  mine_x: {GOOD}\n",
        5,
        "unknown key in a family",
        "window",
        "windows",
    ),
    "unknown feature key": (
        HEAD + "features:\n  mine_x: {sql: count(*), units: x, unit: x, missing: 0, about: X}\n",
        6,
        "unknown key in feature mine_x",
        "units",
        "unit",
    ),
    "comma in braces": (
        HEAD + "features:\n  mine_x: {sql: nullif(count(*), 0), unit: x, missing: 0, about: X}\n",
        6,
        "unknown key in feature mine_x",
        "0)",
        "double quotes",
    ),
    "no family": (
        HEAD.replace("family: mine\n", "") + f"features:\n  mine_x: {GOOD}\n",
        1,
        "the file has no family",
        "",
        "",
    ),
    "no about of the family": (
        HEAD.replace("about: Mine\n", "") + f"features:\n  mine_x: {GOOD}\n",
        1,
        "family mine has no about",
        "",
        "",
    ),
    "no source": (
        HEAD.replace("source: usage\n", "") + f"features:\n  mine_x: {GOOD}\n",
        1,
        "family mine has no source",
        "",
        "",
    ),
    "unknown source": (
        HEAD.replace("usage", "usages") + f"features:\n  mine_x: {GOOD}\n",
        1,
        "unknown source table",
        "usages",
        "usage",
    ),
    "source without customers": (
        HEAD.replace("usage", "plans") + f"features:\n  mine_x: {GOOD}\n",
        1,
        "a source without customers or time",
        "plans",
        "join",
    ),
    "unknown column": (
        HEAD + "features:\n  mine_x:\n    sql: sum(duration)\n    unit: x\n    missing: 0\n    about: X\n",
        7,
        "unknown column of usage",
        "duration",
        "duration_s",
    ),
    "unknown column of a slice": (
        HEAD + f"slices:\n  far: destination_x = 'off_net'\nfeatures:\n  mine_x: {GOOD}\n",
        6,
        "unknown column of usage",
        "destination_x",
        "destination",
    ),
    "column known later": (
        HEAD.replace("usage", "care")
        + "features:\n  mine_x: {sql: count(solved_well), unit: x, missing: 0, about: X}\n",
        6,
        "a column read before it is known",
        "solved_well",
        "time: resolved_time",
    ),
    "time that is none": (
        HEAD + f"time: direction\nfeatures:\n  mine_x: {GOOD}\n",
        1,
        "time is not a time column of usage",
        "direction",
        "",
    ),
    "join of an event table": (
        HEAD + f"join: {{bills: customer_id}}\nfeatures:\n  mine_x: {GOOD}\n",
        1,
        "a table that cannot be joined",
        "bills",
        "one key",
    ),
    "join of a dated table by an unknown column": (
        HEAD + f"join: {{cell_kpis: cell}}\nfeatures:\n  mine_x: {GOOD}\n",
        1,
        "cell_kpis is joined by an unknown column of usage",
        "cell",
        "cell_id",
    ),
    "join of nothing": (
        HEAD + f"join: {{plan: plan_id}}\nfeatures:\n  mine_x: {GOOD}\n",
        1,
        "unknown table to join",
        "plan",
        "plans",
    ),
    "join by an unknown column": (
        HEAD + f"join: {{cells: cell}}\nfeatures:\n  mine_x: {GOOD}\n",
        1,
        "cells is joined by an unknown column of usage",
        "cell",
        "cell_id",
    ),
    "unknown slice": (
        HEAD
        + "slices:\n  night: is_night\nfeatures:\n"
        + "  mine_x: {sql: count(*), unit: x, missing: 0, about: X, slices: [nigth]}\n",
        8,
        "unknown slice of feature mine_x",
        "nigth",
        "night",
    ),
    "slice twice": (
        HEAD + "features:\n  mine_x: {sql: count(*), unit: x, missing: 0, about: X, slices: [all, all]}\n",
        6,
        "a slice given twice for feature mine_x",
        "all",
        "",
    ),
    "aggregate in a slice": (
        HEAD + f"slices:\n  many: count(*) > 3\nfeatures:\n  mine_x: {GOOD}\n",
        6,
        "an aggregate in the slice many",
        "count(*) > 3",
        "one row",
    ),
    "slice called all": (
        HEAD + f"slices:\n  all: is_night\nfeatures:\n  mine_x: {GOOD}\n",
        6,
        "the slice all is always there",
        "",
        "another name",
    ),
    "bad window": (
        HEAD.replace("30d", "1 month") + f"features:\n  mine_x: {GOOD}\n",
        4,
        "a window that cannot be read",
        "1 month",
        "",
    ),
    "window twice": (
        HEAD.replace("30d", "30d, 30d") + f"features:\n  mine_x: {GOOD}\n",
        4,
        "a window given twice",
        "['30d', '30d']",
        "",
    ),
    "no windows": (HEAD.replace("windows: [30d]\n", "") + f"features:\n  mine_x: {GOOD}\n", 1, "no windows", "", ""),
    "no unit": (
        HEAD + "features:\n  mine_x: {sql: count(*), missing: 0, about: X}\n",
        6,
        "feature mine_x has no unit",
        "",
        "",
    ),
    "no about": (
        HEAD + "features:\n  mine_x: {sql: count(*), missing: 0, unit: x}\n",
        6,
        "feature mine_x has no about",
        "",
        "",
    ),
    "no missing": (
        HEAD + "features:\n  mine_x: {sql: count(*), unit: x, about: X}\n",
        6,
        "feature mine_x does not say what missing means",
        "",
        "0 where no rows means zero",
    ),
    "missing is no number": (
        HEAD + "features:\n  mine_x: {sql: count(*), unit: x, about: X, missing: none}\n",
        6,
        "missing of feature mine_x is not a number",
        "none",
        "",
    ),
    "no sql": (HEAD + "features:\n  mine_x: {unit: x, about: X, missing: 0}\n", 6, "feature mine_x has no sql", "", ""),
    "feature is a text": (
        HEAD + "features:\n  mine_x: count(*)\n",
        6,
        "feature mine_x is not a mapping",
        "count(*)",
        "",
    ),
    "unusable name": (
        HEAD + f"features:\n  Mine-X: {GOOD}\n",
        6,
        "the name of feature Mine-X is not usable",
        "Mine-X",
        "",
    ),
    "sensitivity": (
        HEAD + "features:\n  mine_x: {sql: count(*), unit: x, about: X, missing: 0, sensitivity: personel}\n",
        6,
        "unknown sensitivity",
        "personel",
        "personal",
    ),
    "row expression": (
        HEAD + "features:\n  mine_x: {sql: duration_s / 60, unit: x, about: X, missing: 0}\n",
        6,
        "mine_x is no aggregate",
        "duration_s / 60",
        "how they become one value",
    ),
    "column outside the aggregate": (
        HEAD + "features:\n  mine_x: {sql: sum(duration_s) / data_mb, unit: x, about: X, missing: 0}\n",
        6,
        "mine_x reads a column outside every aggregate",
        "data_mb",
        "put it inside",
    ),
    "aggregate of the row in force": (
        "family: mine\nabout: Mine\nsource: customers\nas: latest\n"
        "features:\n  mine_x: {sql: count(*), unit: x, about: X, missing: 0}\n",
        6,
        "an aggregate in mine_x, whose family is as: latest",
        "count(*)",
        "remove the aggregate",
    ),
    "windows of the row in force": (
        "family: mine\nabout: Mine\nsource: customers\nas: latest\nwindows: [30d]\n"
        "features:\n  mine_x: {sql: birth_year, unit: x, about: X, missing: 0}\n",
        5,
        "windows has no meaning with as: latest",
        "",
        "remove windows",
    ),
    "as something": (
        "family: mine\nabout: Mine\nsource: customers\nas: newest\n"
        "features:\n  mine_x: {sql: birth_year, unit: x, about: X, missing: 0}\n",
        4,
        "unknown value of as",
        "newest",
        "",
    ),
    "per without gather": (
        HEAD + f"per: cell_id\nfeatures:\n  mine_x: {GOOD}\n",
        1,
        "per and gather belong together",
        "",
        "",
    ),
    "per an unknown column": (
        HEAD + f"per: cell\ngather: {{n: count(*)}}\nfeatures:\n  mine_x: {GOOD}\n",
        1,
        "per is not a column of usage",
        "cell",
        "cell_id",
    ),
    "unknown gathered value": (
        HEAD + "per: cell_id\ngather: {n: count(*)}\n"
        "features:\n  mine_x: {sql: sum(m), unit: x, about: X, missing: 0}\n",
        8,
        "unknown gathered value",
        "m",
        "",
    ),
    "last of gathered values": (
        HEAD + "per: cell_id\ngather: {n: count(*)}\n"
        "features:\n  mine_x: {sql: last(n), unit: x, about: X, missing: 0}\n",
        8,
        "not possible over gathered rows",
        "last(n)",
        "",
    ),
    "derived from nothing": (
        HEAD + f"features:\n  mine_x: {GOOD}\nderived:\n  mine_y: {{sql: mine_z / 2, unit: x, about: Y}}\n",
        8,
        "derived feature mine_y reads an unknown feature for the windows 30d",
        "mine_z",
        "mine_x",
    ),
    "derived with an aggregate": (
        HEAD + f"features:\n  mine_x: {GOOD}\nderived:\n  mine_y: {{sql: sum(mine_x), unit: x, about: Y}}\n",
        8,
        "an aggregate in derived feature mine_y",
        "sum(mine_x)",
        "no aggregates",
    ),
    "a circle": (
        HEAD + f"features:\n  mine_x: {GOOD}\nderived:\n"
        "  mine_y: {sql: mine_z + 1, unit: x, about: Y}\n  mine_z: {sql: mine_y + 1, unit: x, about: Z}\n",
        8,
        "derived features that read each other in a circle",
        "mine_y -> mine_z -> mine_y",
        "",
    ),
    "unknown function": (
        HEAD + "features:\n  mine_x: {sql: mean(duration_s), unit: x, about: X, missing: 0}\n",
        6,
        "unknown function mean",
        "mean(duration_s)",
        "avg",
    ),
    "key twice": (
        HEAD + f"features:\n  mine_x: {GOOD}\n  mine_x: {GOOD}\n",
        7,
        "the key mine_x is given twice",
        "",
        "line 6",
    ),
    "clash with another family": (
        HEAD + "features:\n  events: {sql: count(*), unit: x, about: X, missing: 0}\n",
        6,
        "two features make the same column",
        "events_30d",
        "features/usage.yaml:",
    ),
    "unknown function of the family": (
        FUNCTION.replace("arrears", "arears")
        + "features:\n  mine_x: {sql: outstanding_amount, unit: u, about: X, missing: 0}\n",
        1,
        "unknown function",
        "arears",
        "arrears",
    ),
    "function that nobody registered": (
        FUNCTION.replace("arrears", "zebra")
        + "features:\n  mine_x: {sql: outstanding_amount, unit: u, about: X, missing: 0}\n",
        1,
        "unknown function",
        "zebra",
        "@feature_function",
    ),
    "unknown column of a function": (
        FUNCTION + "features:\n  mine_x: {sql: overdue_amounts / 2, unit: u, about: X, missing: 0}\n",
        5,
        "unknown column of function arrears",
        "overdue_amounts",
        "overdue_amount",
    ),
    "aggregate over a function": (
        FUNCTION + "features:\n  mine_x: {sql: sum(outstanding_amount), unit: u, about: X, missing: 0}\n",
        5,
        "an aggregate in mine_x, whose family is function: arrears",
        "sum(outstanding_amount)",
        "remove the aggregate",
    ),
    "windows of a function": (
        FUNCTION + "windows: [30d]\nfeatures:\n  mine_x: {sql: outstanding_amount, unit: u, about: X, missing: 0}\n",
        4,
        "windows has no meaning with function",
        "",
        "remove windows",
    ),
    "source of a function": (
        FUNCTION + "source: bills\nfeatures:\n  mine_x: {sql: outstanding_amount, unit: u, about: X, missing: 0}\n",
        4,
        "source has no meaning with function",
        "",
        "remove source",
    ),
    "a window of a feature of a function": (
        FUNCTION + "features:\n  mine_x: {sql: outstanding_amount, unit: u, about: X, missing: 0, windows: [30d]}\n",
        5,
        "mine_x has windows or slices, but its family is function: arrears",
        "",
        "",
    ),
    "previous that is no column": (
        HEAD + f"previous: [event_tme]\nfeatures:\n  mine_x: {GOOD}\n",
        1,
        "previous names an unknown column",
        "event_tme",
        "event_time",
    ),
    "previous column that is known later": (
        HEAD.replace("usage", "care") + f"previous: [resolved_time]\nfeatures:\n  mine_x: {GOOD}\n",
        1,
        "a column read before it is known",
        "resolved_time",
        "time: resolved_time",
    ),
    "previous column that is not named": (
        HEAD + "previous: [event_time]\nfeatures:\n"
        "  mine_x: {sql: count(distinct previous_cell_id), unit: x, about: X, missing: 0}\n",
        7,
        "unknown column of usage",
        "previous_cell_id",
        "name it under previous: [cell_id]",
    ),
    "previous of the row in force": (
        "family: mine\nabout: Mine\nsource: customers\nas: latest\nprevious: [region]\n"
        "features:\n  mine_x: {sql: birth_year, unit: x, about: X, missing: 0}\n",
        5,
        "previous has no meaning with as: latest",
        "",
        "remove previous",
    ),
    "previous per an unknown column": (
        HEAD + f"previous: [event_time]\nper: cell\nfeatures:\n  mine_x: {GOOD}\n",
        1,
        "per is not a column of usage",
        "cell",
        "cell_id",
    ),
    "gathered median": (
        HEAD + "per: cell_id\ngather: {m: median(duration_s)}\n"
        "features:\n  mine_x: {sql: sum(m), unit: x, about: X, missing: 0}\n",
        6,
        "a median is gathered as m",
        "median(duration_s)",
        "over the gathered rows",
    ),
    "gather without per": (
        HEAD + f"gather: {{n: count(*)}}\nfeatures:\n  mine_x: {GOOD}\n",
        1,
        "per and gather belong together",
        "",
        "",
    ),
    "wrong number of arguments": (
        HEAD + 'features:\n  mine_x: {sql: "avg(distance_km(duration_s, 1))", unit: x, about: X, missing: 0}\n',
        6,
        "distance_km takes 4 arguments",
        "distance_km",
        "",
    ),
    "not yaml": (HEAD + "features:\n  mine_x: {sql: count(*)\n", 7, "not readable as YAML", "expected", ""),
    "features in a list": (HEAD + "features:\n  - mine_x\n", 5, "features is not a mapping", "['mine_x']", ""),
    "join in a list": (
        HEAD + f"join: [plans]\nfeatures:\n  mine_x: {GOOD}\n",
        5,
        "join is not a mapping",
        "['plans']",
        "",
    ),
    "slices in a text": (
        HEAD + f"slices: night\nfeatures:\n  mine_x: {GOOD}\n",
        5,
        "slices is not a mapping",
        "night",
        "",
    ),
    "no features": (HEAD, 1, "no features", "", ""),
}


@pytest.mark.parametrize("case", CASES)
def test_one_mistake(tmp_path: Path, case: str) -> None:
    text, line, wrong, given, hint = CASES[case]
    found = problems_of(tmp_path, mine=text)[0]
    assert found.where == f"{tmp_path / 'mine.yaml'}:{line}"
    assert found.wrong == wrong
    assert given in found.given
    assert hint in found.hint


def test_all_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    first = HEAD.replace("usage", "usagee") + "features:\n  a1: {sql: mode(x), unit: x, about: X}\n"
    second = HEAD.replace("mine", "other") + "features:\n  b1: {sql: sum(zebra), missing: 0, about: X}\n"
    found = problems_of(tmp_path, first=first, second=second)
    assert [p.wrong for p in found] == [
        "feature a1 does not say what missing means",
        "unknown function mode",
        "unknown source table",
        "feature b1 has no unit",
        "unknown column of usage",
    ]
    assert {p.where.rpartition(":")[0] for p in found} == {str(tmp_path / f"{n}.yaml") for n in ("first", "second")}


def test_the_same_family_twice_in_one_folder(tmp_path: Path) -> None:
    text = HEAD + f"features:\n  mine_x: {GOOD}\n"
    (found,) = problems_of(tmp_path, one=text, two=text)
    assert (found.wrong, found.given) == ("a family given twice", "mine")


@pytest.mark.parametrize("text", ["", "# nothing\n", "- a\n- b\n", "only words\n"])
def test_a_file_without_keys(tmp_path: Path, text: str) -> None:
    assert only_problem(tmp_path, text).wrong in ("an empty file", "not a mapping of keys")


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="not a folder"):
        Catalogue.load(tmp_path / "absent")


def test_an_unknown_family_is_asked_for() -> None:
    with pytest.raises(ConfigurationError, match="did you mean billing"):
        Catalogue.load(topics=["biling"])
