"""What stands behind a connection that came to nothing before the broker had said a word: looked at
once, and remembered until a broker takes us.
"""

from __future__ import annotations

import ssl
from dataclasses import replace

from agent.signaling.mqtt.disconnect import DisconnectReason
from agent.signaling.mqtt.mqtt_options import MqttOptions, TlsContext
from agent.signaling.mqtt.probe import look


class SecondLook:
    """Belongs to the network thread."""

    def __init__(self, options: MqttOptions) -> None:
        self._options = options
        self._seen: dict[str, DisconnectReason | None] = {}

    def at(self, loss: DisconnectReason, context: TlsContext | None) -> DisconnectReason:
        """`loss`, or what a look has shown in its place. Blocks for a few seconds at most, once for
        each reason.
        """
        if self._options.transport != "tcp" or not self._options.second_look:
            return loss
        if loss.reason not in self._seen:
            tls: ssl.SSLContext | None = None if context is None else context.latest
            self._seen[loss.reason] = look(self._options.host, self._options.port, tls)
        found = self._seen[loss.reason]
        return loss if found is None else replace(found, cut=loss.cut)

    def forget(self) -> None:
        """A broker has taken us."""
        self._seen.clear()
