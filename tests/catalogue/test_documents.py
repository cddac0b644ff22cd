"""The generated dictionary is up to date, and the page on the grammar tells the truth."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from custintel.catalogue import Catalogue
from custintel.catalogue._feature_grammar import DERIVED_KEYS, FAMILY_KEYS, FEATURE_KEYS
from custintel.catalogue.data_dictionary import dictionary_markdown
from custintel.expressions.whitelist import FUNCTION_NAMES

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "catalogue.md").read_text(encoding="utf-8")


def test_the_dictionary_is_up_to_date() -> None:
    text = (DOCS / "dictionary.md").read_text(encoding="utf-8")
    assert text == dictionary_markdown(), "run: python docs/generate.py"


def test_the_dictionary_names_every_column_once() -> None:
    columns = re.findall(r"^\| `([a-z0-9_]+)` \|", dictionary_markdown(), flags=re.M)
    assert sorted(columns) == sorted(entry.column for entry in Catalogue.load().entries())


def test_the_page_fits_on_one_page() -> None:
    assert len(PAGE.splitlines()) <= 120


def test_the_page_names_every_key_and_function() -> None:
    for word in (*FAMILY_KEYS, *FEATURE_KEYS, *DERIVED_KEYS, *FUNCTION_NAMES):
        assert re.search(rf"`[^`\n]*\b{word}\b[^`\n]*`|^ *{word}:", PAGE, flags=re.M), word


def test_examples_of_the_page_load(tmp_path: Path) -> None:
    examples = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.S)
    families = [text for text in examples if "family:" in text]
    assert len(families) >= 3
    for number, text in enumerate(families):
        name = yaml.safe_load(text)["family"]
        (tmp_path / f"{number}_{name}.yaml").write_text(text, encoding="utf-8")
    loaded = Catalogue.load(tmp_path)
    assert {"evenings", "friends", "present_plan"} <= {family.name for family in loaded.families}
