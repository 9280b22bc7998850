"""Two conversations with one real encoder: whom it follows is what their grants say."""

from __future__ import annotations

import pytest

from agent.core.call.events import MediaGrant
from agent.core.call.reasons import SharedBitrate
from agent.media.base.video_source import VideoOptions
from agent.media.source_choice import open_video_source
from agent.media.video_hub import VideoHub
from agent.ports import LocalStream
from tests.webrtc.calls import Call
from tests.webrtc.feeds import MemorySink
from tests.webrtc.pairs import Side, closing, until
from tests.webrtc.sending.test_paced_video_stream import report_congestion

pytestmark = pytest.mark.media

OPTIONS = VideoOptions(width=320, height=180, framerate=15, bitrate=2_000_000)


class Conversation(Call):
    """A caller who gets the camera's picture by a grant."""

    def __init__(self, hub: VideoHub, grant: MediaGrant) -> None:
        self.sink = MemorySink()
        self.device = Side(LocalStream(hub), grant)
        self.caller = Side(sink=self.sink)

    @property
    def wish(self) -> int:
        """What the encoder makes when it follows this one."""
        return max(self.sent().target_bitrate or 0, OPTIONS.min_bitrate)


async def test_shared_encoder_weak_conversation_that_is_ignored_slows_nobody_else() -> None:
    hub = VideoHub(open_video_source("pattern", OPTIONS), OPTIONS)
    followed = Conversation(hub, MediaGrant())
    ignored = Conversation(hub, MediaGrant(shared_bitrate=SharedBitrate.IGNORE))
    async with closing(followed.device, followed.caller, ignored.device, ignored.caller):
        await followed.connect()
        await ignored.connect()
        await report_congestion(ignored, lambda: (ignored.sent().target_bitrate or 0) < 1_500_000)
        assert ignored.sent().quality_limitation_reason == "bandwidth"
        assert hub.bitrate == followed.wish
        await report_congestion(followed, lambda: hub.bitrate < 1_500_000)
        assert hub.bitrate == followed.wish
        await followed.device.peer.close()
        # nobody else is left
        await until(lambda: hub.bitrate == ignored.wish)
    await hub.close()


async def test_shared_encoder_what_two_viewers_may_ask_for_again_is_kept_once() -> None:
    hub = VideoHub(open_video_source("pattern", OPTIONS), OPTIONS)
    viewers = [Conversation(hub, MediaGrant()) for _ in range(2)]

    def kept(viewer: Conversation) -> set[int]:
        sender = viewer.device.peer._media._video_sender
        assert sender is not None
        return {id(sent[1]) for sent in sender._history if sent is not None}

    async with closing(*(side for viewer in viewers for side in (viewer.device, viewer.caller))):
        for viewer in viewers:
            await viewer.connect()
        await until(lambda: len(kept(viewers[0]) & kept(viewers[1])) >= 10)
    await hub.close()
