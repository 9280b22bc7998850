"""`callbox init`: the first configuration, from the answers to its questions.

conf.d/10-init.toml        name, broker, camera, Home Assistant
policy.toml                who may call
credentials/mqtt/password  the broker's password, for root alone; systemd hands it to the service
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from agent.errors import ConfigurationError
from agent.media.base.video_settings import check_video_source
from agent.settings.forms import check_uid
from agent.settings.models import CARRIED_OUT, DEFAULT_COMMANDS

SETTINGS_FILE = Path("conf.d/10-init.toml")
POLICY_FILE = Path("policy.toml")
PASSWORD_FILE = Path("credentials/mqtt/password")


@dataclass(frozen=True, slots=True)
class Answers:
    """What was answered. `callers` are uids or patterns; none of them: nobody may call."""

    uid: str
    broker: str
    username: str = ""
    password: str = ""
    camera: str = "auto"
    callers: tuple[str, ...] = ()
    home_assistant: bool = False


@dataclass(frozen=True, slots=True)
class BrokerEndpoint:
    host: str
    port: int
    tls: bool


def parse_broker(text: str) -> BrokerEndpoint:
    """`[mqtt://|mqtts://]HOST[:PORT]`. Raises ValueError."""
    parts = urlsplit(text if "://" in text else f"mqtt://{text}")
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or parts.path.strip("/"):
        raise ValueError(f"{text!r} is not mqtt://HOST[:PORT] or mqtts://HOST[:PORT]")
    if parts.username or parts.password:
        raise ValueError("name and password are asked for on their own")
    tls = parts.scheme == "mqtts"
    return BrokerEndpoint(parts.hostname, parts.port or (8883 if tls else 1883), tls)


def parse_callers(text: str) -> tuple[str, ...]:
    """Uids or patterns, separated by commas or spaces."""
    return tuple(text.replace(",", " ").split())


CHECKS: dict[str, Callable[[str], object]] = {
    "uid": check_uid,
    "broker": parse_broker,
    "camera": check_video_source,
}
"""What raises ValueError for an answer that cannot be used."""


def render_settings(answers: Answers) -> str:
    """The settings file. There is no password in it."""
    broker = parse_broker(answers.broker)
    lines = [
        "# Written by `callbox init`. callbox.toml beside this directory explains every setting."
    ]
    commands = CARRIED_OUT if answers.username else DEFAULT_COMMANDS
    lines += [
        f"uid = {_text(answers.uid)}",
        # without a name of its own at the broker, hardly anybody else has one
        f"commands = [{', '.join(map(_text, commands))}]",
        "",
        "[mqtt]",
        f"host = {_text(broker.host)}",
        f"port = {broker.port}",
    ]
    if answers.username:
        lines.append(f"username = {_text(answers.username)}")
    if broker.tls:
        lines += ["", "[mqtt.tls]", "enabled = true"]
    lines += ["", "[video]", f"source = {_text(answers.camera)}"]
    if answers.home_assistant:
        lines += ["", "[homeassistant]", "enabled = true"]
    return "\n".join(lines) + "\n"


def render_policy(callers: Iterable[str]) -> str:
    """The rules: these may call, and nobody else."""
    allowed = ", ".join(map(_text, callers))
    lines = [
        "# Written by `callbox init`. The first rule that matches decides; where none does, "
        "the call is rejected."
    ]
    if allowed:
        lines += ["", "[[rule]]", 'name = "allowed"', f"callers = [{allowed}]", 'action = "accept"']
    return "\n".join(lines) + "\n"


def write(answers: Answers, directory: Path, *, force: bool = False) -> list[Path]:
    """Write the files, and return which. Raises ConfigurationError where one would be lost or
    cannot be written.
    """
    policy = directory / POLICY_FILE
    settings = directory / SETTINGS_FILE
    taken = [path for path in (settings, policy) if not force and _holds_something(path)]
    if taken:
        raise ConfigurationError(
            [f"{path}: is there already; --force replaces it" for path in taken]
        )
    try:
        _write(settings, render_settings(answers), 0o640)
        _write(policy, render_policy(answers.callers), 0o640)
        if answers.password:
            (directory / PASSWORD_FILE.parts[0]).mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(directory / PASSWORD_FILE, answers.password + "\n", 0o600)
    except OSError as error:
        raise ConfigurationError(
            [f"{error.filename}: cannot be written: {error.strerror}"]
        ) from error
    return [settings, policy, *([directory / PASSWORD_FILE] if answers.password else [])]


def _holds_something(path: Path) -> bool:
    """More than comments: the samples that come with the package hold nothing else."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, UnicodeDecodeError):
        return True
    return any(line.strip() and not line.lstrip().startswith("#") for line in lines)


def _write(path: Path, text: str, mode: int) -> None:
    """Replace a file in one step, keeping the group that the directory's files have."""
    path.parent.mkdir(mode=0o750 if mode & 0o070 else 0o700, parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(descriptor, mode)
        if mode & 0o070 and os.geteuid() == 0:
            os.fchown(descriptor, 0, path.parent.stat().st_gid)
        file.write(text)
    new.replace(path)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
