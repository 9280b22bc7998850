"""Looks at a JPEG."""

from __future__ import annotations

import io

import av

from agent.media.jpeg import Jpeg


def decoded(jpeg: Jpeg) -> av.VideoFrame:
    with av.open(io.BytesIO(jpeg.data), mode="r", format="mjpeg") as container:
        frame = next(container.decode(video=0))
    assert (frame.width, frame.height) == (jpeg.width, jpeg.height)
    return frame
