"""`python -m agent.fleet CONFIG` writes the annotated sample of collector.toml."""

from __future__ import annotations

import sys
from pathlib import Path

from agent.fleet.collector_settings import collector_sample

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m agent.fleet CONFIG")
    (Path(sys.argv[1]) / "collector.toml").write_text(collector_sample(), encoding="utf-8")
