"""The catalogue: every family and every column it makes, read from ``features/`` and checked as a whole."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from custintel.catalogue._check_family import check_family
from custintel.catalogue._expand_columns import expand
from custintel.catalogue._feature_grammar import Reader, close_hint, read_family
from custintel.catalogue.feature_family import Entry, Family
from custintel.errors import Problem, raise_problems
from custintel.expressions.parse import parse
from custintel.files.yaml_reader import read_yaml, yaml_text
from custintel.functions.function_registry import registered_functions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from custintel.functions.function_registry import FeatureFunction


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Families of features, and the final columns they make.

    Examples
    --------
    >>> catalogue = Catalogue.load(families=["usage"])
    >>> [family.name for family in catalogue.families]
    ['usage']
    >>> catalogue.entry("out_events_30d").unit
    'events'
    """

    families: tuple[Family, ...]
    _entries: tuple[Entry, ...]
    left_out: tuple[tuple[str, str], ...] = ()

    @classmethod
    def load(cls, features_path: str | Path | None = None, families: Iterable[str] | None = None) -> Catalogue:
        """Read the shipped families, and those of a folder of your own.

        Parameters
        ----------
        features_path
            A folder of YAML files of the same grammar. A family there replaces the shipped family of the same
            name, whole; other families are added.
        families
            Names of the families wanted; all of them by default. Derived features that read a family which is not
            wanted are left out and listed in ``left_out``.

        Raises
        ------
        custintel.errors.ConfigurationError
            With every mistake of every file: where, what was given, what is allowed, and a hint.

        Examples
        --------
        >>> Catalogue.load(families=["usage", "biling"])
        Traceback (most recent call last):
            ...
        custintel.errors.ConfigurationError: 1 mistake found
          families: unknown family
            given: biling
            allowed: ..., billing, bursts, campaign_results, ...
            hint: did you mean billing or ...?
        """
        texts = tuple(yaml_texts("features", features_path))
        whole = _checked(texts, registered_functions())
        return whole if families is None else whole.select(families)

    def select(self, names: Iterable[str]) -> Catalogue:
        """The catalogue with some families only.

        >>> Catalogue.load().select(["contract"]).left_out[0]
        ('data_allowance_use', 'reads data_mb_30d of a family that is not loaded')
        """
        wanted = [names] if isinstance(names, str) else list(names)
        known = [family.name for family in self.families]
        problems = [_unknown_family(name, known) for name in wanted if name not in known]
        raise_problems(problems)
        kept = [e for e in self._entries if e.family in wanted]
        present, left_out = _computable(kept)
        return Catalogue(tuple(f for f in self.families if f.name in wanted), present, left_out)

    def match(self, columns: Iterable[str]) -> list[str]:
        """The columns of these names and patterns, each once, in the order given.

        >>> Catalogue.load().match(["tenure_days", "in_calls_*"])
        ['tenure_days', 'in_calls_30d', 'in_calls_90d']
        """
        wanted = [columns] if isinstance(columns, str) else list(columns)
        known = [entry.column for entry in self._entries]
        found = {pattern: [c for c in known if fnmatchcase(c, pattern)] for pattern in wanted}
        allowed = "columns of custintel features list, or patterns such as events_*"
        raise_problems(
            [Problem("columns", "unknown column", p, allowed, close_hint(p, known)) for p in wanted if not found[p]]
        )
        return list(dict.fromkeys(column for columns in found.values() for column in columns))

    def narrow(self, columns: Iterable[str]) -> Catalogue:
        """The catalogue with these columns (names or patterns) and those they read.

        >>> [entry.column for entry in Catalogue.load().narrow(["minutes_trend"]).entries()]
        ['minutes_30d', 'minutes_90d', 'minutes_trend']
        """
        wanted = set(self.match(columns))
        for entry in reversed(self._entries):  # a derived column stands behind all that it reads
            if entry.column in wanted and entry.kind == "derived":
                wanted |= parse(entry.expression).columns
        kept = tuple(entry for entry in self._entries if entry.column in wanted)
        families = {entry.family for entry in kept}
        return Catalogue(tuple(f for f in self.families if f.name in families), kept)

    def entries(self) -> tuple[Entry, ...]:
        """The final columns: base columns by family, then derived ones, each after the columns it reads.

        >>> Catalogue.load(families=["usage"]).entries()[0].column
        'events_7d'
        """
        return self._entries

    def entry(self, column: str) -> Entry:
        """The entry of one column.

        >>> Catalogue.load().entry("tenure_days").unit
        'd'
        """
        for entry in self._entries:
            if entry.column == column:
                return entry
        columns = [entry.column for entry in self._entries]
        raise_problems([Problem("catalogue", "unknown column", column, hint=close_hint(column, columns))])
        raise AssertionError

    def describe(self) -> pd.DataFrame:
        """One row a column: name, family, meaning, unit, missing, window, slice, expression.

        >>> rows = Catalogue.load().describe()
        >>> bool(rows["column"].is_unique)
        True
        """
        frame = pd.DataFrame([asdict(entry) for entry in self._entries], columns=list(Entry.__dataclass_fields__))
        return frame.astype({"window": "Int64", "missing": "Float64"})


def _unknown_family(name: str, known: Iterable[str]) -> Problem:
    return Problem("families", "unknown family", name, ", ".join(known), close_hint(name, known))


def _computable(entries: Iterable[Entry]) -> tuple[tuple[Entry, ...], tuple[tuple[str, str], ...]]:
    present: dict[str, Entry] = {}
    left_out = []
    for entry in entries:
        absent = parse(entry.expression).columns - set(present) if entry.kind == "derived" else frozenset[str]()
        if absent:
            left_out.append((entry.column, f"reads {', '.join(sorted(absent))} of a family that is not loaded"))
        else:
            present[entry.column] = entry
    return tuple(present.values()), tuple(left_out)


def yaml_texts(kind: str, folder: str | Path | None) -> Iterator[tuple[str, str]]:
    """Name and text of every YAML file: those shipped (``features`` or ``models``), then those of a folder."""
    shipped = files(f"custintel.catalogue.{kind}")
    for item in sorted(shipped.iterdir(), key=lambda item: item.name):
        if item.name.endswith(".yaml"):
            yield f"{kind}/{item.name}", item.read_text(encoding="utf-8")
    if folder is not None:
        yield from _own_texts(Path(folder))


def _own_texts(folder: Path) -> Iterator[tuple[str, str]]:
    if not folder.is_dir():
        raise_problems([Problem(str(folder), "not a folder", hint="give the folder that holds your YAML files")])
    for path in sorted((*folder.glob("*.yaml"), *folder.glob("*.yml"))):
        yield str(path), yaml_text(path)


@lru_cache(maxsize=16)
def _checked(texts: tuple[tuple[str, str], ...], functions: tuple[FeatureFunction, ...]) -> Catalogue:
    # keyed by the texts themselves, so that an edited file or function is never answered from the cache
    reader, found = Reader(), []
    for file, text in texts:
        family, problems = _read_file(file, text, functions)
        reader.problems.extend(problems)
        found += [] if family is None else [family]
    families = tuple(_merged(found, reader))
    entries = expand(families, reader)
    raise_problems(reader.problems)
    return Catalogue(families, entries)


@lru_cache(maxsize=256)
def _read_file(
    file: str, text: str, _functions: tuple[FeatureFunction, ...]
) -> tuple[Family | None, tuple[Problem, ...]]:
    """One family, checked by itself, and what is wrong with it."""
    document, problems = read_yaml(text, file)
    reader = Reader()
    reader.problems.extend(problems)
    if document is not None and document.mapping:
        family = read_family(document, reader)
        check_family(family, reader)
        return family, tuple(reader.problems)
    if not problems:
        wrong = "an empty file" if document is None else "not a mapping of keys"
        reader.wrong(document.where if document else file, wrong, allowed="family:, about:, source:, features:")
    return None, tuple(reader.problems)


def _merged(families: Iterable[Family], reader: Reader) -> Iterator[Family]:
    """A later folder's family replaces the shipped one of the same name; twice in one folder is a mistake."""
    found: dict[str, Family] = {}
    for family in families:
        other = found.get(family.name)
        if other is not None and family.name and _folder(other) == _folder(family):
            reader.wrong(family.where, "a family given twice", family.name, hint=f"also in {other.where}")
        found[family.name] = family
    yield from found.values()


def _folder(family: Family) -> str:
    return str(Path(family.where).parent)
