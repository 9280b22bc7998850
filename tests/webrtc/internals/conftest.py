from __future__ import annotations

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection


@pytest.fixture
async def pc() -> RTCPeerConnection:
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    pc.addTransceiver("video")
    return pc
