"""What is used: calls, SMS and data sessions of a month."""

from __future__ import annotations
