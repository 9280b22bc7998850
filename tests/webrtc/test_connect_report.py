"""What is said of a transport that does not connect."""

from __future__ import annotations

import re
from typing import Any

import pytest

from agent.core.call.events import IceCandidate, PeerFailed
from agent.ports import LocalStream
from agent.webrtc.connect_report import in_kinds
from agent.webrtc.internals import dtls_certificate
from tests.webrtc.feeds import ClipFeed
from tests.webrtc.offers import BROWSER_OFFER, CANDIDATE
from tests.webrtc.pairs import Side, closing, until
from tests.webrtc.strangers import LOOPBACK

pytestmark = pytest.mark.media

HIDDEN = "candidate:7 1 udp 2113937151 6f0c-11ee.local 50001 typ host"


def test_connect_report_counts_kinds_in_order() -> None:
    assert in_kinds(["relay", "host", "srflx", "host"]) == "2 host, 1 srflx, 1 relay"
    assert in_kinds([]) == "no candidate"


async def test_connect_report_of_a_path_that_is_not_found_names_what_was_tried(
    clip: list[bytes],
) -> None:
    device = Side(LocalStream(ClipFeed(clip)), ice=LOOPBACK)
    async with closing(device):
        hidden = BROWSER_OFFER.replace(CANDIDATE, f"{CANDIDATE}\r\na={HIDDEN}", 1)
        await device.peer.create_answer(hidden)
        await device.peer.add_candidate(IceCandidate(HIDDEN.replace("6f0c", "7f0c"), "0", 0))
        failure = device.peer.explain()
    assert failure.code == "ice_failed"
    assert "of ours 1 host" in failure.message
    assert "of the remote peer 1 host and 2 with a .local name" in failure.message
    assert "no check of the remote peer came" in failure.message
    assert "firewall" in failure.message
    assert not re.search(r"\d+\.\d+\.\d+\.\d+|\.local \d", failure.message)


async def test_connect_report_of_dtls_names_what_openssl_says(
    clip: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    device, caller = Side(LocalStream(ClipFeed(clip)), ice=LOOPBACK), Side(ice=LOOPBACK)
    made: Any = dtls_certificate.DtlsCertificate._create_ssl_context
    ciphers = iter([b"ECDHE-ECDSA-AES128-GCM-SHA256", b"ECDHE-ECDSA-AES256-SHA"])

    def apart(*arguments: Any, **options: Any) -> Any:
        context = made(*arguments, **options)
        context.set_cipher_list(next(ciphers))
        return context

    monkeypatch.setattr(dtls_certificate.DtlsCertificate, "_create_ssl_context", apart)
    async with closing(device, caller):
        answer = await device.peer.create_answer(await caller.peer.create_offer())
        await caller.peer.apply_answer(answer)
        failures = [await side.event(PeerFailed) for side in (device, caller)]
    assert [each.code for each in failures] == ["dtls_failed", "dtls_failed"]
    assert any("no shared cipher" in each.message for each in failures)
    assert all("alert" in each.message or "shared" in each.message for each in failures)


async def test_connect_report_of_a_handshake_without_an_answer_says_so(clip: list[bytes]) -> None:
    device, caller = Side(LocalStream(ClipFeed(clip)), ice=LOOPBACK), Side(ice=LOOPBACK)
    async with closing(device, caller):
        answer = await device.peer.create_answer(await caller.peer.create_offer())
        dtls: Any = caller.peer._pc.require_dtls()

        async def never(_parameters: object) -> None:
            return

        dtls.start = never
        await caller.peer.apply_answer(answer)
        await until(lambda: device.peer._ice_connected)
        failure = device.peer.explain()
    assert failure.code == "dtls_failed"
    assert "does not answer the handshake" in failure.message
