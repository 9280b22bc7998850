"""What is wrong with settings: every fault at once, with file, key and value, and never a
secret.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import ConfigurationError
from agent.settings import load_settings
from tests.settings.conftest import Machine

WRONG: list[tuple[str, str, str]] = [
    ('uid = "door 1"', "uid: 'door 1'", "is not a uid"),
    ('uid = ""', "uid: ''", "is not a uid"),
    ("uid = 5", "uid: 5", "valid string"),
    ('topic_prefix = "a/+/b"', "topic_prefix: ", "'a/+/b': levels of"),
    ('topic_prefix = "a//b"', "topic_prefix: ", "'a//b': levels of"),
    ('topic_prefix = "\u00e4"', "topic_prefix: ", "'\u00e4': levels of"),
    ('topic_prefix = "$SYS"', "topic_prefix: ", "'$SYS': levels of"),
    ("max_conversations = 0", "max_conversations: 0", "greater than or equal to 1"),
    ("max_conversations = 17", "max_conversations: 17", "less than or equal to 16"),
    ("max_conversations = true", "max_conversations: true", "should be a number"),
    ("state_directory = 5", "state_directory: 5", "path"),
    ('mqtt = "here"', "mqtt: (text)", "should be a table"),
    ('[mqtt]\nhost = ""', "mqtt.host: ''", "is not the name or address"),
    ('[mqtt]\nhost = "mqtt://broker"', "mqtt.host: a URL", "is not the name or address"),
    ('state_directory = "/a\\u0000b"', "state_directory: '/a\\x00b'", "is not a path"),
    ('[policy]\nfile = "a\\u0000"', "policy.file: 'a\\x00'", "is not a path"),
    ('[video]\nsource = "file:\\u0000"', "video.source: 'file:\\x00'", "is not auto"),
    ('[audio]\ncapture = "file:\\u0000"', "audio.capture: 'file:\\x00'", "is not auto"),
    ("[mqtt]\nport = 70000", "mqtt.port: 70000", "less than or equal to 65535"),
    ('[mqtt]\nport = "x"', "mqtt.port: 'x'", "valid integer"),
    ("[mqtt]\nkeepalive = 1", "mqtt.keepalive: 1", "greater than or equal to 5"),
    ("[mqtt.tls]\nenabled = 5", "mqtt.tls.enabled: 5", "valid boolean"),
    ('[mqtt.tls]\ncert_file = "c"', "mqtt.tls.cert_file: 'c'", "needs key_file"),
    ('[mqtt.tls]\nkey_file = "k"', "mqtt.tls.key_file: 'k'", "needs cert_file"),
    (
        '[mqtt.tls]\nenabled = true\nca_file = "/no/ca"',
        "mqtt.tls.ca_file: '/no/ca'",
        "cannot be read",
    ),
    ('[video]\nsource = "webcam"', "video.source: 'webcam'", "is not auto, picamera2"),
    ('[video]\nsource = "file:"', "video.source: 'file:'", "is not auto, picamera2"),
    ("[video]\nwidth = 641", "video.width: 641", "multiple of 2"),
    ("[video]\nheight = 10000", "video.height: 10000", "less than or equal to 4096"),
    ("[video]\nframerate = 0", "video.framerate: 0", "greater than or equal to 1"),
    ("[video]\nbitrate = 100_000", "video.bitrate: 100000", "below min_bitrate (250000)"),
    ("[video]\nbitrate = 5_000_000", "video.bitrate: 5000000", "above max_bitrate (4000000)"),
    (
        "[video]\nmin_bitrate = 5_000_000",
        "video.min_bitrate: 5000000",
        "above max_bitrate (4000000)",
    ),
    ('[audio]\ncapture = ""', "audio.capture: ''", "is not auto"),
    ('[audio]\nplayback = "pattern"', "audio.playback: 'pattern'", "only for capture"),
    (
        '[ice]\ntransport_policy = "some"',
        "ice.transport_policy: 'some'",
        "should be 'all' or 'relay'",
    ),
    ('[ice]\nservers = "stun:a"', "ice.servers: (text)", "should be a list"),
    ("[ice]\nservers = [{}]", "ice.servers[0].urls", "is required"),
    ("[ice]\nservers = [{urls = []}]", "ice.servers[0].urls", "at least 1 item"),
    (
        '[ice]\nservers = [{urls = "http://a"}]',
        "ice.servers[0].urls[0]: 'http://a'",
        "is not stun:HOST",
    ),
    (
        '[ice]\nservers = [{urls = ["stun:a", "stun:b?transport=udp"]}]',
        "ice.servers[0].urls[1]",
        "no transport",
    ),
    ('[ice]\nservers = [{urls = "stun:a:70000"}]', "'stun:a:70000'", "is not stun:HOST"),
    ('[ice]\nservers = [{urls = "turns:a?transport=udp"}]', "'turns:a?transport=udp'", "not udp"),
    (
        '[ice]\nservers = [{urls = "turn:a"}]',
        "ice.servers[0].urls: 'turn:a'",
        "needs username and credential",
    ),
    (
        '[ice]\nservers = [{urls = "turn:[1.2.3.4]:3478"}]',
        "'turn:[1.2.3.4]:3478'",
        "'1.2.3.4' is not an IPv6 address",
    ),
    (
        '[ice]\nservers = [{urls = "turn:a", secret = "x", credential = "y"}]',
        "ice.servers[0].secret:",
        "keep one of them",
    ),
    (
        '[ice]\nservers = [{urls = "turn:a", secret = "x", credential_lifetime = "8d"}]',
        "ice.servers[0].credential_lifetime: '8d'",
        "is not between 0 and 7 days",
    ),
    ("[ice]\nservers = [" + '{urls = "stun:a"},' * 11 + "]", "ice.servers", "at most 10 items"),
    ("[stats]\ninterval = 0.1", "stats.interval: 0.1", "greater than or equal to 0.5"),
    ("[stats]\ninterval = nan", "stats.interval: nan", "finite number"),
    ('[call]\nsetup_timeout = "1h"', "call.setup_timeout: '1h'", "less than or equal to 120"),
    ('[call]\nmax_duration = "long"', "call.max_duration: 'long'", "is not a duration"),
    (
        '[log]\nlevel = "chatty"',
        "log.level: 'chatty'",
        "should be 'debug', 'info', 'warning' or 'error'",
    ),
    ('[[policy.rule]]\nname = "a"', 'rule 1 ("a"): action', "is required"),
    ('[[policy.rule]]\naction = "ring"', "rule 1: name", "is required"),
    (
        '[policy]\nfile = "p.toml"\n[[policy.rule]]\nname = "a"\naction = "ring"',
        "policy.file: 'p.toml'",
        "keep one",
    ),
    ("bogus = 1", "bogus", "unknown key"),
    ('[mqtt]\nhosst = "x"', "mqtt.hosst", "unknown key, did you mean mqtt.host?"),
    ("bitrate = 1", "bitrate", "unknown key, did you mean video.bitrate?"),
    ("[telemetry]\nx = 1", "telemetry", "unknown key"),
    (
        '[ice]\nservers = [{url = "stun:a"}]',
        "ice.servers[0].url:",
        "did you mean ice.servers[0].urls?",
    ),
]


@pytest.mark.parametrize(("text", "key_and_value", "complaint"), WRONG)
def test_a_fault_names_file_key_and_value(
    machine: Machine, text: str, key_and_value: str, complaint: str
) -> None:
    machine.write("callbox.toml", "# nothing wrong here")
    file = machine.write("conf.d/50-wrong.toml", text)
    faults = machine.faults()
    fault = next(fault for fault in faults if complaint in fault)
    assert fault.startswith(f"{file}: ")
    assert key_and_value in fault
    assert "\n" not in fault


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("CALLBOX_FOO", "1", "environment: CALLBOX_FOO: unknown key"),
        (
            "CALLBOX_STAT",
            "1",
            "environment: CALLBOX_STAT: unknown key, did you mean CALLBOX_STATS?",
        ),
        ("CALLBOX_", "1", "environment: CALLBOX_: unknown key"),
        (
            "CALLBOX_MQTT__HOSST",
            "x",
            "environment: CALLBOX_MQTT__HOSST: unknown key, did you mean CALLBOX_MQTT__HOST?",
        ),
        ("CALLBOX_MQTT_HOST", "x", "environment: CALLBOX_MQTT_HOST: unknown key"),
        (
            "CALLBOX_MQTT__PORT",
            "x",
            "environment: CALLBOX_MQTT__PORT: 'x' should be a valid integer",
        ),
        ("CALLBOX_UID__X", "x", "environment: CALLBOX_UID: (a table) should be a valid string"),
        ("CALLBOX_STATS", '{"interval": ', "environment: CALLBOX_STATS: (text) should be a table"),
        (
            "CALLBOX_ICE__SERVERS",
            "stun:a",
            "environment: CALLBOX_ICE__SERVERS: (text) should be a list",
        ),
    ],
)
def test_a_fault_in_the_environment_names_the_variable(
    machine: Machine, name: str, value: str, expected: str
) -> None:
    assert any(fault.startswith(expected) for fault in machine.faults(None, **{name: value}))


def test_a_misspelled_credential_is_a_fault(machine: Machine) -> None:
    file = machine.credential("mqtt__pasword", "hunter2")
    assert machine.faults() == [f"{file}: mqtt.pasword: unknown key, did you mean mqtt.password?"]


def test_a_fault_names_the_layer_that_set_the_value(machine: Machine) -> None:
    machine.write("callbox.toml", "[mqtt]\nport = 1884")
    machine.write("conf.d/10.toml", "[mqtt]\nport = 0")
    config = machine.write("mine.toml", "[mqtt]\nkeepalive = 0")
    assert [fault.split(": ")[:2] for fault in machine.faults(config)] == [
        [str(machine.root / "conf.d/10.toml"), "mqtt.port"],
        [str(config), "mqtt.keepalive"],
    ]


def test_all_faults_are_told_at_once(machine: Machine) -> None:
    machine.write("callbox.toml", "uid = ''\n[mqtt]\nport = 0\n[video]\nwidth = 1")
    machine.write("conf.d/10.toml", "x =")
    faults = machine.faults(machine.root / "absent.toml", CALLBOX_FOO="1")
    assert len(faults) == 6
    for part in (
        "10.toml: is not TOML",
        "absent.toml: cannot be read",
        ": uid:",
        "mqtt.port",
        "video.width",
        "CALLBOX_FOO",
    ):
        assert sum(part in fault for fault in faults) == 1


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"a = 1\nb = [\n", "(at line 2, the end of the file)"),
        (b"a 1", "(at line 1"),
        (b"\xff", "is not UTF-8 text (byte 0)"),
    ],
)
def test_a_file_that_is_not_toml(machine: Machine, content: bytes, complaint: str) -> None:
    file = machine.write("callbox.toml", "")
    file.write_bytes(content)
    (fault,) = machine.faults()
    assert fault.startswith(f"{file}: is not ")
    assert complaint in fault


def test_a_directory_is_not_a_file(machine: Machine) -> None:
    assert machine.faults(machine.root) == [f"{machine.root}: cannot be read: Is a directory"]


def test_a_file_that_is_there_and_cannot_be_looked_at_is_a_fault(machine: Machine) -> None:
    for name in ("callbox.toml", "conf.d/1.toml"):
        (machine.root / name).symlink_to(machine.root / name)
    assert machine.faults() == [
        f"{machine.root}/{name}: cannot be read: Too many levels of symbolic links"
        for name in ("callbox.toml", "conf.d/1.toml")
    ]


def test_a_directory_of_files_that_is_none_is_a_fault(machine: Machine) -> None:
    (machine.root / "conf.d").rmdir()
    file = machine.write("conf.d", "")
    assert machine.faults() == [f"{file}: cannot be read: Not a directory"]


SECRET = "hunter2"


@pytest.mark.parametrize(
    "text",
    [
        f'[mqtt]\npasword = "{SECRET}"',
        f'[mqtt]\npassword = ["{SECRET}"]',
        f'password = "{SECRET}"',
        f'mqtt = "{SECRET}"',
        f'[mqtt]\npassword = "{SECRET}"\nport = 0',
        f'[mqtt]\npassword = "{SECRET}"\n[mqtt.tls]\nkey_file = "k"',
        f'[mqtt]\nhost = "mqtt://me:{SECRET}@broker"',
        f'[mqtt]\nhost = "me:{SECRET}@broker"',
        f'[mqtt]\nhost = "me:{SECRET}"',
        f'[mqtt]\nhost = "mqtt://{SECRET}"',
        f'[web]\norigins = ["https://me:{SECRET}@door.example.org"]',
        f'[ice]\nservers = ["{SECRET}"]',
        f'[ice]\nservers = [{{urls = "turn:me:{SECRET}@a"}}]',
        f'[ice]\nservers = [{{urls = "turn:a", credential = "{SECRET}"}}]',
        f'[ice]\nservers = [{{urls = "turn:a", credential = "x", secret = "{SECRET}"}}]',
        f'[ice]\nservers = [{{urls = "turn:a", secret = ["{SECRET}"]}}]',
        f'[ice]\nservers = [{{urls = "turn:a", username = "a", credential = {{a = "{SECRET}"}}}}]',
    ],
)
def test_no_fault_repeats_a_secret(machine: Machine, text: str) -> None:
    machine.write("callbox.toml", text)
    with pytest.raises(ConfigurationError) as caught:
        machine.load()
    assert SECRET not in str(caught.value)
    # pydantic's own message quotes its input
    assert caught.value.__cause__ is None


def test_no_fault_repeats_a_secret_of_the_environment(machine: Machine) -> None:
    faults = machine.faults(CALLBOX_MQTT=f'{{"password": "{SECRET}"', CALLBOX_MQTT_PASSWORD=SECRET)
    assert SECRET not in "".join(faults)


def test_settings_never_print_a_secret(machine: Machine) -> None:
    servers = (
        f'[{{"urls": "turn:a", "username": "u", "credential": "{SECRET}"}}, '
        f'{{"urls": "turn:b", "secret": "{SECRET}"}}]'
    )
    settings = machine.load(CALLBOX_MQTT__PASSWORD=SECRET, CALLBOX_ICE__SERVERS=servers)
    for text in (repr(settings), str(settings), settings.model_dump_json()):
        assert SECRET not in text


KEYS = st.sampled_from(
    [
        "uid",
        "mqtt",
        "tls",
        "ice",
        "servers",
        "urls",
        "policy",
        "rule",
        "file",
        "video",
        "width",
        "x",
        "",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text("a:/-\0\n\u00e9", max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
@given(
    st.dictionaries(KEYS, VALUES, max_size=5),
    st.dictionaries(st.text("MQTICES_UDX", max_size=14), st.text('[{1"', max_size=4)),
)
def test_whatever_is_configured_it_loads_or_is_a_fault(
    tree: Mapping[str, Any], variables: Mapping[str, str]
) -> None:
    environ = {f"CALLBOX_{name}": json.dumps(value) for name, value in tree.items()}
    environ |= {f"CALLBOX_{name}": value for name, value in variables.items()}
    faults = None
    try:
        load_settings(environ=environ, root=Path("/nonexistent"))
    except ConfigurationError as error:
        faults = error.faults
    assert faults != []
    assert all(
        ("environment: " in fault or "cannot be read" in fault) and "\n" not in fault
        for fault in faults or []
    )
