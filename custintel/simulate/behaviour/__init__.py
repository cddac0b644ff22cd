"""What customers do: stay or leave, complain, answer campaigns."""

from __future__ import annotations
