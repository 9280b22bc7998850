"""Who may open a page. The same through a socket: test_server.py, test_server_guards.py."""

from __future__ import annotations

import base64

from websockets.datastructures import Headers

from agent.web.page_access import PageAccess
from agent.web.web_options import WebOptions

PASSWORD = "correct horse"


def headers(password: str | None = None, **more: str) -> Headers:
    found = Headers({"Host": "127.0.0.1:8080"} | more)
    if password is not None:
        found["Authorization"] = "Basic " + base64.b64encode(f"x:{password}".encode()).decode()
    return found


def test_page_access_without_a_password_lets_in() -> None:
    assert PageAccess(WebOptions()).refusal("127.0.0.1", headers()) is None


def test_page_access_asks_for_the_password_and_then_gives_a_session() -> None:
    access = PageAccess(WebOptions(password=PASSWORD))
    refused = access.refusal("127.0.0.1", headers())
    assert refused is not None
    assert refused.status_code == 401
    assert access.refusal("127.0.0.1", headers(PASSWORD)) is None
    cookie = access.found(b"", "text/html", headers(PASSWORD)).headers["Set-Cookie"]
    assert access.refusal("127.0.0.1", headers(Cookie=cookie.partition(";")[0])) is None


def test_page_access_asks_a_page_in_the_background_without_a_challenge() -> None:
    access = PageAccess(WebOptions(password=PASSWORD))
    for more, asked in (({}, True), ({"Callbox-Background": "1"}, False)):
        refused = access.refusal("127.0.0.1", headers(**more))
        assert refused is not None
        assert refused.status_code == 401
        assert ("WWW-Authenticate" in refused.headers) is asked


def test_page_access_gives_the_part_of_a_message_that_is_asked_for() -> None:
    access, wanted = PageAccess(WebOptions()), {"Range": "bytes=2-4"}
    part = access.found(b"0123456789", "audio/ogg", headers(**wanted))
    assert (part.status_code, part.body) == (206, b"234")
    # only if it were the same as before, which nothing says
    conditional = headers(**wanted, **{"If-Range": '"a"'})
    assert access.found(b"0123456789", "audio/ogg", conditional).status_code == 200


def test_page_access_refuses_a_name_that_is_not_this_machine() -> None:
    refused = PageAccess(WebOptions()).refusal("127.0.0.1", Headers({"Host": "evil.example"}))
    assert refused is not None
    assert refused.status_code == 403


def test_page_access_refuses_the_websocket_of_another_site() -> None:
    access = PageAccess(WebOptions())
    refused = access.refusal_of_origin(headers(Origin="https://evil.example"))
    assert refused is not None
    assert access.refusal_of_origin(headers(Origin="http://127.0.0.1:8080")) is None
