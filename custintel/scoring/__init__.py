"""Batch scoring: atomic, with reasons in words; repeatable to the last digit with one thread."""

from __future__ import annotations

from custintel.scoring._score import score
from custintel.scoring._write import check_writable, write_list

__all__ = ["check_writable", "score", "write_list"]
