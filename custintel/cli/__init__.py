"""The command line: every command is a thin door to a public function."""

from __future__ import annotations
