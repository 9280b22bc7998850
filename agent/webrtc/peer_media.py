"""The media of one connection: what is subscribed to, sent, received and counted."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from aiortc.rtcrtpparameters import RTCRtpCodecCapability
from aiortc.rtcrtpreceiver import RTCRtpReceiver
from aiortc.rtcrtpsender import RTCRtpSender
from aiortc.sdp import MediaDescription

from agent.core.call.events import MediaGrant
from agent.core.call.reasons import SharedBitrate
from agent.core.statistics.counters import PeerCounters, SentCounters
from agent.errors import NoCommonCodec, PeerError
from agent.ports import AUDIO_CLOCK_RATE, AudioPacket, LocalStream, RemoteMedia
from agent.webrtc import internals as inside
from agent.webrtc import peer_counters as counters
from agent.webrtc.description.remote_description import RemoteDescription
from agent.webrtc.receiving.inbound import InboundAudio, InboundVideo
from agent.webrtc.sending.adaptation import BitrateAdaptation
from agent.webrtc.sending.outbound import OutboundAudio, OutboundVideo
from agent.webrtc.sending.paced_video_stream import PacedVideoStream
from agent.webrtc.sending.packetizer import H264Packetizer, opus_payloads
from agent.webrtc.sending.rtp_stream import RtpStream
from agent.webrtc.sending.segmentation_offload import SegmentationOffload

_DIRECTIONS = {
    (True, True): "sendrecv",
    (True, False): "sendonly",
    (False, True): "recvonly",
    (False, False): "inactive",
}

# of all connections: they send the pictures of one encoder
_packetize = H264Packetizer()


def wants(section: MediaDescription) -> bool:
    """Whether the remote peer is to receive this kind."""
    return section.direction in ("sendrecv", "recvonly")


def require_codecs(remote: RemoteDescription) -> None:
    """Raises NoCommonCodec for video that we cannot send."""
    video = remote.find("video")
    if video is not None and not inside.has_common_codec("video", "video/H264", video.rtp.codecs):
        raise NoCommonCodec("the offer has video, yet no H.264 with packetization-mode 1")


class PeerMedia:
    """Owns the subscriptions from `subscribe` to `close`."""

    def __init__(
        self,
        local: LocalStream,
        remote: RemoteMedia | None,
        grant: MediaGrant,
        *,
        on_failure: Callable[[str, Exception], None],
        on_track: Callable[[str, str], None],
        on_first_frame: Callable[[], None],
    ) -> None:
        absent = local.audio is not None and not local.audio.present
        self._local = replace(local, audio=None) if absent else local
        self._remote = remote
        self._grant = grant
        self._on_failure = on_failure
        self._on_track = on_track
        self._on_first_frame = on_first_frame
        self._pc: inside.PeerConnection | None = None
        self._closed = False
        self._muted: dict[str, bool] = {}
        self._video: OutboundVideo | None = None
        self._audio: OutboundAudio | None = None
        self._adaptation: BitrateAdaptation | None = None
        self._video_sender: PacedVideoStream | None = None
        self._audio_sender: RtpStream[AudioPacket] | None = None
        self._video_in: InboundVideo | None = None
        self._audio_in: InboundAudio | None = None

    @property
    def profile_level_id(self) -> str | None:
        """What our H.264 is; None where we send none."""
        return self._video.profile_level_id if self._video is not None else None

    @property
    def kinds(self) -> tuple[str, ...]:
        """What an offer of ours holds."""
        return tuple(kind for kind in ("audio", "video") if self._direction(kind) != "inactive")

    def sends(self, kind: str) -> bool:
        if not self._grant.sends:
            return False
        if kind == "video":
            return self._grant.video and self._local.video is not None
        return self._grant.audio.sends and self._local.audio is not None

    async def subscribe(self, kind: str) -> None:
        """Open the source of this kind, if it is to be sent. Raises MediaUnavailable, or PeerError
        once closed.
        """
        if not self.sends(kind):
            return
        if kind == "video" and self._local.video is not None:
            subscription = await self._local.video.subscribe(self._grant.shared_bitrate)
            self._video = OutboundVideo(subscription, self._on_failure, self._on_first_frame)
        elif self._local.audio is not None:
            muted = self._muted.get(kind, False)
            sound = await self._local.audio.subscribe(muted=muted)
            self._audio = OutboundAudio(sound, self._on_failure)
        # before the media, or while the source was opening
        self.mute(kind, self._muted.get(kind, False))
        # closed while the source was opening
        if self._closed:
            await self.close()
            raise PeerError("the peer was closed while a source was opening")

    def attach(self, pc: inside.PeerConnection, kind: str, way: str | None = None) -> None:
        """Add the media section of this kind to the connection. `way` is the remote peer's, where
        it has one section for each (`recvonly`, `sendonly`).
        """
        self._pc = pc
        direction = self._direction(kind, speaks=way != "sendonly", hears=way != "recvonly")
        transceiver = pc.addTransceiver(kind, direction=direction)
        transceiver.setCodecPreferences(self._preferences(kind))
        if way != "sendonly":
            self._attach_sender(transceiver.sender, kind)
        if way != "recvonly":
            self._attach_receiver(transceiver.receiver, kind)

    def _attach_receiver(self, receiver: RTCRtpReceiver, kind: str) -> None:
        if kind == "video":
            self._video_in = InboundVideo(
                receiver,
                self._remote,
                lambda: self._on_track(kind, counters.VIDEO_CODEC),
                self._on_first_frame,
            )
        else:
            self._audio_in = InboundAudio(
                receiver,
                self._remote,
                lambda: self._on_track(kind, counters.AUDIO_CODEC),
                self._local.playback if self._receives(kind) else None,
            )

    def heed(self, remote: RemoteDescription) -> None:
        """What the remote description allows our video, and what it says of its own."""
        max_bitrate = remote.served.max_bitrate
        if max_bitrate is not None and self._adaptation is not None:
            self._adaptation.cap(max_bitrate)
        if self._video_in is not None:
            self._video_in.take_parameter_sets(remote.parameter_sets)

    async def stop_sending(self, kind: str) -> None:
        """The remote peer does not want this kind: give its source back."""
        stream = self._video if kind == "video" else self._audio
        if stream is not None:
            await stream.close()

    def open(self, bitrate: int | None = None) -> None:
        """`bitrate`: what another transport carried over the same path, in bit/s."""
        if bitrate is not None and self._adaptation is not None:
            self._adaptation.resume(bitrate)
        for stream in self._streams():
            stream.open()
        if self._audio_in is not None:
            self._audio_in.open()

    def prepare(self) -> None:
        """The path is there; a handshake is left."""
        if self._video is not None:
            self._video.prepare()

    def pause(self) -> None:
        for stream in self._streams():
            stream.pause()

    def restart(self) -> None:
        """After a hole in the path the remote peer can show nothing before the next key frame."""
        if self._video is not None:
            self._video.request_keyframe()

    def mute(self, kind: str, muted: bool) -> None:
        """Also what is to be sent later."""
        self._muted[kind] = muted
        stream = self._video if kind == "video" else self._audio
        if stream is not None:
            stream.mute(muted)

    def counters(self, consent: inside.ConsentWatch | None) -> PeerCounters:
        if self._pc is None:
            return PeerCounters(at=time.monotonic())
        return PeerCounters(
            at=time.monotonic(),
            video_sent=self._video_sent(),
            audio_sent=self._audio_sent(),
            video_received=counters.video_received(self._video_in)
            if self._video_in is not None
            else None,
            audio_received=counters.audio_received(self._audio_in)
            if self._audio_in is not None
            else None,
            transport=counters.transport(self._pc, consent),
        )

    @property
    def heeded(self) -> tuple[int, int]:
        """Packets that we have sent, and the remote peer's reports on them."""
        senders = [
            sender for sender in (self._video_sender, self._audio_sender) if sender is not None
        ]
        return sum(each.packets_sent for each in senders), sum(
            each.tally.reports for each in senders
        )

    @property
    def acknowledged(self) -> int:
        """How many reports have named packets of ours that none named before."""
        senders = (self._video_sender, self._audio_sender)
        return sum(each.tally.acknowledged for each in senders if each is not None)

    async def close(self) -> None:
        """Stop sending and playing, and give the subscriptions back."""
        self._closed = True
        if self._audio_in is not None:
            self._audio_in.close()
        for stream in self._streams():
            await stream.close()

    def _video_sent(self) -> SentCounters | None:
        if self._video is None or self._video_sender is None or self._adaptation is None:
            return None
        return counters.video_sent(self._video, self._video_sender, self._adaptation)

    def _audio_sent(self) -> SentCounters | None:
        if self._audio is None or self._audio_sender is None:
            return None
        return counters.audio_sent(self._audio, self._audio_sender)

    def _streams(self) -> list[OutboundVideo | OutboundAudio]:
        return [stream for stream in (self._video, self._audio) if stream is not None]

    def _direction(self, kind: str, *, speaks: bool = True, hears: bool = True) -> str:
        return _DIRECTIONS[speaks and self.sends(kind), hears and self._receives(kind)]

    def _receives(self, kind: str) -> bool:
        grant = self._grant
        if kind == "video":
            return grant.video and grant.receives
        return grant.audio.receives and (grant.receives or grant.listens)

    def _attach_sender(self, sender: RTCRtpSender, kind: str) -> None:
        video, audio = self._video, self._audio
        if kind == "video" and video is not None:
            followed = self._grant.shared_bitrate is SharedBitrate.FOLLOW
            self._adaptation = BitrateAdaptation(
                video.limits, video.set_demand, video.request_keyframe, followed=followed
            )
            self._video_sender = PacedVideoStream(
                self._port(sender), video, _packetize, self._adaptation
            )
        elif kind == "audio" and audio is not None:
            self._audio_sender = RtpStream(
                self._port(sender), audio, opus_payloads, AUDIO_CLOCK_RATE, audio
            )

    @staticmethod
    def _port(sender: RTCRtpSender) -> inside.RtpSender:
        return inside.RtpSender(sender, SegmentationOffload().send)

    def _preferences(self, kind: str) -> list[RTCRtpCodecCapability]:
        """Only what passes through as it is; of H.264 the source's own profile first."""
        known = RTCRtpSender.getCapabilities(kind).codecs
        if kind == "audio":
            return [codec for codec in known if codec.mimeType == "audio/opus"]
        profile = (self.profile_level_id or "42e01f")[:4].lower()
        h264 = [codec for codec in known if codec.mimeType == "video/H264"]
        h264.sort(
            key=lambda codec: (
                str(codec.parameters.get("profile-level-id", ""))[:4].lower() != profile
            )
        )
        return h264 + [codec for codec in known if codec.mimeType == "video/rtx"]
