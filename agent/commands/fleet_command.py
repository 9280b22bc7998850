"""`callbox fleet`: what the collector's store knows, for people and programs."""

from __future__ import annotations

import csv
import inspect
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from agent.commands import fleet_tables as tables
from agent.commands.command_options import JsonOption, failed
from agent.commands.exit_codes import Exit
from agent.errors import CallboxError, ConfigurationError

fleet_app = typer.Typer(
    help="What the collector's store knows of all devices.", no_args_is_help=True
)

_Answer = list[dict[str, Any]]
# what commands take beside their own arguments, each with its default
_OPTIONS: dict[str, tuple[Any, Any]] = {
    "config": (
        Annotated[
            Path | None,
            typer.Option(
                "--config",
                "-c",
                help="The collector's file: the package's unless given.",
                show_default=False,
            ),
        ],
        None,
    ),
    "since": (Annotated[str, typer.Option(help="24h, 30d or 2026-11-01.")], "24h"),
    "limit": (Annotated[int, typer.Option(min=1, help="Rows at most.")], 50),
    "as_json": (JsonOption, False),
}


@dataclass(frozen=True, slots=True)
class _Asked:
    """What these options say; times in milliseconds of Unix time."""

    config: Path | None
    since: str = "24h"
    limit: int = 50
    as_json: bool = False

    @property
    def now(self) -> int:
        return round(time.time() * 1000)

    @property
    def begin(self) -> int:
        return _begin(self.since, self.now)

    def ask(self, question: Callable[[Any], _Answer], *, read_only: bool = True) -> _Answer:
        """The answer of the store that the settings name."""
        from agent.fleet.collector_service import open_store
        from agent.fleet.collector_settings import load_collector_settings

        try:
            store = open_store(load_collector_settings(self.config), read_only=read_only)
            try:
                return question(store)
            finally:
                store.close()
        except ConfigurationError as error:
            raise failed(error.faults, Exit.BAD_CONFIGURATION) from None
        except BrokenPipeError:
            # not the store's: whoever read has seen enough
            raise
        except (CallboxError, OSError) as error:
            raise failed([str(error)], Exit.FAILED) from None

    def show(
        self,
        question: Callable[[Any], _Answer],
        rows: Callable[[_Answer], list[tables.Cells]] = tables.plain_rows,
    ) -> None:
        """The answer as a table of these rows, or as JSON."""
        answer = self.ask(question)
        if self.as_json:
            print(json.dumps(answer, indent=2))
        else:
            tables.print_table(rows(answer))


def _command(*options: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A command `callbox fleet NAME` of a function's name and first line. It takes `--config` and
    these options as well, which the function has as one value, its first argument.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        def command(**given: Any) -> None:
            function(_Asked(**{name: given.pop(name) for name in names}), **given)

        names = ("config", *options)
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        kind = inspect.Parameter.KEYWORD_ONLY
        shared = [
            inspect.Parameter(name, kind, annotation=_OPTIONS[name][0], default=_OPTIONS[name][1])
            for name in names
        ]
        parameters = [*(each.replace(kind=kind) for each in own), *shared]
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {each.name: each.annotation for each in parameters}
        fleet_app.command(function.__name__, help=function.__doc__)(command)
        return function

    return register


@_command("limit", "as_json")
def devices(asked: _Asked) -> None:
    """Every device as it is, those that need somebody first. Example: callbox fleet devices"""
    from agent.fleet import fleet_questions as ask

    asked.show(lambda store: ask.devices(store, asked.now, asked.limit), tables.device_rows)


@_command("limit", "as_json")
def worst(asked: _Asked) -> None:
    """The devices that need somebody, and what to do. Example: callbox fleet worst"""
    from agent.fleet import fleet_questions as ask

    asked.show(lambda store: ask.worst(store, asked.now, asked.limit), tables.fault_rows)


@_command("since", "limit", "as_json")
def calls(asked: _Asked) -> None:
    """The latest calls. Example: callbox fleet calls --since 30d"""
    from agent.fleet import fleet_questions as ask

    asked.show(lambda store: ask.calls(store, asked.begin, asked.limit), tables.call_rows)


@_command("since", "limit", "as_json")
def versions(asked: _Asked) -> None:
    """How each version does. Example: callbox fleet versions --since 30d"""
    from agent.fleet import fleet_questions as ask

    asked.show(lambda store: ask.versions(store, asked.begin, asked.limit))


@_command("since", "limit", "as_json")
def reasons(asked: _Asked) -> None:
    """Why calls ended. Example: callbox fleet reasons --since 2026-11-01"""
    from agent.fleet import fleet_questions as ask

    asked.show(lambda store: ask.reasons(store, asked.begin, asked.limit))


@_command("since", "limit", "as_json")
def device(
    asked: _Asked, uid: Annotated[str, typer.Argument(help="The device's.", metavar="UID")]
) -> None:
    """One device: how it is, its calls and events. Example: callbox fleet device door-1"""
    from agent.fleet import fleet_questions as ask

    answer = asked.ask(lambda store: ask.device(store, uid, asked.now, asked.begin, asked.limit))
    if not answer:
        raise failed([f"nobody has heard of {uid!r}"], Exit.FAILED)
    if asked.as_json:
        print(json.dumps(answer, indent=2))
        return
    found = answer[0]
    tables.print_table(tables.device_rows(answer))
    for heading, rows in (
        ("What to do", tables.fault_rows(answer)),
        ("Calls", tables.call_rows(found["calls"])),
        ("Events", tables.event_rows(found["events"])),
    ):
        if rows:
            print(f"\n{heading}")
            tables.print_table(rows)


@_command("as_json")
def call(
    asked: _Asked, conversation: Annotated[str, typer.Argument(help="Its id.", metavar="ID")]
) -> None:
    """One call from its invitation to its close. Example: callbox fleet call 4f9c..."""
    from agent.fleet.call_story import call_story

    found = asked.ask(lambda store: [call_story(store, conversation)])[0]
    if not found:
        raise failed([f"nobody has told of a call {conversation!r}"], Exit.FAILED)
    if asked.as_json:
        print(json.dumps([found], indent=2))
    else:
        tables.print_table(tables.step_rows(found["steps"]))


class ExportFormat(StrEnum):
    """What `callbox fleet export` writes."""

    CSV = "csv"
    PARQUET = "parquet"


@_command("since")
def export(
    asked: _Asked,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Standard output unless given.")
    ] = None,
    format_: Annotated[
        ExportFormat, typer.Option("--format", help="Parquet needs --output and pyarrow.")
    ] = ExportFormat.CSV,
) -> None:
    """Every record, a row each. Example: callbox fleet export --since 30d -o calls.csv"""
    begin = asked.begin
    if format_ is ExportFormat.PARQUET:
        if output is None:
            raise _wrong("--format parquet needs --output FILE")
        file = output
        from agent.fleet.parquet_export import write_parquet

        asked.ask(lambda store: write_parquet(store, begin, file))
        return
    asked.ask(lambda store: _write_csv(store, begin, output))


def _write_csv(store: Any, begin: int, output: Path | None) -> list[dict[str, Any]]:
    from agent.fleet.fleet_questions import CALL_COLUMNS, records

    with _opened(output) as file:
        writer = csv.DictWriter(file, CALL_COLUMNS)
        writer.writeheader()
        writer.writerows(records(store, begin))
    return []


@_command()
def forget(
    asked: _Asked,
    uid: Annotated[str, typer.Argument(help="A caller's.", metavar="UID")],
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

    asked.ask(remove, read_only=False)
    print(f"{removed} {'event' if removed == 1 else 'events'} removed.")


def _begin(since: str, now: int) -> int:
    from agent.core.policy.durations import parse_retention

    try:
        return now - round(parse_retention(since) * 1000)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(since)
    except ValueError:
        raise _wrong(f"--since: {since!r} is neither 24h, 30d nor 2026-11-01") from None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _wrong(fault: str) -> typer.Exit:
    """The command line itself is not right."""
    print(f"callbox: {fault}", file=sys.stderr)
    return typer.Exit(2)


def _opened(output: Path | None) -> Any:
    from contextlib import nullcontext

    return output.open("w", newline="") if output else nullcontext(sys.stdout)
