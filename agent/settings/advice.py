"""What is allowed, yet hardly meant: said by `callbox check`, by `callbox init` and once at the
start, and no reason not to start.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from agent.core.call.decision import Action
from agent.core.policy.rules import Policy, Rule
from agent.media.sound.sound_mode import missing_extra
from agent.options import is_loopback
from agent.settings.models import CARRIED_OUT, Settings
from agent.settings.pull_checks import advice_on_pulling
from agent.signaling.mqtt.mqtt_options import MqttSettings


def advise(settings: Settings, policy: Policy) -> list[str]:
    """One sentence for each thing worth a second look."""
    return [
        *_about_commands(settings),
        *_about_rules(policy, settings.mqtt),
        *_about_broker(settings.mqtt),
        *_about_name(settings),
        *_about_ice(settings),
        *_about_camera(settings),
        *_about_page(settings),
        *advice_on_pulling(settings, policy),
        *_about_sound(settings),
        *_about_buttons(settings),
        *_about_home(settings),
    ]


def _about_home(settings: Settings) -> Iterator[str]:
    if settings.homeassistant.enabled:
        # with each entity that there is: of no use to anybody else
        from agent.settings.home_features import advise_home

        yield from advise_home(settings)


def _about_sound(settings: Settings) -> Iterator[str]:
    if lacking := missing_extra(settings.audio):
        yield f"{lacking}; until then the microphone is lowered while the caller speaks"


def _about_buttons(settings: Settings) -> Iterator[str]:
    lists = {each.name for each in settings.ring.list}
    for button in settings.button:
        if button.ring and button.ring not in lists:
            yield f'button "{button.name}" rings "{button.ring}", and no [[ring.list]] is called so'
    if settings.button and not settings.ring.targets and not lists:
        yield "ring.targets is empty: a press of a button calls nobody"


def _about_commands(settings: Settings) -> Iterator[str]:
    """Versions before this one carried out everything: what is refused now is named once."""
    if "commands" in settings.model_fields_set:
        return
    refused = [verb for verb in CARRIED_OUT if verb not in settings.commands]
    line = f"commands = {json.dumps([*settings.commands, *refused])}"
    yield (
        f"commands is not set, so {', '.join(refused)} are refused (not_allowed); "
        f"to have all carried out, add this line: {line}"
    )


def _about_rules(policy: Policy, mqtt: MqttSettings) -> Iterator[str]:
    if not policy.rules:
        yield "policy: there are no rules, so every call is rejected (not_allowed)"
    catch_all = next(
        (number for number, rule in enumerate(policy.rules, 1) if _matches_everything(rule)), None
    )
    for number, rule in enumerate(policy.rules, 1):
        if catch_all is not None and number > catch_all:
            yield (
                f'policy: rule {number} ("{rule.name}") is never asked: rule {catch_all} '
                f"matches every call"
            )
        if rule.signed:
            yield (
                f'policy: rule {number} ("{rule.name}") demands a signature, which this version '
                f"cannot check: it lets nobody in"
            )
        if "*" in rule.callers and rule.action is Action.ACCEPT and _is_anonymous(mqtt):
            yield (
                f'policy: rule {number} ("{rule.name}") accepts everybody, and the broker is asked '
                f"without a name (mqtt.username): whoever reaches it may look"
            )


def _is_anonymous(mqtt: MqttSettings) -> bool:
    return not (mqtt.username or mqtt.password or mqtt.tls.cert_file)


def _matches_everything(rule: Rule) -> bool:
    return "*" in rule.callers and rule.days is None and rule.hours is None and rule.rate is None


def _about_broker(mqtt: MqttSettings) -> Iterator[str]:
    if mqtt.tls.enabled:
        return
    for key in ("ca_file", "cert_file", "key_file"):
        if getattr(mqtt.tls, key):
            yield f"mqtt.tls.{key} does nothing while mqtt.tls.enabled is false"
    if mqtt.port == 8883:
        yield "mqtt.port is 8883, where brokers expect TLS, and mqtt.tls.enabled is false"
    if mqtt.password and not is_loopback(mqtt.host):
        yield f"mqtt.password goes to {mqtt.host} unencrypted: mqtt.tls.enabled is false"


def _about_page(settings: Settings) -> Iterator[str]:
    web = settings.web
    if not web.enabled:
        return
    if settings.mqtt.login(settings.uid) and not web.uid:
        yield (
            "web.uid is not given: the page's users are nobody at the broker, which this device "
            "logs in to, unless they log in themselves"
        )
    if web.uid == settings.uid:
        yield f"web.uid is '{web.uid}', the device's own: the page could act as the device"
    if web.token and not web.password and not web.client_ca_file:
        yield "web.token can be read by everybody on this machine: web.password is not given"


def _about_camera(settings: Settings) -> Iterator[str]:
    if settings.video.source not in ("auto", "picamera2"):
        for key in settings.camera.model_fields_set:
            yield f"camera.{key} does nothing while video.source is {settings.video.source}"


def _about_name(settings: Settings) -> Iterator[str]:
    username = settings.mqtt.username
    if settings.mqtt.password and not username:
        yield (
            f"mqtt.password is given without mqtt.username: the user name that goes with it is "
            f"{settings.uid}, the uid"
        )
    if username and username != settings.uid:
        yield (
            f"mqtt.username is {username} and uid is {settings.uid}: a broker whose rules go by "
            f"the user name keeps callers from {settings.uid}"
        )


def _about_ice(settings: Settings) -> Iterator[str]:
    urls = [url for server in settings.ice.servers for url in server.urls]
    if settings.ice.transport_policy == "relay" and not any(url.startswith("turn") for url in urls):
        yield (
            "ice.transport_policy is relay without a TURN server: only callers that bring "
            "one can be connected"
        )
    longest = settings.call.max_duration
    for number, server in enumerate(settings.ice.servers):
        if server.secret and (longest is None or server.credential_lifetime < longest):
            yield (
                f"ice.servers[{number}].credential_lifetime is shorter than "
                f"call.max_duration: relays may fail"
            )
