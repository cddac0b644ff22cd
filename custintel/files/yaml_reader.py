"""The one reader of YAML that others wrote: plain values with their lines, and nothing that grows out of bounds.

Keys given twice, references (``*name``) and types (``!name``) are refused, and so is a document that is too long,
nested too deeply or of too many values: a few lines of references inside references stand for billions of values.
Whole numbers have up to 64 bits, and ``1:30`` is a text, not ninety.

>>> read_yaml("a: &x [1, 2]\\nb: *x", "x.yaml")[1][0].wrong
'a reference (*name) instead of a value'
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from custintel.errors import Problem, raise_problems

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path


MAX_CHARACTERS = 500_000
"""Most characters of a document; those that ship have up to 21,000."""

MAX_DEPTH = 20
"""Most levels of lists and mappings; those that ship have up to 5."""

MAX_VALUES = 20_000
"""Most keys and values of a document; those that ship have up to 2,100."""

Scalar = str | int | float | bool | None


@dataclass(frozen=True)
class Located:
    """A value and the ``file:line`` it stands at: a scalar, a list of values, or a mapping of names to values."""

    value: Scalar | list[Located] | dict[str, Located]
    where: str

    @property
    def mapping(self) -> dict[str, Located]:
        """The value as a mapping; empty if it is none."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> list[Located]:
        """The value as a list; a scalar is a list of one."""
        if isinstance(self.value, list):
            return self.value
        return [] if self.value is None or isinstance(self.value, dict) else [self]

    def plain(self) -> object:
        """The value without lines."""
        if isinstance(self.value, dict):
            return {name: inner.plain() for name, inner in self.value.items()}
        if isinstance(self.value, list):
            return [inner.plain() for inner in self.value]
        return self.value


class _NotAllowedError(yaml.YAMLError):
    """What is YAML, but not allowed here."""

    def __init__(self, wrong: str, event: yaml.Event, allowed: str) -> None:
        super().__init__(wrong)
        self.wrong, self.line, self.allowed = wrong, event.start_mark.line + 1, allowed  # type: ignore[union-attr]


class _ScalarLoader(yaml.SafeLoader):
    """Makes scalars only; dates stay text, so that no value surprises."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = self.values = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """The next node, after a look at whether it is allowed."""
        self.depth, self.values = self.depth + 1, self.values + 1
        self._check(self.peek_event())  # type: ignore[no-untyped-call]
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def _check(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.AliasEvent):
            raise _NotAllowedError("a reference (*name) instead of a value", event, "plain values, written out")
        if getattr(event, "tag", None):
            raise _NotAllowedError("a type (!name) before a value", event, "plain values")
        if self.depth > MAX_DEPTH:
            raise _NotAllowedError("a document nested too deeply", event, f"{MAX_DEPTH} levels")
        if self.values > MAX_VALUES:
            raise _NotAllowedError("a document of too many values", event, f"{MAX_VALUES:,} keys and values")


def _without_base_60(tag: str, pattern: re.Pattern[str]) -> re.Pattern[str]:
    """The pattern of a number without that of 1:30, which means ninety to YAML and a time to everybody else."""
    if tag not in _NUMBERS:
        return pattern
    return re.compile(rf"(?!.*:){pattern.pattern}", pattern.flags)


_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_ScalarLoader.yaml_implicit_resolvers = {
    sign: [(tag, _without_base_60(tag, pattern)) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for sign, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_yaml(text: str, file: str) -> tuple[Located | None, list[Problem]]:
    """Read one document.

    Parameters
    ----------
    text : str
        The document.
    file : str
        Where it stands, for messages.

    Returns
    -------
    tuple of Located or None, and list of Problem
        What it says (None when it is empty or cannot be read), and what is wrong with it.

    Examples
    --------
    >>> found, problems = read_yaml("a: 1\\na: 2", "x.yaml")
    >>> found.mapping["a"].where, problems[0].wrong
    ('x.yaml:1', 'the key a is given twice')
    """
    found, problems = _read(text, file, lambda loader: [loader.get_single_node()])
    return (found[0] if found else None), problems


def read_yaml_documents(text: str, file: str) -> tuple[list[Located], list[Problem]]:
    """Read a file of several documents, separated by lines of ``---``; empty ones are left out.

    Parameters
    ----------
    text : str
        The documents.
    file : str
        Where they stand, for messages.

    Returns
    -------
    tuple of list of Located, and list of Problem
        What they say (nothing when the file cannot be read), and what is wrong with it.

    Examples
    --------
    >>> found, problems = read_yaml_documents("a: 1\\n---\\na: 2", "x.yaml")
    >>> [document.mapping["a"].where for document in found], problems
    (['x.yaml:1', 'x.yaml:3'], [])
    """
    return _read(text, file, _nodes)


def _nodes(loader: _ScalarLoader) -> Iterator[yaml.Node | None]:
    while loader.check_node():
        yield loader.get_node()


def _read(
    text: str, file: str, nodes: Callable[[_ScalarLoader], Iterable[yaml.Node | None]]
) -> tuple[list[Located], list[Problem]]:
    if len(text) > MAX_CHARACTERS:
        allowed = f"{MAX_CHARACTERS:,} characters"
        return [], [Problem(file, f"a document of {len(text):,} characters", allowed=allowed)]
    problems: list[Problem] = []
    try:
        loader = _ScalarLoader(text)
        try:
            found = [_located(loader, node, file, problems) for node in nodes(loader) if node is not None]
            return [document for document in found if document.value is not None], problems
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        return [], [_syntax_problem(error, file)]


def read_plain_yaml(text: str, file: str) -> object:
    """What a document says, without lines.

    Parameters
    ----------
    text : str
        The document.
    file : str
        Where it stands, for messages.

    Raises
    ------
    ConfigurationError
        When it cannot be read, or holds what is not allowed.

    Examples
    --------
    >>> read_plain_yaml("budget: 5000\\noffers: {sms: {capacity: 100}}", "limits.yaml")
    {'budget': 5000, 'offers': {'sms': {'capacity': 100}}}
    """
    found, problems = read_yaml(text, file)
    raise_problems(problems)
    return None if found is None else found.plain()


def read_yaml_text(path: Path) -> str:
    """The text of a file, unless it is too long or no text.

    Raises
    ------
    ConfigurationError
        When the file is larger than any document may be, or not UTF-8.
    """
    size = path.stat().st_size
    if size > 4 * MAX_CHARACTERS:
        raise_problems([Problem(str(path), f"a document of {size:,} bytes", allowed=f"{MAX_CHARACTERS:,} characters")])
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        wrong = f"not text in UTF-8 (byte {error.start + 1})"
        raise_problems([Problem(str(path), wrong, hint="save the file as UTF-8")])
        raise


def _syntax_problem(error: yaml.YAMLError, file: str) -> Problem:
    if isinstance(error, _NotAllowedError):
        return Problem(f"{file}:{error.line}", error.wrong, allowed=error.allowed)
    mark = getattr(error, "problem_mark", None)
    line = f":{mark.line + 1}" if mark else ""
    hint = "quote texts that contain ': ', '#' or start with a sign; indent with spaces"
    return Problem(f"{file}{line}", "not readable as YAML", str(getattr(error, "problem", error)), hint=hint)


def _located(loader: _ScalarLoader, node: yaml.Node, file: str, problems: list[Problem]) -> Located:
    where = f"{file}:{node.start_mark.line + 1}"
    if isinstance(node, yaml.MappingNode):
        return Located(dict(_pairs(loader, node, file, problems)), where)
    if isinstance(node, yaml.SequenceNode):
        return Located([_located(loader, inner, file, problems) for inner in node.value], where)
    return Located(_scalar(loader, node, where, problems), where)


def _scalar(loader: _ScalarLoader, node: yaml.Node, where: str, problems: list[Problem]) -> Scalar:
    try:
        value: Scalar = loader.construct_object(node)
    except (ValueError, OverflowError):  # digits beyond what Python reads as a number
        problems.append(Problem(where, "not a number", str(node.value)[:40], hint="quote it if it is a text"))
        return None
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        hint = "quote it if it is a text, such as the number of a customer"
        problems.append(Problem(where, "a whole number of more than 64 bits", str(node.value)[:40], hint=hint))
        return None
    return value


def _pairs(
    loader: _ScalarLoader, node: yaml.MappingNode, file: str, problems: list[Problem]
) -> Iterator[tuple[str, Located]]:
    seen: dict[str, int] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        name = str(key.value)
        if name in seen:
            hint = f"first given in line {seen[name]}: rename or remove one"
            problems.append(Problem(f"{file}:{line}", f"the key {name} is given twice", hint=hint))
            continue
        seen[name] = line
        inner = _located(loader, value, file, problems)
        yield name, Located(inner.value, f"{file}:{line}")
