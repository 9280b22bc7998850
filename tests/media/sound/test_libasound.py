"""The system's libasound is there, and its errors are ours."""

from __future__ import annotations

import errno

import pytest

from agent.errors import MediaUnavailable
from agent.media.sound import libasound


@pytest.fixture(autouse=True)
def loaded_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    libasound.load.cache_clear()


def test_load_finds_every_function() -> None:
    assert libasound.load().snd_strerror(-errno.EPIPE)


def test_load_without_alsa_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libasound, "_LIBRARY", "libnosound.so.9")
    with pytest.raises(MediaUnavailable, match="apt install libasound2"):
        libasound.load()


@pytest.mark.parametrize(
    ("code", "words"),
    [(errno.ENODEV, "not plugged in"), (errno.EBUSY, "another program"), (errno.EIO, "[Ee]rror")],
)
def test_check_of_an_error_says_what_and_why(code: int, words: str) -> None:
    with pytest.raises(MediaUnavailable, match=f"plughw:CARD=X: .*{words}"):
        libasound.check(-code, "plughw:CARD=X")


def test_check_hands_on_what_is_no_error() -> None:
    assert libasound.check(3, "") == 3
