"""The questions of `callbox init`. What was given as an option is not asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import typer

from agent.commands.first_configuration import CHECKS, Answers, parse_callers
from agent.errors import ConfigurationError
from agent.settings.models import default_uid
from agent.settings.text_file import read_text


def answer(
    uid: str | None,
    broker: str | None,
    username: str | None,
    password_file: Path | None,
    camera: str | None,
    callers: str | None,
    home_assistant: bool | None,
) -> Answers:
    """Raises ConfigurationError for an option that cannot be used; a wrong answer is asked for
    again. Home Assistant is offered to whoever is asked anything.
    """
    alone = None not in (uid, broker, username, camera, callers)
    uid = _ask("uid", uid, "Name of this device, by which it is called", default_uid())
    broker = _ask(
        "broker", broker, "Broker, as mqtt://HOST[:PORT] or mqtts://HOST[:PORT]", "mqtt://127.0.0.1"
    )
    username = _ask("username", username, "User name at the broker (empty: none)", "")
    password = _password(username, password_file)
    camera = _ask(
        "camera", camera, "Camera: auto, picamera2, pattern, file:PATH or v4l2:PATH", "auto"
    )
    callers = _ask(
        "callers",
        callers,
        "Who may call, separated by commas (front-desk, family-*; empty: nobody)",
        "",
    )
    if home_assistant is None and not alone:
        home_assistant = typer.confirm(
            "Show it in Home Assistant, which listens at this broker?", default=False
        )
    allowed = parse_callers(callers)
    return Answers(uid, broker, username, password, camera, allowed, bool(home_assistant))


def _ask(name: str, given: str | None, question: str, default: str) -> str:
    check = CHECKS.get(name)
    if given is not None:
        try:
            return _checked(given, check)
        except ValueError as error:
            raise ConfigurationError([f"--{name}: {error}"]) from error
    while True:
        text: str = typer.prompt(question, default=default, show_default=bool(default))
        try:
            return _checked(text.strip(), check)
        except ValueError as error:
            typer.echo(str(error), err=True)


def _checked(text: str, check: Callable[[str], object] | None) -> str:
    if check is not None:
        check(text)
    return text


def _password(username: str, file: Path | None) -> str:
    """Never an option of its own: others could read it in the list of processes."""
    if file is not None:
        try:
            return read_text(file).rstrip("\r\n")
        except ValueError as error:
            raise ConfigurationError([f"--password-file: {error}"]) from error
    if not username:
        return ""
    password: str = typer.prompt(
        f"Password of {username} at the broker", default="", hide_input=True, show_default=False
    )
    return password
