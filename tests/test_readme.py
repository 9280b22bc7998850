"""What a newcomer types, from README and docs/getting-started.md, does what they say."""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent.cli import make_app
from agent.client import CallClient, NotConnected
from agent.settings import load_policy, load_settings
from agent.web.bridge import BrokerAddress
from agent.web.server import PageServer
from agent.web.web_options import WebOptions
from tests.conftest import Mosquitto
from tests.e2e.device import device, watching
from tests.free_ports import free_port
from tests.papers import Block, block, blocks, commands
from tests.parts import SEARCH, find_part, missing
from tests.waiting import PATIENCE

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
GETTING_STARTED = ROOT / "docs" / "getting-started.md"


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """The settings of the device on a desk."""
    (text,) = re.findall(
        r"^cat > door\.toml <<'TOML'\n(.*?)^TOML$",
        GETTING_STARTED.read_text(),
        re.DOTALL | re.MULTILINE,
    )
    path = tmp_path / "door.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("caller", "hour", "decision"),
    [
        ("front-desk", 3, "accept"),
        ("front-desk", 12, "accept"),
        ("family-1", 12, "accept"),
        ("family-1", 3, "reject"),
    ],
)
def test_who_may_call_by_the_sample(sample: Path, caller: str, hour: int, decision: str) -> None:
    options = [
        "--config",
        str(sample),
        "--caller",
        caller,
        "--at",
        f"2026-11-22T{hour:02}:30",
        "--json",
    ]
    result = CliRunner().invoke(make_app("policy"), ["policy", "explain", *options])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["action"] == decision


PROGRAMS = [each for each in blocks() if each.language == "python"]


def test_python_example_is_short() -> None:
    (text,) = (each.text for each in PROGRAMS if each.paper == "README.md")
    assert len([line for line in text.splitlines() if line.strip()]) <= 8


@pytest.mark.broker
@pytest.mark.media
@pytest.mark.parametrize("program", PROGRAMS, ids=str)
async def test_python_example_calls_a_device(
    tmp_path: Path, mosquitto: Mosquitto, program: Block
) -> None:
    """Word for word, but for the port of the broker."""
    script = tmp_path / "example.py"
    script.write_text(
        program.text.replace("mqtt://127.0.0.1", f"mqtt://127.0.0.1:{mosquitto.port}")
    )
    policy = '[[policy.rule]]\nname = "briefly"\naction = "accept"\nmax_duration = "2s"\n'
    async with (
        watching(mosquitto) as watcher,
        device(tmp_path, mosquitto, watcher, policy=policy),
        asyncio.timeout(2 * PATIENCE),
    ):
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(script), cwd=tmp_path, stdout=PIPE, stderr=PIPE
        )
        output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    if program.paper == "README.md":
        assert output.decode().startswith("ACCEPTED\n")
        assert "max_duration" in output.decode()
    if "door.jpg" in program.text:
        assert (tmp_path / "door.jpg").read_bytes()[:3] == b"\xff\xd8\xff"


@contextmanager
def started(command: str, folder: Path, log: Path) -> Iterator[None]:
    """A line of the shell at work in `folder`, until the context is left."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"], cwd=folder, stdout=output, stderr=output
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


@pytest.mark.broker
@pytest.mark.media
def test_getting_started_ends_with_a_recorded_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is typed, but for the port; the broker has access rules, and keeps to them."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/sbin:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    if shutil.which("mosquitto_passwd") is None:
        missing("mosquitto-clients and mosquitto are not installed")
    port = free_port()
    text = (
        GETTING_STARTED.read_text()
        # root's mosquitto goes on as a user of its own, who may not read these files
        .replace("listener 1883", f"user {getpass.getuser()}\nlistener {port}")
        .replace("[mqtt]\n", f"[mqtt]\nport = {port}\n")
        .replace("@127.0.0.1 ", f"@127.0.0.1:{port} ")
        .replace("mosquitto_sub ", f"mosquitto_sub -p {port} ")
        .replace("/tmp/callbox-state", str(tmp_path / "state"))
        .replace("--seconds 10", "--seconds 2")
    )
    settings, broker, calls = re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)[:3]
    prepare, _, serve = broker.strip().rpartition("\n")
    run, watch, call = calls.strip().splitlines()
    subprocess.run(["bash", "-ec", settings + prepare], cwd=tmp_path, check=True)
    with (
        started(serve, tmp_path, tmp_path / "broker.log"),
        started(run, tmp_path, tmp_path / "run.log"),
    ):
        wait_for_line(tmp_path / "run.log", "ready: idle; broker")
        with started(watch, tmp_path, tmp_path / "events.log"):
            wait_for_line(tmp_path / "events.log", "door-1/status")
            result = subprocess.run(
                ["bash", "-c", call], cwd=tmp_path, capture_output=True, text=True, check=False
            )
            assert result.returncode == 0, result.stderr
            wait_for_line(tmp_path / "events.log", "events/closed")
    assert (tmp_path / "call.mkv").stat().st_size > 10_000


def wait_for_line(log: Path, words: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not (log.exists() and words in log.read_text()):
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


# -- certificates, and devices without a terminal -------------------------------------------------


def run_in(folder: Path, script: str) -> str:
    """As a reader types it, without the rights of root."""
    if shutil.which("openssl") is None:
        missing("openssl is not installed")
    done = subprocess.run(
        ["bash", "-euc", script], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> None:
    """A TLS handshake without a network. Raises ssl.SSLError where the client does not trust."""
    ways = ssl.MemoryBIO(), ssl.MemoryBIO()
    there = server.wrap_bio(ways[0], ways[1], server_side=True)
    here = client.wrap_bio(ways[1], ways[0], server_hostname=name)
    left = [here, there]
    for _ in range(10):
        for end in [*left]:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            left.remove(end)
    assert not left


def test_authority_of_ones_own_is_trusted(tmp_path: Path) -> None:
    """As strictly as OpenSSL 3 of Debian 13 and Python 3.13 look at it."""
    run_in(tmp_path, block("docs/broker.md", "sh", "authority of the house"))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
    client = ssl.create_default_context(cafile=tmp_path / "ca.crt")
    client.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    shake_hands(server, client, "broker.lan")
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(server, client, "another.lan")


@pytest.mark.broker
async def test_broker_of_debian_lets_in_whom_it_knows(tmp_path: Path) -> None:
    """Below a folder of the test, on another port; the passwords are not typed."""
    mosquitto = find_part("mosquitto") or ""
    if not mosquitto or find_part("mosquitto_passwd") is None:
        missing("mosquitto is not installed")
    folder, port, secret = tmp_path / "mosquitto", free_port(), "secret of the door"
    (folder / "conf.d").mkdir(parents=True)
    (tmp_path / "door.toml").write_text('uid = "door-1"\n')
    script = block("docs/getting-started.md", "sh", "callbox.passwords door-1")
    for typed, instead in (
        ("sudo apt install mosquitto\n", f"PATH={Path(sys.executable).parent}:{SEARCH}\n"),
        ("sudo systemctl restart mosquitto\n", ""),
        ("sudo chown mosquitto ", "chmod 0644 "),
        ("sudo ", ""),
        ("callbox acl mosquitto", "callbox acl mosquitto --config door.toml"),
        ("/etc/mosquitto", str(folder)),
        ("passwords door-1", f"passwords door-1 '{secret}'"),
        ("passwords household", "passwords household another"),
        ("mosquitto_passwd ", "mosquitto_passwd -b "),
        ("listener 1883", f"listener {port} 127.0.0.1"),
    ):
        assert typed in script
        script = script.replace(typed, instead)
    run_in(tmp_path, script)
    config = folder / "conf.d/callbox.conf"
    # root's mosquitto goes on as a user of its own, who may not read these files
    config.write_text(f"user {getpass.getuser()}\n{config.read_text()}")
    with started(f"{mosquitto} -c {config}", tmp_path, tmp_path / "broker.log"):
        wait_for_line(tmp_path / "broker.log", "running")
        url = f"mqtt://door-1:{secret.replace(' ', '%20')}@127.0.0.1:{port}"
        async with CallClient.connect(url, uid="door-1"):
            """It is in."""
        with pytest.raises(NotConnected):
            async with CallClient.connect(url.replace("secret", "guess"), uid="door-1"):
                pytest.fail("a wrong password lets it in")


async def test_page_on_ones_network(tmp_path: Path) -> None:
    """Certificate and settings as they are written, below a folder of the test."""
    here = str(tmp_path / "etc")
    script = block("docs/phone.md", "sh", "page.key").replace("/etc/callbox", here)
    # there is neither root nor a group of that name
    script = (
        script.replace("sudo ", "").replace(" -g callbox", "").replace("chgrp callbox", "test -f")
    )
    assert "Fingerprint=" in run_in(tmp_path, script)
    config = tmp_path / "page.toml"
    text = block("docs/phone.md", "toml", "household").replace("/etc/callbox", here)
    config.write_text(f'uid = "door-1"\n{text}password = "twelve or more"\n')
    web = load_settings(config, root=tmp_path).web
    options = WebOptions("127.0.0.1", free_port(), web.cert_file, web.key_file, password="x" * 12)
    async with PageServer(options, BrokerAddress("127.0.0.1", free_port()), dict):
        client = ssl.create_default_context(cafile=Path(here) / "tls/page.pem")
        _, writer = await asyncio.open_connection(
            options.host, options.port, ssl=client, server_hostname="door-1.local"
        )
        writer.close()


def test_fleet_of_three_without_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line as it is written, but for the folder; nobody answers a question."""
    if shutil.which("mosquitto_passwd", path=f"{os.environ['PATH']}:/usr/sbin") is None:
        missing("mosquitto is not installed")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:/usr/sbin")
    (tmp_path / "passwords").touch()
    (tmp_path / "ca.crt").touch()
    secrets = block("docs/fleet.md", "sh", "mosquitto_passwd")
    (init,) = (
        words
        for words in commands(block("docs/fleet.md", "sh", "callbox init"))
        if words[:2] == ["callbox", "init"]
    )
    everywhere = block("docs/fleet.md", "toml", "retry_longest")
    for uid in ("door-7", "door-8", "door-9"):
        run_in(tmp_path, secrets.replace("door-7", uid))
        root = tmp_path / uid
        words = [word.replace("door-7", uid) for word in init[1:]]
        done = CliRunner().invoke(make_app(), [*words, "--directory", str(root)], input="")
        assert done.exit_code == 0, done.output
        (root / "conf.d").mkdir(exist_ok=True)
        (root / "conf.d/50-fleet.toml").write_text(
            everywhere.replace("/etc/callbox/tls", str(tmp_path))
        )
        settings = load_settings(root=root)
        assert (settings.uid, settings.mqtt.tls.enabled, settings.mqtt.retry_longest) == (
            uid,
            True,
            30,
        )
        rules = load_policy(settings, root=root).rules
        assert next(rule.callers for rule in rules) == ("household", "family-*")
    users = [line.partition(":")[0] for line in (tmp_path / "passwords").read_text().splitlines()]
    assert users == ["door-7", "door-8", "door-9"]
