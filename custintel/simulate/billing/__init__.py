"""What it costs: plans, rating, bills, payments, arrears, prepaid balances."""

from __future__ import annotations
