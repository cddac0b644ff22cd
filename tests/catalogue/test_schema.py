"""The JSON Schema of feature files: shipped as generated, takes what the reader takes, refuses wrong keys."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from custintel.catalogue import Catalogue
from custintel.catalogue.feature_file_schema import features_schema
from custintel.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = sorted(path for path in (ROOT / "features").glob("*.yaml") if path.stem != "reasons")
VALIDATOR = jsonschema.Draft7Validator(features_schema())

GOOD = """
family: mine
about: Mine
source: usage
windows: [7d, 30d]
slices:
  night: is_night
  out: {sql: direction = 'out', about: going out}
features:
  n: {sql: count(*), unit: events, missing: 0, about: Events, slices: [all, night, out]}
derived:
  share: {sql: "night_n / nullif(n, 0)", unit: share, about: Share}
"""


def _mistakes(text: str) -> list[str]:
    return [error.message for document in yaml.safe_load_all(text) for error in VALIDATOR.iter_errors(document)]


def _loads(text: str, folder: Path) -> bool:
    (folder / "mine.yaml").write_text(text, encoding="utf-8")
    try:
        Catalogue.load(folder)
    except ConfigurationError:
        return False
    return True


def test_the_shipped_schema_is_up_to_date() -> None:
    text = files("custintel.catalogue").joinpath("features.schema.json").read_text(encoding="utf-8")
    assert json.loads(text) == features_schema(), "run: python docs/generate.py"
    jsonschema.Draft7Validator.check_schema(features_schema())


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_files_are_accepted(path: Path) -> None:
    assert _mistakes(path.read_text(encoding="utf-8")) == []


def test_examples_of_the_page_are_accepted() -> None:
    page = (ROOT / "docs" / "catalogue.md").read_text(encoding="utf-8")
    examples = [text for text in re.findall(r"```yaml\n(.*?)```", page, flags=re.S) if "family:" in text]
    assert len(examples) >= 3
    assert [_mistakes(text) for text in examples] == [[] for _ in examples]


def test_a_good_file_is_accepted_by_both(tmp_path: Path) -> None:
    assert _mistakes(GOOD) == []
    assert _loads(GOOD, tmp_path)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("windows:", "window:"),
        ("unit: events", "units: events"),
        ("source: usage", "source: plans"),
        ("source: usage\n", ""),
        ("[7d, 30d]", "[7d, 1 month]"),
        ("missing: 0", "missing: none at all"),
        ("missing: 0, ", ""),
        ("  n: {", "  N: {"),
        ("about: Events,", "about: Events, sensitivity: secret,"),
        ("about: going out", "label: going out"),
        ("unit: share, about: Share", "unit: share, about: Share, slices: [night]"),
        ("about: Mine\n", ""),
        ("windows: [7d, 30d]", "as: newest"),
    ],
)
def test_what_the_reader_refuses_is_marked(before: str, after: str, tmp_path: Path) -> None:
    text = GOOD.replace(before, after)
    assert text != GOOD
    assert not _loads(text, tmp_path)
    assert _mistakes(text)


def test_every_key_is_explained() -> None:
    schema = features_schema()
    parts: list[dict[str, Any]] = [schema, *(schema["definitions"][name] for name in ("feature", "derived"))]
    for part in parts:
        for name, value in part["properties"].items():
            described = schema["definitions"][value["$ref"].rsplit("/", 1)[1]] if "$ref" in value else {}
            assert value.get("description") or described.get("description"), name
