"""What a request says, and where its token stands."""

from __future__ import annotations

import base64

import pytest

from agent.pull.http_messages import HttpAnswer, HttpRequest


def request(target: str = "/whep", **headers: str) -> HttpRequest:
    return HttpRequest.of("POST", target, tuple(headers.items()), "192.0.2.7")


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("asked", "token"),
    [
        (request(Authorization="Bearer abc"), "abc"),
        (request(authorization="bearer  abc "), "abc"),
        # go2rtc makes that of ws://frigate:abc@door
        (request(Authorization=basic("frigate:abc")), "abc"),
        (request(Authorization=basic("frigate:a:b")), "a:b"),
        (request(Authorization="Basic ???"), ""),
        (request("/whep?token=a%2Bb&x"), "a+b"),
        # what stands in the header counts
        (request("/whep?token=abc", Authorization="Bearer def"), "def"),
        (request(), None),
    ],
)
def test_token_stands_in_a_header_or_the_query(asked: HttpRequest, token: str | None) -> None:
    assert asked.token == token


def test_token_is_never_shown() -> None:
    asked = request("/whep?token=abcdef", Authorization="Bearer ghijkl")
    assert "abcdef" not in repr(asked)
    assert "ghijkl" not in repr(asked)


def test_media_type_is_without_parameters() -> None:
    asked = HttpRequest.of("POST", "/", (("Content-Type", "Application/SDP; charset=x"),), "a")
    assert asked.media_type == "application/sdp"


def test_target_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(ValueError, match="fields"):
        request("/whep?" + "&".join(["a=1"] * 50))


def test_path_is_decoded_once() -> None:
    assert request("/whep/door%2D1%252e").path == "/whep/door-1%2e"


def test_sentence_is_plain_text() -> None:
    answer = HttpAnswer.text(404, "Nothing.", ("X", "y"))  # type: ignore[arg-type]
    assert answer.body == b"Nothing.\n"
    assert answer.headers == [("Content-Type", "text/plain; charset=utf-8"), ("X", "y")]
