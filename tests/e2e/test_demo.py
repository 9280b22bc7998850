"""`callbox demo` as somebody runs it for the first time: one command, a page, a picture, Ctrl-C."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import shlex
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.e2e.browser import chromium
from tests.e2e.device import Program, record_of
from tests.free_ports import free_port
from tests.parts import missing, require_part
from tests.waiting import PATIENCE
from tests.web.page_harness import visiting

pytestmark = [pytest.mark.broker, pytest.mark.media]

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo that has said what it says."""

    program: Program
    url: str
    said: str
    folder: Path

    @property
    def broker_port(self) -> int:
        found = re.search(r"on 127\.0\.0\.1:(\d+);", self.said)
        assert found is not None, self.said
        return int(found[1])


@asynccontextmanager
async def demo(folder: Path, *arguments: str) -> AsyncIterator[Demo]:
    port = free_port()
    temporary = folder / "tmp"
    temporary.mkdir()
    program = await Program.start(
        folder / "demo.log", "demo", "--port", str(port), *arguments, env={"TMPDIR": str(temporary)}
    )
    try:
        said = await introduction(program)
        yield Demo(program, f"http://{HOST}:{port}/", said, temporary)
    finally:
        await program.end()
    assert "Traceback" not in program.log(), program.log()


async def introduction(program: Program) -> str:
    """What it prints at its start, up to how to end it."""
    assert program.process.stdout is not None
    lines: list[str] = []
    async with asyncio.timeout(PATIENCE):
        while not lines or "Ctrl-C" not in lines[-1]:
            line = await program.process.stdout.readline()
            assert line, f"it ended after {lines}: {program.log()}"
            lines.append(line.decode())
    return "".join(lines)


def descendants(pid: int) -> dict[int, str]:
    """All processes below `pid`, in whatever group and session, with their command lines."""
    children: dict[int, list[int]] = {}
    for each in every_process():
        children.setdefault(parent_of(each), []).append(each)
    found: dict[int, str] = {}
    pending = [pid]
    while pending:
        for child in children.get(pending.pop(), []):
            found[child] = command_of(child)
            pending.append(child)
    return found


def command_of(pid: int) -> str:
    """Its command line; nothing for a process that is gone, or a zombie."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def every_process() -> Iterator[int]:
    return (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())


def parent_of(pid: int) -> int:
    """0 for a process that is gone by now."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def still_running(processes: dict[int, str]) -> dict[int, str]:
    """Those that are there yet, and are no zombies that only wait to be counted."""
    return {
        pid: command for pid, command in processes.items() if command and command_of(pid) == command
    }


def left_in(folder: Path) -> list[Path]:
    """Files that were not removed; an empty folder for sockets may stay, as it is every daemon's of
    this person.
    """
    return [path for path in folder.rglob("*") if path.name != f"callbox-{os.getuid()}"]


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


async def get(url: str) -> tuple[str, bytes]:
    """Status line and body."""
    host, port = url.removeprefix("http://").rstrip("/").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET / HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
    async with asyncio.timeout(PATIENCE):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return head.split(b"\r\n")[0].decode(), body


def broker_option(broker: str) -> list[str]:
    if broker == "mosquitto":
        require_part("mosquitto")
        return []
    pytest.importorskip("iotcore")
    return ["--embedded"]


@pytest.mark.browser
@pytest.mark.parametrize("broker", ["mosquitto", "iotcore"])
async def test_from_the_command_to_a_picture_and_back(tmp_path: Path, broker: str) -> None:
    async with demo(tmp_path, *broker_option(broker)) as shown:
        assert shown.url in shown.said.splitlines()[0]
        assert f"broker: {broker} on" in shown.said
        status, body = await get(shown.url)
        assert (status, b"callbox" in body) == ("HTTP/1.1 200 OK", True)
        async with chromium() as browser, visiting(browser, shown.url) as visitor:
            await visitor.call("door-1")
            assert await visitor.frames(10) == {"width": 1280, "height": 720}
            tone = await visitor.tone()
            await visitor.look(f"demo-{broker}")
            await visitor.hang_up()
            await visitor.expect_end("You hung up.")
        processes = descendants(shown.program.pid)
        shown.program.signal(signal.SIGINT)
        code, rest = await shown.program.finish()
    assert tone["frequency"] == pytest.approx(440, abs=24)
    assert (code, rest) == (0, "")
    assert [command for command in processes.values() if broker in command], processes
    assert still_running(processes) == {}
    assert (is_free(int(shown.url.rstrip("/").rpartition(":")[2])), is_free(shown.broker_port)) == (
        True,
        True,
    )
    assert left_in(shown.folder) == []


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGHUP], ids=["ctrl-c", "terminal-closed"])
async def test_the_end_during_a_call(tmp_path: Path, end: signal.Signals) -> None:
    """With a call from the terminal, by the command that the demo itself names."""
    async with demo(tmp_path, *broker_option("mosquitto")) as shown:
        command = shlex.split(shown.said.partition("from a terminal: ")[2].splitlines()[0])
        assert command[:2] == ["callbox", "call"]
        call = await Program.start(tmp_path / "call.log", *command[1:], "--json")
        assert call.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            while b"stream_received" not in await call.process.stdout.readline():
                assert call.process.returncode is None, call.log()
        processes = descendants(shown.program.pid)
        shown.program.signal(end)
        code, _ = await shown.program.finish()
        called, output = await call.finish()
    assert (code, called) == (0, 0)
    assert record_of(output)["reason"] == "shutdown"
    assert processes
    assert still_running(processes) == {}


async def test_ctrl_c_at_once(tmp_path: Path) -> None:
    """As soon as there is a broker to leave behind."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    program = await Program.start(
        tmp_path / "demo.log", "demo", "--port", str(free_port()), env={"TMPDIR": str(temporary)}
    )
    try:
        async with asyncio.timeout(PATIENCE):
            while not (processes := descendants(program.pid)):  # noqa: ASYNC110 - /proc tells nobody
                await asyncio.sleep(0.01)
        program.signal(signal.SIGINT)
        code, _ = await program.finish()
    finally:
        await program.end()
    assert code == 0, program.log()
    assert "Traceback" not in program.log(), program.log()
    assert still_running(processes) == {}
    assert left_in(temporary) == []


@pytest.mark.parametrize("option", ["--port", "--broker-port"])
async def test_a_port_that_is_taken(tmp_path: Path, option: str) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        ports = {"--port": free_port(), "--broker-port": free_port(), option: port}
        arguments = [word for name, value in ports.items() for word in (name, str(value))]
        program = await Program.start(tmp_path / "demo.log", "demo", *arguments)
        code, output = await program.finish()
        await program.end()
    assert code == 78
    assert output == ""
    assert f"port {port} is taken" in program.log()
    assert (f"make demo PORT={port + 1}" in program.log()) is (option == "--port")
    assert f"{option} {port + 1}" in program.log()
    assert "Traceback" not in program.log()


async def test_demo_with_a_fleet_shows_it(tmp_path: Path) -> None:
    """Simulated devices beside the real one, all seen on the collector's page."""
    port = free_port()
    async with demo(tmp_path, "--fleet", "3", "--fleet-port", str(port)) as running:
        assert f"http://{HOST}:{port}/" in running.said
        async with chromium() as browser:
            page = await browser.new_page()
            page.set_default_timeout(PATIENCE * 1000)
            await page.goto(f"http://{HOST}:{port}/")
            shown = page.get_by_test_id("devices").get_by_role("link")
            await expect(shown).to_have_count(4, timeout=PATIENCE * 1000)
            await expect(page.get_by_test_id("worst")).to_contain_text(
                "Under-voltage", timeout=PATIENCE * 1000
            )


def own_address() -> str:
    """Of this machine, beyond loopback. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            missing("this machine has no address beside loopback")
        address: str = probe.getsockname()[0]
        return address


async def ask_over_tls(url: str, certificate: Path, password: str = "") -> str:
    """The status line for whoever says this password, and trusts this certificate alone."""
    host, port = url.removeprefix("https://").rstrip("/").split(":")
    client = ssl.create_default_context(cafile=certificate)
    reader, writer = await asyncio.open_connection(host, int(port), ssl=client)
    login = base64.b64encode(f"me:{password}".encode()).decode()
    head = f"GET / HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n"
    if password:
        head += f"Authorization: Basic {login}\r\n"
    writer.write(f"{head}\r\n".encode())
    async with asyncio.timeout(PATIENCE):
        status = await reader.readline()
    writer.close()
    return status.decode().strip()


async def test_demo_on_an_address_has_a_password(tmp_path: Path) -> None:
    async with demo(tmp_path, "--host", own_address()) as shown:
        (url,) = re.findall(r"https://\S+", shown.said)
        (password,) = re.findall(r"password: (\S+)", shown.said)
        (certificate,) = shown.folder.glob("callbox-demo-*/page.pem")
        assert await ask_over_tls(url, certificate) == "HTTP/1.1 401 Unauthorized"
        assert await ask_over_tls(url, certificate, password) == "HTTP/1.1 200 OK"
        # the broker has none, and stays where it is
        assert f"on {HOST}:{shown.broker_port}" in shown.said


async def test_a_page_that_was_never_built(tmp_path: Path) -> None:
    """A checkout without MQTT.js says how to get it, and starts nothing."""
    script = (
        "import pathlib, sys; import agent.commands.demo as demo; empty = "
        "pathlib.Path(sys.argv.pop(1));"
        " demo.page_folder = lambda: empty; from agent.cli import main; main()"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        script,
        str(tmp_path),
        "demo",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE * 2):
        output, errors = await process.communicate()
    assert process.returncode == 6
    assert output == b""
    assert b"`make page`" in errors
    assert b"Traceback" not in errors
