"""`python -m agent.settings DIRECTORY` writes the annotated samples there."""

from __future__ import annotations

import sys
from pathlib import Path

from agent.settings.sample import write_samples

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m agent.settings DIRECTORY")
    write_samples(Path(sys.argv[1]))
