"""The programs that are compared, each in a process of its own: all send the same clip at its pace,
in a loop.

python -m tests.bench.senders callbox|aiortc|aiortc-encoding CLIP BITRATE

They speak JSON, a value a line. Out: true once everything is loaded; the offer's SDP, after a line
came in; when the clip's first picture was due (seconds since the epoch) and how many seconds the
loop takes, after the answer came in.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import aiortc.codecs.h264 as aiortc_h264
import av
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)

from agent.core.call.events import MediaGrant
from agent.core.call.reasons import SharedBitrate
from agent.core.rate.encoder_demand import EncoderDemand
from agent.ports import (
    VIDEO_CLOCK_RATE,
    AccessUnit,
    BitrateLimits,
    IceOptions,
    LocalStream,
    VideoFormat,
)
from agent.webrtc.peer import AiortcPeer
from tests.bench.clips import FRAMERATE, access_units

# pictures that are kept decoded; each of 1080p takes 3 MB
DECODED = 60


class Pace:
    """Says which picture of a loop is next, at its time. `started` is when the first one was
    due.
    """

    def __init__(self, length: int) -> None:
        self._length = length
        self._number = 0
        self._started = 0.0
        self.started: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    async def next(self) -> tuple[int, int]:
        """How many there were, and which one of the loop it is."""
        loop = asyncio.get_running_loop()
        if not self.started.done():
            self._started = loop.time()
            self.started.set_result(time.time())
        await asyncio.sleep(max(0.0, self._started + self._number / FRAMERATE - loop.time()))
        number, self._number = self._number, self._number + 1
        return number, number % self._length


class PacedSubscription:
    """A `VideoSubscription`."""

    dropped = 0

    def __init__(self, clip: Sequence[AccessUnit], pace: Pace, bitrate: int) -> None:
        self.limits = BitrateLimits(bitrate, max_bitrate=2 * bitrate)
        self.format = VideoFormat(1920, 1080, FRAMERATE, "42c028")
        self._clip, self._pace = clip, pace
        self._wanted = asyncio.Event()

    async def next(self) -> AccessUnit:
        await self._wanted.wait()
        number, at = await self._pace.next()
        unit = self._clip[at]
        return AccessUnit(
            unit.data, unit.keyframe, number * VIDEO_CLOCK_RATE // FRAMERATE, time.monotonic()
        )

    async def skip(self) -> None:
        """Nothing is there before it is asked for."""
        await asyncio.Event().wait()

    def request_keyframe(self) -> None:
        """The first request comes when pictures may leave, and starts the clip."""
        self._wanted.set()

    def set_demand(self, demand: EncoderDemand | None) -> None: ...

    def close(self) -> None: ...


class PacedFeed:
    """A `VideoFeed` for one."""

    def __init__(self, subscription: PacedSubscription) -> None:
        self._subscription = subscription

    async def subscribe(self, _shared: SharedBitrate = SharedBitrate.FOLLOW) -> PacedSubscription:
        return self._subscription


class LoopTrack(MediaStreamTrack):
    """The shortest way to send with plain aiortc: `items` are packets of H.264 or decoded
    pictures.
    """

    kind = "video"

    def __init__(self, items: Sequence[Callable[[], Any]], pace: Pace) -> None:
        super().__init__()
        self._items, self._pace = items, pace

    async def recv(self) -> Any:
        number, at = await self._pace.next()
        item = self._items[at]()
        item.pts, item.time_base = (
            number * VIDEO_CLOCK_RATE // FRAMERATE,
            Fraction(1, VIDEO_CLOCK_RATE),
        )
        return item


async def send_with_callbox(path: Path, bitrate: int) -> None:
    """The transport alone."""
    clip = [AccessUnit(each.data, each.keyframe, 0, 0.0) for each in access_units(path)]
    pace = Pace(len(clip))
    await ready()
    peer = AiortcPeer(
        generation=0,
        local=LocalStream(video=PacedFeed(PacedSubscription(clip, pace, bitrate))),
        grant=MediaGrant(),
        ice=IceOptions(),
        on_event=lambda event: None,
        on_control=lambda text: None,
    )
    say(await peer.create_offer())
    await peer.apply_answer(await heard())
    peer.start_media()
    await tell_start(pace, len(clip))


async def send_with_aiortc(path: Path, _bitrate: int) -> None:
    """Plain aiortc, its packets passed through."""
    clip = [each.data for each in access_units(path)]
    pace = Pace(len(clip))
    await ready()
    await connect(LoopTrack([lambda data=data: av.Packet(data) for data in clip], pace))  # type: ignore[misc]
    await tell_start(pace, len(clip))


async def encode_with_aiortc(path: Path, bitrate: int) -> None:
    """Plain aiortc as most people use it: pictures go in."""
    aiortc_h264.DEFAULT_BITRATE = aiortc_h264.MIN_BITRATE = aiortc_h264.MAX_BITRATE = bitrate
    pictures = decoded(path)
    pace = Pace(len(pictures))
    await ready()
    await connect(LoopTrack([lambda picture=picture: picture for picture in pictures], pace))  # type: ignore[misc]
    await tell_start(pace, len(pictures))


async def connect(track: LoopTrack) -> None:
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    pc.addTrack(track)
    codecs = RTCRtpSender.getCapabilities("video").codecs
    pc.getTransceivers()[0].setCodecPreferences(
        [codec for codec in codecs if codec.mimeType != "video/VP8"]
    )
    await pc.setLocalDescription(await pc.createOffer())
    say(pc.localDescription.sdp)
    await pc.setRemoteDescription(RTCSessionDescription(await heard(), "answer"))


def decoded(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        frames = container.decode(video=0)
        return [frame for _, frame in zip(range(DECODED), frames, strict=False)]


async def ready() -> None:
    say(True)
    await heard()


async def tell_start(pace: Pace, pictures: int) -> None:
    """Then go on until the process is ended from outside."""
    say([await pace.started, pictures / FRAMERATE])
    await asyncio.Event().wait()


def say(value: object) -> None:
    print(json.dumps(value), flush=True)


async def heard() -> Any:
    return json.loads(await asyncio.to_thread(sys.stdin.readline))


ROLES = {
    "callbox": send_with_callbox,
    "aiortc": send_with_aiortc,
    "aiortc-encoding": encode_with_aiortc,
}

if __name__ == "__main__":
    asyncio.run(ROLES[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3])))
