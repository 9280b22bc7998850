"""Where settings come from, and which wins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from agent.settings import Settings
from agent.settings.forms import check_uid
from agent.settings.layers import Layer, Merged
from agent.settings.models import default_uid
from tests.settings.conftest import Machine


def test_without_any_layer_the_defaults_hold(machine: Machine) -> None:
    settings = machine.load()
    assert settings == Settings(uid=settings.uid)
    assert (settings.topic_prefix, settings.max_conversations) == ("callbox/v1", 1)
    assert (settings.mqtt.host, settings.mqtt.port, settings.mqtt.keepalive) == (
        "127.0.0.1",
        1883,
        30,
    )
    assert (settings.mqtt.tls.enabled, settings.mqtt.tls.ca_file, settings.mqtt.password) == (
        False,
        None,
        None,
    )
    assert (settings.video.source, settings.video.width, settings.video.height) == (
        "auto",
        1280,
        720,
    )
    assert (settings.video.bitrate, settings.video.min_bitrate, settings.video.max_bitrate) == (
        2_000_000,
        250_000,
        4_000_000,
    )
    assert (settings.audio.capture, settings.audio.playback) == ("auto", "auto")
    assert (settings.ice.servers, settings.ice.transport_policy, settings.stats.interval) == (
        (),
        "all",
        2.0,
    )
    assert (settings.call.setup_timeout, settings.call.max_duration, settings.log.level) == (
        15.0,
        3600.0,
        "info",
    )


def test_each_layer_wins_over_the_one_before(machine: Machine) -> None:
    """Six keys, the n-th set by the first n layers: each keeps the value of the last that set
    it.
    """
    keys = ["host", "username", "password", "port", "keepalive"]
    values: list[dict[str, Any]] = [
        {
            key: (f"layer-{n}" if key in ("host", "username", "password") else 1000 + n)
            for key in keys[n:]
        }
        for n in range(5)
    ]

    def section(n: int) -> str:
        return "[mqtt]\n" + "\n".join(f"{key} = {value!r}" for key, value in values[n].items())

    machine.write("callbox.toml", section(0))
    machine.write("conf.d/20.toml", section(2))
    machine.write("conf.d/10.toml", section(1))
    config = machine.write("mine.toml", section(3))
    for key, value in values[4].items():
        machine.credential(f"mqtt__{key}", f"{value}\n")
    settings = machine.load(config)
    assert settings.mqtt.host == "layer-0"
    assert settings.mqtt.username == "layer-1"
    assert settings.mqtt.password == SecretStr("layer-2")
    assert settings.mqtt.port == 1003
    assert settings.mqtt.keepalive == 1004
    assert machine.load(config, CALLBOX_MQTT__KEEPALIVE="77").mqtt.keepalive == 77


def test_a_later_list_replaces_an_earlier_one(machine: Machine) -> None:
    machine.write("callbox.toml", '[ice]\nservers = [{urls = "stun:a"}, {urls = "stun:b"}]')
    config = machine.write("mine.toml", '[ice]\nservers = [{urls = ["stun:c", "stun:d:3479"]}]')
    assert [server.urls for server in machine.load(config).ice.servers] == [
        ("stun:c", "stun:d:3479")
    ]


def test_the_environment_reaches_every_depth(machine: Machine) -> None:
    settings = machine.load(
        CALLBOX_UID="door-2",
        CALLBOX_MQTT__TLS__ENABLED="true",
        CALLBOX_VIDEO='{"width": 640, "height": 480}',
        CALLBOX_VIDEO__FRAMERATE="15",
        CALLBOX_ICE__SERVERS='[{"urls": "turn:a?transport=tcp", "username": "u", "credential": '
        '"c"}]',
        CALLBOX_CALL__MAX_DURATION="none",
        CALLBOX_LOG__LEVEL="DEBUG",
        CALLBOXER="not ours",
        HOME="/home",
    )
    assert (settings.uid, settings.mqtt.tls.enabled, settings.log.level) == (
        "door-2",
        True,
        "debug",
    )
    assert (settings.video.width, settings.video.height, settings.video.framerate) == (640, 480, 15)
    assert settings.ice.servers[0].urls == ("turn:a?transport=tcp",)
    assert settings.call.max_duration is None


@pytest.mark.parametrize("password", ['{"a": 1}', "[1]", "null", "12", " a\tb ", "true"])
def test_a_password_stays_as_it_was_written(machine: Machine, password: str) -> None:
    assert machine.load(CALLBOX_MQTT__PASSWORD=password).mqtt.password == SecretStr(password)
    machine.credential("mqtt__password", f"{password}\n")
    assert machine.load().mqtt.password == SecretStr(password)


def test_the_state_directory_is_systemds_unless_a_file_says_otherwise(machine: Machine) -> None:
    assert machine.load(STATE_DIRECTORY="/var/lib/a:/var/lib/b").state_directory == Path(
        "/var/lib/a"
    )
    machine.write("callbox.toml", 'state_directory = "/srv/callbox"')
    assert machine.load(STATE_DIRECTORY="/var/lib/a").state_directory == Path("/srv/callbox")


def test_credentials_in_the_folders_of_the_unit(machine: Machine) -> None:
    """Where a person has them read without systemd."""
    for folder in ("mqtt", "tls"):
        (machine.credentials / folder).mkdir()
    machine.credential("mqtt/password", "s3cret\n")
    machine.credential("tls/key.pem", "-----BEGIN PRIVATE KEY-----")
    password = machine.load().mqtt.password
    assert password is not None
    assert password.get_secret_value() == "s3cret"


def test_credentials_for_other_uses_are_left_alone(machine: Machine) -> None:
    machine.credential("client.key", "-----BEGIN PRIVATE KEY-----")
    machine.credential("mqtt__password", "s3cret\n")
    assert machine.load().mqtt.password == SecretStr("s3cret")


def test_settings_made_by_hand_read_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UID", "from-the-environment")
    monkeypatch.setenv("CALLBOX_TOPIC_PREFIX", "from/the/environment")
    assert Settings(uid="a").topic_prefix == "callbox/v1"
    with pytest.raises(ValidationError):
        Settings(uid="a", bogus=1)  # type: ignore[call-arg]


def test_settings_do_not_change(machine: Machine) -> None:
    settings = machine.load()
    for part, key in ((settings, "uid"), (settings.mqtt, "host")):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(part, key, "b")


@hypothesis.settings(deadline=None)
@given(st.text("aZ09-_. é\n中", min_size=1, max_size=80))
def test_any_host_name_makes_a_uid(name: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("socket.gethostname", lambda: name)
        assert check_uid(default_uid())


def test_the_host_name_is_the_uid(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, uid in {
        "door-1": "door-1",
        "door_1.local": "door_1",
        "--": "callbox",
        "my door": "my-door",
    }.items():
        monkeypatch.setattr("socket.gethostname", iter([name]).__next__)
        assert default_uid() == uid


NOTIFY = """
[[notify]]
url = "http://ntfy.home/door"

[[notify]]
url = "http://n8n.home/door"
"""


def test_a_credential_reaches_into_a_list_of_tables(machine: Machine) -> None:
    machine.write("callbox.toml", NOTIFY)
    machine.credential("notify__1__token", "t0ken\n")
    first, second = machine.load(CALLBOX_NOTIFY__0__BODY="{button}").notify
    assert (first.token, first.body) == (None, "{button}")
    assert second.token == SecretStr("t0ken")


def test_a_credential_for_an_entry_that_is_not_there_is_a_fault(machine: Machine) -> None:
    machine.write("callbox.toml", NOTIFY)
    file = machine.credential("notify__2__token", "t0ken")
    (fault,) = machine.faults()
    assert fault == f"{file}: notify.2: there is no such entry in the list"
    assert "t0ken" not in fault


def test_a_list_that_another_layer_reached_into_stays_as_it_was_read() -> None:
    entries = [{"name": "Door", "code": ""}]
    merged = Merged()
    merged.add(Layer("file", {"output": entries}))
    merged.add(Layer("credential", {"output": {"door": {"code": "1234"}}}))
    assert merged.values == {"output": [{"name": "Door", "code": "1234"}]}
    assert entries == [{"name": "Door", "code": ""}]
