"""The real collector as a process: real broker, killed and started again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from agent.fleet.collector_service import open_store
from agent.fleet.collector_settings import load_collector_settings
from agent.fleet.fleet_store import StoreUnavailable
from tests.conftest import Mosquitto
from tests.fleet.samples import PREFIX, closed
from tests.free_ports import free_port
from tests.waiting import START_TIMEOUT

pytestmark = [pytest.mark.broker]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path, lines=("allow_anonymous true", "max_queued_messages 0"))
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def config(tmp_path: Path, broker: Mosquitto) -> Path:
    file = tmp_path / "collector.toml"
    file.write_text(f'state_directory = "{tmp_path}/state"\n[mqtt]\nport = {broker.port}\n')
    return file


@contextmanager
def collector(config: Path, **environ: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "agent", "collect", "--config", str(config)],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environ,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(process: subprocess.Popen[str], words: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return
    raise AssertionError(f"it ended without {words!r}")


def stored(config: Path) -> list[str]:
    store = open_store(load_collector_settings(config, environ={}), read_only=True)
    try:
        return [row["event_id"] for row in store.query("SELECT event_id FROM call")]
    except StoreUnavailable:
        return []
    finally:
        store.close()


def publish(broker: Mosquitto, ids: range) -> None:
    publish_to(broker.port, [closed(eventId=str(each)) for each in ids])


def publish_to(port: int, records: list[dict[str, Any]]) -> None:
    """Return once the broker has acknowledged them all."""
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.connect("127.0.0.1", port)
    client.loop_start()
    topic = f"{PREFIX}/door-1/events/closed"
    for info in [client.publish(topic, json.dumps(each), qos=1) for each in records]:
        info.wait_for_publish(START_TIMEOUT)
    client.disconnect()
    client.loop_stop()


def wait_stored(config: Path, number: int) -> list[str]:
    deadline = time.monotonic() + START_TIMEOUT
    while len(found := stored(config)) < number and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def test_collector_killed_amid_records_stores_each_once(broker: Mosquitto, config: Path) -> None:
    with collector(config) as process:
        wait_for(process, "connected to the broker")
        publish(broker, range(300))
        wait_stored(config, 1)
        process.kill()
    publish(broker, range(300, 500))
    with collector(config) as process:
        found = wait_stored(config, 500)
        process.send_signal(signal.SIGTERM)
        assert process.wait(START_TIMEOUT) == 0
    assert sorted(map(int, found)) == list(range(500))


def test_collector_of_a_bad_file_is_78(tmp_path: Path) -> None:
    file = tmp_path / "collector.toml"
    file.write_text('uid = "door-1"\n')
    with collector(file) as process:
        _, errors = process.communicate(timeout=START_TIMEOUT)
        assert process.returncode == 78
    assert f"{file}: uid: unknown key" in errors
    assert "Traceback" not in errors


def test_collector_without_a_broker_is_ready_and_says_so(tmp_path: Path, config: Path) -> None:
    text = config.read_text().replace("port =", "port = 1 #")
    config.write_text(text)
    with collector(config) as process:
        wait_for(process, "collects: waiting for the broker")
        process.send_signal(signal.SIGTERM)
        assert process.wait(START_TIMEOUT) == 0


def test_collectors_of_one_client_id_are_told(broker: Mosquitto, config: Path) -> None:
    other = config.parent / "other.toml"
    other.write_text(config.read_text().replace("/state", "/other") + "[web]\nenabled = false\n")
    with collector(config) as one, collector(other) as two:
        for process in (one, two):
            # once: what is told is not told again
            wait_for(process, "is there another collector of the client id collector-1?")


def test_collector_whose_port_is_taken_collects_without_a_page(
    broker: Mosquitto, config: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config.write_text(config.read_text() + f"[web]\nport = {taken.getsockname()[1]}\n")
        with collector(config) as process:
            wait_for(process, "No page: ")
            wait_for(process, "connected to the broker")
            publish(broker, range(3))
            assert len(wait_stored(config, 3)) == 3


def test_collector_without_prometheus_client_has_a_page_and_no_metrics(
    broker: Mosquitto, config: Path, tmp_path: Path
) -> None:
    hidden = tmp_path / "hidden" / "prometheus_client"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("raise ImportError('not installed')\n")
    port = free_port()
    config.write_text(config.read_text() + f"[web]\nport = {port}\n")
    with collector(config, PYTHONPATH=str(hidden.parent)) as process:
        wait_for(process, f"page: http://127.0.0.1:{port}/")
        with urlopen(f"http://127.0.0.1:{port}/", timeout=START_TIMEOUT) as answer:
            assert b"callbox" in answer.read()
        with pytest.raises(HTTPError) as caught:
            urlopen(f"http://127.0.0.1:{port}/metrics", timeout=START_TIMEOUT)
        with caught.value as refused:
            assert refused.code == 404
            assert b"pip install 'callbox[fleet]'" in refused.read()
        wait_for(process, "connected to the broker")
        publish(broker, range(3))
        assert len(wait_stored(config, 3)) == 3
