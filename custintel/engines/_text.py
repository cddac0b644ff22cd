"""Names and values written into SQL safely."""

from __future__ import annotations

import os

__all__ = ["literal", "path_literal", "plain_path", "quoted"]


def quoted(name: str) -> str:
    """Return the name as a quoted SQL identifier.

    Examples
    --------
    >>> quoted("usage"), quoted('odd "name"')
    ('"usage"', '"odd ""name\"""')
    """
    return '"' + name.replace('"', '""') + '"'


def literal(value: str | bool | int | float | None) -> str:
    """Return the value as a SQL literal.

    Examples
    --------
    >>> literal("it's"), literal(3), literal(None), literal(True)
    ("'it''s'", '3', 'null', 'true')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    return "'" + value.replace("'", "''") + "'"


def plain_path(path: str | os.PathLike[str]) -> str:
    """Return the path so that a database takes it for a place on this machine, whatever it begins with.

    Examples
    --------
    >>> plain_path("~operator/usage.csv"), plain_path("/data/usage.csv")
    ('./~operator/usage.csv', '/data/usage.csv')
    """
    text = os.fspath(path)
    return text if os.path.isabs(text) or text.startswith("./") else f"./{text}"


def path_literal(path: str | os.PathLike[str]) -> str:
    """Return the path as a SQL literal of a reader that takes ``*``, ``?`` and ``[`` for patterns: here they are not.

    Examples
    --------
    >>> path_literal("/data/x[1]/st*.csv")
    "'/data/x[[]1]/st[*].csv'"
    """
    return literal("".join(f"[{sign}]" if sign in "*?[" else sign for sign in plain_path(path)))
