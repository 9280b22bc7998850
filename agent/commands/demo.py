"""`callbox demo`: a broker, a device with a test picture, and the page to call it from, in one
process tree.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from agent.commands.demo_fleet import running_fleet
from agent.commands.demo_page import check_host, describe_access, page_options
from agent.commands.press_command import describe_press
from agent.core.policy.rules import Policy, Rule
from agent.daemon import Daemon
from agent.doorbell.button_settings import ButtonSettings
from agent.doorbell.output_settings import OutputKind, OutputSettings
from agent.doorbell.ring_settings import RingSettings
from agent.errors import CallboxError, ConfigurationError
from agent.service import status_client
from agent.service.status_socket import socket_path
from agent.service.system_zone import local_timezone
from agent.settings import AudioSettings, DeviceMqttSettings, Settings, VideoSettings
from agent.settings.models import CARRIED_OUT
from agent.signaling.protocol.topics import is_uid
from agent.web.bridge import BrokerAddress
from agent.web.page_files import page_folder
from agent.web.server import PageServer

logger = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
# seconds for the broker to accept connections
START_TIMEOUT = 10.0
# of the page, where the device rings it
PAGE_UID, BUTTON = "home", "front"
STOP_TIMEOUT = 5.0

# MQTT 5 alone: this broker's 3.1.1 listeners lose messages that carry MQTT 5 properties.
_RUMQTTD = """
id = 0
[router]
id = 0
max_connections = 200
max_outgoing_packet_count = 200
max_segment_size = 10485760
max_segment_count = 4
[v5.1]
name = "v5"
listen = "{host}:{port}"
next_connection_delay_ms = 1
    [v5.1.connections]
    connection_timeout_ms = 60000
    max_payload_size = 262144
    max_inflight_count = 100
    dynamic_filters = true
"""


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """What the command line asked for. `broker_port` None: any free one. `embedded`: although there
    is a mosquitto.
    """

    port: int = 8080
    broker_port: int | None = None
    uid: str = "door-1"
    open_browser: bool = False
    embedded: bool = False
    # the device has a button, which rings at the page
    doorbell: bool = False
    # simulated devices beside the real one, with a collector and its page
    fleet: int = 0
    fleet_port: int = 9300
    # an address of this machine; any but a loopback one with a certificate and a password
    host: str = LOOPBACK


async def run_demo(plan: DemoPlan, say: Callable[[str], None]) -> None:
    """Until Ctrl-C. Raises CallboxError, which says what to do."""
    _check(plan)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Nothing is broken off half-way: whenever it is told to stop, what has started ends in good
        # order.
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    _require_free(plan.port, "--port", plan.host)
    broker_port = plan.broker_port or _free_port()
    _require_free(broker_port, "--broker-port")
    if plan.fleet:
        _require_free(plan.fleet_port, "--fleet-port")
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="callbox-demo-")))
        name = stack.enter_context(_broker(folder, broker_port, embedded=plan.embedded))
        await _wait_for(broker_port)
        options = page_options(plan.host, plan.port, folder)
        page = PageServer(
            options,
            BrokerAddress(LOOPBACK, broker_port),
            lambda: page_configuration(plan),
            press=partial(_press, plan.uid) if plan.doorbell else None,
        )
        await stack.enter_async_context(page)
        daemon = Daemon(lambda: demo_device(plan, broker_port, folder), terminal=True, stop=stop)
        say(f"{plan.uid} waits to be called at {options.url}")
        for line in describe_access(options, os.environ):
            say(f"  {line}")
        say(
            f"  broker: {name} on {LOOPBACK}:{broker_port}; from a terminal: "
            f"{_call(plan.uid, broker_port)}"
        )
        if plan.doorbell:
            stack.enter_context(pressed_by_enter(plan.uid, say))
            say("  Open the page, and press the button there or Enter here: the page rings.")
            say(f"  From another terminal: callbox press {BUTTON}")
        if plan.fleet:
            fleet = running_fleet(plan.fleet, plan.fleet_port, broker_port, folder)
            say(f"  {plan.fleet} simulated devices: {await stack.enter_async_context(fleet)}")
        say("  Ctrl-C ends it all.")
        if plan.open_browser:
            webbrowser.open(options.url)
        await daemon.run()


def _check(plan: DemoPlan) -> None:
    if not is_uid(plan.uid):
        raise ConfigurationError([f"--uid: {plan.uid!r} is no name of a device"])
    check_host(plan.host)
    made = ("conversation.js", "vendor/mqtt.min.js")
    if not all((page_folder() / name).exists() for name in made):
        raise CallboxError(
            "a part of the page is missing: `make page` makes it (needs npm), or install a wheel"
        )


def _call(uid: str, port: int) -> str:
    return f"callbox call {uid} --broker mqtt://{LOOPBACK}:{port}"


def page_configuration(plan: DemoPlan) -> dict[str, object]:
    """What the page reads; a doorbell has to know by which name it can be rung."""
    own = {"uid": PAGE_UID} if plan.doorbell else {}
    return {"prefix": "callbox/v1", "iceServers": [], **own}


async def _press(uid: str) -> dict[str, Any]:
    """Press the button of the device `uid`; what came of it."""
    try:
        return await asyncio.to_thread(status_client.press, socket_path(uid), BUTTON)
    except (OSError, ValueError) as error:
        return {"ok": False, "code": "failed", "message": f"the button does not work: {error}"}


@contextmanager
def pressed_by_enter(uid: str, say: Callable[[str], None]) -> Iterator[None]:
    """While it is open Enter presses the button of the device `uid`."""
    loop, presses = asyncio.get_running_loop(), set[asyncio.Future[None]]()

    async def press() -> None:
        say(f"  {describe_press(await _press(uid))}")

    def entered() -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            loop.remove_reader(sys.stdin.fileno())
            return
        task = loop.create_task(press(), name="callbox-demo-press")
        presses.add(task)
        task.add_done_callback(presses.discard)

    at_a_terminal = sys.stdin is not None and sys.stdin.isatty()
    if at_a_terminal:
        loop.add_reader(sys.stdin.fileno(), entered)
    try:
        yield
    finally:
        if at_a_terminal:
            loop.remove_reader(sys.stdin.fileno())
        for task in presses:
            task.cancel()


def demo_device(plan: DemoPlan, broker_port: int, folder: Path) -> tuple[Settings, Policy]:
    """The device of the demo, and its rules."""
    door = (
        {
            "button": (ButtonSettings(name=BUTTON),),
            "output": (OutputSettings(name="door", kind=OutputKind.DOOR),),
            "ring": RingSettings(targets=(PAGE_UID,), preview=True),
        }
        if plan.doorbell
        else {}
    )
    settings = Settings(
        uid=plan.uid,
        **door,  # type: ignore[arg-type]
        commands=CARRIED_OUT,
        # a second phone, or a tab that is left open, is not told that the line is busy
        max_conversations=4,
        mqtt=DeviceMqttSettings(port=broker_port),
        video=VideoSettings(source="pattern"),
        audio=AudioSettings(capture="pattern", playback="none"),
        state_directory=folder / "state",
    )
    everybody = {"name": "everybody, for this is a demo", "action": "accept", "open": True}
    rules = [Rule.model_validate(everybody)]
    return settings, Policy(
        rules, timezone=local_timezone(), max_duration=settings.call.max_duration
    )


# -- the broker ------------------------------------------------------------------------------------


@contextmanager
def _broker(folder: Path, port: int, *, embedded: bool) -> Iterator[str]:
    """A broker on a loopback port: an installed mosquitto, else the embedded one. Yields its
    name.
    """
    command, name = (
        _embedded(folder, port) if embedded else _installed(folder, port) or _embedded(folder, port)
    )
    log = (folder / "broker.log").open("wb")
    with log:
        # A session of its own: Ctrl-C reaches only us, and the broker goes last, so that `offline`
        # gets there.
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)  # noqa: S603 - our own words
    try:
        yield name
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _installed(folder: Path, port: int) -> tuple[list[str], str] | None:
    mosquitto = shutil.which("mosquitto") or shutil.which(
        "mosquitto", path="/usr/sbin:/usr/local/sbin"
    )
    if mosquitto is None:
        return None
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} {LOOPBACK}\nallow_anonymous true\npersistence false\n")
    return [mosquitto, "-c", str(config)], "mosquitto"


def _embedded(folder: Path, port: int) -> tuple[list[str], str]:
    if find_spec("iotcore") is None:
        raise CallboxError(
            "there is no broker: install mosquitto, or the extra `demo` (pip install "
            "'callbox[demo]')"
        )
    config = folder / "rumqttd.toml"
    config.write_text(_RUMQTTD.format(host=LOOPBACK, port=port))
    script = "import sys; from iotcore import Broker; Broker(config_path=sys.argv[1]).run_forever()"
    return [sys.executable, "-c", script, str(config)], "iotcore"


async def _wait_for(port: int) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + START_TIMEOUT
    while True:
        try:
            _, writer = await asyncio.open_connection(LOOPBACK, port)
        except OSError:
            if loop.time() > deadline:
                raise CallboxError("the demo's broker does not start") from None
            await asyncio.sleep(0.05)
        else:
            writer.close()
            await writer.wait_closed()
            return


def _require_free(port: int, option: str, host: str = LOOPBACK) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            advice = f"port {port} is taken ({error.strerror}): choose another one with "
            fault = f"{advice}{option} {port + 1}"
            if option == "--port":
                fault += f" (make demo PORT={port + 1})"
            if error.errno == errno.EADDRNOTAVAIL:
                fault = f"--host: {host} is no address of this machine"
            raise ConfigurationError([fault]) from None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
