"""What each adapter needs to know, read out of the settings."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from agent import __version__
from agent.client.call_client import ClientOptions
from agent.core.call.events import IceServer
from agent.core.call.machine import Timing
from agent.media.video_hub import VideoHub
from agent.media.video_source import VideoOptions
from agent.service.board import board_model
from agent.settings import Settings
from agent.signaling.mqtt.mqtt_options import MqttOptions, TlsOptions, tls_context
from agent.signaling.protocol import messages as wire
from agent.webrtc.ice.ice_servers import time_limited

if TYPE_CHECKING:
    from agent.web.server import PageServer


def video_options(settings: Settings) -> VideoOptions:
    return VideoOptions.of(settings.video, settings.camera, settings.uid)


def mqtt_options(settings: Settings) -> MqttOptions:
    return settings.mqtt.connection(f"callbox-{settings.uid}")


def client_options(settings: Settings) -> ClientOptions:
    return ClientOptions(
        max_conversations=settings.max_conversations,
        ice=settings.ice.options(),
        timing=Timing(setup=settings.call.setup_timeout),
        stats_interval=settings.stats.interval,
    )


def about(settings: Settings, video: VideoHub, verbs: tuple[str, ...]) -> wire.About:
    """What the device is and can do."""
    source = video.describe()
    system = os.uname()
    return wire.About(
        uid=settings.uid,
        model=board_model(),
        version=__version__,
        camera=source.camera,
        encoder=source.encoder,
        video_codecs=("H264",),
        audio={"capture": settings.audio.capture, "playback": settings.audio.playback},
        max_conversations=settings.max_conversations,
        max_width=settings.video.width,
        max_height=settings.video.height,
        max_framerate=settings.video.framerate,
        kernel=system.release,
        architecture=system.machine,
        commands=verbs,
    )


def page_server(settings: Settings) -> PageServer:
    """The page's server. Its connections to the broker are the page's own: without the device's
    certificate.
    """
    # two megabytes that a device without a page does without
    from agent.web.server import PageServer, WebOptions

    web, mqtt = settings.web, settings.mqtt
    options = WebOptions(
        host=web.host,
        port=web.port,
        certificate=web.cert_file,
        key=web.key_file,
        client_ca=web.client_ca_file,
        password=web.password.get_secret_value() if web.password else None,
    )
    authority = str(mqtt.tls.ca_file) if mqtt.tls.ca_file else None
    tls = tls_context(TlsOptions(ca_file=authority)) if mqtt.tls.enabled else None
    ice_servers = settings.ice.options().servers

    def configuration() -> dict[str, Any]:
        return {
            "prefix": settings.topic_prefix,
            "iceServers": [_page_ice_server(each) for each in ice_servers],
        }

    return PageServer(options, (mqtt.host, mqtt.port), configuration, broker_tls=tls)


def _page_ice_server(server: IceServer) -> dict[str, Any]:
    """For a browser: never with a secret, yet with what the secret gives."""
    server = time_limited(server, time.time())
    entry = {
        "urls": list(server.urls),
        "username": server.username,
        "credential": server.credential,
    }
    return {key: value for key, value in entry.items() if value is not None}
