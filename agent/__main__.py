"""`callbox` and `python -m agent`."""

from __future__ import annotations

import sys

from agent.commands import terminal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path


def main() -> None:
    """The entry point."""
    terminal.run(_command, service=sys.argv[1:2] in (["run"], ["collect"]))


def _command() -> int | None:
    """What is asked for often, or by a unit, does without the command line's own two megabytes and
    tenths of a second.
    """
    match sys.argv[1:]:
        case ["run"]:
            return _run(None)
        case ["run", "--config" | "-c", str(file)]:
            return _run(_path(file))
        case ["--version"]:
            from agent import __version__

            sys.stdout.write(f"callbox {__version__}\n")
            return 0
        case ["status", *options] if {*options} <= {"--json"}:
            from agent.commands.status_report import show

            return show(None, as_json=bool(options), watch=False)
        case ["check", *options] if {*options} <= {"--json"}:
            return _check(None, as_json=bool(options))
        case ["check", "--config" | "-c", str(file)]:
            return _check(_path(file), as_json=False)
        case [*_, "--help" | "-h"] as arguments:
            from agent.commands.help_texts import shown

            text = shown(arguments)
            if text is not None:
                sys.stdout.write(text)
                return 0
    from agent import cli

    cli.main()
    return 0


def _path(file: str) -> Path:
    from pathlib import Path

    return Path(file)


def _run(config: Path | None) -> int:
    from agent.commands.run import run_device

    return run_device(config)


def _check(config: Path | None, *, as_json: bool) -> int:
    from agent.commands.check_report import show

    return show(config, as_json=as_json)


if __name__ == "__main__":
    main()
