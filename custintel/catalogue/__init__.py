"""What we can know about a customer: families of features, read from YAML, checked and explained."""

from __future__ import annotations

from custintel.catalogue._catalogue import Catalogue
from custintel.catalogue._model_spec import ModelSpec, load_model_spec

__all__ = ["Catalogue", "ModelSpec", "load_model_spec"]
