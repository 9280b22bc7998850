"""Counters of a transport with W3C's units, from aiortc's own numbers and ours."""

from __future__ import annotations

from dataclasses import asdict

from agent.core.statistics.counters import ReceivedCounters, SentCounters, TransportCounters
from agent.ports import AUDIO_CLOCK_RATE, VIDEO_CLOCK_RATE, AudioPacket
from agent.webrtc import internals as inside
from agent.webrtc.receiving.inbound import InboundAudio, InboundVideo
from agent.webrtc.sending.adaptation import BitrateAdaptation
from agent.webrtc.sending.outbound import OutboundAudio, OutboundVideo
from agent.webrtc.sending.paced_video_stream import PacedVideoStream
from agent.webrtc.sending.rtp_stream import RtpStream

VIDEO_CODEC = "H264"
AUDIO_CODEC = "opus"


def video_sent(
    stream: OutboundVideo, sender: PacedVideoStream, adaptation: BitrateAdaptation
) -> SentCounters:
    tally = sender.tally
    return SentCounters(
        codec=VIDEO_CODEC,
        packets_sent=sender.packets_sent,
        bytes_sent=sender.bytes_sent,
        frames_sent=stream.units_sent,
        key_frames_sent=stream.key_frames_sent,
        frames_dropped=stream.dropped,
        frame_width=stream.width,
        frame_height=stream.height,
        send_delay_total=stream.send_delay_total,
        nack_count=tally.nack_count,
        pli_count=tally.pli_count,
        fir_count=tally.fir_count,
        retransmitted_packets_sent=tally.retransmitted_packets,
        retransmitted_bytes_sent=tally.retransmitted_bytes,
        target_bitrate=adaptation.target,
        carried_bitrate=adaptation.carried,
        quality_limitation_reason=adaptation.quality_limitation_reason,
        remote_packets_lost=tally.packets_lost,
        remote_fraction_lost=tally.fraction_lost,
        remote_jitter=tally.jitter,
        round_trip_time=tally.round_trip_time,
        remote_bitrate_estimate=tally.bitrate_estimate,
    )


def audio_sent(stream: OutboundAudio, sender: RtpStream[AudioPacket]) -> SentCounters:
    tally = sender.tally
    return SentCounters(
        codec=AUDIO_CODEC,
        packets_sent=sender.packets_sent,
        bytes_sent=sender.bytes_sent,
        frames_sent=stream.units_sent,
        send_delay_total=stream.send_delay_total,
        nack_count=tally.nack_count,
        retransmitted_packets_sent=tally.retransmitted_packets,
        retransmitted_bytes_sent=tally.retransmitted_bytes,
        remote_packets_lost=tally.packets_lost,
        remote_fraction_lost=tally.fraction_lost,
        remote_jitter=tally.jitter,
        round_trip_time=tally.round_trip_time,
    )


def video_received(inbound: InboundVideo) -> ReceivedCounters:
    tap = inbound.tap
    packets, lost, jitter = _arrived(tap, VIDEO_CLOCK_RATE)
    return ReceivedCounters(
        codec=VIDEO_CODEC,
        packets_received=packets,
        bytes_received=tap.bytes_received,
        packets_lost=lost,
        jitter=jitter,
        frames_received=inbound.frames,
        key_frames_received=inbound.key_frames,
        frame_width=inbound.width,
        frame_height=inbound.height,
        nack_count=tap.nack_count,
        pli_count=tap.pli_count,
        freeze_count=inbound.freezes.count,
        total_freezes_duration=inbound.freezes.duration,
        last_packet_at=tap.last_packet_at,
    )


def audio_received(inbound: InboundAudio) -> ReceivedCounters:
    tap = inbound.tap
    packets, lost, jitter = _arrived(tap, AUDIO_CLOCK_RATE)
    return ReceivedCounters(
        codec=AUDIO_CODEC,
        packets_received=packets,
        bytes_received=tap.bytes_received,
        packets_lost=lost,
        jitter=jitter,
        frames_received=inbound.packets,
        total_audio_energy=inbound.energy,
        **({} if inbound.played is None else asdict(inbound.played)),
        last_packet_at=tap.last_packet_at,
    )


def _arrived(tap: inside.ReceiverTap, clock_rate: int) -> tuple[int, int | None, float | None]:
    """Packets, packets lost, jitter in seconds."""
    streams = tap.streams
    if not streams:
        return 0, None, None
    packets = sum(stream.packets_received for stream in streams)
    return packets, sum(stream.packets_lost for stream in streams), streams[-1].jitter / clock_rate


def transport(pc: inside.PeerConnection, consent: inside.ConsentWatch | None) -> TransportCounters:
    dtls, ice = pc.dtls, pc.ice
    if dtls is None or ice is None:
        return TransportCounters()
    totals = inside.transport_totals(dtls)
    pair = inside.selected_pair(ice)
    return TransportCounters(
        local_candidate_type=pair.local.type if pair else None,
        remote_candidate_type=pair.remote.type if pair else None,
        protocol=pair.local.transport if pair else None,
        current_round_trip_time=consent.round_trip_time if consent else None,
        packets_sent=totals.packetsSent,
        packets_received=totals.packetsReceived,
        bytes_sent=totals.bytesSent,
        bytes_received=totals.bytesReceived,
        ice_role=totals.iceRole,
        dtls_state=totals.dtlsState,
        addresses=(pair.local.host, pair.remote.host) if pair else None,
    )
