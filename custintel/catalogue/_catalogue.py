"""The catalogue: every family and every column it makes, read from ``features/`` and checked as a whole."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from importlib.resources import files
from itertools import takewhile
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import pandas as pd

from custintel.catalogue._check_family import check_family
from custintel.catalogue._expand_columns import expand
from custintel.catalogue._feature_grammar import Reader, read_family
from custintel.catalogue._reason_groups import REASONS_FILE, ReasonGroup, check_reasons, read_groups
from custintel.catalogue.feature_family import Entry, Family
from custintel.contracts.own_contracts import known_tables
from custintel.errors import Problem, close_hint, raise_problems
from custintel.expressions.parse import parse
from custintel.files.yaml_reader import read_yaml_documents, read_yaml_text
from custintel.functions.function_registry import registered_functions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from custintel.contracts.table_contracts import TableContract
    from custintel.functions.function_registry import FeatureFunction


_FAMILY = "family:, about:, source:, features:"


@dataclass(frozen=True, eq=False)
class Catalogue:
    """What can be known about a customer: topics, their families of features, and the columns these make.

    A topic is one file of ``features/`` and bears its name; a family is one of its ``---``-separated parts.

    Attributes
    ----------
    families : tuple of Family
        The families, topic by topic.
    left_out : tuple of (str, str)
        Derived columns that cannot be computed from the families loaded, and why.
    reasons : mapping of str to ReasonGroup
        The reason groups that columns belong to, in words, with the default action.
    topics_about : mapping of str to str
        What each topic is about: the comment that opens its file.

    Examples
    --------
    >>> catalogue = Catalogue.load(topics=["usage"])
    >>> [family.name for family in catalogue.families]
    ['volumes', 'data_use', 'international', 'roaming']
    >>> catalogue.entry("out_events_30d").unit, catalogue.entry("out_events_30d").reason
    ('events', 'usage')
    """

    families: tuple[Family, ...]
    _entries: tuple[Entry, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    reasons: Mapping[str, ReasonGroup] = field(default_factory=dict)
    topics_about: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, features_path: str | Path | None = None, topics: Iterable[str] | None = None) -> Catalogue:
        """Read the shipped topics, and those of a folder of your own.

        Parameters
        ----------
        features_path : str or path, optional
            A folder of YAML files of the same grammar. A family there replaces the shipped family of the same
            name, whole, and stays in its topic; other families are added to the topic that the file is named after.
            Its ``reasons.yaml`` adds or replaces reason groups.
        topics : list of str, optional
            Topics wanted, such as ``usage``, or single families, such as ``volumes``; all by default. A name stands
            for the topic and for the family of that name. Derived features that read a family which is not wanted are
            left out and listed in ``left_out``.

        Raises
        ------
        custintel.errors.ConfigurationError
            With every mistake of every file: where, what was given, what is allowed, and a hint.

        Examples
        --------
        >>> Catalogue.load(topics=["usage", "biling"])
        Traceback (most recent call last):
            ...
        custintel.errors.ConfigurationError: 1 mistake found
          topics: unknown topic or family
            given: biling
            allowed: billing, campaigns, care, ...
            hint: did you mean billing...?
        """
        texts = tuple(yaml_texts("features", features_path))
        whole = _checked(texts, registered_functions(), tuple(known_tables().values()))
        return whole if topics is None else whole.select(topics)

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics of its families, in order.

        Examples
        --------
        >>> Catalogue.load(topics=["care", "volumes"]).topics
        ('care', 'usage')
        """
        return tuple(dict.fromkeys(family.topic for family in self.families))

    def select(self, names: Iterable[str]) -> Catalogue:
        """The catalogue with some topics or families only.

        Examples
        --------
        >>> Catalogue.load().select(["contract"]).left_out[0]
        ('data_allowance_use', 'reads data_mb_30d of a family that is not loaded')
        """
        wanted = [names] if isinstance(names, str) else list(names)
        known = [*self.topics, *(family.name for family in self.families)]
        problems = [_unknown_name(name, known) for name in wanted if name not in known]
        raise_problems(problems)
        families = tuple(f for f in self.families if f.topic in wanted or f.name in wanted)
        kept = {family.name for family in families}
        present, left_out = _computable([e for e in self._entries if e.family in kept])
        return replace(self, families=families, _entries=present, left_out=left_out)

    def match(self, columns: Iterable[str]) -> list[str]:
        """The columns of these names and patterns, each once, in the order given.

        Examples
        --------
        >>> Catalogue.load().match(["tenure_days", "in_calls_*"])
        ['tenure_days', 'in_calls_30d', 'in_calls_90d']
        """
        wanted = [columns] if isinstance(columns, str) else list(columns)
        known = dict.fromkeys(entry.column for entry in self._entries)
        # a model asks for hundreds of plain names: matching each with each took longer than planning the features
        found = {p: [p] if p in known else [c for c in known if fnmatchcase(c, p)] for p in wanted}
        allowed = "columns of custintel features list, or patterns such as events_*"
        raise_problems(
            [Problem("columns", "unknown column", p, allowed, close_hint(p, known)) for p in wanted if not found[p]]
        )
        return list(dict.fromkeys(column for columns in found.values() for column in columns))

    def narrow(self, columns: Iterable[str]) -> Catalogue:
        """The catalogue with these columns (names or patterns) and those they read.

        Examples
        --------
        >>> [entry.column for entry in Catalogue.load().narrow(["minutes_trend"]).entries()]
        ['minutes_30d', 'minutes_90d', 'minutes_trend']
        """
        wanted = set(self.match(columns))
        for entry in reversed(self._entries):  # a derived column stands behind all that it reads
            if entry.column in wanted and entry.kind == "derived":
                wanted |= parse(entry.expression).columns
        kept = tuple(entry for entry in self._entries if entry.column in wanted)
        families = {entry.family for entry in kept}
        return replace(self, families=tuple(f for f in self.families if f.name in families), _entries=kept, left_out=())

    def entries(self) -> tuple[Entry, ...]:
        """The final columns: base columns by family, then derived ones, each after the columns it reads.

        Examples
        --------
        >>> Catalogue.load(topics=["usage"]).entries()[0].column
        'events_7d'
        """
        return self._entries

    def entry(self, column: str) -> Entry:
        """The entry of one column.

        Examples
        --------
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

        Examples
        --------
        >>> rows = Catalogue.load().describe()
        >>> bool(rows["column"].is_unique)
        True
        """
        frame = pd.DataFrame([asdict(entry) for entry in self._entries], columns=list(Entry.__dataclass_fields__))
        return frame.astype({"window": "Int64", "missing": "Float64"})


def _unknown_name(name: str, known: Iterable[str]) -> Problem:
    return Problem("topics", "unknown topic or family", name, ", ".join(known), close_hint(name, known))


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
        yield str(path), read_yaml_text(path)


@lru_cache(maxsize=16)
def _checked(
    texts: tuple[tuple[str, str], ...],
    functions: tuple[FeatureFunction, ...],
    contracts: tuple[TableContract, ...],
) -> Catalogue:
    # keyed by the texts themselves, so that an edited file, function or contract is never answered from the cache
    reader, found, groups = Reader(), list[Family](), dict[str, ReasonGroup]()
    for file, text in texts:
        if PurePath(file).name == REASONS_FILE:
            groups |= _read_reasons(file, text, reader)
            continue
        families, problems = _read_file(file, text, functions, contracts)
        reader.problems.extend(problems)
        found += families
    merged = tuple(_by_topic(_merged(found, reader)))
    entries = expand(merged, reader)
    reasons = check_reasons(entries, groups, reader)
    raise_problems(reader.problems)
    about = {PurePath(file).stem: _opening_comment(text) for file, text in reversed(texts)}  # the shipped one stays
    return Catalogue(merged, entries, reasons=reasons, topics_about=about)


def _opening_comment(text: str) -> str:
    lines = takewhile(lambda line: line.startswith("#"), text.splitlines())
    return " ".join(line.lstrip("# ") for line in lines if not line.startswith("# yaml-language-server"))


def _read_reasons(file: str, text: str, reader: Reader) -> dict[str, ReasonGroup]:
    documents, problems = read_yaml_documents(text, file)
    reader.problems.extend(problems)
    return read_groups(documents, reader)


@lru_cache(maxsize=256)
def _read_file(
    file: str, text: str, _functions: tuple[FeatureFunction, ...], _contracts: tuple[TableContract, ...]
) -> tuple[tuple[Family, ...], tuple[Problem, ...]]:
    """The families of one file, each checked by itself, and what is wrong with them."""
    documents, problems = read_yaml_documents(text, file)
    reader, topic = Reader(), PurePath(file).stem
    reader.problems.extend(problems)
    if not documents and not problems:
        reader.wrong(file, "an empty file", allowed=_FAMILY)
    families = []
    for document in documents:
        if not document.mapping:
            reader.wrong(document.where, "not a mapping of keys", allowed=_FAMILY)
            continue
        families.append(read_family(document, reader, topic))
        check_family(families[-1], reader)
    return tuple(families), tuple(reader.problems)


def _merged(families: Iterable[Family], reader: Reader) -> Iterator[Family]:
    """A later folder's family replaces the shipped one of the same name; twice in one folder is a mistake."""
    found: dict[str, Family] = {}
    for family in families:
        other = found.get(family.name)
        if other is not None and family.name and _folder(other) == _folder(family):
            reader.wrong(family.where, "a family given twice", family.name, hint=f"also in {other.where}")
        found[family.name] = family if other is None else _in_place_of(other, family)
    yield from found.values()


def _in_place_of(other: Family, family: Family) -> Family:
    """A family that replaces another stays in its topic, and has its reason group unless it names one."""
    reason = other.reason if family.reason == family.topic else family.reason
    return replace(family, topic=other.topic, reason=reason)


def _by_topic(families: Iterable[Family]) -> list[Family]:
    """The families topic by topic: one that a folder of your own adds to a topic stands with the others."""
    listed = list(families)
    topics = list(dict.fromkeys(family.topic for family in listed))
    return sorted(listed, key=lambda family: topics.index(family.topic))


def _folder(family: Family) -> str:
    return str(Path(family.where).parent)
