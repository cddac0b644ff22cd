"""The report of one model: what it is good for, how good it is, what drives it, and where it comes from.

An `Evaluation` (a model beside rows that it has not seen) goes in. The facts are computed first and form the JSON twin;
the page is drawn from the twin alone, so that it can be drawn again later. ``_*_facts`` compute, ``_*_charts`` draw,
``_*_sections`` arrange. Groups of few customers are merged, and no customer is named.
"""

from __future__ import annotations
