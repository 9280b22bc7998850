"""One entry point under atheris, with libFuzzer's own options: python -m tests.faults.fuzz.harness
ENTRY [OPTION]...
"""

from __future__ import annotations

import logging
import sys

import atheris

with atheris.instrument_imports(
    include=[
        "agent",
        "aioice.ice",
        "aioice.stun",
        "aiortc.rtcdtlstransport",
        "aiortc.rtcrtpreceiver",
        "aiortc.rtp",
        "aiortc.sdp",
    ],
    enable_loader_override=False,
):
    from tests.faults.fuzz.entries import ENTRIES


def main() -> None:
    logging.disable(logging.WARNING)
    entry = ENTRIES[sys.argv.pop(1)]
    atheris.Setup(sys.argv, entry)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
