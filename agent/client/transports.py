"""The transports of one conversation: one carries the media, another may be in the making beside
it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from agent.client.input_queue import Item
from agent.client.transport import Transport
from agent.core.call import events as ev
from agent.core.statistics.reports import LocalStats, RemoteStats
from agent.core.statistics.statistics_log import StatisticsLog
from agent.ports import IceOptions, LocalStream, Peer, PeerFactory, RemoteMedia

TransportEffect = (
    ev.ApplyAnswer | ev.AddCandidate | ev.StartMedia | ev.PauseMedia | ev.ResumeMedia | ev.ClosePeer
)


class Transports:
    """By generation. What they report goes to `put`, each item with the transport that it comes
    from.

    `spawn` runs a transport until it is closed; its owner awaits that. `log` gets the counters of
    the one that carries the media, `remote` what any of them receives.
    """

    def __init__(
        self,
        peers: PeerFactory,
        ice: IceOptions,
        log: StatisticsLog,
        remote: RemoteMedia,
        *,
        put: Callable[[Item], None],
        on_control: Callable[[str], None],
        spawn: Callable[[Awaitable[None]], Any],
    ) -> None:
        self._peers = peers
        self._ice = ice
        self._log = log
        self._remote = remote
        self._put = put
        self._on_control = on_control
        self._spawn = spawn
        self._open: dict[int, Transport] = {}
        self._carrier = 0
        self._counts = False
        self._muted: dict[str, bool] = {}

    def create(self, effect: ev.CreateOffer | ev.CreateAnswer, local: LocalStream) -> None:
        """Make a transport and have it described."""
        key = object()

        def post(event: ev.Input) -> None:
            self._put(Item(event, transport=key))

        peer = self._peers(
            generation=effect.generation,
            local=local,
            remote=self._remote,
            grant=effect.grant,
            ice=self._ice.beside(effect.ice_servers),
            on_event=post,
            on_control=self._on_control,
        )
        if self._muted:
            peer.mute(audio=self._muted.get("audio"), video=self._muted.get("video"))
        transport = self._open[effect.generation] = Transport(peer, effect.generation, post, key)
        if isinstance(effect, ev.CreateAnswer):
            transport.describe(lambda: peer.create_answer(effect.sdp))
        else:
            transport.describe(peer.create_offer)
        self._spawn(transport.run())

    def knows(self, key: object) -> bool:
        """Whether the transport of that key is still open. A generation may come twice, a key never
        does.
        """
        return any(transport.key is key for transport in self._open.values())

    def perform(self, effect: TransportEffect) -> None:
        """What an effect wants of the transport that it names."""
        match effect:
            case ev.ApplyAnswer():
                self.apply_answer(effect)
            case ev.AddCandidate():
                self.add_candidate(effect)
            case ev.StartMedia():
                self.start_media(effect.generation)
            case ev.PauseMedia():
                self.pause_media(effect.generation)
            case ev.ResumeMedia():
                self.resume_media(effect.generation)
            case ev.ClosePeer():
                self.close(effect.generation)

    def apply_answer(self, effect: ev.ApplyAnswer) -> None:
        self._open[effect.generation].apply_answer(effect.sdp)

    def add_candidate(self, effect: ev.AddCandidate) -> None:
        self._open[effect.generation].add_candidate(effect.candidate)

    def start_media(self, generation: int) -> None:
        """That generation carries the media from now on; what the one before it has counted is
        kept.
        """
        transport, bitrate = self._open[generation], None
        if generation != self._carrier:
            self.sample()
            before = self._open.get(self._carrier)
            bitrate = None if before is None else _carried(before.peer, transport.peer)
            self._carrier = generation
            self.start_counting()
        transport.peer.start_media(bitrate)

    def explain(self, generation: int) -> ev.ErrorRaised:
        """Why that one is not connected."""
        return self._open[generation].peer.explain()

    def pause_media(self, generation: int) -> None:
        self._open[generation].peer.pause_media()

    def resume_media(self, generation: int) -> None:
        self._open[generation].peer.start_media()

    def close(self, generation: int) -> None:
        transport = self._open[generation]
        transport.stop()
        if generation == self._carrier:
            # the rest of an interval, for the record
            self.sample()
        del self._open[generation]

    def stop(self) -> None:
        """Close whatever is left."""
        for transport in self._open.values():
            transport.stop()

    def mute(self, *, audio: bool | None, video: bool | None) -> None:
        """For those that are open and for those to come."""
        self._muted.update(
            {kind: flag for kind, flag in (("audio", audio), ("video", video)) if flag is not None}
        )
        for transport in self._open.values():
            transport.peer.mute(audio=audio, video=video)

    def say(self, text: str) -> None:
        """On every data channel there is."""
        for transport in self._open.values():
            transport.peer.send_control(text)

    def start_counting(self) -> None:
        """The transport that carries the media is connected."""
        self._counts = True
        self._log.start(self._open[self._carrier].peer.counters())

    def sample(self, *, reports: bool = True) -> tuple[LocalStats, RemoteStats] | None:
        """Reports for the interval since the last time; None while there is nothing to count, and
        without `reports`, for a look in between.
        """
        transport = self._open.get(self._carrier)
        if transport is None or not self._counts:
            return None
        if not reports:
            self._log.look(transport.peer.counters())
            return None
        return self._log.sample(transport.peer.counters())


def _carried(before: Peer, now: Peer) -> int | None:
    """bit/s of video that the transport before is known to carry, where both take one path."""
    known, path = before.counters(), now.counters().transport.addresses
    if known.video_sent is None or path is None or known.transport.addresses != path:
        return None
    return known.video_sent.carried_bitrate
