"""What we can know about a customer: families of features, read from YAML, checked and explained."""

from __future__ import annotations

from custintel.catalogue._card import column_card
from custintel.catalogue._catalogue import Catalogue
from custintel.catalogue._dictionary import dictionary_markdown
from custintel.catalogue._entries import ALL, Entry, Family, Feature, How, Kind, SliceWords, column_name
from custintel.catalogue._model_spec import ModelSpec, load_model_spec
from custintel.catalogue._schema import features_schema
from custintel.plain_yaml import read_yaml

__all__ = [
    "ALL",
    "Catalogue",
    "Entry",
    "Family",
    "Feature",
    "How",
    "Kind",
    "ModelSpec",
    "SliceWords",
    "column_card",
    "column_name",
    "dictionary_markdown",
    "features_schema",
    "load_model_spec",
    "read_yaml",
]
