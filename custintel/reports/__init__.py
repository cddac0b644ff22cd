"""Whole pages, offline and on paper: the model report and the page of the fraud desk."""

from __future__ import annotations

from custintel.reports.fraud_desk._desk_report import desk_report

__all__ = ["desk_report"]
