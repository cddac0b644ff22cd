"""What the files of ``features/`` become: features inside families, and the entries (final columns) they expand to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from custintel.functions.function_registry import find_function

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from custintel.expressions.expression import Expression


Kind = Literal["window", "sequence", "gathered", "latest", "function", "derived"]
How = Literal["parts", "distinct", "apart", "function", "row"]
"""How a column is computed: added up from partial aggregates (``parts``) or from items counted once (``distinct``);
anew from the records of each window (``apart``: medians, rows beside the row before); by a ``function``; or from the
one ``row`` of a customer and date."""
ALL = "all"
"""The slice of all rows; it is implied in every family and left out of column names."""


@dataclass(frozen=True)
class SliceWords:
    """How a slice is said after a noun phrase (English) and before one (Chinese).

    Examples
    --------
    >>> SliceWords("at night", "夜间").about
    'at night'
    """

    about: str = ""
    about_zh: str = ""


@dataclass(frozen=True)
class Feature:
    """One named question; it becomes one column a slice and window.

    Attributes
    ----------
    name
        Name without slice and window.
    expression
        Aggregate expression (windowed families), row expression (families of the row in force or of a function), or
        an expression over finished features (derived).
    unit
        Unit of the value; ``category`` marks a column of strings, ``flag`` one of 0 and 1.
    missing
        What a missing result becomes: a number, or None when it stays missing.
    about, about_zh
        Short noun phrase, without the window.
    slices, windows
        Where and over how many days it is asked. Derived: the windows it is repeated over, empty when it is one column.
    sensitivity
        ``normal``, ``personal`` or ``sensitive``.
    where
        ``file:line`` of the definition.
    own_windows
        Whether the windows were given with the feature; one such window is not repeated in words.
    reason
        Its own reason group; empty when it has that of its family.

    Examples
    --------
    >>> from custintel.catalogue import Catalogue
    >>> (family,) = Catalogue.load(topics=["case_resolution"]).families
    >>> family.features[0].name, family.features[0].windows, family.features[0].missing
    ('resolved_cases', (180,), 0.0)
    """

    name: str
    expression: Expression
    unit: str
    missing: float | None
    about: str
    about_zh: str
    slices: tuple[str, ...]
    windows: tuple[int, ...]
    sensitivity: str
    where: str
    own_windows: bool = False
    reason: str = ""


@dataclass(frozen=True)
class Family:
    """Features that share one source table, one time column and one way of gathering.

    ``topic`` is the name of its file, and ``reason`` the reason group of its features, which is the topic by default.

    ``windows`` are the default of the features; each feature knows its own. ``columns`` are columns of the source
    that are not in its contract. ``function`` names the function that gives the columns; its main table is the source.
    ``previous`` are columns of the row before, which expressions read as ``previous_{column}``.

    Examples
    --------
    >>> from custintel.catalogue import Catalogue
    >>> (family,) = Catalogue.load(topics=["case_resolution"]).families
    >>> family.source, family.time, family.kind
    ('care', 'resolved_time', 'window')
    """

    name: str
    about: str
    about_zh: str
    source: str
    time: str
    join: Mapping[str, str]
    windows: tuple[int, ...]
    slices: Mapping[str, Expression]
    per: str | None
    gather: Mapping[str, Expression]
    kind: Literal["window", "sequence", "gathered", "latest", "function"]
    features: tuple[Feature, ...]
    derived: tuple[Feature, ...]
    where: str
    slice_words: Mapping[str, SliceWords] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    function: str = ""
    previous: tuple[str, ...] = ()
    topic: str = ""
    reason: str = ""

    @property
    def longest(self) -> int:
        """The longest window of its features in days; 0 without windows.

        >>> from custintel.catalogue import Catalogue
        >>> [family.longest for family in Catalogue.load(topics=["volumes", "current_plan"]).families]
        [0, 90]
        """
        return max((window for feature in self.features for window in feature.windows), default=0)

    def plain(self, columns: Iterable[str]) -> frozenset[str]:
        """Columns of its tables behind columns that are read: ``previous_cell_id`` is a ``cell_id``."""
        behind = {f"previous_{name}": name for name in self.previous}
        return frozenset(behind.get(name, name) for name in columns)

    @property
    def tables(self) -> tuple[str, ...]:
        """All tables it reads, the source first.

        >>> from custintel.catalogue import Catalogue
        >>> [family.tables for family in Catalogue.load(topics=["open_bills", "current_plan"]).families]
        [('subscriptions', 'plans'), ('bills', 'payments')]
        """
        function = find_function(self.function)
        read = tuple(one.table for one in function.reads) if function else ()
        return tuple(dict.fromkeys((self.source, *self.join, *read)))


@dataclass(frozen=True)
class Entry:
    """One final column of the feature table.

    ``expression`` is text; for a derived column the names in it are final column names, and entries are ordered so
    that a derived column comes after every column it reads.

    Examples
    --------
    >>> from custintel.catalogue import Catalogue
    >>> entry = Catalogue.load().entry("out_minutes_30d")
    >>> entry.feature, entry.slice, entry.window, entry.about
    ('minutes', 'out', 30, 'Minutes of calls going out, last 30 days')
    """

    column: str
    family: str
    feature: str
    window: int | None
    slice: str | None
    kind: Kind
    unit: str
    missing: float | None
    about: str
    about_zh: str
    sensitivity: str
    expression: str
    where: str
    how: How = "row"
    topic: str = ""
    reason: str = ""


def column_name(feature: str, slice_: str | None, window: int | None) -> str:
    """Name of a final column: ``{slice}_{name}_{window}d``, without what is absent.

    >>> column_name("events", "night", 30), column_name("events", "all", 7), column_name("tenure_days", None, None)
    ('night_events_30d', 'events_7d', 'tenure_days')
    """
    before = "" if slice_ in (None, ALL) else f"{slice_}_"
    after = "" if window is None else f"_{window}d"
    return f"{before}{feature}{after}"
