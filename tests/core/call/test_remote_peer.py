"""Who may speak in a call."""

from __future__ import annotations

import pytest

from agent.core.call.inputs import CloseReceived
from agent.core.call.machine import Refused
from agent.core.call.reasons import CloseReason
from agent.core.call.remote_peer import RemotePeer


def said(uid: str, party: str) -> CloseReceived:
    return CloseReceived(uid, party, CloseReason.USER_HANGUP)


@pytest.mark.parametrize(
    ("party", "sender", "may"),
    [
        ("phone", ("family", "phone"), True),
        ("phone", ("family", "tablet"), False),
        ("phone", ("mallory", "phone"), False),
        # nobody has answered yet: each client of that uid may
        (None, ("family", "tablet"), True),
        (None, ("mallory", "phone"), False),
    ],
)
def test_remote_peer_is_one_client_of_one_uid(
    party: str | None, sender: tuple[str, str], may: bool
) -> None:
    remote = RemotePeer("family", party)
    assert remote.is_sender(said(*sender)) is (may and party is not None)
    if may:
        remote.require(said(*sender))
    else:
        with pytest.raises(Refused, match="is not the remote peer"):
            remote.require(said(*sender))


def test_remote_peer_errors_beyond_the_limit_are_refused() -> None:
    remote = RemotePeer("family", "phone")
    for _ in range(2):
        remote.take_error(2)
    with pytest.raises(Refused, match="more than 2 errors"):
        remote.take_error(2)
    assert remote.errors == 2
