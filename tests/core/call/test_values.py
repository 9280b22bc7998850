"""The values that inputs and effects carry."""

from __future__ import annotations

from agent.core.call import values
from tests.core.call.vocabulary import classes_of, is_frozen


def test_values_are_frozen() -> None:
    assert all(map(is_frozen, classes_of(values)))


def test_ice_server_keeps_its_secrets_out_of_the_log() -> None:
    server = values.IceServer(("turn:192.0.2.1",), "user", "hidden-1", "hidden-2")
    assert "hidden" not in repr(server)


def test_media_grant_allows_everything_unless_told_otherwise() -> None:
    grant = values.MediaGrant()
    assert (grant.video, grant.audio.sends, grant.audio.receives) == (True, True, True)
    assert grant.max_duration is None
