"""YAML with the line of every value, duplicate keys refused, nothing but plain values made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from custintel.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Located", "Plain", "read_yaml"]

Plain = str | int | float | bool | None


@dataclass(frozen=True)
class Located:
    """A value and the ``file:line`` it stands at: a scalar, a list of values, or a mapping of names to values."""

    value: Plain | list[Located] | dict[str, Located]
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


class _Scalars(yaml.SafeLoader):
    """Makes scalars only; dates stay text, so that no value surprises."""


_Scalars.yaml_implicit_resolvers = {
    sign: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for sign, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_yaml(text: str, file: str) -> tuple[Located | None, list[Problem]]:
    """Read one document.

    >>> found, problems = read_yaml("a: 1\\na: 2", "x.yaml")
    >>> found.mapping["a"].where, problems[0].wrong
    ('x.yaml:1', 'the key a is given twice')
    """
    loader = _Scalars(text)
    try:
        node = loader.get_single_node()
        problems: list[Problem] = []
        return (None if node is None else _located(loader, node, file, problems)), problems
    except yaml.YAMLError as error:
        return None, [_syntax_problem(error, file)]
    finally:
        loader.dispose()


def _syntax_problem(error: yaml.YAMLError, file: str) -> Problem:
    mark = getattr(error, "problem_mark", None)
    line = f":{mark.line + 1}" if mark else ""
    hint = "quote texts that contain ': ', '#' or start with a sign; indent with spaces"
    return Problem(f"{file}{line}", "not readable as YAML", str(getattr(error, "problem", error)), hint=hint)


def _located(loader: _Scalars, node: yaml.Node, file: str, problems: list[Problem]) -> Located:
    where = f"{file}:{node.start_mark.line + 1}"
    if isinstance(node, yaml.MappingNode):
        return Located(dict(_pairs(loader, node, file, problems)), where)
    if isinstance(node, yaml.SequenceNode):
        return Located([_located(loader, inner, file, problems) for inner in node.value], where)
    return Located(loader.construct_object(node), where)


def _pairs(
    loader: _Scalars, node: yaml.MappingNode, file: str, problems: list[Problem]
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
