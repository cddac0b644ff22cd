"""Whole pages, offline and on paper: the model report and the page of the fraud desk."""

from __future__ import annotations

from custintel.reports.fraud_desk._desk_report import fraud_desk_report

__all__ = ["fraud_desk_report"]
