"""What a device is and can do (PROTOCOL 6)."""

from __future__ import annotations

import os

from agent import __version__
from agent.media.video_hub import VideoHub
from agent.service.board import board_model
from agent.settings import Settings
from agent.signaling.protocol import messages as wire


def about(settings: Settings, video: VideoHub, verbs: tuple[str, ...]) -> wire.About:
    """What the device is and can do."""
    source = video.describe()
    system = os.uname()
    return wire.About(
        uid=settings.uid,
        model=board_model(),
        version=__version__,
        camera=source.camera,
        encoder=source.encoder,
        video_codecs=("H264",),
        audio={"capture": settings.audio.capture, "playback": settings.audio.playback},
        max_conversations=settings.max_conversations,
        max_width=settings.video.width,
        max_height=settings.video.height,
        max_framerate=settings.video.framerate,
        kernel=system.release,
        architecture=system.machine,
        commands=verbs,
    )
