"""Adapters: every learner seen from the same door.

`train`, `score`, `report` and MLflow know no learner by name. What differs from one to the next (how it is made, what
it scores, how good it is, what it adds to the report) they ask of its adapter. `adapter` holds the protocol, `registry`
finds the adapter of a class, and every other module is the adapter of one learner.

>>> from custintel.adapters.registry import adapter_named
>>> from custintel.learners import TableClassifier
>>> [column.name for column in adapter_named("TableClassifier").columns(TableClassifier())]
['probability']
"""
