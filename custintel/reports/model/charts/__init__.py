"""Charts of the model report, drawn as SVG: each takes facts of the JSON twin and returns HTML."""

from __future__ import annotations
