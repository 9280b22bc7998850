"""WHEP: what a player asks, and what it is answered."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import pytest

from agent.core.call.decision import Action, Decision
from agent.core.call.events import CandidateFound
from agent.core.call.machine import State
from agent.core.call.reasons import CallStatus
from agent.core.call.values import IceCandidate
from agent.pull.pull_session import PullRefused
from agent.pull.whep import FRAGMENT, SDP, refusal
from tests.fakes.peer import FakePeer
from tests.pull.scene import OFFER, OTHER, SERVERS, pulled
from tests.waiting import until

HOST = "1 1 udp 2130706431 192.0.2.9 50000 typ host"
PATCH = f"a=ice-ufrag:theirs\r\na=ice-pwd:x\r\nm=video 9 X 0\r\na=mid:0\r\na=candidate:{HOST}\r\n"


async def test_offer_is_answered_with_all_that_follows_from_it() -> None:
    async with pulled() as scene:
        answer, view = await scene.open()
        headers = dict(answer.headers)
        assert headers["Content-Type"] == SDP
        assert headers["Location"] == f"/whep/door-1/{view.id}"
        assert headers["ETag"] == '"1"'
        links = [value for name, value in answer.headers if name == "Link"]
        assert len(links) == len(SERVERS)
        assert answer.body == b"answer 0\r\na=end-of-candidates\r\n"
        assert (view.via, view.remote_uid) == ("whep", "frigate")


async def test_answer_waits_for_what_servers_give_and_no_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing can follow an answer, and a server that is silent must not delay it for ever."""
    monkeypatch.setattr("agent.pull.whep.GATHER_PATIENCE", 3600.0)

    def plain(peer: FakePeer) -> None:
        peer.sections = "\r\na=ice-ufrag:ours"

    async with pulled() as scene:
        scene.peers.prepare = plain
        asking = asyncio.ensure_future(scene.open())
        await until(
            lambda: any(
                each.state is State.CONNECTING for each in scene.client.conversations.values()
            )
        )
        scene.peers.last.emit(CandidateFound(0, IceCandidate(f"candidate:{HOST}", "0", 0)))
        scene.peers.last.emit(CandidateFound(0, None))
        answer, _ = await asking
        assert answer.body.endswith(f"a=candidate:{HOST}\r\na=end-of-candidates\r\n".encode())
        monkeypatch.setattr("agent.pull.whep.GATHER_PATIENCE", 0.0)
        answer, _ = await scene.open(OTHER)
        assert b"end-of-candidates" not in answer.body


async def test_candidates_reach_the_transport() -> None:
    async with pulled() as scene:
        answer, _ = await scene.open()
        location = dict(answer.headers)["Location"]
        # as mediamtx asks, and as whip-whep does
        for headers in ({"If_Match": '"1"'}, {}):
            done = await scene.ask("PATCH", location, PATCH, Content_Type=FRAGMENT, **headers)
            assert (done.status, done.body) == (HTTPStatus.NO_CONTENT, b"")
        await until(lambda: len(scene.peers.last.candidates) == 2)
        assert scene.peers.last.candidates[0] == IceCandidate(f"candidate:{HOST}", "0")


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (PATCH, {"Content_Type": SDP}, 415),
        ("nonsense", {"Content_Type": FRAGMENT}, 400),
        (b"\xff\xfe", {"Content_Type": FRAGMENT}, 400),
        (PATCH, {"Content_Type": FRAGMENT, "If_Match": '"2"'}, 412),
        # an ICE restart
        (PATCH.replace("theirs", "fresh"), {"Content_Type": FRAGMENT, "If_Match": "*"}, 422),
    ],
)
async def test_patch_that_is_none_changes_nothing(
    body: str | bytes, headers: dict[str, str], status: int
) -> None:
    async with pulled() as scene:
        answer, view = await scene.open()
        done = await scene.ask("PATCH", dict(answer.headers)["Location"], body, **headers)
        assert done.status == status
        assert not scene.peers.last.candidates
        assert view.state is State.CONNECTING


async def test_player_that_leaves_ends_its_session() -> None:
    async with pulled() as scene:
        answer, view = await scene.open()
        location = dict(answer.headers)["Location"]
        assert (await scene.ask("DELETE", location)).status == HTTPStatus.OK
        record = await view.wait_closed()
        assert record.reason == "user_hangup"
        assert (await scene.ask("DELETE", location)).status == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [(OFFER, "text/plain", 415), (OFFER, "", 415), (b"\xff\xfe", SDP, 400)],
)
async def test_offer_that_is_none_is_refused(body: str | bytes, kind: str, status: int) -> None:
    async with pulled() as scene:
        answer = await scene.ask("POST", "/whep", body, Content_Type=kind)
        assert answer.status == status
        assert not scene.screening.asked


@pytest.mark.parametrize(
    ("decision", "status"),
    [
        (Decision(Action.REJECT, None, "not_allowed"), 403),
        (Decision(Action.RING, "people"), 403),
        (Decision(Action.BUSY, None, "busy"), 503),
    ],
)
async def test_refusal_has_its_status(decision: Decision, status: int) -> None:
    async with pulled(lambda _: decision) as scene:
        answer = await scene.ask("POST", "/whep", OFFER, Content_Type=SDP)
        assert answer.status == status
        assert ("Retry-After", "10") in answer.headers or status != 503


@pytest.mark.parametrize(
    ("why", "status"),
    [
        (PullRefused("no_common_codec", CallStatus.REJECTED), 406),
        (PullRefused("unusable_sdp", CallStatus.REJECTED), 400),
        (PullRefused("rate_limited", CallStatus.REJECTED), 429),
        (PullRefused("max", CallStatus.BUSY), 503),
        (PullRefused("privacy_mode", CallStatus.REJECTED), 403),
        (PullRefused("shutdown"), 403),
    ],
)
def test_reasons_have_words_of_http(why: PullRefused, status: int) -> None:
    answer = refusal(why)
    assert answer.status == status
    assert answer.body.decode() == f"{why.code}\n"


async def test_options_tell_what_may_be_done_and_servers_to_consumers_alone() -> None:
    async with pulled() as scene:
        known = await scene.ask("OPTIONS", "/whep")
        stranger = await scene.ask("OPTIONS", "/whep", token=None)
        for answer in (known, stranger):
            assert answer.status == HTTPStatus.NO_CONTENT
            # by which mediamtx's client trickles
            methods = dict(answer.headers)["Access-Control-Allow-Methods"].split(", ")
            assert "PATCH" in methods
        assert [name for name, _ in known.headers].count("Link") == len(SERVERS)
        assert "Link" not in dict(stranger.headers)
