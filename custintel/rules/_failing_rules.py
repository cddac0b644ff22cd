"""Rules that cannot be answered: they are set aside and reported, and the others still answer."""

from __future__ import annotations

import warnings
from difflib import get_close_matches
from typing import TYPE_CHECKING, TypeVar

import pandas as pd

from custintel.errors import CustintelError, DataError, QualityWarning

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping


_Frame = TypeVar("_Frame", pd.DataFrame, pd.Series)
_SHOWN = 8


def reason_without_data(error: Exception) -> str:
    """Why a rule fails, without any value of the data."""
    return str(error).splitlines()[0] if isinstance(error, CustintelError) else type(error).__name__


def missing_columns_text(read: Iterable[str], known: Collection[str]) -> str:
    """Which columns a table does not have, with those that are meant perhaps; nothing when all are there.

    >>> missing_columns_text(["minuts", "cells"], ["minutes", "cells"])
    'the table has no column minuts (did you mean minutes?)'
    """
    absent = sorted(set(read) - set(known))
    if not absent:
        return ""
    close = {name: get_close_matches(name, known, n=1) for name in absent[:_SHOWN]}
    names = [f"{name} (did you mean {found[0]}?)" if found else name for name, found in close.items()]
    return f"the table has no column {', '.join(names)}{', ...' if len(absent) > _SHOWN else ''}"


def check_any_rule_works(aside: Mapping[str, str], rules: int) -> None:
    """Raise `DataError` when all rules were set aside: then the table is wrong, not the rules."""
    if aside and len(aside) == rules:
        hint = "build the features that rules read with FeatureBuilder(columns=base.features())"
        raise DataError(f"no rule can be answered\n{_listed(aside)}\n  hint: {hint}")


def report_failing_rules(found: _Frame, aside: Mapping[str, str]) -> _Frame:
    """A result that names the rules that were set aside in ``attrs["set_aside"]``, and a warning about them."""
    if aside:
        found.attrs["set_aside"] = dict(aside)
        warn_of_failing_rules(aside)
    return found


def warn_of_failing_rules(aside: Mapping[str, str]) -> None:
    """Say which rules were set aside, if any were."""
    if aside:
        text = f"{len(aside)} rule(s) cannot be answered and are set aside; the others are\n{_listed(aside)}"
        warnings.warn(text, QualityWarning, stacklevel=5)


def _listed(aside: Mapping[str, str]) -> str:
    lines = [f"  {id_}: {reason}" for id_, reason in list(aside.items())[:_SHOWN]]
    more = len(aside) - len(lines)
    return "\n".join([*lines, *([f"  and {more} more"] if more else [])])
