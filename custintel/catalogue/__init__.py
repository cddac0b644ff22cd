"""What we can know about a customer: families of features, read from YAML, checked and explained."""

from __future__ import annotations

from custintel.catalogue._catalogue import Catalogue

__all__ = ["Catalogue"]
