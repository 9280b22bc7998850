"""`callbox fleet`: what the collector's store knows, for people and programs."""

from __future__ import annotations

import csv
import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from agent.errors import CallboxError, ConfigurationError

fleet_app = typer.Typer(
    help="What the collector's store knows of all devices.", no_args_is_help=True
)

_Config = Annotated[
    Path | None, typer.Option("--config", "-c", help="The collector's file.", show_default=False)
]
_Json = Annotated[bool, typer.Option("--json", help="For programs: an array of objects.")]
_Since = Annotated[str, typer.Option(help="24h, 30d or 2026-11-01.")]
_Limit = Annotated[int, typer.Option(min=1, help="Rows at most.")]
_WIDEST = 40  # characters
_FAILED = 6
_BAD_CONFIGURATION = 78


@fleet_app.command()
def devices(config: _Config = None, limit: _Limit = 50, as_json: _Json = False) -> None:
    """Every device as it is, those that need somebody first. Example: callbox fleet devices"""
    from agent.fleet import fleet_questions as ask

    _show(config, as_json, lambda store: ask.devices(store, _now(), limit))


@fleet_app.command()
def calls(
    config: _Config = None, since: _Since = "24h", limit: _Limit = 50, as_json: _Json = False
) -> None:
    """The latest calls. Example: callbox fleet calls --since 30d"""
    from agent.fleet import fleet_questions as ask

    begin = _begin(since)
    _show(config, as_json, lambda store: ask.calls(store, begin, limit))


@fleet_app.command()
def device(
    uid: Annotated[str, typer.Argument(help="The device's.", metavar="UID")],
    config: _Config = None,
    since: _Since = "24h",
    limit: _Limit = 50,
    as_json: _Json = False,
) -> None:
    """One device: how it is, its calls and events. Example: callbox fleet device door-1"""
    from agent.fleet import fleet_questions as ask

    begin = _begin(since)
    answer = _ask(config, lambda store: ask.device(store, uid, _now(), begin, limit))
    if not answer:
        raise _failed([f"nobody has heard of {uid!r}"], _FAILED)
    if as_json:
        print(json.dumps(answer, indent=2))
        return
    from agent.fleet.fleet_questions import columns
    from agent.printable import printable

    for name in columns(answer):
        print(f"{name:22} {printable(str(answer[0][name]))}")
    print()
    _print_table(answer[0]["calls"])


@fleet_app.command()
def worst(config: _Config = None, limit: _Limit = 50, as_json: _Json = False) -> None:
    """The devices that need somebody, and what to do. Example: callbox fleet worst"""
    from agent.fleet import fleet_questions as ask

    _show(config, as_json, lambda store: ask.worst(store, _now(), limit))


@fleet_app.command()
def versions(
    config: _Config = None, since: _Since = "24h", limit: _Limit = 50, as_json: _Json = False
) -> None:
    """How each version does. Example: callbox fleet versions --since 30d"""
    from agent.fleet import fleet_questions as ask

    begin = _begin(since)
    _show(config, as_json, lambda store: ask.versions(store, begin, limit))


@fleet_app.command()
def reasons(
    config: _Config = None, since: _Since = "24h", limit: _Limit = 50, as_json: _Json = False
) -> None:
    """Why calls ended. Example: callbox fleet reasons --since 2026-11-01"""
    from agent.fleet import fleet_questions as ask

    begin = _begin(since)
    _show(config, as_json, lambda store: ask.reasons(store, begin, limit))


@fleet_app.command()
def export(
    config: _Config = None,
    since: _Since = "24h",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Standard output unless given.")
    ] = None,
) -> None:
    """Every record as CSV, a row each. Example: callbox fleet export --since 30d -o calls.csv"""
    from agent.fleet.fleet_questions import CALL_COLUMNS, records

    begin = _begin(since)

    def write(store: Any) -> list[dict[str, Any]]:
        with _opened(output) as file:
            writer = csv.DictWriter(file, CALL_COLUMNS)
            writer.writeheader()
            writer.writerows(records(store, begin))
        return []

    _ask(config, write)


@fleet_app.command()
def forget(
    uid: Annotated[str, typer.Argument(help="A caller's.", metavar="UID")],
    config: _Config = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove all that is kept of one caller. Example: callbox fleet forget alice --yes"""
    if not yes and not typer.confirm(f"Remove all that is kept of {uid}?"):
        raise typer.Exit(1)
    removed = 0

    def remove(store: Any) -> list[dict[str, Any]]:
        nonlocal removed
        removed = store.forget(uid)
        return []

    _ask(config, remove, read_only=False)
    print(f"{removed} events removed.")


def _begin(since: str) -> int:
    """Milliseconds of Unix time."""
    from agent.core.policy.durations import parse_retention

    try:
        return _now() - round(parse_retention(since) * 1000)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(since)
    except ValueError:
        raise _failed([f"--since: {since!r} is neither 24h, 30d nor 2026-11-01"], 2) from None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _now() -> int:
    return round(time.time() * 1000)


def _ask(
    config: Path | None,
    question: Callable[[Any], list[dict[str, Any]]],
    *,
    read_only: bool = True,
) -> list[dict[str, Any]]:
    from agent.fleet.collector_service import open_store
    from agent.fleet.collector_settings import load_collector_settings

    try:
        store = open_store(load_collector_settings(config), read_only=read_only)
        try:
            return question(store)
        finally:
            store.close()
    except ConfigurationError as error:
        raise _failed(error.faults, _BAD_CONFIGURATION) from None
    except (CallboxError, OSError) as error:
        raise _failed([str(error)], _FAILED) from None


def _show(
    config: Path | None, as_json: bool, question: Callable[[Any], list[dict[str, Any]]]
) -> None:
    answer = _ask(config, question)
    if as_json:
        print(json.dumps(answer, indent=2))
    else:
        _print_table(answer)


def _print_table(answer: list[dict[str, Any]]) -> None:
    from agent.fleet.fleet_questions import columns
    from agent.printable import printable

    if not answer:
        print("Nothing.")
        return
    names = columns(answer)
    cells = [[printable(_cell(row.get(name)))[:_WIDEST] for name in names] for row in answer]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    for row in (names, *cells):
        print(
            "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        )


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _opened(output: Path | None) -> Any:
    from contextlib import nullcontext

    return output.open("w", newline="") if output else nullcontext(sys.stdout)


def _failed(faults: list[str], code: int) -> typer.Exit:
    for fault in faults:
        print(f"callbox: {fault}", file=sys.stderr)
    return typer.Exit(code)
