"""What the page is made of."""

from __future__ import annotations

import http
from pathlib import Path

from agent.web.page_files import PageResponses, page_folder, read_page


def test_read_page_takes_the_page_and_no_code_of_ours(tmp_path: Path) -> None:
    names = {name for name, _ in read_page(page_folder())}
    assert {"index.html", "page.js", "conversation.js", "styles/base.css"} <= names
    assert not [name for name in names if name.endswith((".py", ".json"))]


def test_response_over_tls_keeps_browsers_to_tls() -> None:
    secure = PageResponses(secure=True).plain(http.HTTPStatus.NOT_FOUND, "none")
    plain = PageResponses(secure=False).plain(http.HTTPStatus.NOT_FOUND, "none")
    assert secure.headers["Strict-Transport-Security"] == "max-age=86400"
    assert "Strict-Transport-Security" not in plain.headers


def test_response_says_where_scripts_may_connect_to() -> None:
    response = PageResponses(secure=True).found(b"x", "text/html", "wss://pi.local:8443")
    policy = response.headers["Content-Security-Policy"]
    assert "connect-src 'self' wss://pi.local:8443; base-uri" in policy
    assert "unsafe" not in policy
