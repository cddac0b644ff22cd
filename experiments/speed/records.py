"""Generated call records, and a warehouse of them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb

from custintel import Warehouse

FOLDER = Path(tempfile.gettempdir()) / "custintel_speed"
A_CUSTOMER = 100
"""Records a customer: 230 days of a light user."""


def usage_file(records: int) -> Path:
    """A folder with usage.parquet: 230 days, 2 % late, in no order; made once."""
    folder = FOLDER / f"{records}"
    target = folder / "usage.parquet"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect()
        connection.execute("select setseed(0.5)").fetchall()
        connection.execute(f"copy ({_records_sql(records)}) to '{target}.new' (format parquet)")
        Path(f"{target}.new").rename(target)
    return folder


def _records_sql(records: int) -> str:
    customers = records // A_CUSTOMER
    return f"""
        select
            'C' || lpad(cast(who as varchar), 7, '0') as customer_id,
            moment as event_time,
            moment + to_seconds(cast(case when random() < 0.02 then 3 * 86400 else 60 end as int)) as arrival_time,
            case when random() < 0.6 then 'voice' else 'sms' end as service,
            case when random() < 0.5 then 'in' else 'out' end as direction,
            'N' || cast(who * 31 + floor(25 * random() * random()) as int) as other_party,
            'cell_' || cast((who * 7 + floor(6 * random() * random())) % 4000 as int) as cell_id,
            case when random() < 0.6 then 'on_net' when random() < 0.9 then 'off_net' else 'international' end
                as destination,
            floor(random() * 600) as duration_s,
            floor(random() * 300) / 100 as charge
        from (
            select
                timestamp '2025-02-15' + to_seconds(cast(random() * 86400 * 230 as int)) as moment,
                cast(floor(random() * {customers}) as int) as who
            from range({records})
        )
    """


def warehouse(records: int, memory_limit: str | None = None) -> Warehouse:
    """The records, checked; under a limit, tables spill to disk."""
    folder = usage_file(records)
    if memory_limit is None:
        return Warehouse.open(folder)
    spill = FOLDER / "spill"
    connection = duckdb.connect(config={"memory_limit": memory_limit, "temp_directory": str(spill)})
    connection.execute(f"create view usage as select * from '{folder}/usage.parquet'")
    return Warehouse.open(connection)
