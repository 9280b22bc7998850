"""TLS of paho's client, which takes one context for good: its files are read anew."""

from __future__ import annotations

import ssl

from paho.mqtt import client as paho

from agent.signaling.mqtt.mqtt_options import TlsContext, TlsOptions


class ClientTls:
    """Belongs to the network thread. `context` is None until the first connection, and without
    `options` for good.
    """

    def __init__(self, options: TlsOptions | None) -> None:
        self._options = options
        self.context: TlsContext | None = None

    def load(self, client: paho.Client) -> None:
        """Before each connection: files may be others than the last time. Raises SignalingError."""
        if self._options is None:
            return
        if self.context is None:
            self.context = TlsContext(ssl.PROTOCOL_TLS_CLIENT)
            client.tls_set_context(self.context)
            client.tls_insecure_set(self._options.insecure)
        self.context.renew(self._options)

    def forget(self) -> None:
        """Another client takes the place of the one before."""
        self.context = None
