"""A script planted in the texts of a report, one after the other."""

from __future__ import annotations

import copy
from typing import Any


def texts_of(content: Any, path: tuple[Any, ...] = ()) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """Places of texts, one of each kind: those of a list are alike."""
    if isinstance(content, str):
        return {tuple(0 if isinstance(step, int) else step for step in path): path}
    parts = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    return {kind: place for key, part in parts for kind, place in texts_of(part, (*path, key)).items()}


def planted(content: Any, path: tuple[Any, ...]) -> Any:
    """The content with a script at one place."""
    if not path:
        return f"{content}<script>alert(1)</script>\"'"
    changed = copy.copy(content)
    changed[path[0]] = planted(content[path[0]], path[1:])
    return changed
