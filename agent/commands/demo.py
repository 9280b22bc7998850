"""`callbox demo`: a broker, a device with a test picture, and the page to call it from, in one
process tree.
"""

from __future__ import annotations

import asyncio
import logging
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
from importlib.util import find_spec
from pathlib import Path

from agent.core.policy.rules import Policy, Rule
from agent.daemon import Daemon
from agent.errors import CallboxError, ConfigurationError
from agent.settings import AudioSettings, MqttSettings, Settings, VideoSettings, local_timezone
from agent.settings.models import CARRIED_OUT
from agent.web.bridge import BrokerAddress
from agent.web.page_files import page_folder
from agent.web.server import PageServer, WebOptions

logger = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
# seconds for the broker to accept connections
START_TIMEOUT = 10.0
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


async def run_demo(plan: DemoPlan, say: Callable[[str], None]) -> None:
    """Until Ctrl-C. Raises CallboxError, which says what to do."""
    made = ("conversation.js", "vendor/mqtt.min.js")
    if not all((page_folder() / name).exists() for name in made):
        raise CallboxError(
            "a part of the page is missing: `make page` makes it (needs npm), or install a wheel"
        )
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Nothing is broken off half-way: whenever it is told to stop, what has started ends in good
        # order.
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    _require_free(plan.port, "--port")
    broker_port = plan.broker_port or _free_port()
    _require_free(broker_port, "--broker-port")
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="callbox-demo-")))
        name = stack.enter_context(_broker(folder, broker_port, embedded=plan.embedded))
        await _wait_for(broker_port)
        options = WebOptions(LOOPBACK, plan.port)
        page = PageServer(
            options,
            BrokerAddress(LOOPBACK, broker_port),
            lambda: {"prefix": "callbox/v1", "iceServers": []},
        )
        await stack.enter_async_context(page)
        daemon = Daemon(lambda: _device(plan.uid, broker_port, folder), terminal=True, stop=stop)
        say(f"{plan.uid} waits to be called at {options.url}")
        say(
            f"  broker: {name} on {LOOPBACK}:{broker_port}; from a terminal: "
            f"{_call(plan.uid, broker_port)}"
        )
        say("  Ctrl-C ends it all.")
        if plan.open_browser:
            webbrowser.open(options.url)
        await daemon.run()


def _call(uid: str, port: int) -> str:
    return f"callbox call {uid} --broker mqtt://{LOOPBACK}:{port}"


def _device(uid: str, broker_port: int, folder: Path) -> tuple[Settings, Policy]:
    settings = Settings(
        uid=uid,
        commands=CARRIED_OUT,
        mqtt=MqttSettings(port=broker_port),
        video=VideoSettings(source="pattern"),
        audio=AudioSettings(capture="pattern", playback="none"),
        state_directory=folder / "state",
    )
    rules = [Rule.model_validate({"name": "everybody, for this is a demo", "action": "accept"})]
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


def _require_free(port: int, option: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise ConfigurationError(
                [
                    f"port {port} is taken ({error.strerror}): choose another one with "
                    f"{option} {port + 1}"
                ]
            ) from None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
