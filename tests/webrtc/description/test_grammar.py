"""Offers of a grammar of SDP are answered: picture, sound and data, each section in its place."""

from __future__ import annotations

import asyncio
import re

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from hypothesis import HealthCheck, given, settings

from agent.webrtc import internals
from agent.webrtc.description.fmtp import read_rtpmap
from agent.webrtc.description.remote_description import RemoteDescription, read_offer
from agent.webrtc.description.section_lines import MediaSection, split
from agent.webrtc.peer_media import require_codecs
from tests.examples import examples
from tests.webrtc.description.grammar import offers
from tests.webrtc.description.variants import VARIANTS

internals.configure()


async def answer(remote: RemoteDescription) -> str:
    """What aiortc makes of it, without an address."""
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    try:
        await connection.setRemoteDescription(RTCSessionDescription(remote.sdp, "offer"))
        return remote.served.complete((await connection.createAnswer()).sdp)
    finally:
        await connection.close()


def lines_of(sdp: str) -> list[str]:
    return [line.strip() for line in re.split(r"\r\n|\n|\r", sdp) if line.strip()]


def _codecs(section: MediaSection) -> set[tuple[int, str]]:
    read = (read_rtpmap(line) for line in section.lines)
    return {(each[0], each[1]) for each in read if each is not None}


def _resends(section: MediaSection) -> dict[int, int]:
    """The codec of each that resends one."""
    given = section.parameters()
    return {
        number: int(given[number]["apt"] or 0)
        for number, (name, _) in section.codecs().items()
        if name == "RTX" and "apt" in given.get(number, {})
    }


def check_answer(offer: str, reply: str, served: list[str]) -> None:
    """RFC 3264 6 and RFC 8829 5.3.1: as many sections, of the same kinds, protocols and mids."""
    _, offered = split(lines_of(offer))
    session, sections = split(lines_of(reply))
    assert [(each.kind, each.protocol, each.mid) for each in sections] == [
        (each.kind, each.protocol, each.mid) for each in offered
    ]
    accepted = [each for each in sections if each.port]
    assert sorted(each.kind for each in accepted) == sorted(served)
    bundles = [line.split()[1:] for line in session if line.startswith("a=group:BUNDLE")]
    assert all(each.mid in bundles[0] for each in accepted if each.mid) or not bundles
    for each in accepted:
        theirs = offered[each.index]
        if each.kind == "application":
            continue
        assert set(each.formats) <= set(theirs.formats)
        assert _codecs(each) <= _codecs(theirs)
        taken = set(each.codecs())
        assert {number for number, of in _resends(theirs).items() if of in taken} <= taken
        # what is not told apart by level or asymmetry is the offered profile (RFC 6184 8.2.2)
        for payload_type, parameters in each.parameters().items():
            own, offers_it = parameters.get("profile-level-id"), theirs.parameters()
            if own and offers_it.get(payload_type, {}).get("profile-level-id"):
                assert own[:4] == str(offers_it[payload_type]["profile-level-id"])[:4].lower()


@settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(offers())
def test_grammar_every_offer_of_it_is_answered(offer: str) -> None:
    remote = read_offer(offer)
    require_codecs(remote)
    check_answer(offer, asyncio.run(answer(remote)), ["audio", "video", "application"])


async def test_grammar_variants_are_answered_with_what_is_served() -> None:
    for variant in VARIANTS:
        remote = read_offer(variant.sdp)
        require_codecs(remote)
        check_answer(variant.sdp, await answer(remote), list(variant.served))
