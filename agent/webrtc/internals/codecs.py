"""What aiortc negotiates: two more profiles of H.264, FIR, and the playout delay of pictures."""

from __future__ import annotations

import aiortc.codecs
import aiortc.rtp
from aiortc.codecs.base import Decoder
from aiortc.rtcpeerconnection import find_common_codecs
from aiortc.rtcrtpparameters import (
    RTCRtcpFeedback,
    RTCRtpCodecParameters,
    RTCRtpHeaderExtensionParameters,
)

from agent.webrtc.internals.header_extensions import PLAYOUT_DELAY
from agent.webrtc.internals.interval_clock import use_steady_time

# Main and High, beside aiortc's two Baselines
EXTRA_H264_PROFILES = ("4d001f", "64001f")
# what we like to receive (RFC 7587 6.1): packets that repeat the one before, none in a pause
OPUS_PARAMETERS = {"minptime": "10", "useinbandfec": "1", "usedtx": "1"}
FIR = RTCRtcpFeedback("ccm", "fir")


def configure() -> None:
    """Let aiortc negotiate two more profiles, key frames by FIR (RFC 5104), the playout delay of
    pictures, and sound that makes up for losses and leaves out pauses; and measure time by a steady
    clock.

    Harmless to do twice, and to other users of aiortc in the process: what they do not know of they
    do not send.
    """
    # aiortc answers a type below 96 with its own one, and browsers have codecs on 35 to 63
    aiortc.rtp.DYNAMIC_PAYLOAD_TYPES = range(128)
    codecs = aiortc.codecs.CODECS["video"]
    known = {codec.parameters.get("profile-level-id") for codec in codecs}
    for profile_level_id in EXTRA_H264_PROFILES:
        if profile_level_id not in known:
            codecs += _h264_entry(
                profile_level_id, max(codec.payloadType or 0 for codec in codecs) + 1
            )
    for codec in aiortc.codecs.CODECS["audio"]:
        if codec.mimeType == "audio/opus":
            codec.parameters.update(OPUS_PARAMETERS)
    for codec in codecs:
        if codec.mimeType == "video/H264" and FIR not in codec.rtcpFeedback:
            codec.rtcpFeedback.append(FIR)
    extensions = aiortc.codecs.HEADER_EXTENSIONS["video"]
    if PLAYOUT_DELAY not in {extension.uri for extension in extensions}:
        taken = max(
            extension.id for each in aiortc.codecs.HEADER_EXTENSIONS.values() for extension in each
        )
        extensions.append(RTCRtpHeaderExtensionParameters(id=taken + 1, uri=PLAYOUT_DELAY))
    use_steady_time()


def _h264_entry(profile_level_id: str, payload_type: int) -> list[RTCRtpCodecParameters]:
    feedback = [
        RTCRtcpFeedback("nack"),
        RTCRtcpFeedback("nack", "pli"),
        RTCRtcpFeedback("goog-remb"),
    ]
    h264 = RTCRtpCodecParameters(
        mimeType="video/H264",
        clockRate=90_000,
        payloadType=payload_type,
        rtcpFeedback=feedback,
        parameters={
            "level-asymmetry-allowed": "1",
            "packetization-mode": "1",
            "profile-level-id": profile_level_id,
        },
    )
    rtx = RTCRtpCodecParameters(
        mimeType="video/rtx",
        clockRate=90_000,
        payloadType=payload_type + 1,
        parameters={"apt": payload_type},
    )
    return [h264, rtx]


def has_common_codec(kind: str, mime_type: str, offered: list[RTCRtpCodecParameters]) -> bool:
    """Whether aiortc will find this codec among those offered."""
    ours = [codec for codec in aiortc.codecs.CODECS[kind] if codec.mimeType == mime_type]
    return bool(find_common_codecs(ours, offered))


def make_decoder(codec: RTCRtpCodecParameters) -> Decoder:
    """aiortc's decoder for sound that arrives."""
    return aiortc.codecs.get_decoder(codec)
