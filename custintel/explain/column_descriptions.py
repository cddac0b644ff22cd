"""What the model's metadata say about its columns: names, units, medians, and which reason group they belong to.

>>> notes = {"features": [{"column": "events_30d", "about": "Calls", "about_zh": "通话", "unit": "events"}]}
>>> column_descriptions(notes, ["events_30d", "plan"])["events_30d"].name("en")
'Calls, last 30 days'
>>> reason_groups(notes, ["events_7d", "events_30d", "plan"])
{'events_7d': 'events', 'events_30d': 'events', 'plan': 'plan'}
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from custintel.errors import ConfigurationError
from custintel.explain._peer_groups import PeerMedian, peer_median
from custintel.explain.reason_words import words

ReasonGroups = Mapping[str, Sequence[str]]

_WINDOW = re.compile(r"_(\d+)d$")


@dataclass(frozen=True)
class ColumnDescription:
    """What a reader must know to understand one column."""

    column: str
    about: Mapping[str, str]
    unit: str = ""
    family: str = ""
    feature: str = ""
    reason: str = ""
    final: bool = False  # the text comes from the catalogue, which says the window where it matters
    entry: Mapping[str, Any] = field(default_factory=dict)  # as in metadata["features"]

    @property
    def days(self) -> int | None:
        """Length of the look-back window, from the column's name."""
        found = _WINDOW.search(self.column)
        return int(found.group(1)) if found else None

    def median_of(self, group: str = "") -> PeerMedian:
        """Return the median of one peer group, or of all customers."""
        return peer_median(self.entry, group)

    def name(self, language: str) -> str:
        """Return the column in words, with its window where the catalogue's text leaves it out."""
        text = self.about.get(language) or self.about.get("en") or self.column
        if text == self.column:
            return text
        if not self.final and self.days is not None and not re.search(rf"(?<!\d){self.days}(?!\d)", text):
            text = words()["window"][language].format(about=text, days=self.days)
        return text


def column_descriptions(metadata: Mapping[str, Any], columns: Sequence[str]) -> dict[str, ColumnDescription]:
    """Return a description of every column; a column without metadata is known by its name."""
    known = {str(entry.get("column")): entry for entry in metadata.get("features") or () if isinstance(entry, Mapping)}
    return {column: _note(column, known.get(column, {})) for column in map(str, columns)}


def _note(column: str, entry: Mapping[str, Any]) -> ColumnDescription:
    """Read one entry of metadata["features"]."""
    about = {"en": str(entry.get("about") or column), "zh": str(entry.get("about_zh") or "")}
    return ColumnDescription(
        column=column,
        about=about,
        unit=str(entry.get("unit") or ""),
        family=str(entry.get("family") or ""),
        feature=str(entry.get("feature") or ""),
        reason=str(entry.get("reason") or ""),
        final=bool(entry.get("feature")) or entry.get("window") is not None,
        entry=entry,
    )


def score_meaning(metadata: Mapping[str, Any]) -> str:
    """Tell a risk from a plain score by the model's name, question and target."""
    spec = metadata.get("spec") or {}
    question = spec.get("question") if isinstance(spec, Mapping) else None
    kind = question.get("kind") if isinstance(question, Mapping) else ""
    named = " ".join(str(part).lower() for part in (metadata.get("name"), metadata.get("target"), kind))
    return "risk" if any(word in named for word in words()["risk_words"]) else "score"


def reason_groups(
    metadata: Mapping[str, Any], columns: Sequence[str], groups: ReasonGroups | None = None
) -> dict[str, str]:
    """Return the reason group of each column, so that several reasons have several subjects.

    Given groups come first, then metadata["reason_groups"], then the groups of the model's specification; a column
    in none of them belongs to the reason group that the catalogue gives it, else to its feature, whatever the window.
    With given groups the catalogue's are not asked.
    """
    chosen = _checked(groups) if groups is not None else _groups_of(metadata)
    descriptions = column_descriptions(metadata, columns)
    return {name: _reason_group_of(column, chosen, groups is None) for name, column in descriptions.items()}


def _checked(groups: ReasonGroups) -> ReasonGroups:
    """Refuse groups that are not names with lists of columns."""
    if isinstance(groups, Mapping) and all(not isinstance(g, str) and isinstance(g, Sequence) for g in groups.values()):
        return groups
    raise ConfigurationError(
        f"reason groups must map a name to a list of columns\n  given: {groups!r}\n"
        "  allowed: {'activity': ['events_*', 'minutes_30d']}"
    )


def _groups_of(metadata: Mapping[str, Any]) -> ReasonGroups:
    """Return the groups the model carries, or none."""
    spec = metadata.get("spec")
    reasons = spec.get("reasons") if isinstance(spec, Mapping) else None
    of_spec = reasons.get("groups") if isinstance(reasons, Mapping) else None
    for groups in (metadata.get("reason_groups"), of_spec):
        if isinstance(groups, Mapping) and groups:
            return {str(name): _patterns(group) for name, group in groups.items()}
    return {}


def _patterns(group: Any) -> list[str]:
    """Return the columns of a group, given as a list, as one name, or as a mapping with `columns`."""
    listed = group.get("columns", []) if isinstance(group, Mapping) else group
    return [listed] if isinstance(listed, str) else [str(pattern) for pattern in listed]


def _reason_group_of(column: ColumnDescription, groups: ReasonGroups, by_reason: bool) -> str:
    """Return the first group with the column, else the group of the catalogue, else its feature's name."""
    for name, patterns in groups.items():
        if any(fnmatchcase(column.column, pattern) for pattern in patterns):
            return name
    if by_reason and column.reason:
        return column.reason
    return column.feature or _WINDOW.sub("", column.column)
