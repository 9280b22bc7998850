"""What stands in for a seam has its shape."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from agent.media.sound.mixer import Mixer
from agent.media.sound.pcm import PcmMixer


@pytest.mark.parametrize(("port", "implementation"), [(PcmMixer, Mixer)])
def test_pcm_port_is_implemented_parameter_by_parameter(port: Any, implementation: Any) -> None:
    for name, method in vars(port).items():
        if inspect.isfunction(method) and not name.startswith("_"):
            expected = [*inspect.signature(method).parameters]
            found = [*inspect.signature(getattr(implementation, name)).parameters]
            assert found[: len(expected)] == expected, name
