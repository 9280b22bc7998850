from __future__ import annotations

import pytest

from tests.webrtc.feeds import encode_clip, encode_sound


@pytest.fixture(scope="session")
def clip() -> list[bytes]:
    return encode_clip()


@pytest.fixture(scope="session")
def sound() -> list[bytes]:
    return encode_sound()
