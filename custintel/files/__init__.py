"""Files that are written whole or not at all, and files from others that are read within bounds.

Rooms above write results through `atomic_write`, so that a killed run or a full disk leaves the earlier result whole,
and through `append_only_file` where only lines are added (the log of a rule base). `file_lock` lets one process write
at a time, and `process_identity` tells which process left a temporary file behind. `keyed_seal` makes and verifies the
seal of a saved model. `yaml_reader` reads YAML that others wrote, and `spreadsheet_cells` escapes text that a
spreadsheet would run as a formula.

>>> import tempfile
>>> from pathlib import Path
>>> from custintel.files.atomic_write import atomic_file
>>> with tempfile.TemporaryDirectory() as folder:
...     path = Path(folder) / "scores.csv"
...     with atomic_file(path) as unfinished:
...         _ = unfinished.write_text("customer_id,score")
...         existed = path.exists()
...     existed, path.exists()
(False, True)
"""

from __future__ import annotations
