"""A clip that goes on for as long as a bench takes."""

from __future__ import annotations

import math
from pathlib import Path

import av

from tests.bench.clips import SECONDS


def write_stream(path: Path, seconds: float) -> Path:
    """The clip repeated for at least so long: GStreamer reads a file once from end to end."""
    long = path.with_stem(f"{path.stem}-long")
    with av.open(str(long), "w") as output:
        copied = None
        for number in range(math.ceil(seconds / SECONDS)):
            with av.open(str(path)) as once:
                copied = copied or output.add_stream_from_template(once.streams.video[0])
                for packet in once.demux(video=0):
                    if (
                        packet.pts is not None
                        and packet.dts is not None
                        and packet.time_base is not None
                    ):
                        offset = round(number * SECONDS / packet.time_base)
                        packet.pts, packet.dts = packet.pts + offset, packet.dts + offset
                        packet.stream = copied
                        output.mux(packet)
    return long
