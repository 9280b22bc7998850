"""Answers as other software writes them, to an offer of ours: each is applied."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from agent.core.call.events import PeerFailed
from agent.ports import LocalStream
from tests.webrtc.feeds import ClipFeed, SoundFeed
from tests.webrtc.pairs import Side, closing

pytestmark = pytest.mark.media

Change = Callable[[str], str]

_TRANSPORT = re.compile(r"a=(?:ice-ufrag|ice-pwd|ice-options|fingerprint|setup):.*\r\n")


def _parts(sdp: str) -> list[str]:
    return re.split(r"(?=^m=)", sdp, flags=re.M)


def _in_the_first(sdp: str) -> str:
    """As Ring's doorbells answer."""
    head, first, *rest = _parts(sdp)
    return head + first + "".join(_TRANSPORT.sub("", part) for part in rest)


def _in_the_session(sdp: str) -> str:
    head, *rest = _parts(sdp)
    lines = "".join(dict.fromkeys(_TRANSPORT.findall(rest[0])))
    return head + lines + "".join(_TRANSPORT.sub("", part) for part in rest)


def _rejecting(kind: str, *, stripped: bool) -> Change:
    def change(sdp: str) -> str:
        parts = []
        for part in _parts(sdp):
            if part.startswith(f"m={kind}"):
                part = re.sub(rf"m={kind} \d+", f"m={kind} 0", part)
                if stripped:
                    kept = part.splitlines(keepends=True)
                    part = "".join(line for line in kept if line.startswith(("m=", "c=", "a=mid")))
            parts.append(part)
        mid = next(
            re.search(r"a=mid:(\S+)", part)[1]  # type: ignore[index]
            for part in parts
            if part.startswith(f"m={kind}")
        )
        return re.sub(
            r"a=group:BUNDLE .*",
            lambda group: " ".join(name for name in group[0].split() if name != mid),
            "".join(parts),
        )

    return change


VARIANTS: dict[str, Change] = {
    "plain": lambda sdp: sdp,
    "transport_in_the_first_section": _in_the_first,
    "transport_in_the_session": _in_the_session,
    "no_mids_and_no_bundle": lambda sdp: re.sub(r"a=(?:mid|group):.*\r\n", "", sdp),
    "line_feeds_alone": lambda sdp: sdp.replace("\r\n", "\n"),
    "old_profile": lambda sdp: sdp.replace("UDP/TLS/RTP/SAVPF", "RTP/SAVPF"),
    "oldest_profile": lambda sdp: sdp.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"),
    "spaces_in_fmtp": lambda sdp: sdp.replace(";", "; "),
    "capitals": lambda sdp: sdp.replace("H264/", "h264/").replace("profile-level", "Profile-Level"),
    "level_6_2": lambda sdp: re.sub(r"(profile-level-id=\w{4})\w\w", r"\g<1>3e", sdp),
    "attributes_that_nobody_reads": lambda sdp: re.sub(
        r"(a=mid:.*\r\n)",
        "\\1a=extmap-allow-mixed\r\na=rtcp-rsize\r\na=ssrc:1 x\r\nb=AS:2000\r\na=x\r\n",
        sdp,
    ),
    "ice_lite": lambda sdp: sdp.replace("t=0 0\r\n", "t=0 0\r\na=ice-lite\r\n"),
    "sha_512_beside": lambda sdp: sdp.replace(
        "a=setup", f"a=fingerprint:sha-512 {':'.join(['AB'] * 64)}\r\na=setup"
    ),
    "no_video": _rejecting("video", stripped=False),
    "no_video_and_nothing_of_it": _rejecting("video", stripped=True),
    "no_audio": _rejecting("audio", stripped=True),
    "no_data_channel": _rejecting("application", stripped=True),
    "sctpmap": lambda sdp: re.sub(
        r"a=sctp-port:(\d+)", r"a=sctpmap:\1 webrtc-datachannel 1024", sdp
    ),
    "passive": lambda sdp: sdp.replace("a=setup:active", "a=setup:passive"),
    "inactive": lambda sdp: re.sub(r"a=sendrecv|a=recvonly|a=sendonly", "a=inactive", sdp),
    "direction_of_the_session": lambda sdp: re.sub(r"a=sendrecv\r\n", "", sdp).replace(
        "t=0 0\r\n", "t=0 0\r\na=sendrecv\r\n"
    ),
}


@pytest.mark.parametrize("change", VARIANTS.values(), ids=VARIANTS)
async def test_answer_of_others_is_applied(
    change: Change, clip: list[bytes], sound: list[bytes]
) -> None:
    ours, theirs = (Side(LocalStream(ClipFeed(clip), SoundFeed(sound))) for _ in range(2))
    async with closing(ours, theirs):
        answer = await theirs.peer.create_answer(await ours.peer.create_offer())
        changed = change(answer)
        assert change is VARIANTS["plain"] or changed != answer
        await ours.peer.apply_answer(changed)
        assert not ours.of(PeerFailed)
