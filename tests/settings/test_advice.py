"""What is allowed, yet hardly meant."""

from __future__ import annotations

import pytest

from agent.settings import advise, load_policy
from agent.settings.models import CARRIED_OUT
from tests.settings.conftest import RULE, Machine

# nothing to say of it, but for who may call
SOUND = 'uid = "door-1"\ncommands = []\n'
FAMILY = RULE.replace("action", 'callers = ["family-*"]\naction')


def test_advise_without_rules(machine: Machine) -> None:
    settings = machine.load()
    advice = advise(settings, load_policy(settings, root=machine.root))
    assert "policy: there are no rules, so every call is rejected (not_allowed)" in advice


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        (
            '[mqtt]\nhost = "broker.lan"\nusername = "door-1"\npassword = "x"',
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
        ('[mqtt]\nusername = "door-1"\n[web]\nenabled = true', "web.uid is not given"),
        (
            '[web]\nenabled = true\nuid = "hall"\ntoken = "t"',
            "web.token can be read by everybody on this machine",
        ),
        ('[[button]]\nname = "front"', "ring.targets is empty"),
        (
            '[ring]\ntargets = ["a"]\n[[button]]\nname = "front"\nring = "x"',
            "no [[ring.list]] is called so",
        ),
        ('[mqtt]\npassword = "x"', "mqtt.password is given without mqtt.username"),
        ('[mqtt]\nusername = "d"', "mqtt.username is d and uid is door-1"),
        (
            '[[policy.rule]]\nname = "s"\nsigned = true\ncallers = ["x"]\naction = "ring"',
            'rule 2 ("s") demands a signature',
        ),
        (
            '[[policy.rule]]\nname = "all"\naction = "accept"',
            'rule 2 ("all") accepts everybody, and the broker is asked without a name',
        ),
        (
            '[[policy.rule]]\nname = "all"\naction = "ring"\n'
            '[[policy.rule]]\nname = "b"\naction = "ring"',
            'rule 3 ("b") is never asked: rule 2 matches every call',
        ),
    ],
)
def test_advise_of_what_is_hardly_meant(machine: Machine, text: str, advice: str) -> None:
    machine.write("callbox.toml", SOUND + FAMILY.format("policy.") + text)
    settings = machine.load()
    (said,) = advise(settings, load_policy(settings, root=machine.root))
    assert advice in said


def test_advise_of_a_sound_configuration_is_nothing(machine: Machine) -> None:
    machine.write(
        "callbox.toml",
        SOUND
        + FAMILY.format("policy.")
        + '[mqtt]\nhost = "localhost"\nusername = "door-1"\npassword = "x"',
    )
    settings = machine.load()
    assert advise(settings, load_policy(settings, root=machine.root)) == []


def test_advise_of_a_page_that_could_act_as_the_device(machine: Machine) -> None:
    page = '[web]\nenabled = true\nuid = "door-1"\n'
    machine.write("callbox.toml", SOUND + page + FAMILY.format("policy."))
    settings = machine.load()
    (said,) = advise(settings, load_policy(settings, root=machine.root))
    assert said.startswith("web.uid is 'door-1', the device's own")


def test_advise_without_a_list_of_commands_names_what_is_refused_and_the_line(
    machine: Machine,
) -> None:
    machine.write("callbox.toml", 'uid = "door-1"\n' + FAMILY.format("policy."))
    settings = machine.load()
    (said,) = advise(settings, load_policy(settings, root=machine.root))
    assert (
        "call, accept, snapshot, policy, volume, open, privacy, silence, say, messages, play, "
        "delete are refused (not_allowed)"
    ) in said
    line = said.partition("add this line: ")[2]
    machine.write("callbox.toml", line + '\nuid = "door-1"\n' + FAMILY.format("policy."))
    assert set(machine.load().commands) == set(CARRIED_OUT)


def test_advise_of_an_echo_canceller_that_is_missing(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.media.sound.sound_mode.can_cancel", lambda: False)
    sound = '[audio]\necho = "cancel"\n'
    machine.write("callbox.toml", SOUND + sound + FAMILY.format("policy."))
    settings = machine.load()
    (said,) = advise(settings, load_policy(settings, root=machine.root))
    assert said.startswith("audio.echo = cancel needs an extra that is not installed")
    assert said.endswith("the microphone is lowered while the caller speaks")
