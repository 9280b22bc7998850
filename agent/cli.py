"""The command line, thin: each command reads its arguments and hands over."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import datetime
from enum import IntEnum
from pathlib import Path
from typing import Annotated

import typer

from agent import __version__
from agent.commands.acl_command import acl
from agent.commands.call_command import call
from agent.commands.fleet_command import fleet_app
from agent.errors import CallboxError, ConfigurationError

app = typer.Typer(
    name="callbox",
    help="A device that can be called: MQTT invitations, H.264 over WebRTC, every event published.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
policy_app = typer.Typer(help="Who may call.", no_args_is_help=True)
app.add_typer(policy_app, name="policy")
app.add_typer(fleet_app, name="fleet")
app.command()(acl)
app.command()(call)

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Settings on top of /etc/callbox.", show_default=False),
]
JsonOption = Annotated[bool, typer.Option("--json", help="For programs: JSON on standard output.")]


class Exit(IntEnum):
    """Exit codes."""

    OK = 0
    REJECTED = 3
    BUSY = 4
    TIMEOUT = 5
    FAILED = 6
    BAD_CONFIGURATION = 78  # sysexits(3) EX_CONFIG


def _fail(faults: list[str], code: Exit) -> typer.Exit:
    for fault in faults:
        print(f"callbox: {fault}", file=sys.stderr)
    return typer.Exit(code)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"callbox {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    pass


@app.command()
def run(config: ConfigOption = None) -> None:
    """Run the device until it is told to stop. Exit 78 for a bad configuration."""
    from agent.commands.run import run_device

    raise typer.Exit(run_device(config))


@app.command()
def collect(
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="The collector's file.", show_default=False),
    ] = None,
) -> None:
    """Run the fleet's collector until it is told to stop. Exit 78 for a bad configuration."""
    from agent.commands.collect import run_collector

    raise typer.Exit(run_collector(config))


@app.command()
def check(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Read settings and policy and judge them: every fault with its file, key and value."""
    from agent.doctor.configuration_check import judge

    faults, warnings = judge(config)
    if as_json:
        print(json.dumps({"ok": not faults, "faults": faults, "warnings": warnings}, indent=2))
    else:
        for warning in warnings:
            print(f"callbox: warning: {warning}", file=sys.stderr)
        if not faults:
            print("The settings and the policy are fine.")
    if faults:
        raise _fail([] if as_json else faults, Exit.BAD_CONFIGURATION)


@app.command()
def init(
    uid: Annotated[
        str | None, typer.Option(help="By which name it is called.", show_default=False)
    ] = None,
    broker: Annotated[
        str | None, typer.Option(help="mqtt[s]://HOST[:PORT]", show_default=False)
    ] = None,
    username: Annotated[
        str | None, typer.Option(help="At the broker; empty: none.", show_default=False)
    ] = None,
    password_file: Annotated[
        Path | None,
        typer.Option(
            help="Holds the broker's password; asked for unless given.", show_default=False
        ),
    ] = None,
    camera: Annotated[str | None, typer.Option(help="As video.source.", show_default=False)] = None,
    callers: Annotated[
        str | None,
        typer.Option(help="Who may call: uids or patterns, with commas.", show_default=False),
    ] = None,
    directory: Annotated[Path, typer.Option(help="Where to write to.")] = Path("/etc/callbox"),
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
) -> None:
    """Write a first configuration: five questions, or options, and then a check of the outcome."""
    from agent.commands import first_configuration as first
    from agent.commands.questions import answer
    from agent.settings import advise, load_policy, load_settings

    try:
        answers = answer(uid, broker, username, password_file, camera, callers)
        for path in first.write(answers, directory, force=force):
            print(f"Written: {path}")
        settings = load_settings(root=directory)
        advice = advise(settings, load_policy(settings, root=directory))
    except ConfigurationError as error:
        raise _fail(error.faults, Exit.BAD_CONFIGURATION) from None
    for warning in advice:
        print(f"callbox: warning: {warning}", file=sys.stderr)
    print("The settings and the policy are fine. Next: sudo systemctl enable --now callbox")


@app.command()
def status(
    socket: Annotated[
        Path | None,
        typer.Option(help="Of the daemon. The service's unless given.", show_default=False),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Again every second, until Ctrl-C.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """What the daemon on this machine is doing now. Exit 6 where none answers."""
    from agent.commands.status_report import NotRunning, report

    try:
        for text in report(socket, as_json=as_json, watch=watch):
            print(text, flush=True)
    except NotRunning as error:
        raise _fail([str(error)], Exit.FAILED) from None
    except KeyboardInterrupt:
        return


@app.command()
def doctor(
    config: ConfigOption = None,
    camera: Annotated[
        bool, typer.Option("--camera", help="Open the camera, and measure it and its encoder.")
    ] = False,
    sound: Annotated[
        bool, typer.Option("--sound", help="Play a chirp, listen, and measure the echo.")
    ] = False,
    seconds: Annotated[
        float, typer.Option(help="How long to measure, about.", min=6, max=3600)
    ] = 20,
    as_json: JsonOption = False,
) -> None:
    """What works on this machine, what does not, and what to do.

    The report is made to be pasted into a bug: it names the broker and the ICE servers, and holds
    no secrets. Exit 6 where something failed.
    """
    from agent.doctor.examine import Plan, examine
    from agent.service.logs import set_up_logging

    set_up_logging("critical")

    def progress(step: str) -> None:
        print(f"callbox: {step} ...", file=sys.stderr, flush=True)

    report = asyncio.run(examine(Plan(config, camera, seconds, sound), progress))
    print(report.to_json() if as_json else report.to_text())
    if report.failed:
        raise typer.Exit(Exit.FAILED)


@policy_app.command()
def explain(
    caller: Annotated[str, typer.Option(help="The uid that calls.")],
    at: Annotated[
        str, typer.Option(help="A time, such as 2026-11-22T07:30 or with +01:00. Now unless given.")
    ] = "",
    signed: Annotated[
        bool, typer.Option("--signed", help="As if the invitation had a valid signature.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Which rule decides about a caller, and why."""
    from agent.commands.policy_report import explain_policy
    from agent.device.clock_watch import is_set
    from agent.settings import load_policy, load_settings, local_timezone

    try:
        policy = load_policy(load_settings(config))
    except ConfigurationError as error:
        raise _fail(error.faults, Exit.BAD_CONFIGURATION) from None
    try:
        moment = datetime.fromisoformat(at) if at else datetime.now(local_timezone())
    except ValueError:
        raise typer.BadParameter(
            f"{at!r} is not a time such as 2026-11-22T07:30", param_hint="--at"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=local_timezone())
    clock_is_set = bool(at) or is_set(moment.timestamp())
    print(
        explain_policy(
            policy, caller, moment, signed=signed, clock_is_set=clock_is_set, as_json=as_json
        )
    )


@app.command()
def demo(
    port: Annotated[
        int, typer.Option(help="Where the page is served, on this machine only.")
    ] = 8080,
    broker_port: Annotated[
        int | None,
        typer.Option(help="Of the demo's own broker; any that is free.", show_default=False),
    ] = None,
    uid: Annotated[str, typer.Option(help="The name of the demo's device.")] = "door-1",
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open the page in a browser.")
    ] = False,
    embedded: Annotated[
        bool,
        typer.Option(
            hidden=True, help="Use the embedded broker even where mosquitto is installed."
        ),
    ] = False,
) -> None:
    """Try it: a broker, a device with a test picture, and a page to call it from. Ctrl-C ends it
    all.
    """
    from agent.commands.demo import DemoPlan, run_demo
    from agent.service.logs import set_up_logging

    set_up_logging("warning")
    plan = DemoPlan(
        port=port, broker_port=broker_port, uid=uid, open_browser=open_browser, embedded=embedded
    )
    try:
        asyncio.run(run_demo(plan, lambda text: print(text, flush=True)))
    except ConfigurationError as error:
        raise _fail(error.faults, Exit.BAD_CONFIGURATION) from None
    except CallboxError as error:
        raise _fail([str(error)], Exit.FAILED) from None


def main() -> None:
    """Every command."""
    app()
