"""A throw-away PostgreSQL: a cluster of its own in a temporary folder, reached by a socket there, never by network."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from custintel.warehouse import Warehouse

PROGRAMS = "initdb", "pg_ctl", "psql"
SETTINGS = "-c listen_addresses= -c fsync=off -c jit=off -c timezone=UTC"
TYPES = {
    "VARCHAR": "text",
    "DOUBLE": "double precision",
    "BOOLEAN": "boolean",
    "TINYINT": "smallint",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
}


def programs() -> Path:
    """The folder of the newest PostgreSQL, or a skip with its reason."""
    found = shutil.which("initdb")
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    for place in [*([Path(found).resolve().parent] if found else []), *versions[::-1]]:
        if all((place / name).exists() for name in PROGRAMS):
            return place
    pytest.skip("PostgreSQL absent: apt-get install postgresql")


def as_server() -> list[str]:
    """How to run the server's programs: it refuses root, so root lends the work to the user of Debian's package."""
    if os.geteuid():
        return []
    if (
        shutil.which("runuser") is None
        or subprocess.run(["id", "postgres"], capture_output=True, check=False).returncode
    ):
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
    return ["runuser", "-u", "postgres", "--"]


@dataclass(frozen=True)
class Postgres:
    """A running server."""

    folder: Path
    psql: str

    def run(self, script: str) -> str:
        """What psql prints; an error of the server fails the test in its words."""
        command = [self.psql, "-h", str(self.folder), "-U", "postgres", "-X", "-q", "-v", "ON_ERROR_STOP=1"]
        done = subprocess.run(command, input=script, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[:2000]
        return done.stdout

    def load(self, wh: Warehouse) -> None:
        """The clean tables of a warehouse, with the columns that it derives."""
        with tempfile.TemporaryDirectory() as folder:
            for name in wh.tables:
                file = f"{folder}/{name}.csv"
                wh.engine.execute(f"copy (select * from {wh.relation(name)}) to '{file}' (header)")
                columns = ", ".join(f'"{column}" {TYPES[kind]}' for column, kind in wh.columns(name).items())
                self.run(f"create table {name} ({columns});\n\\copy {name} from '{file}' csv header")

    def frame(self, query: str) -> pd.DataFrame:
        """The rows of a query; an empty text is a text, nothing is missing."""
        text = self.run(f"copy (\n{query}\n) to stdout with (format csv, header, null '<null>')")
        return pd.read_csv(io.StringIO(text), keep_default_na=False, na_values=["<null>"])


@contextmanager
def running() -> Iterator[Postgres]:
    """A new server, stopped and removed at the end."""
    place, server = programs(), as_server()
    # not pytest's own folder, which only its owner may enter; the path of a socket must be short
    folder = Path(tempfile.mkdtemp(prefix="pg_", dir="/tmp"))
    try:
        if server:
            shutil.chown(folder, "postgres")
        folder.chmod(0o755)
        data = str(folder / "data")
        make = [f"{place}/initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
        subprocess.run([*server, *make], check=True, capture_output=True, cwd="/")
        control = [*server, f"{place}/pg_ctl", "-D", data, "-w"]
        options = f"{SETTINGS} -k {folder}"
        # without an output of its own the server would hold that of the tests open
        begin = [*control, "-l", str(folder / "log"), "-o", options, "start"]
        subprocess.run(begin, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
        try:
            yield Postgres(folder, str(place / "psql"))
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], check=True, capture_output=True, cwd="/")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
