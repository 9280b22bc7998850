"""Calls added up by the hour and by the day, so that a question about millions of calls reads some
thousand rows: how they are written, in the transaction of the records, and how they are read.

`call_hour` and `call_day` count calls by version, direction, result and reason; `span_hour` and
`span_day` how many lie in each bucket of each measure. Hours and days are those of UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

from agent.fleet.call_row import CallResult, CallRow, bucket_of, measured

# milliseconds
HOUR = 3_600_000
DAY = 24 * HOUR
DROPPED = frozenset(("ice_timeout", "media_timeout", "crash_recovered"))
"""Why a call that was connected ended against the will of both."""
_KEYS = {
    "call": ("version", "direction", "result", "reason"),
    "span": ("measure", "version", "bucket"),
}
_SUMS = {"call": ("calls", "relayed", "dropped", "duration"), "span": ("calls",)}
_STEPS = {"hour": HOUR, "day": DAY}
Insert = Callable[[str, Sequence[Sequence[Any]]], None]


def write_sums(insert: Insert, calls: Iterable[tuple[int, str, CallRow]]) -> None:
    """Add calls, each with its moment and its device's version. `insert` is the database's."""
    by_hour: dict[str, dict[tuple[Any, ...], list[float]]] = {"call": {}, "span": {}}
    for at, version, call in calls:
        hour = at // HOUR * HOUR
        dropped = call.result is CallResult.CONNECTED and call.reason in DROPPED
        _add(
            by_hour["call"],
            (hour, version, call.direction, call.result.value, call.reason),
            (1, int(call.relayed is True), int(dropped), call.duration),
        )
        for measure, value in measured(call).items():
            _add(by_hour["span"], (hour, measure, version, bucket_of(value, measure)), (1,))
    for table, sums in by_hour.items():
        by_day: dict[tuple[Any, ...], list[float]] = {}
        for key, values in sums.items():
            _add(by_day, (key[0] // DAY * DAY, *key[1:]), values)
        # in one order for all: two collectors that write at once never wait for each other
        insert(_statement(table, "hour"), [(*key, *sums[key]) for key in sorted(sums)])
        insert(_statement(table, "day"), [(*key, *by_day[key]) for key in sorted(by_day)])


def sums_since(table: Literal["call", "span"], since: int) -> tuple[str, list[int]]:
    """What stands behind FROM, and its parameters: the sums of every hour that begins at `since` or
    later, read by the day where a whole day is asked for.
    """
    columns = ", ".join((*_KEYS[table], *_SUMS[table]))
    day = -(-since // DAY) * DAY
    return (
        f"(SELECT {columns} FROM {table}_day WHERE day >= ? UNION ALL "  # noqa: S608 - names of ours
        f"SELECT {columns} FROM {table}_hour WHERE hour >= ? AND hour < ?) AS sums",
        [day, since, day],
    )


def _add(
    sums: dict[tuple[Any, ...], list[float]], key: tuple[Any, ...], more: Iterable[float]
) -> None:
    total = sums.get(key)
    sums[key] = list(more) if total is None else [a + b for a, b in zip(total, more, strict=True)]


def _statement(table: str, step: str) -> str:
    keys, sums = (step, *_KEYS[table]), _SUMS[table]
    name = f"{table}_{step}"
    added = ", ".join(f"{each} = {name}.{each} + excluded.{each}" for each in sums)
    return (
        f"INSERT INTO {name} ({', '.join((*keys, *sums))}) "  # noqa: S608 - names of ours
        f"VALUES ({', '.join('?' * len((*keys, *sums)))}) "
        f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {added}"
    )
