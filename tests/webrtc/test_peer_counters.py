"""Counters of a transport, whose units are W3C's."""

from __future__ import annotations

import time

import pytest

from agent.core.statistics.interval import transport_report
from tests.webrtc.calls import Call
from tests.webrtc.pairs import closing, until

pytestmark = pytest.mark.media


@pytest.fixture
def call(clip: list[bytes], sound: list[bytes]) -> Call:
    return Call(clip, sound)


async def test_peer_counters_in_a_call_are_filled(call: Call) -> None:
    async with closing(call.device, call.caller):
        await call.connect()
        await until(lambda: call.sent().round_trip_time is not None)
        await call.sink.seen(audio=25)  # Opus begins softly
        device, caller = call.device.peer.counters(), call.caller.peer.counters()
        quality = call.sent()
        assert quality.remote_packets_lost == 0
        assert quality.remote_fraction_lost == 0
        assert quality.round_trip_time is not None
        assert 0 <= quality.round_trip_time < 20
    assert device.video_sent is not None
    assert caller.video_received is not None
    assert device.audio_sent is not None
    assert caller.audio_received is not None
    sent, received = device.video_sent, caller.video_received
    assert (sent.codec, sent.frame_width, sent.frame_height) == ("H264", 320, 240)
    assert sent.frames_sent >= sent.key_frames_sent >= 1
    assert sent.packets_sent >= sent.frames_sent
    assert sent.bytes_sent > 1000
    assert 0 <= sent.send_delay_total < 20 * sent.frames_sent
    assert (received.codec, received.frame_width, received.frame_height) == ("H264", 320, 240)
    assert 0 < received.frames_received <= sent.frames_sent
    assert received.key_frames_received >= 1
    assert received.packets_received >= received.frames_received
    assert received.bytes_received > 1000
    assert received.packets_lost == 0
    assert received.jitter is not None
    assert 0 <= received.jitter < 20
    assert received.last_packet_at is not None
    assert 0 <= time.monotonic() - received.last_packet_at < 60
    sound = caller.audio_received
    assert sound.codec == "opus"
    assert sound.frames_received >= 1
    assert sound.total_audio_energy is not None
    seconds = 0.02 * sound.frames_received
    # a square wave of 8000 of 32767 has 0.06
    assert 0.01 < sound.total_audio_energy / seconds < 0.2
    transport = device.transport
    assert (transport.local_candidate_type, transport.protocol) == ("host", "udp")
    assert transport.remote_candidate_type in ("host", "prflx")
    # events go to whoever reads them: no address of either side
    assert not [name for name in transport_report(transport).model_dump() if "address" in name]
    assert (transport.ice_role, caller.transport.ice_role) == ("controlled", "controlling")
    assert transport.dtls_state == "connected"
    assert transport.packets_sent is not None
    assert transport.packets_sent > sent.packets_sent
    assert transport.bytes_received is not None
    assert transport.bytes_received > 0


async def test_peer_counters_have_the_round_trip_of_the_pair(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.webrtc.internals.consent.CONSENT_INTERVAL", 0.02)
    async with closing(call.device, call.caller):
        await call.connect()
        await until(
            lambda: call.device.peer.counters().transport.current_round_trip_time is not None
        )
        rtt = call.device.peer.counters().transport.current_round_trip_time
        assert rtt is not None
        assert 0 < rtt < 1
