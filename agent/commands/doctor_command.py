"""`callbox doctor`."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from agent.commands.command_options import ConfigOption, JsonOption
from agent.commands.exit_codes import Exit


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

    Example: sudo callbox doctor --camera --sound
    """
    from agent.doctor.examine import Plan, examine
    from agent.service.logs import set_up_logging

    set_up_logging("critical")
    see_credentials()

    def progress(step: str) -> None:
        print(f"callbox: {step} ...", file=sys.stderr, flush=True)

    report = asyncio.run(examine(Plan(config, camera, seconds, sound), progress))
    print(report.to_json() if as_json else report.to_text())
    if report.failed:
        raise typer.Exit(Exit.FAILED)


def see_credentials(directory: Path = Path("/etc/callbox/credentials")) -> None:
    """What the unit hands to the service, where whoever asks may read it: without the device's
    password the broker would refuse what it does not refuse to the device.
    """
    if os.access(directory, os.R_OK | os.X_OK):
        os.environ.setdefault("CREDENTIALS_DIRECTORY", str(directory))
