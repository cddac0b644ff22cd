"""Who and where: people, their contact network, cells, movement and daily rhythm."""

from __future__ import annotations
