"""`python -m agent.settings CONFIG DOCS` writes what is generated from the models: the annotated
samples, and the page docs/settings.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

from agent.settings.reference import write_reference
from agent.settings.sample import write_samples

if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m agent.settings CONFIG DOCS")
    write_samples(Path(sys.argv[1]))
    write_reference(Path(sys.argv[2]))
