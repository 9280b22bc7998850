"""The wall around aiortc's and aioice's inside. The contract with each private name stands in the
tests of its module: when they fail after an upgrade, `agent/webrtc/internals` has to be read again.
"""

from __future__ import annotations

import re
from pathlib import Path

import agent.webrtc

WEBRTC = Path(agent.webrtc.__file__).parent
# asyncio's, of a socket; aiortc's, of a packet that it has made
ALLOWED = {"segmentation_offload.py": {"transport._sock"}, "inbound.py": {"packet._data"}}


def test_internals_alone_touch_private_names() -> None:
    """`x._name` of something else than self, outside of `internals`."""
    private = re.compile(r"(?<!self)(?<!cls)\b\w+\._[a-zA-Z]\w*")
    for path in WEBRTC.rglob("*.py"):
        if path.parent.name != "internals":
            found = set(private.findall(re.sub(r"self\._\w+", "self", path.read_text())))
            assert found <= ALLOWED.get(path.name, set()), path.name
