"""What strangers try at the page's door."""

from __future__ import annotations

import asyncio
import logging
import shutil
import ssl
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from agent.counts import RefusalCounts, RefusalKind
from agent.web.certificates import RenewingContext
from agent.web.listener import ConnectionLimits
from agent.web.logins import FREE_TRIES
from tests.signaling.mqtt.certificates import Authority
from tests.waiting import PATIENCE, until
from tests.web.http_client import HOST, basic, get, open_websocket, serving

PASSWORD = "open sesame, please"
UPGRADE = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Protocol: mqtt",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
)


async def test_wrong_passwords_are_slowed_and_logged_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    counts = RefusalCounts()
    async with serving(password=PASSWORD, counts=counts) as port:
        tries = [await get(port, "/", basic("x", f"guess {number}")) for number in range(40)]
        right = await get(port, "/", basic("x", PASSWORD))
    assert [each.status for each in tries[:FREE_TRIES]] == [401] * FREE_TRIES
    assert [each.status for each in tries].count(429) >= 40 - FREE_TRIES - 3
    # nobody finds out by a right one in the meantime
    assert right.status == 429
    assert int(right.headers["Retry-After"]) >= 1
    assert "from 127.0.0.1 (3 in a row)" in caplog.text
    assert "guess" not in caplog.text
    assert len(caplog.records) <= FREE_TRIES + 3
    assert counts.totals()[RefusalKind.LOGIN] == 40 + 1


async def test_who_has_a_session_is_not_slowed_by_others() -> None:
    async with serving(password=PASSWORD) as port:
        let_in = await get(port, "/", basic("x", PASSWORD))
        cookie = "Cookie: " + let_in.headers["Set-Cookie"].split(";")[0]
        for number in range(10):
            await get(port, "/", basic("x", f"guess {number}"))
        assert (await get(port, "/", cookie)).status == 200


@pytest.mark.parametrize(
    "others",
    [
        b'ui={"a":1}; OURS',
        b"n=Direct Traffic; OURS",
        b"a[b]=1; OURS",
        b"=x; OURS",
        b"n=\xfcber; OURS",
        b'OURS; ui={"a":1}',
        b'q="a b"; OURS',
        b"d=Sat, 28 Nov 2026 10:00:00 GMT; OURS",
    ],
)
async def test_cookies_of_other_services_do_no_harm(others: bytes) -> None:
    async with serving(password=PASSWORD) as port:
        let_in = await get(port, "/", basic("x", PASSWORD))
        ours = let_in.headers["Set-Cookie"].split(";")[0].encode()
        answer = await get(port, "/", b"Cookie: " + others.replace(b"OURS", ours))
        twice = await get(port, "/", b"Cookie: a=b", b"Cookie: " + ours)
    assert (answer.status, twice.status) == (200, 200)


@pytest.mark.parametrize("cookie", [b'callbox_session="\\351"', b"callbox_session=\xe9\xe9"])
async def test_cookie_that_is_not_ascii_is_no_session(
    cookie: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(password=PASSWORD) as port:
        assert (await get(port, "/", b"Cookie: " + cookie)).status == 401
    assert not caplog.records


@pytest.mark.parametrize(
    "header", ["Host: a", "Authorization: Basic eA==", "Origin: http://a", "Cookie: \u00e9"]
)
async def test_header_that_stands_there_twice_is_no_fault_of_ours(header: str) -> None:
    async with serving(password=PASSWORD) as port:
        assert (await get(port, "//[", header, header)).status in (400, 401, 403, 404)


async def test_session_cookie_is_bounded_in_life() -> None:
    async with serving(password=PASSWORD) as port:
        let_in = await get(port, "/", basic("x", PASSWORD))
    assert "; Max-Age=86400" in let_in.headers["Set-Cookie"]
    assert "; SameSite=Strict" in let_in.headers["Set-Cookie"]


@pytest.mark.parametrize("host", ["door.example.org", None], ids=["caddy", "nginx"])
async def test_proxy_that_is_named_in_origins_gets_through(host: str | None) -> None:
    site = "https://door.example.org"
    async with serving(origins=(site,)) as port:
        page = await get(port, host=host)
        websocket = await get_until_upgraded(port, f"Origin: {site}", host=host)
        stranger = await get(port, "/mqtt", *UPGRADE, "Origin: https://evil.example", host=host)
    assert (page.status, websocket, stranger.status) == (200, 101, 403)
    assert "wss://door.example.org" in page.headers["Content-Security-Policy"]


async def get_until_upgraded(port: int, *headers: str, host: str | None) -> int:
    """The status of a WebSocket handshake with this Host."""
    reader, writer = await asyncio.open_connection(HOST, port)
    lines = ["GET /mqtt HTTP/1.1", f"Host: {host or f'{HOST}:{port}'}", *UPGRADE, *headers, "", ""]
    writer.write("\r\n".join(lines).encode())
    async with asyncio.timeout(PATIENCE):
        first = await reader.readline()
    writer.close()
    return int(first.split()[1])


async def test_refusal_of_a_site_says_both_names(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as port:
        with pytest.raises(InvalidStatus):
            await open_websocket(port, origin="https://door.example.org")
        for _ in range(30):
            await get(port, host="evil.example")
    assert f"Host '{HOST}:{port}', Origin 'https://door.example.org'" in caplog.text
    assert "web.origins" in caplog.text
    assert len(caplog.records) <= 10


async def test_proxy_tells_for_whom_it_tries_a_password() -> None:
    async with serving(password=PASSWORD, origins=("https://door.example.org",)) as port:
        for number in range(8):
            await get(port, "/", basic("x", f"{number}"), "X-Forwarded-For: 192.0.2.66")
        slowed = await get(port, "/", basic("x", PASSWORD), "X-Forwarded-For: 1.1.1.1, 192.0.2.66")
        other = await get(port, "/", basic("x", PASSWORD), "X-Forwarded-For: 192.0.2.7")
    assert (slowed.status, other.status) == (429, 200)


async def test_silent_connections_leave_descriptors_for_calls() -> None:
    counts = RefusalCounts()
    used = 10
    limits = ConnectionLimits(
        descriptors=lambda: used + limits.total, descriptor_limit=lambda: 40, counts=counts
    )
    silent: list[asyncio.StreamWriter] = []
    async with serving(limits=limits, counts=counts) as port:
        for _ in range(60):
            with suppress(OSError):
                silent.append((await asyncio.open_connection(HOST, port))[1])
        await until(lambda: counts.totals()[RefusalKind.CONNECTION] == 50)
        assert limits.total == 10
        for writer in silent:
            writer.close()
        await until(lambda: not limits.total)
        assert (await get(port)).status == 200


async def test_requests_and_connections_of_strangers_write_no_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    async with serving() as port:
        for _ in range(20):
            assert (await get(port, "/nothing")).status == 404
            _, silent = await asyncio.open_connection(HOST, port)
            silent.close()
    assert not [each for each in caplog.records if each.name.startswith("agent.web")]


def trusting(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority.file))


async def test_renewed_certificate_is_served_without_a_restart(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    old, new = Authority(tmp_path), Authority(tmp_path / "new")
    served = tmp_path / "served.pem", tmp_path / "served.key"
    for source, target in zip(old.issue(HOST), served, strict=True):
        shutil.copyfile(source, target)
    async with serving(certificate=served[0], key=served[1]) as port:
        first = await get(port, tls=trusting(old))
        for source, target in zip(new.issue(HOST), served, strict=True):
            shutil.copyfile(source, target)
        second = await get(port, tls=trusting(new))
    assert (first.status, second.status) == (200, 200)
    assert first.headers["Strict-Transport-Security"].startswith("max-age=")


async def test_handshakes_are_not_made_on_the_loop_of_the_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: set[threading.Thread] = set()
    wrap_bio = RenewingContext.wrap_bio

    def watched(*arguments: Any, **options: Any) -> ssl.SSLObject:
        threads.add(threading.current_thread())
        return wrap_bio(*arguments, **options)

    monkeypatch.setattr(RenewingContext, "wrap_bio", watched)
    authority = Authority(tmp_path)
    certificate, key = authority.issue(HOST)
    async with serving(certificate=Path(certificate), key=Path(key)) as port:
        assert (await get(port, tls=trusting(authority))).status == 200
    assert threads
    assert threading.current_thread() not in threads
