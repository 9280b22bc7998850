"""A year of calls in a store, made by the database itself: millions within minutes."""

from __future__ import annotations

import random
import time

from agent.fleet.call_row import MEASURES
from agent.fleet.call_sums import DAY
from agent.fleet.fleet_schema import MIGRATIONS, _added_up
from agent.fleet.intake import Collected, FleetMessage
from agent.fleet.sql_store import Database, SqlStore
from agent.fleet.sqlite_database import SqliteDatabase
from agent.signaling.protocol.topics import Topics
from tests.fleet.samples import INTAKE, PREFIX
from tests.fleet.simulation.simulated_fleet import speakers

# devices are door-10000, door-10001, ...
FIRST = 10_000
_COLUMNS = {
    "response": "time_to_response",
    "first_frame": "time_to_first_frame",
    "mos": "mos",
    "round_trip": "round_trip_time",
    "loss": "loss",
}
# `n` counts the calls; each column has a factor of its own, so that they do not go together
_CALL = """INSERT INTO call (device, event_id, at, version, conversation, remote_uid, direction,
    via, result, reason, call_status, ended_at, duration, time_to_response, time_to_first_frame,
    relayed, reconnects, mos, freeze_count, freezes_duration, round_trip_time, loss)
SELECT 'door-' || ({first} + n % {devices}), 'e' || n, {now} - (n * 2654435761) % {span},
    '1.' || (n * 7919 % 3) || '.0', 'c' || n, 'phone-' || (n % 977),
    CASE WHEN n % 10 < 6 THEN 'incoming' ELSE 'outgoing' END, '',
    CASE WHEN n * 104729 % 100 < 80 THEN 'connected'
         WHEN n * 104729 % 100 < 90 THEN 'refused'
         WHEN n * 104729 % 100 < 96 THEN 'unanswered' ELSE 'failed' END,
    CASE WHEN n * 104729 % 100 < 76 THEN 'user_hangup'
         WHEN n * 104729 % 100 < 80 THEN 'media_timeout'
         WHEN n * 104729 % 100 < 90 THEN 'rejected'
         WHEN n * 104729 % 100 < 96 THEN 'invite_timeout' ELSE 'ice_failed' END,
    'ACCEPTED', NULL, n * 31337 % 120, (20 + n * 15485863 % 400) / 1000.0,
    (150 + n * 32452843 % 3000) / 1000.0, CASE WHEN n % 8 = 0 THEN 1 ELSE 0 END, 0,
    1.5 + n * 49979687 % 290 / 100.0, n % 5, 0.1, (5 + n * 67867967 % 600) / 1000.0,
    n * 86028121 % 80 / 1000.0
FROM series"""
_SQLITE = """WITH RECURSIVE series (n) AS
    (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < {calls}) """
_POSTGRESQL = "WITH series (n) AS (SELECT * FROM generate_series(1::bigint, {calls})) "
_CALL_HOUR = """INSERT INTO call_hour
SELECT at - at % 3600000 AS hour, version, direction, result, reason, COUNT(*), SUM(relayed),
    SUM(CASE WHEN reason = 'media_timeout' THEN 1 ELSE 0 END), SUM(duration)
FROM call GROUP BY 1, version, direction, result, reason"""
_INDEXES = {"call_at": "call (at)", "call_device_at": "call (device, at)"}


def fill(database: Database, calls: int, devices: int) -> None:
    """`calls` over the last year, with their sums, and `devices` that are online now."""
    store = SqlStore(database)
    store.open()
    now = round(time.time() * 1000)
    for name in _INDEXES:
        database.run(f"DROP INDEX {name}")
    if isinstance(database, SqliteDatabase):
        series = _SQLITE
    else:
        series = _POSTGRESQL
        database.run("SET statement_timeout = 0")
    numbers = {"now": now, "span": 364 * DAY, "calls": calls, "devices": devices, "first": FIRST}
    database.run((series + _CALL).format(**numbers))
    for name, columns in _INDEXES.items():
        database.run(f"CREATE INDEX {name} ON {columns}")
    database.run(_CALL_HOUR)
    for measure, ends in MEASURES.items():
        database.run(_added_up(measure, _COLUMNS[measure], ends))
    for statement in MIGRATIONS[2][2:4]:
        database.run(statement)
    if series is _POSTGRESQL:
        # as it would have done by itself by now; nobody does it for SQLite
        database.run("ANALYZE")
    _write_devices(store, devices, now)
    store.close()


def _write_devices(store: SqlStore, devices: int, now: int) -> None:
    chance = random.Random(16)
    said = []
    for speaker in speakers(FIRST + devices, Topics(PREFIX), now / 1000)[FIRST:]:
        for what, body in (
            ("status", speaker.status(now / 1000)),
            ("about", speaker.about()),
            ("health", speaker.health(now / 1000, chance)),
        ):
            read = INTAKE.read(FleetMessage(f"{PREFIX}/{speaker.uid}/{what}", body, now))
            assert isinstance(read, Collected), read
            said.append(read)
    for begin in range(0, len(said), 3000):
        store.write(said[begin : begin + 3000])
