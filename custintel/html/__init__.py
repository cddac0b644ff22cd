"""Building blocks of offline pages: sections, tables, SVG drawings, chart axes, number formats, notebook display.

Functions take plain texts and numbers and return HTML or SVG as text. A finished page is one file that refers to
nothing outside and reads on paper and on a phone. This room knows nothing of models: whole pages are made in
`custintel.reports`.

>>> from custintel.html.number_format import percent
>>> from custintel.html.page import page, section, table
>>> rows = table([("", "plan"), ("n", "share")], [["S", percent(0.416)]])
>>> page("Plans", section("Plans", "Customers by plan.", rows), language="en").count("<td")
2
"""

from __future__ import annotations
