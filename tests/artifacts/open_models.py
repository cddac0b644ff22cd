"""A process that opens and uses models, each in a child of its own: ``python open_models.py < folders``.

For every folder on stdin one line of JSON on stdout: used, refused (when it was opened), told (a clear error when it
was used), or what went wrong: nonsense, error, crash, hang.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import warnings
from contextlib import suppress
from importlib import import_module

import numpy as np
from saved_kinds import use

import custintel.scoring
from custintel.artifact import load_model
from custintel.errors import CustintelError, ModelError

with suppress(ImportError):  # once, not in each child
    import_module("custintel.learners.saved_state_schemas")

_SECONDS = 20
_MEMORY = 4 * 2**30
_CODES = {0: "used", 3: "refused", 4: "told", 5: "nonsense", 6: "error"}


def _in_child(folder: str) -> int:
    signal.alarm(_SECONDS)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")
    try:
        model = load_model(folder)
    except ModelError as error:
        print(error, file=sys.stderr)
        return 3
    try:
        found = use(model)
    except (CustintelError, ValueError) as error:
        # a column that was given another name is one that the table lacks; scikit-learn says so itself
        known = isinstance(error, CustintelError) or "feature names should match" in str(error)
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 4 if known else 6
    except AssertionError as error:
        print(error, file=sys.stderr)
        return 5
    if all(np.isfinite(one).all() for one in found):
        return 0
    print("numbers that are none", file=sys.stderr)
    return 5


def _judged(folder: str) -> dict[str, str]:
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.dup2(write, 2)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 6
        try:
            code = _in_child(folder)
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
        sys.stderr.flush()
        os._exit(code)
    os.close(write)
    with os.fdopen(read, errors="replace") as told:
        words = told.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return {"outcome": "hang" if number == signal.SIGALRM else "crash", "words": f"signal {number}"}
    return {"outcome": _CODES.get(os.WEXITSTATUS(status), "error"), "words": words[:2000]}


if __name__ == "__main__":
    assert custintel.scoring
    for line in sys.stdin:
        print(json.dumps(_judged(line.strip())), flush=True)
