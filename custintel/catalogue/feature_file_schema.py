"""The grammar of a feature file as a JSON Schema, so that editors complete keys and mark mistakes while one writes.

It is made from the constants the reader uses: a key that is added there and not described here is an error.
"""

from __future__ import annotations

from typing import Any

from custintel.catalogue._check_family import table_facts
from custintel.catalogue._feature_grammar import (
    DERIVED_KEYS,
    FAMILY_KEYS,
    FEATURE_KEYS,
    NAME_PATTERN,
    SENSITIVITIES,
    SLICE_KEYS,
    WINDOW_PATTERN,
)
from custintel.functions.function_registry import registered_functions

_UNITS = ("category", "flag", "share", "relative", "ratio", "d", "u", "events", "calls", "min", "s", "MB", "count")
_AN_EXPRESSION = "An expression, such as count(*), or sum(duration_s) / 60."


def features_schema() -> dict[str, Any]:
    """The schema of one family, that is of one ``---``-separated part of a file of ``features/``.

    Examples
    --------
    >>> schema = features_schema()
    >>> schema["required"], schema["additionalProperties"], schema["properties"]["as"]["enum"]
    (['family', 'about'], False, ['latest'])
    """
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A family of custintel features",
        "type": "object",
        "additionalProperties": False,
        "required": ["family", "about"],
        "properties": _only(FAMILY_KEYS, _family()),
        "anyOf": [{"required": ["source"]}, {"required": ["function"]}],
        "definitions": {
            "name": {"type": "string", "pattern": f"^{NAME_PATTERN}$"},
            "expression": {"type": ["string", "number", "boolean"], "description": _AN_EXPRESSION},
            "windows": _list({"type": "string", "pattern": f"^{WINDOW_PATTERN}$", "examples": ["7d", "30d", "90d"]}),
            "feature": _mapping(FEATURE_KEYS, ["sql", "unit", "missing", "about"]),
            "derived": _mapping(DERIVED_KEYS, ["sql", "unit", "about"]),
            "slice": {"anyOf": [_ref("expression"), _mapping(SLICE_KEYS, ["sql"])]},
        },
    }


def _only(keys: tuple[str, ...], described: dict[str, Any]) -> dict[str, Any]:
    """The descriptions of exactly these keys."""
    return {key: described[key] for key in keys}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/definitions/{name}"}


def _text(about: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": about, **more}


def _list(items: dict[str, Any], about: str = "") -> dict[str, Any]:
    """One or several values."""
    return {"anyOf": [items, {"type": "array", "items": items, "uniqueItems": True}]} | (
        {"description": about} if about else {}
    )


def _named(value: dict[str, Any], about: str) -> dict[str, Any]:
    """A mapping of names to values."""
    return {"type": "object", "propertyNames": _ref("name"), "additionalProperties": value, "description": about}


def _mapping(keys: tuple[str, ...], required: list[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": required,
        "properties": _only(keys, _feature()),
    }


def _family() -> dict[str, Any]:
    tables = table_facts()
    lists = {name: {"type": "string"} for name, facts in tables.items() if facts.can_be_joined}
    sources = [name for name, facts in tables.items() if facts.can_be_source]
    functions = [function.name for function in registered_functions() if function.language == "sql"]
    return {
        "family": {
            **_ref("name"),
            "description": "Unique name; that of a shipped family replaces it, whole, in its topic.",
        },
        "about": _text("What the family tells about the customer, in English."),
        "about_zh": _text("The same in Chinese."),
        "reason": {**_ref("name"), "description": "Reason group of its features; default: the topic, the file's name."},
        "source": {"enum": sources, "description": "The table that is asked."},
        "time": _text("Another time column than the table's: a row counts from that time on."),
        "join": {
            "type": "object",
            "additionalProperties": False,
            "properties": lists,
            "description": "Lists to look up: {plans: plan_id}.",
        },
        "columns": _list({"type": "string"}, "Columns of your table beyond its contract."),
        "windows": {**_ref("windows"), "description": "Look-back windows: [7d, 30d, 90d]."},
        "slices": _named(_ref("slice"), "Named conditions on rows; `all` is always there."),
        "previous": _list({"type": "string"}, "Columns of the row before, read as previous_NAME."),
        "per": _text("A second key to gather by, such as other_party; with previous: rows of the same second key."),
        "gather": _named(_ref("expression"), "What is kept of the rows of one second key: {n: count(*)}."),
        "as": {"enum": ["latest"], "description": "The row in force, instead of windows."},
        "function": _text("A function that gives the columns, instead of source and windows.", examples=functions),
        "features": _named(_ref("feature"), "The questions: name to {sql, unit, missing, about}."),
        "derived": _named(_ref("derived"), "Features over finished features: name to {sql, unit, about}."),
    }


def _feature() -> dict[str, Any]:
    return {
        "sql": _ref("expression"),
        "unit": _text("Unit of the value; category for texts, flag for 0 and 1.", examples=list(_UNITS)),
        "missing": {
            "type": ["number", "null"],
            "description": "What a missing result becomes: 0 where no rows means zero, null where it stays unknown.",
        },
        "about": _text("A noun phrase without full stop; slice and window are added to it."),
        "about_zh": _text("The same in Chinese."),
        "reason": {**_ref("name"), "description": "Reason group of its own; default: that of the family."},
        "slices": _list(_text("A slice of the family, or all."), "Where it is asked; default: all rows."),
        "windows": {**_ref("windows"), "description": "Own windows; default: those of the family."},
        "sensitivity": {"enum": list(SENSITIVITIES), "description": "Who may see it."},
    }
