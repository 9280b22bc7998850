"""The one file that knows aiortc's and aioice's inside. Each name used here is pinned by a contract test.

Why at all: aiortc offers no event for PLI, NACK, REMB or the selected pair, decodes every frame that arrives in a
thread, leaves its connecting task without an owner, and checks consent with a time-out of half a second.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aioice.ice
import aioice.stun
import aiortc.codecs
import aiortc.rtcrtpsender
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpReceiver, RTCRtpSender
from aiortc.codecs.base import Decoder
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtcpeerconnection import find_common_codecs
from aiortc.rtcrtpparameters import RTCRtcpFeedback, RTCRtpCodecParameters
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_PSFB_FIR,
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    RtcpPsfbPacket,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSrPacket,
    unpack_remb_fci,
)
from aiortc.stats import RTCTransportStats

from agent.errors import PeerError

log = logging.getLogger(__name__)

RTP_HISTORY_SIZE = 1024  # packets that can be resent; a power of two, so that it divides the sequence numbers
EXTRA_H264_PROFILES = ("4d001f", "64001f")  # Main and High, beside aiortc's two Baselines

CONSENT_INTERVAL = 1.0  # seconds between checks, +-20 %
CONSENT_SILENCE = 4.0  # seconds without an answer and without any packet: the far side is gone
CONSENT_EXPIRY = 30.0  # seconds without an answer, whatever arrives (RFC 7675 5.1)
CONSENT_RETRANSMISSIONS = 1  # answers may take 1.5 s: a full uplink queue is not a lost peer

MAX_HOST_ADDRESSES = 10


def configure() -> None:
    """Process-wide settings of aiortc; harmless to do twice, and to other users of aiortc in the process."""
    vars(aiortc.rtcrtpsender)["RTP_HISTORY_SIZE"] = RTP_HISTORY_SIZE
    codecs = aiortc.codecs.CODECS["video"]
    known = {codec.parameters.get("profile-level-id") for codec in codecs}
    for profile_level_id in EXTRA_H264_PROFILES:
        if profile_level_id not in known:
            codecs += _h264_entry(profile_level_id, max(codec.payloadType or 0 for codec in codecs) + 1)


def _h264_entry(profile_level_id: str, payload_type: int) -> list[RTCRtpCodecParameters]:
    feedback = [RTCRtcpFeedback("nack"), RTCRtcpFeedback("nack", "pli"), RTCRtcpFeedback("goog-remb")]
    h264 = RTCRtpCodecParameters(
        mimeType="video/H264",
        clockRate=90_000,
        payloadType=payload_type,
        rtcpFeedback=feedback,
        parameters={
            "level-asymmetry-allowed": "1",
            "packetization-mode": "1",
            "profile-level-id": profile_level_id,
        },
    )
    rtx = RTCRtpCodecParameters(
        mimeType="video/rtx", clockRate=90_000, payloadType=payload_type + 1, parameters={"apt": payload_type}
    )
    return [h264, rtx]


def has_common_codec(kind: str, mime_type: str, offered: list[RTCRtpCodecParameters]) -> bool:
    """Whether aiortc will find this codec among those offered."""
    ours = [codec for codec in aiortc.codecs.CODECS[kind] if codec.mimeType == mime_type]
    return bool(find_common_codecs(ours, offered))


def make_decoder(codec: RTCRtpCodecParameters) -> Decoder:
    """aiortc's decoder for sound that arrives."""
    return aiortc.codecs.get_decoder(codec)


# --- the connection ----------------------------------------------------------------------------------------------


class PeerConnection(RTCPeerConnection):
    """RTCPeerConnection whose connecting tasks have an owner, and wait until there is a candidate to connect from."""

    def __init__(self, configuration: RTCConfiguration, on_connect_error: Callable[[Exception], None]) -> None:
        super().__init__(configuration)
        self.can_connect = asyncio.Event()
        self._on_connect_error = on_connect_error
        self._connecting: set[asyncio.Task[Any]] = set()

    async def _RTCPeerConnection__connect(self) -> None:  # noqa: N802 - the name-mangled original
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - narrows the type; always run as a task
        self._connecting.add(task)
        try:
            await self.can_connect.wait()
            await super()._RTCPeerConnection__connect()  # type: ignore[misc]
        except Exception as error:  # noqa: BLE001 - the edge of a task that nobody else awaits
            self._on_connect_error(error)
        finally:
            self._connecting.discard(task)

    def add_data_transport(self) -> None:
        """Make the data channel's transport first, so that the media share it."""
        self._RTCPeerConnection__createSctpTransport()  # type: ignore[attr-defined]

    @property
    def dtls(self) -> RTCDtlsTransport | None:
        """The one transport: all media is bundled."""
        for transceiver in self.getTransceivers():
            return transceiver.receiver.transport
        return self.sctp.transport if self.sctp is not None else None

    @property
    def ice(self) -> aioice.ice.Connection | None:
        return self.dtls.transport._connection if self.dtls is not None else None

    @property
    def first_mid(self) -> str:
        """The mid of the first media section, once a description is set."""
        for transceiver in self.getTransceivers():
            return transceiver.mid or ""
        return (self.sctp.mid or "") if self.sctp is not None else ""

    def require_dtls(self) -> RTCDtlsTransport:
        if self.dtls is None:
            raise PeerError("the connection has no media yet")
        return self.dtls

    def require_ice(self) -> aioice.ice.Connection:
        return self.require_dtls().transport._connection

    def leftovers(self) -> set[asyncio.Future[Any]]:
        """Tasks that aiortc starts and does not await."""
        tasks: set[asyncio.Future[Any]] = set(self._connecting)
        if self.dtls is not None and self.dtls._task is not None:
            tasks.add(self.dtls._task)
        if self._RTCPeerConnection__closeTask is not None:  # type: ignore[attr-defined]
            tasks.add(self._RTCPeerConnection__closeTask)  # type: ignore[attr-defined]
        return tasks

    def abandon_relays(self) -> None:
        """Stop waiting for TURN servers that do not confirm the end of an allocation; their sockets close at once."""
        for protocol in self.ice._protocols if self.ice is not None else ():
            closing = getattr(protocol.transport, "_TurnTransport__close_task", None)
            if closing is not None:
                closing.cancel()


# --- ICE ---------------------------------------------------------------------------------------------------------


def use_host_addresses(ice: aioice.ice.Connection, addresses: tuple[str, ...]) -> None:
    """Gather host candidates from `addresses`. Empty: from what aioice finds, or loopback where it finds nothing."""
    gather = ice.get_component_candidates

    async def bounded(
        component: int, addresses: list[str], timeout: int = 5, *, chosen: tuple[str, ...] = addresses
    ) -> Any:
        found = list(chosen) or addresses or ["127.0.0.1"]
        return await gather(component=component, addresses=found[:MAX_HOST_ADDRESSES], timeout=timeout)

    ice.get_component_candidates = bounded  # type: ignore[method-assign]


def host_protocols(ice: aioice.ice.Connection) -> list[aioice.ice.StunProtocol]:
    """The sockets of the IPv4 host candidates: those that a STUN server can be asked from."""
    return [p for p in ice._protocols if p.local_candidate.type == "host" and ":" not in p.local_candidate.host]


def add_local_candidate(
    ice: aioice.ice.Connection, candidate: aioice.Candidate, protocol: aioice.ice.StunProtocol | None
) -> bool:
    """Add a candidate while checks may be running; a relayed one brings its protocol. False for one that is known."""
    address = (candidate.host, candidate.port)
    if any((known.host, known.port) == address for known in ice._local_candidates):
        return False
    ice._local_candidates.append(candidate)
    if protocol is not None:
        ice._protocols.append(protocol)
        for remote in ice._remote_candidates:
            ice._pair_remote_candidate(remote)
        ice.sort_check_list()
    return True


def knows_remote_candidates(ice: aioice.ice.Connection) -> bool:
    return bool(ice._remote_candidates)


@dataclass(frozen=True, slots=True)
class SelectedPair:
    local: aioice.Candidate
    remote: aioice.Candidate


def selected_pair(ice: aioice.ice.Connection) -> SelectedPair | None:
    pair = ice._nominated.get(1)
    return None if pair is None else SelectedPair(pair.local_candidate, pair.remote_candidate)


def transport_totals(dtls: RTCDtlsTransport) -> RTCTransportStats:
    (stats,) = dtls._get_stats().values()
    assert isinstance(stats, RTCTransportStats)  # noqa: S101 - narrows the type
    return stats


def write_buffer_size(ice: aioice.ice.Connection) -> int:
    """Bytes that wait in the socket's buffer in this process; 0 where the transport cannot tell."""
    pair = ice._nominated.get(1)
    measure = getattr(pair.protocol.transport, "get_write_buffer_size", None) if pair is not None else None
    return measure() if measure is not None else 0


class ConsentWatch:
    """Consent freshness (RFC 7675): patient with a slow network, quick with a dead one; measures the round trip."""

    def __init__(self, ice: aioice.ice.Connection, packets_received: Callable[[], int]) -> None:
        self.round_trip_time: float | None = None
        self.lost = False
        self._ice = ice
        self._packets_received = packets_received
        ice.query_consent = self._watch  # type: ignore[method-assign]

    async def _watch(self) -> None:
        now = answered = heard = time.monotonic()
        arrived = self._packets_received()
        while now - heard < CONSENT_SILENCE and now - answered < CONSENT_EXPIRY:
            await asyncio.sleep(CONSENT_INTERVAL * (0.8 + 0.4 * random.random()))  # noqa: S311 - jitter, no secret
            confirmed = await self._check()
            now = time.monotonic()
            if confirmed:
                answered = heard = now
            elif self._packets_received() != arrived:
                heard = now
            arrived = self._packets_received()
        self.lost = True
        self._ice._query_consent_task = None
        await self._ice.close()

    async def _check(self) -> bool:
        pair = self._ice._nominated.get(1)
        password = self._ice.remote_password
        if pair is None or password is None:
            return False
        request = self._ice.build_request(pair, nominate=False)
        started = time.monotonic()
        try:
            await pair.protocol.request(
                request,
                pair.remote_addr,
                integrity_key=password.encode("utf8"),
                retransmissions=CONSENT_RETRANSMISSIONS,
            )
        except aioice.stun.TransactionError:
            return False
        self.round_trip_time = time.monotonic() - started
        return True


# --- sending -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class SenderTally:
    """What the far side reported of one stream, and what was resent. Units are W3C's."""

    nack_count: int = 0
    pli_count: int = 0
    fir_count: int = 0
    retransmitted_packets: int = 0
    retransmitted_bytes: int = 0
    packets_lost: int | None = None
    fraction_lost: float | None = None  # 0..1
    jitter: float | None = None  # seconds
    bitrate_estimate: int | None = None  # REMB, bit/s


class SenderTap:
    """Sees every RTCP packet that comes back for one sender, and every retransmission; not the sending itself."""

    def __init__(self, sender: RTCRtpSender, clock_rate: int, on_picture_loss: Callable[[], None]) -> None:
        self.tally = SenderTally()
        self._sender = sender
        self._clock_rate = clock_rate
        self._on_picture_loss = on_picture_loss
        self._handle = sender._handle_rtcp_packet
        self._retransmit = sender._retransmit
        sender._handle_rtcp_packet = self._on_rtcp  # type: ignore[method-assign]
        sender._retransmit = self._on_retransmit  # type: ignore[method-assign]

    @property
    def packets_sent(self) -> int:
        return int(self._sender._RTCRtpSender__packet_count)  # type: ignore[attr-defined]

    @property
    def bytes_sent(self) -> int:
        return int(self._sender._RTCRtpSender__octet_count)  # type: ignore[attr-defined]

    @property
    def round_trip_time(self) -> float | None:
        rtt: float | None = self._sender._RTCRtpSender__rtt  # type: ignore[attr-defined]
        return rtt

    async def _on_rtcp(self, packet: Any) -> None:
        tally = self.tally
        if isinstance(packet, RtcpRrPacket | RtcpSrPacket):
            for report in packet.reports:
                if report.ssrc == self._sender._ssrc:
                    tally.packets_lost = report.packets_lost
                    tally.fraction_lost = report.fraction_lost / 256
                    tally.jitter = report.jitter / self._clock_rate
        elif isinstance(packet, RtcpRtpfbPacket) and packet.fmt == RTCP_RTPFB_NACK:
            tally.nack_count += 1
        elif isinstance(packet, RtcpPsfbPacket):
            self._on_payload_feedback(packet)
        await self._handle(packet)

    def _on_payload_feedback(self, packet: RtcpPsfbPacket) -> None:
        if packet.fmt == RTCP_PSFB_PLI:
            self.tally.pli_count += 1
            self._on_picture_loss()
        elif packet.fmt == RTCP_PSFB_FIR:
            self.tally.fir_count += 1
            self._on_picture_loss()
        elif packet.fmt == RTCP_PSFB_APP:
            try:
                bitrate, ssrcs = unpack_remb_fci(packet.fci)
            except ValueError:
                return
            if self._sender._ssrc in ssrcs:
                self.tally.bitrate_estimate = bitrate

    async def _on_retransmit(self, sequence_number: int) -> None:
        history = self._sender._RTCRtpSender__rtp_history  # type: ignore[attr-defined]
        packet = history.get(sequence_number % RTP_HISTORY_SIZE)
        if packet is not None and packet.sequence_number == sequence_number:
            self.tally.retransmitted_packets += 1
            self.tally.retransmitted_bytes += len(packet.payload)
        await self._retransmit(sequence_number)


# --- receiving ---------------------------------------------------------------------------------------------------


class _FrameOutlet(queue.Queue[Any]):
    """Takes the place of the queue to aiortc's decoder thread: frames go to `deliver` on the loop, still encoded.

    The thread sees only the None that ends it.
    """

    def __init__(self, deliver: Callable[[RTCRtpCodecParameters, bytes, int], None]) -> None:
        super().__init__()
        self._deliver = deliver

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        if item is None:
            super().put(item, block, timeout)
        else:
            codec, frame = item
            self._deliver(codec, frame.data, frame.timestamp)


class ReceiverTap:
    """Hands out what one receiver assembles without decoding it, and counts what arrives.

    `deliver(codec, data, timestamp)` runs on the loop; `timestamp` starts at 0 and counts the codec's clock.
    """

    def __init__(
        self,
        receiver: RTCRtpReceiver,
        deliver: Callable[[RTCRtpCodecParameters, bytes, int], None],
        on_first_packet: Callable[[], None],
    ) -> None:
        self.bytes_received = 0
        self.last_packet_at: float | None = None
        self.nack_count = 0
        self.pli_count = 0
        self._receiver = receiver
        self._on_first_packet = on_first_packet
        self._handle = receiver._handle_rtp_packet
        self._nack = receiver._send_rtcp_nack
        self._pli = receiver._send_rtcp_pli
        receiver._RTCRtpReceiver__decoder_queue = _FrameOutlet(deliver)  # type: ignore[attr-defined]
        receiver._handle_rtp_packet = self._on_rtp  # type: ignore[method-assign]
        receiver._send_rtcp_nack = self._on_nack  # type: ignore[method-assign]
        receiver._send_rtcp_pli = self._on_pli  # type: ignore[method-assign]

    def request_keyframe(self) -> None:
        """Send a PLI with the next packet that arrives."""
        self._receiver._RTCRtpReceiver__decoder_error.set()  # type: ignore[attr-defined]

    @property
    def streams(self) -> list[Any]:
        """The statistics of the received SSRCs, retransmission streams aside."""
        rtx = self._receiver._RTCRtpReceiver__rtx_ssrc  # type: ignore[attr-defined]
        streams = self._receiver._RTCRtpReceiver__remote_streams  # type: ignore[attr-defined]
        return [stream for ssrc, stream in streams.items() if ssrc not in rtx]

    async def _on_rtp(self, packet: Any, arrival_time_ms: int) -> None:
        if self.last_packet_at is None:
            self._on_first_packet()
        self.last_packet_at = time.monotonic()
        self.bytes_received += len(packet.payload)
        await self._handle(packet, arrival_time_ms)

    async def _on_nack(self, media_ssrc: int, lost: list[int]) -> None:
        self.nack_count += 1
        await self._nack(media_ssrc, lost)

    async def _on_pli(self, media_ssrc: int) -> None:
        self.pli_count += 1
        await self._pli(media_ssrc)
