"""What somebody says at the door, as a file: Ogg with the packets that a call would have had."""

from __future__ import annotations

import asyncio
import os
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av
import av.error
from av.audio.stream import AudioStream

from agent.errors import MediaEnded, MediaUnavailable
from agent.media.sound.opus import FRAME_DURATION, FRAME_SAMPLES
from agent.media.sound.opus_packet import PAUSE
from agent.ports import AUDIO_CLOCK_RATE, AudioFeed, AudioPacket
from agent.threads import call_in_thread

# seconds for the disk
WRITE_TIMEOUT = 10.0
_TIME_BASE = Fraction(1, AUDIO_CLOCK_RATE)


async def record_message(
    feed: AudioFeed, path: Path, *, longest: float, stop: asyncio.Event
) -> float:
    """Record until `stop` or for `longest` seconds, some 4 kB each; then write the file, 0600, at
    once or not at all. The seconds that it holds.

    Raises MediaUnavailable where the microphone or the disk does not work.
    """
    packets = await _packets(feed, longest, stop)
    if not packets:
        raise MediaUnavailable("the microphone gave nothing")
    try:
        async with asyncio.timeout(WRITE_TIMEOUT):
            await call_in_thread("voice message", lambda: _write(path, packets))
    except TimeoutError:
        raise MediaUnavailable(f"{path}: the disk does not answer") from None
    return (packets[-1].pts - packets[0].pts) / AUDIO_CLOCK_RATE + FRAME_DURATION


async def _packets(feed: AudioFeed, longest: float, stop: asyncio.Event) -> list[AudioPacket]:
    found: list[AudioPacket] = []
    subscription = await feed.subscribe()
    stopped = asyncio.create_task(stop.wait())
    try:
        async with asyncio.timeout(longest):
            while not stop.is_set():
                packet = asyncio.create_task(subscription.next())
                try:
                    await asyncio.wait((packet, stopped), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    packet.cancel()
                    (outcome,) = await asyncio.gather(packet, return_exceptions=True)
                if isinstance(outcome, AudioPacket):
                    found.append(outcome)
                elif isinstance(outcome, MediaEnded):
                    break
    except TimeoutError:
        # as long as it may be
        pass
    finally:
        stopped.cancel()
        await asyncio.gather(stopped, return_exceptions=True)
        subscription.close()
    return found


def _write(path: Path, packets: list[AudioPacket]) -> None:
    unfinished = path.with_name(f".{path.name}.part")
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            _mux(file, packets)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except (OSError, av.error.FFmpegError, ValueError) as error:
        unfinished.unlink(missing_ok=True)
        reason = getattr(error, "strerror", None) or str(error)
        raise MediaUnavailable(f"{path}: cannot be written: {reason}") from error


def _mux(file: BinaryIO, packets: list[AudioPacket]) -> None:
    """Pauses, of which nothing was sent, are filled: Ogg has no gaps."""
    with av.open(file, "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=AUDIO_CLOCK_RATE, layout="mono")
        assert isinstance(stream, AudioStream)  # noqa: S101 - for the type checker
        container.start_encoding()
        number, first = 0, packets[0].pts
        for packet in packets:
            while number * FRAME_SAMPLES < packet.pts - first:
                container.mux(_packet(stream, PAUSE, number))
                number += 1
            container.mux(_packet(stream, packet.data, number))
            number += 1


def _packet(stream: AudioStream, data: bytes, number: int) -> av.Packet[Any]:
    packet: av.Packet[Any] = av.Packet(data)
    packet.stream = stream
    packet.time_base = _TIME_BASE
    packet.pts = packet.dts = number * FRAME_SAMPLES
    packet.duration = FRAME_SAMPLES
    return packet
