"""What a callback gets is what the video SDK's documentation lists."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from agent.client.call_events import EVENT_NAMES, callback_argument
from agent.client.remote_stream import RemoteStream
from agent.core.call import events as ev
from agent.core.call.notices import Notice
from agent.core.call.reasons import CallStatus
from agent.errors import CallError

CONVERSATION, STREAM = object(), RemoteStream()


def test_every_notice_has_a_name_but_the_end_which_is_told_by_its_record() -> None:
    assert {*get_args(Notice)} - EVENT_NAMES.keys() == {ev.Closed}


@pytest.mark.parametrize(
    ("event", "argument"),
    [
        (ev.Called(), CONVERSATION),
        (ev.InvitationAnswered(CallStatus.BUSY, "busy"), CallStatus.BUSY),
        (ev.StreamReceived((("video", "H264"),)), STREAM),
        (ev.RemoteRinging("door-1", 30.0), ev.RemoteRinging("door-1", 30.0)),
        (ev.Connected(), ev.Connected()),
    ],
)
def test_callback_argument_of_each_event(event: Any, argument: Any) -> None:
    assert callback_argument(event, CONVERSATION, STREAM) == argument


def test_callback_argument_of_a_status_is_text() -> None:
    status = callback_argument(ev.InvitationAnswered(CallStatus.ACCEPTED), CONVERSATION, STREAM)
    assert status == "ACCEPTED"
    assert f"{status}" == "ACCEPTED"


def test_callback_argument_of_an_error_is_an_exception_with_a_code() -> None:
    raised = ev.ErrorRaised("no_user_media", "the camera is busy")
    error = callback_argument(raised, CONVERSATION, STREAM)
    assert isinstance(error, CallError)
    assert (error.code, str(error)) == ("no_user_media", "the camera is busy")
