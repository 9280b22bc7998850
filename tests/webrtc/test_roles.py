"""Who controls the checks, and who begins DTLS, whatever the remote peer says of itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agent.core.call.events import PeerConnected
from tests.webrtc.pairs import Side, closing
from tests.webrtc.strangers import LOOPBACK

pytestmark = pytest.mark.media

Change = Callable[[str], str]


def said(sdp: str) -> str:
    return sdp


def lite(sdp: str) -> str:
    return sdp.replace("t=0 0\r\n", "t=0 0\r\na=ice-lite\r\n")


def role(name: str) -> Change:
    return lambda sdp: sdp.replace("a=setup:actpass", f"a=setup:{name}")


@pytest.mark.parametrize(
    ("offered", "answered", "controlling"),
    [
        (lite, said, (False, True)),
        (lambda sdp: role("passive")(lite(sdp)), said, (False, True)),
        (lambda sdp: role("active")(lite(sdp)), said, (False, True)),
        (said, lite, (True, False)),
        (role("passive"), said, (True, False)),
        (role("ACTIVE"), said, (True, False)),
        # as two believe who were both told that the other one is lite (RFC 8445 7.3.1.1)
        (said, said, (True, True)),
        (said, said, (False, False)),
    ],
    ids=[
        "lite caller",
        "lite and passive caller",
        "lite and active caller",
        "lite callee",
        "passive caller",
        "active caller",
        "both control",
        "nobody controls",
    ],
)
async def test_roles_lead_to_a_connection(
    offered: Change, answered: Change, controlling: tuple[bool, bool]
) -> None:
    caller, callee = Side(ice=LOOPBACK), Side(ice=LOOPBACK)
    async with closing(caller, callee):
        offer = await caller.peer.create_offer()
        answer = await callee.peer.create_answer(offered(offer))
        if offered is not said and "ice-lite" in offered(offer):
            assert callee.peer._pc.require_ice().ice_controlling
        for side, controls in zip((caller, callee), controlling, strict=True):
            side.peer._pc.require_ice().ice_controlling = controls
        await caller.peer.apply_answer(answered(answer))
        for side in (caller, callee):
            await side.event(PeerConnected)
