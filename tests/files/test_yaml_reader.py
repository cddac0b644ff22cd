"""The reader of YAML: plain values within bounds, the same for features, models, mappings, rules and constraints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from custintel import Warehouse
from custintel.catalogue import Catalogue
from custintel.catalogue.model_spec import load_model_spec
from custintel.cli._main import app
from custintel.decide.constraints import read_constraints
from custintel.errors import ConfigurationError
from custintel.files.yaml_reader import read_plain_yaml
from custintel.rules import load_rules
from custintel.rules.rule_files import rules_from_yaml

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
TOO_MUCH = {
    "references": (BOMB, r"a reference \(\*name\)"),
    "merged": ("base: &base {a: 1}\nother: {<<: *base}\n", r"a reference \(\*name\)"),
    "types": ("a: !!python/object/apply:os.getcwd []\n", r"a type \(!name\)"),
    "nesting": ("a: " + "[" * 5_000, "nested too deeply(.|\n)*20 levels"),
    "indented nesting": ("\n".join(" " * k + "a:" for k in range(300)), "nested too deeply(.|\n)*20 levels"),
    "values": ("a: [" + "1," * 20_001 + "]", "too many values(.|\n)*20,000 keys and values"),
    "length": ("# " + "x" * 600_000, "a document of 600,002 characters(.|\n)*500,000 characters"),
    "bytes": ("# " + "x" * 3_000_000, "a document of 3,000,002 bytes"),
    "digits": ("a: " + "9" * 5_000, "not a number"),
    "hex digits": ("a: 0x" + "f" * 5_000, "a whole number of more than 64 bits"),
    "hex digits inside": ("a: {b: {value: 0x" + "f" * 5_000 + "}}", "a whole number of more than 64 bits"),
    "binary digits": ("a: 0b" + "1" * 65, "a whole number of more than 64 bits"),
    "octal digits": ("a: -0" + "7" * 5_000, "a whole number of more than 64 bits"),
    "twenty digits": ("a: " + "9" * 20, "a whole number of more than 64 bits"),
    "signs": ("a: \x00", "not readable as YAML"),
    "twice": ("a: 1\na: 2", "the key a is given twice"),
}


def warehouse(folder: Path) -> Warehouse:
    pd.DataFrame({"customer_id": ["a"]}).to_csv(folder / "customers.csv", index=False)
    (folder / "given.yaml").rename(folder / "mapping.yaml")
    return Warehouse.open(folder)


READERS: dict[str, Callable[[Path], Any]] = {
    "features": Catalogue.load,
    "models": lambda folder: load_model_spec("churn", models_path=folder),
    "mapping": warehouse,
    "rules": load_rules,
    "constraints": lambda folder: read_constraints(folder / "given.yaml"),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("what", TOO_MUCH)
def test_every_reader_refuses_what_is_too_much(tmp_path: Path, reader: str, what: str) -> None:
    text, said = TOO_MUCH[what]
    (tmp_path / "given.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match=said):
        READERS[reader](tmp_path)


@pytest.mark.parametrize("reader", READERS)
def test_a_file_that_is_no_text_is_named(tmp_path: Path, reader: str) -> None:
    (tmp_path / "given.yaml").write_bytes("a: Grundgebühr".encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"yaml: not text in UTF-8 \(byte 12\)"):
        READERS[reader](tmp_path)


def test_times_and_large_numbers_are_what_they_look_like() -> None:
    text = "a: 1:30\nb: 23:59:59.5\nc: 18446744073709551615\nd: -9223372036854775808\ne: 1.5e+30\nf: 0x1f\ng: -7"
    assert read_plain_yaml(text + f"\nh: 1{':59' * 2_000}", "x.yaml") == {
        "a": "1:30", "b": "23:59:59.5", "c": 2**64 - 1, "d": -(2**63), "e": 1.5e30, "f": 31, "g": -7,
        "h": f"1{':59' * 2_000}",
    }  # fmt: skip


def test_the_command_that_imports_rules_reads_with_the_same_bounds(tmp_path: Path) -> None:
    (tmp_path / "given.yaml").write_text(BOMB)
    found = CliRunner().invoke(app, ["rules", "import", str(tmp_path / "given.yaml"), "--base", str(tmp_path / "r")])
    assert found.exit_code != 0
    with pytest.raises(ConfigurationError, match="a reference"):
        rules_from_yaml(BOMB)


def test_a_mapping_keeps_what_its_values_are_called(tmp_path: Path) -> None:
    """YAML takes yes, 010 and 2025-01-31 for something else; a mapping means what is written in the table."""
    pd.DataFrame({"user": ["a", "b"], "private": ["yes", "no"], "kind": ["010", "8"]}).to_csv(
        tmp_path / "customers.csv", index=False
    )
    (tmp_path / "mapping.yaml").write_text(
        "customers:\n  customer_id: user\n  activation_date: {value: 2024-01-31}\n"
        "  segment: {column: private, values: {yes: consumer, no: business}}\n"
        "  billing_type: {column: kind, values: {010: prepaid, 8: postpaid}}\n"
    )
    found = Warehouse.open(tmp_path).frame("customers")
    assert found["segment"].tolist() == ["consumer", "business"]
    assert found["billing_type"].tolist() == ["prepaid", "postpaid"]
    assert found["activation_date"].astype(str).tolist() == ["2024-01-31", "2024-01-31"]
