"""Who may ask for what."""

from __future__ import annotations

import pytest

from agent.pull.http_messages import HttpAnswer, HttpRequest
from tests.pull.scene import OFFER, ORIGIN, OTHER, TOKEN, Scene, pulled

SDP = {"Content_Type": "application/sdp"}
WRONG = "nobody's token at all"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.pull.token_door.PAUSE", 0.0)


@pytest.mark.parametrize(
    ("method", "path", "token", "status"),
    [
        ("POST", "/whep", None, 401),
        ("POST", "/whep", WRONG, 401),
        ("POST", "/whep/door-1", WRONG, 401),
        # nobody without a token learns which names there are
        ("POST", "/whep/other", None, 401),
        ("POST", "/whep/other", TOKEN, 404),
        ("POST", "/", TOKEN, 404),
        ("POST", "/whep/../etc", TOKEN, 404),
        ("GET", "/whep", TOKEN, 405),
        ("PUT", "/whep/door-1", TOKEN, 405),
        ("HEAD", "/whep", TOKEN, 405),
        ("GET", "/api/ws?src=door-1", TOKEN, 426),
        ("DELETE", "/whep/door-1/none", None, 401),
        ("DELETE", "/whep/door-1/none", WRONG, 401),
        ("DELETE", "/whep/door-1/none", TOKEN, 404),
        ("OPTIONS", "/whep", WRONG, 401),
        ("OPTIONS", "/nothing", TOKEN, 404),
    ],
)
async def test_wrong_question_is_refused(
    method: str, path: str, token: str | None, status: int
) -> None:
    async with pulled() as scene:
        answer = await scene.ask(method, path, token=token)
        assert answer.status == status
        assert ("WWW-Authenticate", "Bearer") in answer.headers or status != 401
        assert "Allow" in dict(answer.headers) or status != 405
        assert not scene.screening.asked


@pytest.mark.parametrize("path", ["/whep", "/whep/", "/whep/door-1", "/whep/door-1/"])
async def test_endpoint_has_two_names(path: str) -> None:
    async with pulled() as scene:
        assert (await scene.ask("POST", path, OFFER, **SDP)).status == 201


async def test_session_is_of_whoever_opened_it() -> None:
    async with pulled() as scene:
        answer, view = await scene.open()
        location = dict(answer.headers)["Location"]
        assert (await scene.ask("DELETE", location, token=OTHER)).status == 404
        assert (await scene.ask("DELETE", location, token=None)).status == 401
        assert (await scene.ask("GET", location)).status == 405
        assert view.id in scene.client.conversations


async def test_session_of_a_token_in_the_address_is_known_by_its_own() -> None:
    """No client repeats the query; the session's name cannot be guessed."""
    async with pulled() as scene:
        answer = await scene.ask(
            "POST", f"/whep?token={TOKEN.replace(' ', '+')}", OFFER, None, **SDP
        )
        assert answer.status == 201
        location = dict(answer.headers)["Location"]
        assert TOKEN not in location
        assert (await scene.ask("DELETE", location, token=None)).status == 200


async def test_page_that_is_named_may_ask_and_no_other() -> None:
    async with pulled() as scene:
        answer = await scene.ask("POST", "/whep", OFFER, **SDP, Origin=ORIGIN)
        assert answer.status == 201
        assert ("Access-Control-Allow-Origin", ORIGIN) in answer.headers
        assert "Location" in dict(answer.headers)["Access-Control-Expose-Headers"]
        asked = await scene.ask("OPTIONS", "/whep", token=None, Origin=ORIGIN)
        assert ("Access-Control-Allow-Origin", ORIGIN) in asked.headers
        for method in ("POST", "OPTIONS"):
            foreign = await scene.ask(method, "/whep", OFFER, **SDP, Origin="https://evil.example")
            assert foreign.status == 403
            assert "Access-Control-Allow-Origin" not in dict(foreign.headers)
        assert scene.counts.totals()["connections"] == 2  # type: ignore[index]


async def socket(scene: Scene, target: str, **headers: str) -> str | HttpAnswer:
    return await scene.desk.admit_socket(
        HttpRequest.of("GET", target, tuple(headers.items()), "192.0.2.7")
    )


@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        ("/api/ws?src=door-1", {}, 401),
        ("/api/ws?src=door-1&token=" + WRONG.replace(" ", "+"), {}, 401),
        ("/api/ws?src=other", {"Authorization": f"Bearer {TOKEN}"}, 404),
        ("/api/ws", {"Authorization": f"Bearer {TOKEN}"}, 404),
        ("/mqtt?src=door-1", {"Authorization": f"Bearer {TOKEN}"}, 404),
        (
            "/api/ws?src=door-1",
            {"Authorization": f"Bearer {TOKEN}", "Origin": "https://evil.example"},
            403,
        ),
    ],
)
async def test_socket_is_refused(target: str, headers: dict[str, str], status: int) -> None:
    async with pulled() as scene:
        refused = await socket(scene, target, **headers)
        assert isinstance(refused, HttpAnswer)
        assert refused.status == status


async def test_socket_is_of_the_token_s_owner() -> None:
    async with pulled() as scene:
        target = "/api/ws?src=door-1&token=" + OTHER.replace(" ", "+")
        assert await socket(scene, target, Origin=ORIGIN) == "wall"
