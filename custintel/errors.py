"""Errors that teach: what was wrong, what was given, what is allowed, what to do.

Every error of the library derives from `CustintelError`. Mistakes of a configuration are collected as `Problem`
objects and raised once:

>>> problems = [Problem("usage.yaml:7", "unknown function", "foo(x)", "abs, count, ...", "check the spelling")]
>>> raise_problems(problems)
Traceback (most recent call last):
    ...
custintel.errors.ConfigurationError: 1 mistake found
  usage.yaml:7: unknown function
    given: foo(x)
    allowed: abs, count, ...
    hint: check the spelling
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "ConfigurationError",
    "ContractError",
    "CustintelError",
    "DataError",
    "LeakageWarning",
    "MissingExtraError",
    "ModelError",
    "QualityWarning",
]


_SHOWN = 3
_MOST_LISTED = 50  # mistakes in the text of one error; more of them nobody reads
_QUOTED = re.compile(r"'[^']*'")


class CustintelError(Exception):
    """Base of all errors of the library.

    Examples
    --------
    >>> try:
    ...     raise DataError("the table has no rows")
    ... except CustintelError as error:
    ...     print(type(error).__name__, error)
    DataError the table has no rows
    """


class ConfigurationError(CustintelError, ValueError):
    """A catalogue, model, mapping or argument is wrong; all mistakes are listed.

    Examples
    --------
    >>> try:
    ...     raise_problems([Problem("share", "not a share", "5", "0 to 1")])
    ... except ConfigurationError as error:
    ...     print([problem.where for problem in error.problems])
    ['share']
    """

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class ContractError(CustintelError, ValueError):
    """A table cannot be used at all: a required table or column is missing, or nothing in it is readable.

    Examples
    --------
    >>> from custintel import Warehouse
    >>> import pandas as pd
    >>> try:
    ...     Warehouse.from_frames(bills=pd.DataFrame({"amount": [20.0]}))
    ... except ContractError as error:
    ...     print(str(error).splitlines()[0])
    the tables do not meet their contracts: 3 problems
    """


class DataError(CustintelError, ValueError):
    """The data do not allow what was asked (empty table, single class, missing column at scoring).

    Examples
    --------
    >>> from custintel.metrics import ks_score
    >>> try:
    ...     ks_score([1, 1], [0.2, 0.9])
    ... except DataError as error:
    ...     print(str(error).splitlines()[0])
    all 2 outcomes are 1: a ranking needs both outcomes to be measured
    """


class DateError(DataError):
    """An as-of date that the data cannot answer."""


class ModelError(CustintelError, ValueError):
    """A model artifact is missing, damaged, or does not fit.

    Examples
    --------
    >>> from custintel import load_model
    >>> try:
    ...     load_model("no/such/folder")
    ... except ModelError as error:
    ...     print(str(error).splitlines()[0])
    no model in no/such/folder: model.json is not there
    """


class OutputError(CustintelError, OSError):
    """A result cannot be written: a full disk, a read-only place, a path that leads nowhere."""


class MissingExtraError(CustintelError, ImportError):
    """An optional dependency is not installed.

    Examples
    --------
    >>> print(MissingExtraError("mlflow", "train", "tracking"))
    tracking needs the package 'mlflow', which is not installed.
      hint: pip install 'custintel[train]'
    """

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package {package!r}, which is not installed.\n"
            f"  hint: pip install 'custintel[{extra}]'"
        )


class LeakageWarning(UserWarning):
    """A column looks like a consequence of the label.

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", LeakageWarning)  # stop rather than learn from the future
    """


class QualityWarning(UserWarning):
    """Data were set aside, or a result rests on less than it seems.

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as told:
    ...     warnings.simplefilter("always", QualityWarning)
    ...     warnings.warn("2 of 9 rows were set aside", QualityWarning, stacklevel=1)
    >>> [str(one.message) for one in told]
    ['2 of 9 rows were set aside']
    """


@dataclass(frozen=True)
class Problem:
    """One mistake: where, what was wrong, what was given, what is allowed, what to do."""

    where: str
    wrong: str
    given: str = ""
    allowed: str = ""
    hint: str = ""

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.wrong}"]
        facts = (("given", self.given), ("allowed", self.allowed), ("hint", self.hint))
        lines += [f"  {name}: {text}" for name, text in facts if text]
        return "\n".join(lines)


def raise_problems(problems: Sequence[Problem]) -> None:
    """Raise one `ConfigurationError` that lists the problems, 50 at most; `problems` of the error holds all.

    Does nothing when there are none.
    """
    if not problems:
        return
    count = f"{len(problems)} mistake{'s' if len(problems) > 1 else ''} found"
    body = "\n".join("  " + line for p in problems[:_MOST_LISTED] for line in str(p).splitlines())
    more = len(problems) - _MOST_LISTED
    rest = f"\n  ... and {more} more: put these right first" if more > 0 else ""
    raise ConfigurationError(f"{count}\n{body}{rest}", problems)


def close_hint(name: str, known: Iterable[str]) -> str:
    """``did you mean ...?``, or nothing.

    >>> close_hint("usge", ["usage", "bills"])
    'did you mean usage?'
    """
    names = list(known)
    found = get_close_matches(name, names, n=3, cutoff=0.6) or [n for n in names if name and n.startswith(name)][:3]
    return f"did you mean {' or '.join(found)}?" if found else ""


def rows_at(flags: Iterable[object]) -> str:
    """How many rows are meant and where they stand: an error names no customer, and shows no value of one.

    >>> rows_at([False, True, True, False, True, True])
    '4 rows, at positions 1, 2, 4, ... (the first row is 0)'
    """
    places = [place for place, flag in enumerate(flags) if flag]
    shown = ", ".join(map(str, places[:_SHOWN])) + (", ..." if len(places) > _SHOWN else "")
    many = len(places) != 1
    return f"{len(places)} row{'s' * many}, at position{'s' * many} {shown} (the first row is 0)"


def without_values(error: BaseException) -> str:
    """What an engine says, without the values and lines of data that it quotes.

    >>> without_values(ValueError("Could not convert string 'Mr Smith' to DOUBLE\\nLine: 7,Mr Smith"))
    "Could not convert string '...' to DOUBLE"
    """
    first = (str(error).splitlines() or [""])[0]
    return _QUOTED.sub("'...'", first)
