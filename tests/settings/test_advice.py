"""What is allowed, yet hardly meant."""

from __future__ import annotations

import pytest

from agent.settings import advise, load_policy
from tests.settings.conftest import RULE, Machine


def test_that_nobody_may_call_is_said(machine: Machine) -> None:
    settings = machine.load()
    advice = advise(settings, load_policy(settings, root=machine.root))
    assert advice == ["policy: there are no rules, so every call is rejected (not_allowed)"]


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        (
            '[mqtt]\nhost = "broker.lan"\npassword = "x"',
            "mqtt.password goes to broker.lan unencrypted",
        ),
        ('[mqtt.tls]\nca_file = "/a"', "mqtt.tls.ca_file does nothing"),
        ("[mqtt]\nport = 8883", "mqtt.port is 8883"),
        (
            '[video]\nsource = "pattern"\n[camera]\nhflip = true',
            "camera.hflip does nothing while",
        ),
        ('[ice]\ntransport_policy = "relay"', "without a TURN server"),
        (
            '[ice]\nservers = [{urls = "turn:a", secret = "s", credential_lifetime = "10m"}]',
            "ice.servers[0].credential_lifetime is shorter than call.max_duration",
        ),
        ('[mqtt]\nusername = "d"\n[web]\nenabled = true', "web.uid is not given"),
        (
            '[web]\nenabled = true\nuid = "hall"\ntoken = "t"',
            "web.token can be read by everybody on this machine",
        ),
        (
            '[[policy.rule]]\nname = "b"\naction = "ring"',
            'rule 2 ("b") is never asked: rule 1 matches every call',
        ),
    ],
)
def test_what_is_hardly_meant_is_said(machine: Machine, text: str, advice: str) -> None:
    machine.write("callbox.toml", RULE.format("policy.") + text)
    settings = machine.load()
    (said,) = advise(settings, load_policy(settings, root=machine.root))
    assert advice in said


def test_nothing_is_said_of_a_sound_configuration(machine: Machine) -> None:
    machine.write(
        "callbox.toml", RULE.format("policy.") + '[mqtt]\nhost = "localhost"\npassword = "x"'
    )
    settings = machine.load()
    assert advise(settings, load_policy(settings, root=machine.root)) == []


def test_page_that_could_act_as_the_device_is_said(machine: Machine) -> None:
    text = 'uid = "a"\n[web]\nenabled = true\nuid = "a"\n'
    machine.write("callbox.toml", text + RULE.format("policy."))
    settings = machine.load()
    (said,) = advise(settings, load_policy(settings, root=machine.root))
    assert said.startswith("web.uid is 'a', the device's own")
