"""The tables of the fleet, as migrations: the same SQL for SQLite and PostgreSQL.

Times are milliseconds of Unix time, spans seconds. A migration that is out is never changed; a new
one is added at the end. `{json}`, `{serial}` and `{bytes}` stand for each database's own types.
"""

from __future__ import annotations

_FIRST = (
    """CREATE TABLE device (
        uid TEXT PRIMARY KEY,
        first_seen BIGINT NOT NULL,
        last_seen BIGINT NOT NULL,
        state TEXT,
        busy BIGINT,
        state_since BIGINT,
        boot_id TEXT,
        boots BIGINT NOT NULL DEFAULT 0,
        status_changes BIGINT NOT NULL DEFAULT 0,
        version TEXT,
        model TEXT,
        clock_ahead DOUBLE PRECISION,
        about {json},
        health {json},
        health_at BIGINT
    )""",
    # `response`, `ring`, `missed`, `output`, `error`, and `closed` beside its row in `call`
    """CREATE TABLE event (
        device TEXT NOT NULL,
        event_id TEXT NOT NULL,
        kind TEXT NOT NULL,
        conversation TEXT NOT NULL,
        remote_uid TEXT NOT NULL,
        at BIGINT NOT NULL,
        received_at BIGINT NOT NULL,
        body {json} NOT NULL,
        PRIMARY KEY (device, event_id)
    )""",
    "CREATE INDEX event_at ON event (at)",
    "CREATE INDEX event_conversation ON event (conversation)",
    "CREATE INDEX event_remote_uid ON event (remote_uid)",
    """CREATE TABLE call (
        device TEXT NOT NULL,
        event_id TEXT NOT NULL,
        at BIGINT NOT NULL,
        version TEXT NOT NULL,
        conversation TEXT NOT NULL,
        remote_uid TEXT NOT NULL,
        direction TEXT NOT NULL,
        via TEXT NOT NULL,
        result TEXT NOT NULL,
        reason TEXT NOT NULL,
        call_status TEXT NOT NULL,
        ended_at BIGINT,
        duration DOUBLE PRECISION NOT NULL,
        time_to_response DOUBLE PRECISION,
        time_to_first_frame DOUBLE PRECISION,
        relayed BIGINT,
        reconnects BIGINT NOT NULL,
        mos DOUBLE PRECISION,
        freeze_count BIGINT,
        freezes_duration DOUBLE PRECISION,
        round_trip_time DOUBLE PRECISION,
        loss DOUBLE PRECISION,
        PRIMARY KEY (device, event_id)
    )""",
    "CREATE INDEX call_at ON call (at)",
    "CREATE INDEX call_device_at ON call (device, at)",
    # one row for each hour and combination, so that millions of calls are counted in thousands of
    # rows
    """CREATE TABLE call_hour (
        hour BIGINT NOT NULL,
        version TEXT NOT NULL,
        direction TEXT NOT NULL,
        result TEXT NOT NULL,
        reason TEXT NOT NULL,
        calls BIGINT NOT NULL,
        relayed BIGINT NOT NULL,
        dropped BIGINT NOT NULL,
        duration DOUBLE PRECISION NOT NULL,
        PRIMARY KEY (hour, version, direction, result, reason)
    )""",
    """CREATE TABLE span_hour (
        hour BIGINT NOT NULL,
        measure TEXT NOT NULL,
        version TEXT NOT NULL,
        bucket BIGINT NOT NULL,
        calls BIGINT NOT NULL,
        PRIMARY KEY (hour, measure, version, bucket)
    )""",
    """CREATE TABLE health (
        device TEXT NOT NULL,
        at BIGINT NOT NULL,
        body {json} NOT NULL,
        PRIMARY KEY (device, at)
    )""",
    "CREATE INDEX health_at ON health (at)",
    """CREATE TABLE statistics (
        device TEXT NOT NULL,
        conversation TEXT NOT NULL,
        kind TEXT NOT NULL,
        at BIGINT NOT NULL,
        body {json} NOT NULL,
        PRIMARY KEY (device, conversation, kind, at)
    )""",
    "CREATE INDEX statistics_at ON statistics (at)",
    """CREATE TABLE reject (
        id {serial},
        at BIGINT NOT NULL,
        topic TEXT NOT NULL,
        reason TEXT NOT NULL,
        payload {bytes} NOT NULL
    )""",
)


def _added_up(measure: str, column: str, ends: tuple[float, ...]) -> str:
    """What was kept before there were sums of `column`."""
    steps = " ".join(f"WHEN {column} <= {end} THEN {each}" for each, end in enumerate(ends))
    return f"""INSERT INTO span_hour (hour, measure, version, bucket, calls)
        SELECT at - at % 3600000, '{measure}', version,
            CASE {steps} ELSE {len(ends)} END AS place, COUNT(*)
        FROM call WHERE {column} IS NOT NULL
        GROUP BY 1, version, place"""  # noqa: S608 - numbers and names of ours


# quality by the hour, as the spans are
_SECOND = (
    _added_up("mos", "mos", (1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.25)),
    _added_up("round_trip", "round_trip_time", (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)),
    _added_up("loss", "loss", (0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1)),
)

# The sums by the day as well: a year of hours has as many rows as a small fleet has calls
_THIRD = (
    """CREATE TABLE call_day (
        day BIGINT NOT NULL,
        version TEXT NOT NULL,
        direction TEXT NOT NULL,
        result TEXT NOT NULL,
        reason TEXT NOT NULL,
        calls BIGINT NOT NULL,
        relayed BIGINT NOT NULL,
        dropped BIGINT NOT NULL,
        duration DOUBLE PRECISION NOT NULL,
        PRIMARY KEY (day, version, direction, result, reason)
    )""",
    """CREATE TABLE span_day (
        day BIGINT NOT NULL,
        measure TEXT NOT NULL,
        version TEXT NOT NULL,
        bucket BIGINT NOT NULL,
        calls BIGINT NOT NULL,
        PRIMARY KEY (day, measure, version, bucket)
    )""",
    """INSERT INTO call_day
        SELECT hour - hour % 86400000 AS day, version, direction, result, reason,
            SUM(calls), SUM(relayed), SUM(dropped), SUM(duration)
        FROM call_hour GROUP BY 1, version, direction, result, reason""",
    """INSERT INTO span_day
        SELECT hour - hour % 86400000 AS day, measure, version, bucket, SUM(calls)
        FROM span_hour GROUP BY 1, measure, version, bucket""",
    # how many faults the latest health tells, so that the worst of many devices are found by the
    # database
    "ALTER TABLE device ADD COLUMN health_faults BIGINT NOT NULL DEFAULT 0",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST, _SECOND, _THIRD)
