"""How fast are features, in how much memory? (docs/benchmarks/feature_speed.md)

Generated call records, the builder against what everybody writes, results checked to be equal before any time counts:

- *columns*: 9 slices x 3 windows x 5 aggregates = 135 columns of one date and of six; Polars, one SELECT
- *sixty*: counts, sums, means, spreads, distinct contacts, active days, entropy, shares, gaps, trends; Polars
- *catalogue*: all shipped features that call records can answer, and all of a simulated operator
- *next*: the day after, from sums that were kept
- *threads*: all shipped features of call records with one thread and with all
- *records*: 5, 20 and 80 million records; 100 million under a memory limit of 2 GB

Runs of ours and of the peer take turns; the median of each is written down. Every case is a process of its own, so that
its peak of memory is its own.

    python experiments/feature_speed.py                 # everything, about half an hour
    python experiments/feature_speed.py --case columns --records 2000000 --print
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from _place import log_study, write_page
from speed.cases import CASES
from speed.page import page

RECORDS = {"columns": 20_000_000, "sixty": 5_000_000, "catalogue": 20_000_000, "next": 20_000_000, "threads": 5_000_000}
SIZES = {"5": 5_000_000, "20": 20_000_000, "80": 80_000_000, "limited": 100_000_000}


def runs(only: str | None, records: int | None) -> list[tuple[str, int, str]]:
    """Case, records and variant of each process."""
    found = [(case, records or count, "") for case, count in RECORDS.items()]
    found += [("simulated", records or 20_000_000, "")]
    found += [("records", records or count, name) for name, count in SIZES.items()]
    return [run for run in found if only in (None, run[0])]


def measured(case: str, records: int, variant: str, repeat: int) -> dict[str, object]:
    """One case in a process of its own."""
    command = [sys.executable, __file__, "--one", case, "--records", str(records), "--repeat", str(repeat)]
    done = subprocess.run([*command, "--variant", variant], stdout=subprocess.PIPE, check=True, text=True)
    print(done.stdout, flush=True)
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return {"case": case, "records": records, "variant": variant, **found}


def main() -> None:
    """Measure, write the page, log the study."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", choices=sorted(CASES), help="only this case")
    parser.add_argument("--records", type=int, help="number of records instead of the full size")
    parser.add_argument("--repeat", type=int, default=5, help="paired runs")
    parser.add_argument("--print", action="store_true", help="print only; leave the page as it is")
    parser.add_argument("--keep", type=Path, help="a file of measurements; what is in it is not measured again")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--variant", default="", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(CASES[given.one](given.records, given.repeat, given.variant)))
        return
    found = json.loads(given.keep.read_text()) if given.keep and given.keep.exists() else []
    known = {(one["case"], one["records"], one["variant"]) for one in found}
    for case, records, variant in runs(given.case, given.records):
        if (case, records, variant) not in known:
            found.append({**measured(case, records, variant, given.repeat), "load": os.getloadavg()[0]})
            if given.keep:
                given.keep.write_text(json.dumps(found, indent=1))
    if not given.print:
        write_page("feature_speed.md", page(found))
        log_study("feature_speed", {f"{o['case']}_{o['variant']}_{k}": v for o in found for k, v in flat(o).items()})


def flat(one: dict[str, object]) -> dict[str, float]:
    """Seconds by name."""
    lines = one.get("lines", [])
    return {line["what"]: line["wall"] for line in lines if "wall" in line}  # type: ignore[union-attr,index]


if __name__ == "__main__":
    main()
