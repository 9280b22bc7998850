"""`callbox call UID`: its options."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.errors import CallboxError, ConfigurationError
from agent.printable import printable

if TYPE_CHECKING:
    from agent.commands.caller import CallPlan
    from agent.commands.door_wish import DoorWish

EX_FAILED = 6
EX_CONFIG = 78  # sysexits(3)

Uid = Annotated[str, typer.Argument(help="Whom to call.", metavar="UID")]
Broker = Annotated[
    str,
    typer.Option(
        help="mqtt://[USER@]HOST[:PORT], mqtts://, ws:// or wss://. A password in it can be read "
        "by every user of this machine, unless it comes from the environment.",
        envvar="CALLBOX_BROKER",
    ),
]
Me = Annotated[str, typer.Option("--uid", help="As whom to call.")]
Prefix = Annotated[str, typer.Option(help="Where all topics begin.")]
Seconds = Annotated[float, typer.Option(help="Hang up after this long. 0: only on Ctrl-C.", min=0)]
Lifetime = Annotated[float, typer.Option(help="Seconds to wait for an answer.", min=1, max=120)]
RecordFile = Annotated[
    Path | None,
    typer.Option(help="Write what arrives to this file (.mkv, .mp4).", show_default=False),
]
Audio = Annotated[
    str,
    typer.Option(
        help="auto or alsa:NAME: a sound card, both ways. What to send: none, pattern or file:PATH."
    ),
]
Video = Annotated[str, typer.Option(help="What to send: none, pattern, file:PATH or v4l2:PATH.")]
View = Annotated[
    bool,
    typer.Option("--view", help="Only look (and listen): nothing is sent, and no line is taken."),
]
Open = Annotated[
    bool, typer.Option("--open", help="Have the device release its door once the call stands.")
]
Output = Annotated[
    str | None,
    typer.Option(help="Another door than the first one, with --open.", show_default=False),
]
CodeFile = Annotated[
    Path | None,
    typer.Option(
        help="Holds the door's code, which $CALLBOX_DOOR_CODE may be as well.", show_default=False
    ),
]
PasswordFile = Annotated[
    Path | None,
    typer.Option(
        help="Holds the broker's password, which $CALLBOX_PASSWORD may be as well.",
        show_default=False,
    ),
]
CaFile = Annotated[
    Path | None, typer.Option(help="PEM of who may vouch for the broker.", show_default=False)
]
CertFile = Annotated[
    Path | None, typer.Option(help="PEM of our own certificate.", show_default=False)
]
KeyFile = Annotated[Path | None, typer.Option(help="PEM of its key.", show_default=False)]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Log to standard error.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs: JSON on standard output.")]


def call(
    uid: Uid,
    broker: Broker = "mqtt://127.0.0.1:1883",
    me: Me = "callbox-call",
    prefix: Prefix = "callbox/v1",
    seconds: Seconds = 0,
    lifetime: Lifetime = 30,
    record: RecordFile = None,
    audio: Audio = "none",
    video: Video = "none",
    view: View = False,
    release: Open = False,
    output: Output = None,
    code_file: CodeFile = None,
    password_file: PasswordFile = None,
    ca_file: CaFile = None,
    cert_file: CertFile = None,
    key_file: KeyFile = None,
    verbose: Verbose = False,
    as_json: AsJson = False,
) -> None:
    """Call a device from the terminal: live statistics, then the call record.

    Exit 0 when connected and closed, 3 rejected, 4 busy, 5 timeout, 6 failed, also where the door
    stayed shut, 7 nobody of that name is there, 8 the broker does not let us call.

    Example: callbox call door-1 --broker mqtt://broker.lan --seconds 10 --record call.mkv
    """
    from agent.commands.caller import BrokerLogin, CallPlan
    from agent.service.logs import set_up_logging

    set_up_logging("info" if verbose else "error")
    password = os.environ.get("CALLBOX_PASSWORD") or None
    plan = CallPlan(
        to=uid,
        broker=broker,
        login=BrokerLogin(password_file, ca_file, cert_file, key_file, password),
        uid=me,
        prefix=prefix,
        seconds=seconds or None,
        lifetime=lifetime,
        record=record,
        audio=audio,
        video=video,
        view=view,
        door=_door(output, code_file) if release else None,
        as_json=as_json,
    )
    raise typer.Exit(_run(plan))


def _door(output: str | None, code_file: Path | None) -> DoorWish:
    from agent.commands.door_wish import DoorWish
    from agent.settings.text_file import read_text

    code = os.environ.get("CALLBOX_DOOR_CODE") or None
    if code_file is not None:
        try:
            code = read_text(code_file).strip()
        except ValueError as error:
            print(f"callbox: --code-file: {printable(str(error))}", file=sys.stderr)
            raise typer.Exit(EX_CONFIG) from None
    return DoorWish(output, code)


def _run(plan: CallPlan) -> int:
    """The exit code."""
    from agent.commands.caller import place_call

    try:
        return asyncio.run(place_call(plan))
    except ConfigurationError as error:
        faults, code = error.faults, EX_CONFIG
    except CallboxError as error:
        faults, code = [str(error)], EX_FAILED
    for fault in faults:
        print(f"callbox: {printable(fault)}", file=sys.stderr)
    return code
