"""What of the settings Home Assistant is told, and what it has to do without."""

from __future__ import annotations

import ipaddress
import json
import socket
from collections.abc import Collection, Iterator

from agent import __version__
from agent.doorbell.message_folder import MessageFolder
from agent.doorbell.output_settings import OutputKind
from agent.homeassistant.discovery_message import discovery_message
from agent.homeassistant.entities import missing_verbs
from agent.homeassistant.features import DoorFeature, Features
from agent.options import is_loopback
from agent.settings.models import Settings
from agent.signaling.protocol.topics import Topics
from agent.web.web_settings import WebSettings


def home_features(
    running: Settings,
    wanted: Settings,
    *,
    model: str = "",
    messages: tuple[str, ...] = (),
    ends: Collection[str] = (),
) -> Features:
    """`running` are the settings that the device was started with, `wanted` those that were read
    last; `messages` is what it can say, `ends` what has a volume: `speaker`, `microphone`.
    """
    return Features(
        uid=running.uid,
        topics=Topics(running.topic_prefix),
        name=wanted.homeassistant.name,
        model=model,
        version=__version__,
        page=page_address(running.web),
        verbs=frozenset(wanted.commands),
        doors=tuple(
            DoorFeature(each.name, code=each.code is not None, contact=each.contact is not None)
            for each in running.output
            if each.kind is OutputKind.DOOR
        ),
        button=bool(running.button),
        picture=bool(running.button) and running.ring.snapshot,
        speaker="speaker" in ends,
        microphone="microphone" in ends,
        messages=messages,
    )


def page_address(web: WebSettings) -> str | None:
    """Where a browser of the household finds the device's page; None: nowhere."""
    if not web.enabled or is_loopback(web.host):
        return None
    try:
        address = ipaddress.ip_address(web.host)
    except ValueError:
        host = web.host
    else:
        host = f"[{address}]" if address.version == 6 else str(address)
        if address.is_unspecified:
            name = socket.gethostname()
            host = name if "." in name else f"{name}.local"
    return f"https://{host}:{web.port}/"


def expected_features(settings: Settings) -> Features:
    """The same before anything of the device was opened: with every end that may have a volume."""
    ends = {"speaker": settings.audio.playback, "microphone": settings.audio.capture}
    return home_features(
        settings,
        settings,
        messages=MessageFolder(settings.ring.messages).names,
        ends=[end for end, device in ends.items() if device != "none"],
    )


def advise_home(settings: Settings) -> Iterator[str]:
    """One sentence for what will not be in Home Assistant, and one for how it gets there."""
    if not settings.homeassistant.enabled:
        return
    features = expected_features(settings)
    missing = missing_verbs(features)
    if missing:
        lacks = "; ".join(f"{verb}: {', '.join(names)}" for verb, names in missing.items())
        line = f"commands = {json.dumps([*settings.commands, *missing])}"
        yield (
            f"homeassistant: not shown there, as commands does not name the verb ({lacks}); "
            f"to have all of it, write {line}"
        )
    left_out = discovery_message(features, settings.homeassistant.prefix).left_out
    if left_out:
        yield f"homeassistant: there is no room in its message for {', '.join(left_out)}"
