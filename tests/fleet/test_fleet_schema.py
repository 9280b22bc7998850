"""What was released is never changed."""

from __future__ import annotations

import hashlib

from agent.fleet.fleet_schema import MIGRATIONS

# one for each migration that is out
RELEASED = (
    "9195d544a7d72bd884cfbce3ce1031cb82651bac9bdd601ad51b2177d72fc204",
    "fd807dc0e88df9e1dd63cb8cfc3abf8896a189c49c8244f839014fca6f9bde0b",
    "e6b375d310b2d332afba2926caba4c97438a0f1bb4f58cb08811ac6c0144a3e4",
)


def test_migrations_that_are_out_are_as_they_were() -> None:
    digests = [hashlib.sha256("\n".join(each).encode()).hexdigest() for each in MIGRATIONS]
    assert tuple(digests[: len(RELEASED)]) == RELEASED


def test_migrations_name_no_type_that_one_database_lacks() -> None:
    text = " ".join(statement for each in MIGRATIONS for statement in each)
    assert not {"JSONB", "BLOB", "BYTEA", "AUTOINCREMENT", "BOOLEAN"} & set(text.upper().split())
