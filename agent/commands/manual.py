"""The manual page and the completion for bash, made from the commands themselves.

    python -m agent.commands.manual manual > callbox.1
    python -m agent.commands.manual completion > callbox.bash

Both are files: a shell that completes a word starts no Python, which takes seconds on a small
board.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any

import typer.main

from agent import __version__
from agent.cli import make_app

_EXIT_CODES = {
    "0": "what was asked for was done",
    "1": "the command could not be carried out",
    "2": "the arguments cannot be read",
    "3": "the call was rejected; the press is not told",
    "4": "the called device is busy",
    "5": "nobody answered in time; there is no such button",
    "6": "the call failed; something does not work; no daemon answers",
    "7": "nobody of that name is there",
    "8": "the broker does not allow the call",
    "75": "another daemon uses the same state directory",
    "78": "a setting or an option is wrong; the line before says which",
}
_FILES = {
    "/etc/callbox/callbox.toml": "the settings, annotated",
    "/etc/callbox/conf.d/*.toml": "more settings, in the order of their names; later ones win",
    "/etc/callbox/policy.toml": "who may call",
    "/etc/callbox/credentials/": "passwords and keys, which systemd hands to the service",
    "/var/lib/callbox/": "call records that wait for the broker, and what must outlive a restart",
    "/run/callbox/status.sock": "answers `callbox status` and `callbox press`",
}


def commands() -> Iterator[tuple[str, Any]]:
    """Every command that can be typed, `policy explain` among them, with its parameters."""
    group: Any = typer.main.get_command(make_app())
    for name, command in group.commands.items():
        inner = getattr(command, "commands", None)
        if inner is None:
            yield name, command
        else:
            yield from ((f"{name} {each}", below) for each, below in inner.items())


def options(command: Any) -> list[tuple[str, str]]:
    """What can be given, such as `-c, --config PATH`, and what it means, as --help has it."""
    context = command.make_context("callbox", [], resilient_parsing=True)
    rows = []
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None:
            spelled, meaning = record
            rows.append((_upper(spelled), " ".join(meaning.split())))
    return rows


def _upper(spelled: str) -> str:
    """`--config <path>` as a manual writes it: `--config PATH`."""
    return re.sub(r"<([^>]*)>", lambda kind: kind[1].upper(), spelled)


def manual() -> str:
    """The page, for man(1)."""
    lines = [
        f'.TH CALLBOX 1 "" "callbox {__version__}" "User Commands"',
        ".SH NAME",
        r"callbox \- a device that can be called",
        ".SH SYNOPSIS",
        r".B callbox",
        r"COMMAND [OPTIONS]",
        ".SH DESCRIPTION",
        _roff(
            "Receives invitations to one-to-one video calls over MQTT, accepts, rejects or rings "
            "by policy, sends the camera's H.264 over WebRTC, and publishes what happens."
        ),
        ".SH COMMANDS",
    ]
    for name, command in commands():
        text, _, example = (command.help or "").partition("Example: ")
        lines += [f".SS callbox {name}", *_paragraphs(text)]
        for spelled, meaning in options(command):
            lines += [".TP", f".B {_roff(spelled)}", _roff(meaning) or r"\&"]
        if example:
            lines += [".PP", "Example:", ".PP", ".RS", ".nf", _roff(example.strip()), ".fi", ".RE"]
    lines += [".SH EXIT STATUS", *_definitions(_EXIT_CODES)]
    lines += [".SH FILES", *_definitions(_FILES)]
    lines += [".SH SEE ALSO", _roff("systemctl(1), journalctl(1), mosquitto(8)")]
    return "\n".join(lines) + "\n"


def _definitions(words: dict[str, str]) -> Iterator[str]:
    for word, meaning in words.items():
        yield from (".TP", f".B {_roff(word)}", _roff(meaning))


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        yield from (".PP", _roff(" ".join(paragraph.split())))


def _roff(text: str) -> str:
    """With what roff(7) would take for its own escaped."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{escaped}" if escaped.startswith((".", "'")) else escaped


def completion() -> str:
    """The file for bash-completion: commands, their options, and files for what takes one."""
    known = dict(commands())
    groups: dict[str, list[str]] = {}
    for name in known:
        first, _, second = name.partition(" ")
        groups.setdefault(first, []).extend([second] if second else [])
    cases = []
    for name, command in known.items():
        spelled = " ".join(
            part.strip()
            for row, _ in options(command)
            if row.startswith("-")
            for part in row.split(",")
        )
        words = sorted(set(re.findall(r"(?:^|\s)(-[-\w]+)", spelled)))
        cases.append(f'        "{name}") words="{" ".join(words)}" ;;')
    for first, inner in groups.items():
        if inner:
            cases.append(f'        "{first}") words="{" ".join(inner)} --help" ;;')
    top = " ".join([*groups, "--version", "--help"])
    twofold = "|".join(first for first, inner in groups.items() if inner)
    return _COMPLETION.format(top=top, twofold=twofold, cases="\n".join(cases))


_COMPLETION = """\
# bash completion for callbox(1); made from the commands themselves
_callbox() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" words="" command="${{COMP_WORDS[1]}}"
    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "{top}" -- "$current")
        return
    fi
    case "$command" in
        {twofold}) [ "$COMP_CWORD" -gt 2 ] && command="$command ${{COMP_WORDS[2]}}" ;;
    esac
    case "$command" in
{cases}
    esac
    if [[ "$current" == -* || "$command" == @({twofold}) ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
    else
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    fi
}}
complete -o filenames -F _callbox callbox
"""


def main() -> int:
    kinds = {"manual": manual, "completion": completion}
    make = kinds.get(sys.argv[1]) if len(sys.argv) == 2 else None
    if make is None:
        print(f"usage: python -m agent.commands.manual {'|'.join(kinds)}", file=sys.stderr)
        return 2
    print(make(), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
