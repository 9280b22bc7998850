"""The port `Peer` on aiortc: one transport, made for one offer or one answer."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from aiortc import RTCBundlePolicy, RTCConfiguration, RTCSessionDescription
from aiortc.rtcconfiguration import RTCIceTransportPolicy

from agent.core.call.events import (
    CandidateFound,
    ErrorRaised,
    FirstFrameSeen,
    IceCandidate,
    IceConnected,
    MediaGrant,
    PeerConnected,
    PeerEvent,
    PeerFailed,
    PeerHeard,
    PeerLost,
    PeerSilent,
    RtcpTimedOut,
    TrackReceived,
)
from agent.core.call.media_inactivity import RTCP_TIMEOUT, RtcpMonitor
from agent.core.call.reasons import CloseReason
from agent.core.statistics.counters import PeerCounters
from agent.errors import CallboxError, PeerError, UnusableDescription
from agent.ports import IceOptions, LocalStream, PeerFactory, RemoteMedia
from agent.webrtc import internals as inside
from agent.webrtc.connect_report import ConnectReport
from agent.webrtc.data_channel import LABEL, ControlChannel
from agent.webrtc.description.local_description import declares_profile, publish
from agent.webrtc.description.remote_description import RemoteDescription, read_answer, read_offer
from agent.webrtc.ice.ice_servers import UsableServer, usable_servers
from agent.webrtc.ice.interfaces import addresses_for
from agent.webrtc.ice.trickle import Trickle
from agent.webrtc.peer_media import PeerMedia, require_codecs, wants

log = logging.getLogger(__name__)

# seconds for aiortc's own end; with what `finish` takes nothing outlives a close by six
CLOSE_TIMEOUT = 3.0

inside.configure()


class AiortcPeer:
    """See `agent.ports.Peer`. Made on a running loop."""

    def __init__(
        self,
        *,
        generation: int,
        local: LocalStream,
        grant: MediaGrant,
        ice: IceOptions,
        on_event: Callable[[PeerEvent], None],
        on_control: Callable[[str], None],
        remote: RemoteMedia | None = None,
    ) -> None:
        self._generation = generation
        self._ice = ice
        self._relay_only = ice.transport_policy == "relay"
        self._on_event = on_event
        self._connected = self._ice_connected = self._over = self._first_frame = False
        self._closing: asyncio.Task[None] | None = None
        self._gathering: asyncio.Task[None] | None = None
        self._consent: inside.ConsentWatch | None = None
        self._report: ConnectReport | None = None
        self._rtcp_monitor = RtcpMonitor()
        self._control = ControlChannel(on_control)
        self._media = PeerMedia(
            local,
            remote,
            grant,
            on_failure=self._media_failed,
            on_track=self._track_received,
            on_first_frame=self._frame_seen,
        )
        policy = RTCIceTransportPolicy.RELAY if self._relay_only else RTCIceTransportPolicy.ALL
        configuration = RTCConfiguration(
            iceServers=[], iceTransportPolicy=policy, bundlePolicy=RTCBundlePolicy.MAX_BUNDLE
        )
        self._pc = inside.PeerConnection(configuration, self._connect_failed)
        self._pc.on("iceconnectionstatechange", self._ice_state_changed)
        self._pc.on("connectionstatechange", self._state_changed)
        self._pc.on("datachannel", self._control.attach)
        self._trickle = Trickle(self._pc, relay_only=self._relay_only)

    async def create_offer(self) -> str:
        with self._open():
            for kind in self._media.kinds:
                await self._media.subscribe(kind)
            for kind in self._media.kinds:
                self._media.attach(self._pc, kind)
            self._control.attach(self._pc.createDataChannel(LABEL))
            self._prepare_ice()
            await self._pc.setLocalDescription(await self._pc.createOffer())
            return await self._described(self._pc.first_mid, 0)

    async def create_answer(self, offer: str) -> str:
        remote = read_offer(offer)
        require_codecs(remote)
        with self._open():
            for section in remote.media:
                if section.kind != "application" and wants(section):
                    await self._media.subscribe(section.kind)
            for section in sorted(remote.media, key=lambda section: section is not remote.primary):
                if section.kind != "application":
                    self._media.attach(self._pc, section.kind, remote.way_of(section))
                elif section is remote.primary:
                    self._pc.add_data_transport()
            await self._accept(remote, "offer")
            self._prepare_ice()
            await self._pc.setLocalDescription(await self._pc.createAnswer())
            return remote.served.complete(await self._described(remote.mid, remote.index))

    async def apply_answer(self, answer: str) -> None:
        with self._open():
            remote = read_answer(answer, self._pc.localDescription.sdp)
            await self._accept(remote, "answer")
            for section in remote.media:
                if section.kind != "application" and not wants(section):
                    await self._media.stop_sending(section.kind)

    async def add_candidate(self, candidate: IceCandidate | None) -> None:
        if self._closing is None:
            await self._trickle.add(candidate)

    def start_media(self, bitrate: int | None = None) -> None:
        self._media.open(bitrate)

    def pause_media(self) -> None:
        self._media.pause()

    def mute(self, *, audio: bool | None = None, video: bool | None = None) -> None:
        if audio is not None:
            self._media.mute("audio", audio)
        if video is not None:
            self._media.mute("video", video)

    def send_control(self, text: str) -> bool:
        return self._control.send(text)

    def explain(self) -> ErrorRaised:
        if self._report is None:
            return ErrorRaised("ice_failed", "there is no description yet")
        return self._report.failure(ice_connected=self._ice_connected)

    def counters(self) -> PeerCounters:
        return self._media.counters(self._consent)

    async def close(self) -> None:
        if self._closing is None:
            self._closing = asyncio.create_task(
                self._close(), name=f"peer-{self._generation}-close"
            )
        await asyncio.shield(self._closing)

    # --- describing

    @contextmanager
    def _open(self) -> Iterator[None]:
        """aiortc's errors become ours; nothing is done on a closed peer."""
        if self._closing is not None:
            raise PeerError("the peer is closed")
        try:
            yield
        except CallboxError:
            raise
        except Exception as error:
            raise PeerError(
                f"the transport could not be described ({type(error).__name__}: {error})"
            ) from error

    async def _accept(self, remote: RemoteDescription, kind: str) -> None:
        try:
            await self._pc.setRemoteDescription(RTCSessionDescription(remote.sdp, kind))
        except Exception as error:
            # aiortc's reaction to what it cannot use is whatever its code met
            raise UnusableDescription(
                f"the {kind} cannot be used ({type(error).__name__}: {error})"
            ) from error
        self._media.heed(remote)
        await self._trickle.describe(remote)

    def _prepare_ice(self) -> None:
        ice, dtls = self._pc.require_ice(), inside.DtlsReader(self._pc.require_dtls())
        if not self._relay_only:
            inside.use_host_addresses(ice, partial(addresses_for, self._ice), self._ice.port_range)
        inside.EarlyPair(ice, dtls.say_hello_again)
        self._consent = inside.ConsentWatch(
            ice,
            self._packets_received,
            lambda: self._media.acknowledged,
            self._fell_silent,
            self._heard_again,
            self._listened,
            self._media.restart,
        )
        self._report = ConnectReport(self._pc, self._trickle, self._consent, dtls)

    async def _described(self, mid: str | None, index: int) -> str:
        """Our description with what is known now; the servers are asked in the background."""
        servers = usable_servers(self._ice.servers, time.time())
        if self._pc.require_ice().local_candidates:
            self._pc.can_connect.set()
        elif not servers:
            raise PeerError(
                "there is no address to connect from, and no server that could give one"
            )
        if servers:
            self._gathering = asyncio.create_task(
                self._gather(servers, mid, index), name="ice-gathering"
            )
        else:
            await self._trickle.end_local()
        sdp, profile = self._pc.localDescription.sdp, self._media.profile_level_id
        if profile is not None and not declares_profile(sdp, profile):
            log.warning(
                "the source's H.264 has the profile %s, which was not offered: it may not be shown",
                profile,
            )
        return publish(sdp, profile_level_id=profile, trickling=bool(servers))

    async def _gather(self, servers: list[UsableServer], mid: str | None, index: int) -> None:
        def found(candidate: IceCandidate | None) -> None:
            self._emit(CandidateFound(self._generation, candidate))

        why = await self._trickle.gather(
            servers,
            relay_only=self._relay_only,
            ca_file=self._ice.ca_file,
            mid=mid,
            index=index,
            on_candidate=found,
        )
        if why is not None:
            self._fail("no_candidates", f"no server gave an address to connect from: {why}")

    # --- what happened

    def _fell_silent(self, seconds: float) -> None:
        self._emit(PeerSilent(self._generation, seconds))

    def _heard_again(self) -> None:
        self._media.restart()
        self._emit(PeerHeard(self._generation))

    def _listened(self, seconds: float) -> None:
        sent, reports = self._media.heeded
        if self._rtcp_monitor.timed_out(
            seconds, sent=sent, received=self._packets_received(), reports=reports
        ):
            log.warning(
                "for %g s the remote peer has answered checks, and nothing else", RTCP_TIMEOUT
            )
            self._emit(RtcpTimedOut(self._generation, RTCP_TIMEOUT))

    def _packets_received(self) -> int:
        """Of any kind, but for connectivity checks."""
        return inside.transport_totals(self._pc.require_dtls()).packetsReceived

    def _ice_state_changed(self) -> None:
        if self._pc.iceConnectionState == "completed" and not self._ice_connected:
            self._ice_connected = True
            self._media.prepare()
            self._emit(IceConnected(self._generation))

    def _state_changed(self) -> None:
        state = self._pc.connectionState
        if state == "connected" and not self._connected:
            self._connected = True
            self._emit(PeerConnected(self._generation))
        elif state in ("failed", "closed"):
            self._transport_ended()

    def _transport_ended(self) -> None:
        if not self._connected:
            failure = self.explain()
            self._fail(failure.code, failure.message)
        elif not self._over:
            lost = self._consent is not None and self._consent.lost
            detail = "does not answer any more" if lost else "closed the transport"
            self._emit(PeerLost(self._generation, f"the remote peer {detail}", closed=not lost))
            self._over = True

    def _connect_failed(self, error: Exception) -> None:
        self._fail(
            "transport_failed",
            f"the transport could not be set up ({type(error).__name__}: {error})",
        )

    def _media_failed(self, kind: str, error: Exception) -> None:
        if kind == "audio" and self._media.sends("video"):
            log.warning("the sound source failed, the picture goes on: %s", error)
            return
        self._fail("no_user_media", f"the {kind} source failed: {error}", CloseReason.NO_USER_MEDIA)

    def _track_received(self, kind: str, codec: str) -> None:
        self._emit(TrackReceived(self._generation, kind, codec))

    def _frame_seen(self) -> None:
        if not self._first_frame:
            self._first_frame = True
            self._emit(FirstFrameSeen(self._generation))

    def _fail(self, code: str, message: str, reason: CloseReason = CloseReason.ICE_FAILED) -> None:
        self._emit(PeerFailed(self._generation, code, message, reason))
        self._over = True

    def _emit(self, event: PeerEvent) -> None:
        if self._over:
            return
        try:
            self._on_event(event)
        except Exception:
            # an error here would end aiortc's transport
            log.exception("a listener failed")

    # --- the end

    async def _close(self) -> None:
        self._over = True
        self._control.detach()
        # first: sources run for as long as somebody holds them
        await self._media.close()
        if self._gathering is not None:
            self._gathering.cancel()
            await inside.finish({self._gathering})
        await self._trickle.close()
        await inside.finish(self._pc.stop_connecting())
        leftovers = self._pc.leftovers()
        closing = asyncio.create_task(self._pc.close(), name="aiortc-close")
        if (await asyncio.wait([closing], timeout=CLOSE_TIMEOUT))[1]:
            log.warning("the transport does not end in time; it is aborted")
            leftovers |= self._pc.release()
        await inside.finish({closing, *leftovers, *self._pc.end_streams()})
        if ending := self._pc.abort():
            await inside.finish(ending)


make_peer: PeerFactory = AiortcPeer
