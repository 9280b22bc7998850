"""The settings of those who are told of a visitor."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from agent.doorbell.notify_settings import NotifySettings

URL = "http://ntfy.home/door"


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"on": ["ring", "missed", "open"], "method": "PUT"},
        {"headers": {"Title": "{button} at {uid}", "Priority": "high"}},
        {"body": '{{"text": "{event} {time} {conversation} {targets}"}}'},
        {"token": "secret", "picture": True},
        {"url": "https://[2001:db8::1]:8443/path?query={x}"},
    ],
)
def test_notify_settings_take(given: dict[str, Any]) -> None:
    NotifySettings(**{"url": URL} | given)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"url": "ftp://ntfy.home/door"}, "http://"),
        ({"url": "file:///etc/shadow"}, "http://"),
        ({"url": "http:///door"}, "http://"),
        ({"url": "http://me:secret@ntfy.home/"}, "belong in headers or token"),
        ({"url": "http://ntfy.home:99999/"}, "port"),
        ({"url": "http://ntfy.home/a b"}, "white space"),
        ({"url": "http://ntfy.home/\u00fc"}, "http://"),
        ({"on": []}, "at least 1"),
        ({"on": ["rings"]}, "'ring'"),
        ({"method": "GET"}, "'POST'"),
        ({"body": "{who}"}, "may hold {uid}"),
        ({"body": "{uid.__class__}"}, "{uid.__class__} is not known"),
        ({"body": "{uid[0]}"}, "may hold {uid}"),
        ({"body": "{0}"}, "may hold {uid}"),
        ({"body": "{uid"}, "may hold {uid}"),
        ({"body": "}"}, "may hold {uid}"),
        ({"headers": {"Title": "{who}"}}, "may hold {uid}"),
        ({"headers": {"Content-Length": "5"}}, "cannot be set"),
        ({"headers": {"A B": "5"}}, "cannot be set"),
        ({"headers": {"Title": "a\r\nb: c"}}, "one printable line"),
        ({"headers": {"authorization": "x"}, "token": "secret"}, "Authorization"),
    ],
)
def test_notify_settings_refuse(given: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError) as raised:
        NotifySettings(**{"url": URL} | given)
    assert complaint in str(raised.value)
