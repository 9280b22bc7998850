"""The seams: complete, and without anything that stands above them."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

import pytest

import agent.ports
from agent.client.remote_stream import RemoteStream
from agent.device.call_screening import PolicyScreening
from agent.media.recording.recorder import Recorder
from agent.ports import CallScreening, Peer, RemoteMedia, RemoteSink, Signaling
from agent.signaling.channel import SignalingChannel
from agent.webrtc.peer import AiortcPeer
from tests.fakes.peer import FakePeer
from tests.fakes.screening import FakeScreening
from tests.fakes.signaling import FakeSignaling
from tests.fakes.sink import KeepingSink


def test_ports_offer_every_class_that_they_define() -> None:
    tree = ast.parse(Path(agent.ports.__file__).read_text())
    defined = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    assert defined <= set(agent.ports.__all__)
    assert all(hasattr(agent.ports, name) for name in agent.ports.__all__)


@pytest.mark.parametrize(
    ("port", "implementation"),
    [
        (Signaling, SignalingChannel),
        (Signaling, FakeSignaling),
        (CallScreening, PolicyScreening),
        (CallScreening, FakeScreening),
        (Peer, AiortcPeer),
        (Peer, FakePeer),
        (RemoteMedia, RemoteStream),
        (RemoteSink, Recorder),
        (RemoteSink, KeepingSink),
    ],
)
def test_port_is_implemented_parameter_by_parameter(port: Any, implementation: Any) -> None:
    """A type checker holds what is passed; this holds the fakes to the real parts, by name."""
    methods = {
        name: method
        for base in port.__mro__
        for name, method in vars(base).items()
        if inspect.isfunction(method) and not name.startswith("_")
    }
    for name, method in methods.items():
        expected = [*inspect.signature(method).parameters]
        found = [*inspect.signature(getattr(implementation, name)).parameters]
        assert found[: len(expected)] == expected, name
