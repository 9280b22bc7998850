"""`callbox` and `python -m agent`."""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    """The entry point. A device as its unit starts it does without the command line's own two
    megabytes.
    """
    match sys.argv[1:]:
        case ["run"]:
            config = None
        case ["run", "--config" | "-c", str(file)]:
            config = Path(file)
        case _:
            from agent import cli

            return cli.main()
    from agent.commands.run import run_device

    sys.exit(run_device(config))


if __name__ == "__main__":
    main()
