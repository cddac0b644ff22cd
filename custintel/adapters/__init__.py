"""Adapters: every learner seen from the same door.

`train`, `score`, `report` and MLflow know no learner by name. What differs from one to the next (how it is made, what
it scores, how good it is, what it adds to the report) they ask of its adapter. `adapter` holds the protocol, and
`registry` finds the adapter of a class. Every learner has a module of its own; what goes in are rows of features with
their answers, what comes out are scored columns, metrics with intervals and sections of the report.

>>> from custintel.adapters.registry import adapter_named
>>> from custintel.learners import TableClassifier
>>> [column.name for column in adapter_named("TableClassifier").columns(TableClassifier())]
['probability']
"""
