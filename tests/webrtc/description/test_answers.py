"""Answers as other software writes them, to an offer of ours: each is applied."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from agent.core.call.events import PeerFailed
from agent.errors import UnusableDescription
from agent.ports import LocalStream
from agent.webrtc.description.remote_description import read_answer
from tests.webrtc.feeds import ClipFeed, SoundFeed
from tests.webrtc.offers import BROWSER_OFFER
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
    "roles_in_capitals": lambda sdp: sdp.replace("a=setup:active", "a=setup:ACTIVE"),
    "no_bundle": lambda sdp: re.sub(r"a=group:BUNDLE.*\r\n", "", sdp),
    "bundle_of_the_first": lambda sdp: re.sub(r"(a=group:BUNDLE \S+) .*\r\n", r"\1\r\n", sdp),
    "rtcp_mux_in_the_last_section": lambda sdp: sdp.replace("a=rtcp-mux\r\n", "", 1),
    "other_payload_types": lambda sdp: re.sub(
        r"(?<=:|=| )(99|10[0-6])(?= |\r)", lambda found: str(int(found[0]) + 16), sdp
    ),
    "fingerprints_that_are_none": lambda sdp: sdp.replace(
        "a=setup", "a=fingerprint:sha-1\r\na=setup"
    ),
    "long_identity": lambda sdp: sdp.replace("t=0 0", f"t=0 0\r\na=identity:{'e' * 5000}"),
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


def _of_the_video(change: Change) -> Change:
    def changed(sdp: str) -> str:
        parts = _parts(sdp)
        return "".join(change(part) if part.startswith("m=video") else part for part in parts)

    return changed


def _directed(direction: str) -> Change:
    return _of_the_video(lambda part: re.sub(r"a=(sendrecv|recvonly|sendonly)", direction, part))


REFUSED: dict[str, tuple[Change, str]] = {
    "a_section_less": (lambda sdp: "".join(_parts(sdp)[:-1]), "not as many"),
    "a_section_more": (lambda sdp: f"{sdp}m=text 0 RTP/AVP 98\r\na=mid:7\r\n", "not as many"),
    "another_order": (
        lambda sdp: "".join(_parts(sdp)[at] for at in (0, 2, 1, 3)),
        "media section 0 does not answer",
    ),
    "another_mid": (lambda sdp: sdp.replace("a=mid:0", "a=mid:x"), "media section 0"),
    "nothing_taken": (lambda sdp: re.sub(r"(m=\w+) \d+", r"\1 0", sdp), "rejects every"),
    "a_codec_of_its_own": (
        _of_the_video(lambda part: part.replace("H264/", "VP8/")),
        "media section 1 of the answer has no codec of the offer",
    ),
    "another_packetization_mode": (
        _of_the_video(lambda part: part.replace("packetization-mode=1", "packetization-mode=0")),
        "media section 1 of the answer has no codec of the offer",
    ),
    "no_role_chosen": (lambda sdp: sdp.replace("a=setup:active", "a=setup:actpass"), "setup"),
    "no_role": (lambda sdp: re.sub("a=setup:active\r\n", "", sdp), "a=setup"),
    "no_rtcp_mux": (lambda sdp: sdp.replace("a=rtcp-mux\r\n", ""), "a=rtcp-mux"),
    "sha_1": (lambda sdp: sdp.replace("sha-256", "sha-1"), "sha-1 alone"),
    "nothing": (lambda _: "", "v=0"),
}


@pytest.mark.parametrize(("change", "says"), REFUSED.values(), ids=REFUSED)
async def test_answer_that_answers_nothing_is_refused_with_a_reason(
    change: Change, says: str, clip: list[bytes], sound: list[bytes]
) -> None:
    ours, theirs = (Side(LocalStream(ClipFeed(clip), SoundFeed(sound))) for _ in range(2))
    async with closing(ours, theirs):
        answer = await theirs.peer.create_answer(await ours.peer.create_offer())
        with pytest.raises(UnusableDescription, match=re.escape(says)):
            await ours.peer.apply_answer(change(answer))


# what each may say to an offer, and what holds then (RFC 3264 6.1)
_MAY = {
    "sendrecv": {each: each for each in ("sendrecv", "sendonly", "recvonly", "inactive")},
    # who answers that he sends as well is not heard
    "sendonly": {"recvonly": "recvonly", "sendrecv": "recvonly", "inactive": "inactive"},
    "recvonly": {"sendonly": "sendonly", "sendrecv": "sendonly", "inactive": "inactive"},
}


@pytest.mark.parametrize("offered", _MAY)
@pytest.mark.parametrize("answered", _MAY["sendrecv"])
def test_answer_keeps_to_the_direction_of_the_offer(offered: str, answered: str) -> None:
    offer = re.sub("a=(sendrecv|recvonly)", f"a={offered}", BROWSER_OFFER)
    answer = _directed(f"a={answered}")(BROWSER_OFFER).replace("actpass", "active")
    if answered in _MAY[offered]:
        video = read_answer(answer, offer).find("video")
        assert video is not None
        assert video.direction == _MAY[offered][answered]
    else:
        with pytest.raises(UnusableDescription, match=f"is {answered}, and the offer's {offered}"):
            read_answer(answer, offer)
