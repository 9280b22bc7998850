"""Call records as one Parquet file, for pandas, DuckDB or Spark; by pyarrow, which is heavy and an
extra of its own.
"""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path
from typing import Any

from agent.core.timestamps import parse_time
from agent.errors import ConfigurationError
from agent.fleet.fleet_questions import CALL_COLUMNS, records
from agent.fleet.fleet_store import FleetStore

_ROWS = 50_000
_TIMES = ("timestamp", "endedAt")
_TEXTS = (
    *("device", "conversation", "remoteUid", "direction", "via"),
    *("result", "reason", "callStatus", "version"),
)
_COUNTS = ("reconnects", "freezeCount")


def write_parquet(store: FleetStore, since: int, file: Path) -> list[dict[str, Any]]:
    """Every record since then, in milliseconds of Unix time, in groups of some thousand rows. The
    file is there once it is whole.

    Raises ConfigurationError where pyarrow is missing, and OSError.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise ConfigurationError(
            ["--format parquet: needs pyarrow: pip install 'callbox[parquet]'"]
        ) from None
    schema = pyarrow.schema([(name, _type(pyarrow, name)) for name in CALL_COLUMNS])
    rows = map(_row, records(store, since))
    unfinished = file.with_name(f".{file.name}.part")
    try:
        with parquet.ParquetWriter(unfinished, schema, compression="zstd") as writer:
            while some := list(islice(rows, _ROWS)):
                writer.write_table(pyarrow.Table.from_pylist(some, schema=schema))
        os.replace(unfinished, file)
    finally:
        unfinished.unlink(missing_ok=True)
    return []


def _type(pyarrow: Any, name: str) -> Any:
    if name in _TIMES:
        return pyarrow.timestamp("ms", tz="UTC")
    if name in _TEXTS:
        return pyarrow.string()
    if name in _COUNTS:
        return pyarrow.int64()
    return pyarrow.bool_() if name == "relayed" else pyarrow.float64()


def _row(record: dict[str, Any]) -> dict[str, Any]:
    times = {name: round(parse_time(record[name]) * 1000) for name in _TIMES if record.get(name)}
    return record | times
