"""The built-in rules of ``models/rules/``, folders of rules in the same format, and the page that documents them.

>>> [rule.name for rule in builtin_rules("abuse")]
['subsidy_unused', 'topup_moved_on', 'goodwill_hunter']
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from custintel.catalogue import Catalogue
from custintel.errors import ConfigurationError, Problem, raise_problems
from custintel.files.yaml_reader import read_yaml_text
from custintel.rules._rule import Category, Rule
from custintel.rules.rule_files import rules_from_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from importlib.resources.abc import Traversable

    from custintel.rules._rule_base import RuleBase


_REASON = "built in"


def builtin_rules(category: Category | None = None, columns: Iterable[str] | None = None) -> list[Rule]:
    """The rules of ``models/rules/``: kinds of fraud, arrears and abuse with start values of their limits.

    Parameters
    ----------
    category : {"fraud", "arrears", "abuse"}, optional
        Only rules of this category.
    columns : iterable of str, optional
        Only rules that read nothing but these features, such as those that a warehouse can give
        (``FeatureBuilder().columns_of(wh)``).

    Returns
    -------
    list of Rule
        In the order of files and entries.

    Examples
    --------
    >>> [rule.name for rule in builtin_rules(columns=["max_lines_per_device", "minutes_30d"])]
    ['sim_bank']
    """
    if category is not None and category not in get_args(Category):
        raise_problems([Problem("builtin_rules", "unknown category", str(category), ", ".join(get_args(Category)))])
    folder = files("custintel.catalogue.models").joinpath("rules")
    known = None if columns is None else frozenset(columns)
    return [rule for rule in _of_folder(folder, "models/rules") if _wanted(rule, category, known)]


def load_rules(folder: str | Path) -> list[Rule]:
    """Rules of all YAML files of a folder, in the format of the built-in ones; all mistakes are listed at once.

    Parameters
    ----------
    folder : path
        A folder of ``.yaml`` files.

    Raises
    ------
    ConfigurationError
        When there is no such folder, for every mistake in its files, and for a name that two files use.

    Examples
    --------
    >>> import tempfile
    >>> text = "rules: {night_burst: {when: night_calls_7d > 80, about: Calls all night, about_zh: 整夜通话}}"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = Path(folder, "own.yaml").write_text(text, encoding="utf-8")
    ...     [rule.name for rule in load_rules(folder)]
    ['night_burst']
    """
    place = Path(folder)
    if not place.is_dir():
        raise_problems([Problem("load_rules", "no such folder", str(folder), "a folder of YAML files")])
    return _of_folder(place, str(folder))


def add_builtin_rules(
    base: RuleBase,
    at: str | datetime | None = None,
    columns: Iterable[str] | None = None,
    category: Category | None = None,
) -> None:
    """Make the built-in rules active in a base that does not have them yet; see `RuleBase.builtin`."""
    for rule in builtin_rules(category, columns):
        if rule.id not in base.entries:
            base.add(rule, by="custintel", reason=_REASON, at=at)
            base.shadow(rule.id, by="custintel", reason=_REASON, at=at)
            base.activate(rule.id, by="custintel", reason=_REASON, at=at)


def _wanted(rule: Rule, category: Category | None, columns: frozenset[str] | None) -> bool:
    return category in (None, rule.category) and (columns is None or rule.columns <= columns)


def _of_folder(folder: Path | Traversable, shown: str) -> list[Rule]:
    found: dict[str, Rule] = {}
    origin: dict[str, str] = {}
    problems: list[Problem] = []
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        if item.name.endswith(".yaml"):
            for rule in _of_file(item, f"{shown}/{item.name}", problems):
                problems += _twice(rule, item.name, origin)
                found[rule.name], origin[rule.name] = rule, item.name
    raise_problems(problems)
    return list(found.values())


def _of_file(item: Path | Traversable, shown: str, problems: list[Problem]) -> list[Rule]:
    try:
        text = read_yaml_text(item) if isinstance(item, Path) else item.read_text(encoding="utf-8")
        return rules_from_yaml(text, shown)
    except ConfigurationError as error:
        problems += error.problems
        return []


def _twice(rule: Rule, file: str, origin: dict[str, str]) -> list[Problem]:
    if rule.name not in origin:
        return []
    return [Problem(f"{file}: rule {rule.name}", "a name that another file uses", origin[rule.name])]


_HEAD = """\
# Built-in rules

Generated from `models/rules/*.yaml` (do not edit: `python docs/generate.py`). Amounts are in the operator's currency
unit `u`. Limits are start values, to be fitted to an operator with `custintel.rules.RuleMiner.fit_parameters`.
*Severity* goes from 1 (look when there is time) to 5 (stop now); *loss* is what a true case costs that is not stopped.
"""
_COLUMNS = ("rule", "kind", "meaning", "含义", "when", "action", "severity", "loss", "source")
_TITLES = {"fraud": "Fraud", "arrears": "Arrears", "abuse": "Abuse"}


def rules_markdown(rules: Iterable[Rule] | None = None) -> str:
    """Rules as a Markdown page, with their conditions in words; the built-in ones by default.

    Parameters
    ----------
    rules : iterable of Rule, optional
        Other rules.

    Examples
    --------
    >>> from custintel.rules import Rule
    >>> print(rules_markdown([Rule("long_calls", "minutes_30d > 6000", kind="sim_box")]).splitlines()[-1])
    | `long_calls` | sim_box |  |  | Minutes of calls, last 30 days more than 6000 |  | 3 | 0 |  |
    """
    given = builtin_rules() if rules is None else list(rules)
    names = {entry.column: entry.about for entry in Catalogue.load().entries()}
    parts = [_section(title, [r for r in given if r.category == key], names) for key, title in _TITLES.items()]
    return "\n".join([f"{_HEAD}\n{len(given)} rules.\n", *(part for part in parts if part)])


def _section(title: str, rules: list[Rule], names: Mapping[str, str]) -> str:
    head = f"| {' | '.join(_COLUMNS)} |\n{'|---' * len(_COLUMNS)}|\n"
    rows = "\n".join(_row(rule, names) for rule in rules)
    return f"## {title}\n\n{head}{rows}\n" if rules else ""


def _row(rule: Rule, names: Mapping[str, str]) -> str:
    cells = [
        f"`{rule.name}`", rule.kind, rule.about, rule.about_zh, rule.words(names), rule.action,
        str(rule.severity), f"{rule.loss:g}", rule.source,
    ]  # fmt: skip
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
