"""The command line: every command is a thin door to a public function."""

from __future__ import annotations

from custintel.cli._main import app, main

__all__ = ["app", "main"]
