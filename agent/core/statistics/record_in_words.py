"""What a call was like, in one line for a log."""

from __future__ import annotations

from agent.core.statistics.reports import CallRecord, MediaTotals


def record_in_words(record: CallRecord) -> str:
    """How long it was connected, and what went over it: `182 s: sent 1280x720 29.7 fps 589 kbit/s,
    2.1 % lost; received 640x480 ..., no freeze; direct, MOS 4.4`. What is not known is left out.
    """
    parts = []
    if record.video is not None:
        parts += [*_sent(record.video), *_received(record.video)]
    if record.audio is not None and not parts:
        parts += [*_sent(record.audio), *_received(record.audio)]
    path = []
    if record.path is not None and record.path.relayed is not None:
        path.append("relayed" if record.path.relayed else "direct")
    if record.reconnects:
        path.append(f"renewed {record.reconnects} times" if record.reconnects > 1 else "renewed")
    if record.quality is not None:
        path.append(f"MOS {record.quality.mos:.1f}")
    if path:
        parts.append(", ".join(path))
    length = f"{record.duration:.1f} s"
    return f"{length}: {'; '.join(parts)}" if parts else length


def _sent(totals: MediaTotals) -> list[str]:
    if not totals.packets_sent:
        return []
    size = _size(totals) if not totals.frames_received else None
    words = _rates(size, totals.mean_frames_per_second_sent, totals.mean_bitrate_sent)
    if totals.remote_packets_lost is not None:
        words.append(_lost(totals.remote_packets_lost, totals.packets_sent))
    return [f"sent {', '.join(words)}"] if words else []


def _received(totals: MediaTotals) -> list[str]:
    if not totals.packets_received:
        return []
    words = _rates(
        _size(totals), totals.mean_frames_per_second_received, totals.mean_bitrate_received
    )
    if totals.packets_lost is not None:
        words.append(_lost(totals.packets_lost, totals.packets_received + totals.packets_lost))
    if totals.freeze_count is not None:
        words.append(_freezes(totals.freeze_count, totals.total_freezes_duration or 0.0))
    return [f"received {', '.join(words)}"] if words else []


def _size(totals: MediaTotals) -> str | None:
    if totals.frame_width is None or totals.frame_height is None:
        return None
    return f"{totals.frame_width}x{totals.frame_height}"


def _rates(size: str | None, frame_rate: float | None, bitrate: int | None) -> list[str]:
    words = [
        size,
        None if frame_rate is None else f"{frame_rate:.1f} fps",
        None if bitrate is None else f"{bitrate / 1000:.0f} kbit/s",
    ]
    known = [word for word in words if word is not None]
    return [" ".join(known)] if known else []


def _lost(lost: int, of: int) -> str:
    return f"{100 * max(0, lost) / max(1, of):.1f} % lost"


def _freezes(count: int, seconds: float) -> str:
    if not count:
        return "no freeze"
    return f"{count} freeze{'s' if count > 1 else ''} of {seconds:.1f} s"
