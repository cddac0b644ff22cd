"""Building blocks of offline pages: the frame, tables, SVG drawings, and notebook display. Knows nothing of models."""

from __future__ import annotations
