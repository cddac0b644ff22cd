"""The command line: every command is a thin door to a public function and leaves with an exit code.

``simulate``, ``check``, ``import`` and ``reidentify`` deal with tables, ``features`` with the catalogue, ``train``,
``report``, ``score`` and ``value`` with models, ``rules`` and ``alarms`` with rules, ``decide`` with offers. Options
have the names of the arguments of the functions: ``--as-of``, ``--id-column``, ``--random-state``, ``--store``.

>>> main(["--version"])
Traceback (most recent call last):
    ...
SystemExit: 0
"""

from __future__ import annotations

from custintel.cli._main import main as main  # the console script
