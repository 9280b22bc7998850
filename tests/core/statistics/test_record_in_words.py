"""One line of how a call was: what is known of it, and nothing that is not."""

from __future__ import annotations

import pytest

from agent.core.call.reasons import CloseReason, Side
from agent.core.statistics.record_in_words import record_in_words
from agent.core.statistics.reports import CallRecord, MediaTotals, Path, Quality

SENT = MediaTotals(
    frame_width=1280,
    frame_height=720,
    packets_sent=1000,
    mean_frames_per_second_sent=29.71,
    mean_bitrate_sent=589_400,
    remote_packets_lost=21,
)
RECEIVED = MediaTotals(
    frame_width=640,
    frame_height=480,
    frames_received=900,
    packets_received=990,
    packets_lost=10,
    mean_frames_per_second_received=15.0,
    mean_bitrate_received=250_000,
    freeze_count=2,
    total_freezes_duration=1.25,
)
SOUND = MediaTotals(packets_received=50, packets_lost=-1, mean_bitrate_received=24_000)


def record(**known: object) -> CallRecord:
    ended = CallRecord(reason=CloseReason.USER_HANGUP, closed_by=Side.REMOTE, duration=182.04)
    return ended.model_copy(update=known)


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({}, "182.0 s"),
        ({"video": SENT}, "182.0 s: sent 1280x720 29.7 fps 589 kbit/s, 2.1 % lost"),
        (
            {"video": RECEIVED, "audio": SOUND},
            "182.0 s: received 640x480 15.0 fps 250 kbit/s, 1.0 % lost, 2 freezes of 1.2 s",
        ),
        (
            {"video": RECEIVED.model_copy(update={"freeze_count": 0})},
            "182.0 s: received 640x480 15.0 fps 250 kbit/s, 1.0 % lost, no freeze",
        ),
        ({"audio": SOUND}, "182.0 s: received 24 kbit/s, 0.0 % lost"),
        ({"video": MediaTotals()}, "182.0 s"),
        (
            {"path": Path(relayed=False), "reconnects": 1, "quality": Quality(mos=4.38, model="e")},
            "182.0 s: direct, renewed, MOS 4.4",
        ),
        ({"path": Path(relayed=True), "reconnects": 3}, "182.0 s: relayed, renewed 3 times"),
    ],
)
def test_record_in_words(known: dict[str, object], words: str) -> None:
    assert record_in_words(record(**known)) == words
