"""What the page is made of."""

from __future__ import annotations

import http
import json
from pathlib import Path

from agent.web.page_files import PageResponses, page_folder, read_page


def test_read_page_takes_the_page_and_no_code_of_ours(tmp_path: Path) -> None:
    names = {name for name, _ in read_page(page_folder())}
    assert {"index.html", "page.js", "conversation.js", "styles/base.css"} <= names
    assert not [name for name in names if name.endswith((".py", ".json"))]


def test_page_can_be_installed_on_a_home_screen() -> None:
    found = dict(read_page(page_folder()))
    body, kind = found["manifest.webmanifest"]
    assert kind == "application/manifest+json"
    manifest = json.loads(body)
    assert (manifest["display"], manifest["start_url"]) == ("standalone", "./")
    assert all(icon["src"] in found for icon in manifest["icons"])
    # a page behind a password asks for it with the password
    link = b'<link rel="manifest" href="manifest.webmanifest" crossorigin="use-credentials" />'
    assert link in found["index.html"][0]


def test_response_over_tls_keeps_browsers_to_tls() -> None:
    secure = PageResponses(secure=True).plain(http.HTTPStatus.NOT_FOUND, "none")
    plain = PageResponses(secure=False).plain(http.HTTPStatus.NOT_FOUND, "none")
    assert secure.headers["Strict-Transport-Security"] == "max-age=86400"
    assert "Strict-Transport-Security" not in plain.headers


def test_response_says_where_scripts_may_connect_to() -> None:
    response = PageResponses(secure=True).found(b"x", "text/html", "wss://pi.local:8443")
    policy = response.headers["Content-Security-Policy"]
    assert "connect-src 'self' wss://pi.local:8443; manifest-src 'self'; base-uri" in policy
    assert "unsafe" not in policy


def test_what_is_played_is_given_in_parts() -> None:
    responses = PageResponses(secure=True)
    whole = responses.found(b"0123456789", "audio/ogg")
    assert (whole.status_code, whole.headers["Accept-Ranges"]) == (200, "bytes")
    part = responses.found(b"0123456789", "audio/ogg", part="bytes=2-4")
    assert (part.status_code, part.body) == (206, b"234")
    assert part.headers["Content-Range"] == "bytes 2-4/10"
    assert part.headers["Content-Length"] == "3"
    outside = responses.found(b"0123456789", "audio/ogg", part="bytes=10-")
    assert (outside.status_code, outside.body) == (416, b"")
    assert outside.headers["Content-Range"] == "bytes */10"


def test_what_is_shown_is_given_whole() -> None:
    response = PageResponses(secure=True).found(b"0123456789", "text/html", part="bytes=2-4")
    assert (response.status_code, response.body) == (200, b"0123456789")
    assert "Accept-Ranges" not in response.headers
