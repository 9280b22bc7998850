"""What the broker sends us, on its way to the readers, and our acknowledgements."""

from __future__ import annotations

from functools import partial

from paho.mqtt import client as paho

from agent.counts import RefusalKind, refusals
from agent.signaling.mqtt.paho_client import incoming
from agent.signaling.router import Router


class Deliveries:
    """`begin` and `take` are the network thread's; `ack` may come from any."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._client: paho.Client | None = None
        # something was left unacknowledged on this connection
        self._overrun = False
        # counts connections, so that an acknowledgement never goes to the wrong one
        self._epoch = 0

    @property
    def full(self) -> bool:
        """Whether nothing more should be read for now."""
        return self._router.full

    @property
    def wants_rest(self) -> bool:
        """Whether there is room for what was left unacknowledged, which comes with another
        connection.
        """
        return self._overrun and not self._router.full

    def begin(self, client: paho.Client) -> None:
        """A connection of `client`."""
        self._epoch += 1
        self._overrun = False
        self._client = client

    def take(self, message: paho.MQTTMessage) -> None:
        """Hand it to its readers; where there is none, acknowledge it."""
        try:
            topic = message.topic
        except UnicodeDecodeError:
            refusals.count(RefusalKind.MESSAGE)
            topic, readers = "", []
        else:
            readers = self._router.readers(topic, len(message.payload))
        if not readers:
            # before anything is made of it: somebody may send as fast as he can
            if message.qos:
                self.ack(self._epoch, message.mid)
            return
        on_ack = partial(self.ack, self._epoch, message.mid) if message.qos else None
        if not self._router.dispatch(incoming(message, topic, on_ack), readers):
            self._overrun = True

    def ack(self, epoch: int, mid: int) -> None:
        """Acknowledge what connection `epoch` brought as `mid`. On a later one the broker delivers
        it again.
        """
        if epoch == self._epoch and self._client is not None:
            self._client.ack(mid, 1)
