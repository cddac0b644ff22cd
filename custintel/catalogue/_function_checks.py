"""Families of which each customer has one row: those of a function, and those of the row in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.catalogue._entries import ALL, Family, Feature
from custintel.catalogue._grammar import Reader, close_hint
from custintel.functions import find, registered

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["check_function", "check_row"]


def check_function(family: Family, reader: Reader) -> None:
    """Note every mistake of a family of a function: its name, and the columns that are read."""
    function = find(family.function)
    if function is None:
        _unknown(family, reader)
        return
    for feature in family.features:
        check_row(feature, f"function: {function.name}", reader)
        _check_columns(feature, function.name, function.columns, reader)


def _unknown(family: Family, reader: Reader) -> None:
    known = [function.name for function in registered()]
    own = "a function of your own is registered first: @feature_function, or --python FILE.py"
    hint = close_hint(family.function, known) or own
    reader.wrong(family.where, "unknown function", family.function, ", ".join(known), hint)


def check_row(feature: Feature, kind: str, reader: Reader) -> None:
    """A feature of one row: no aggregates, no windows, no slices."""
    if feature.expression.aggregates:
        hint = "there is one row a customer: remove the aggregate, or ask it of windows in another family"
        wrong = f"an aggregate in {feature.name}, whose family is {kind}"
        reader.wrong(feature.expression.where, wrong, feature.expression.text, "an expression of one row", hint)
    if feature.own_windows or feature.slices != (ALL,):
        reader.wrong(feature.where, f"{feature.name} has windows or slices, but its family is {kind}")


def _check_columns(feature: Feature, function: str, columns: Iterable[str], reader: Reader) -> None:
    for name in sorted(feature.expression.columns - set(columns)):
        allowed, hint = ", ".join(columns), close_hint(name, columns)
        reader.wrong(feature.expression.where, f"unknown column of function {function}", name, allowed, hint)
