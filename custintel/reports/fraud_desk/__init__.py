"""The report of the fraud desk for one month: cases to look at, alarms, precision of rules, and what was learned.

In come a rule base, alarms, cases and outcomes; out come plain facts (JSON) and one page of HTML that needs nothing
from outside. `_desk_data` brings what is given into one shape, `_desk_facts` computes the facts, `_desk_sections` and
`_desk_page` draw the page from the facts alone, and `_desk_report` is the public function.

>>> from custintel.reports.fraud_desk._desk_facts import verdict
>>> verdict({"closed": 40, "precision": 0.6, "high": 0.74}, stated=0.9)
'below'
"""

from __future__ import annotations
