"""Which trickled candidates count, and which of their ends."""

from __future__ import annotations

import pytest

from agent.core.call.events import IceCandidate
from agent.ports import LocalStream
from agent.webrtc.ice.trickle import MAX_TRICKLED
from tests.webrtc.feeds import ClipFeed
from tests.webrtc.offers import BROWSER_OFFER, CANDIDATE, candidate_line
from tests.webrtc.pairs import Side, closing

pytestmark = pytest.mark.media


async def test_trickle_candidates_that_cannot_be_used_are_not_counted(clip: list[bytes]) -> None:
    """Over TCP, of a second component, and of other sections, before the one that leads anywhere."""
    device = Side(LocalStream(ClipFeed(clip)))
    async with closing(device):
        await device.peer.create_answer(BROWSER_OFFER.replace(CANDIDATE + "\r\n", ""))
        for number in range(MAX_TRICKLED):
            line = candidate_line(number)
            tcp = line.replace(" udp ", " tcp ") + " tcptype active"
            await device.peer.add_candidate(IceCandidate(tcp, "0", 0))
            await device.peer.add_candidate(IceCandidate(line.replace(" 1 udp", " 2 udp"), "0", 0))
            await device.peer.add_candidate(IceCandidate(line, "1", 1))
        await device.peer.add_candidate(IceCandidate(candidate_line(7), "0", 0))
        assert len(device.peer._pc.require_ice().remote_candidates) == 1


async def test_trickle_end_of_another_section_ends_nothing(clip: list[bytes]) -> None:
    """Firefox ends each section's candidates (RFC 8840 4.2); only that of the transport's counts."""
    device = Side(LocalStream(ClipFeed(clip)))
    async with closing(device):
        await device.peer.create_answer(BROWSER_OFFER)
        ice = device.peer._pc.require_ice()
        for mid, index in (("1", 1), ("2", 2), (None, 1)):
            await device.peer.add_candidate(IceCandidate("", mid, index))
        await device.peer.add_candidate(IceCandidate(candidate_line(7), "0", 0))
        assert len(ice.remote_candidates) == 2
        await device.peer.add_candidate(IceCandidate("", "0", 0))
        await device.peer.add_candidate(IceCandidate(candidate_line(8), "0", 0))
        assert len(ice.remote_candidates) == 2
