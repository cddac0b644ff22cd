"""Commands that are imported when they are called: a page of help needs no pandas, DuckDB or scikit-learn.

A command is named here with the first sentence of its help, so that the list of commands can be shown without a single
one of them; a test sees that both are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group


@dataclass(frozen=True)
class CommandEntry:
    """Where a command is, and the first sentence of its help.

    Examples
    --------
    >>> entry = CommandEntry("_table_commands", "check", "Check tables.")
    >>> entry.load("check").name
    'check'
    """

    module: str
    name: str
    about: str

    def load(self, word: str) -> Any:
        """The command, as typer calls it, under the word that the user writes."""
        found = getattr(import_module(f"custintel.cli.{self.module}"), self.name)
        if not isinstance(found, typer.Typer):
            alone = typer.Typer(add_completion=False)
            alone.command(word)(found)
            return get_command(alone)
        group = get_group(found)
        group.name = word
        return group


class _Commands(MutableMapping[str, Any]):
    """Commands by their words; each is loaded when it is asked for."""

    def __init__(self, entries: dict[str, CommandEntry], loaded: dict[str, Any]) -> None:
        self._entries, self._loaded = entries, loaded

    def __getitem__(self, word: str) -> Any:
        if word not in self._loaded:
            self._loaded[word] = self._entries[word].load(word)
        return self._loaded[word]

    def __setitem__(self, word: str, command: Any) -> None:
        self._loaded[word] = command

    def __delitem__(self, word: str) -> None:
        raise TypeError("commands are not taken away")

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self._entries, *self._loaded]))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __contains__(self, word: object) -> bool:
        return word in self._entries or word in self._loaded

    def listed(self) -> dict[str, Any]:
        """All commands as a page of help shows them, without loading any."""
        named = {word: TyperCommand(word, help=entry.about) for word, entry in self._entries.items()}
        return {word: self._loaded.get(word) or named[word] for word in self}


class LazyGroup(TyperGroup):
    """A group of commands of which only the one that is called is imported."""

    entries: dict[str, CommandEntry]

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = _Commands(self.entries, dict(self.commands))

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The page of help, from the names and first sentences alone."""
        commands = self.commands
        self.commands = commands.listed() if isinstance(commands, _Commands) else commands
        try:
            super().format_help(ctx, formatter)
        finally:
            self.commands = commands
