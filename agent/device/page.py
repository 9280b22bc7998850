"""The page as a part of the device."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from agent.core.call.values import IceServer
from agent.settings import Settings
from agent.signaling.mqtt.mqtt_options import TlsOptions, tls_context
from agent.web.web_settings import WebSettings
from agent.webrtc.ice.ice_servers import time_limited

if TYPE_CHECKING:
    from agent.web.server import Documents, PageServer


def page_server(settings: Settings, documents: Documents = lambda _path: None) -> PageServer:
    """The page's server, with the device's visits where it has a button. Its connections to the
    broker are the page's own: without the device's certificate.
    """
    # two megabytes that a device without a page does without
    from agent.web.bridge import BrokerAddress
    from agent.web.server import PageServer
    from agent.web.web_options import WebOptions

    web, mqtt = settings.web, settings.mqtt
    options = WebOptions(
        host=web.host,
        port=web.port,
        certificate=web.cert_file,
        key=web.key_file,
        client_ca=web.client_ca_file,
        password=web.password.get_secret_value() if web.password else None,
        origins=web.origins,
    )
    authority = str(mqtt.tls.ca_file) if mqtt.tls.ca_file else None
    tls = tls_context(TlsOptions(ca_file=authority)) if mqtt.tls.enabled else None
    ice_servers = settings.ice.options().servers
    login = _page_login(web)

    def configuration() -> dict[str, Any]:
        return {
            "prefix": settings.topic_prefix,
            "iceServers": [_page_ice_server(each) for each in ice_servers],
            **login,
            **({"visits": True, "device": settings.uid} if settings.button else {}),
        }

    broker = BrokerAddress(
        mqtt.host, mqtt.port, tls, needs_login=mqtt.login(settings.uid) is not None
    )
    shown = documents if settings.button else lambda _path: None
    return PageServer(options, broker, configuration, documents=shown)


def _page_login(web: WebSettings) -> dict[str, str]:
    """As whom the page's users are at the broker, for `config.json`."""
    if web.uid is None:
        return {}
    login = {"uid": web.uid, "username": web.uid}
    return login | ({"token": web.token.get_secret_value()} if web.token else {})


def _page_ice_server(server: IceServer) -> dict[str, Any]:
    """For a browser: never with a secret, yet with what the secret gives."""
    server = time_limited(server, time.time())
    entry = {
        "urls": list(server.urls),
        "username": server.username,
        "credential": server.credential,
    }
    return {key: value for key, value in entry.items() if value is not None}
