"""`callbox init`: what it asks, writes and refuses."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent.cli import make_app
from agent.commands.first_configuration import (
    Answers,
    BrokerEndpoint,
    parse_broker,
    parse_callers,
    write,
)
from agent.errors import ConfigurationError
from agent.settings import load_policy, load_settings, sample_policy
from agent.settings.models import CARRIED_OUT, DEFAULT_COMMANDS

ANSWERS = Answers(
    uid="door-1",
    broker="mqtts://broker.example",
    username='a "quoted" name',
    password="correct horse",
    camera="pattern",
    callers=("front-desk", "family-*"),
)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    written = write(ANSWERS, tmp_path)
    settings = load_settings(root=tmp_path, environ={})
    assert (settings.uid, settings.video.source) == ("door-1", "pattern")
    assert (settings.mqtt.host, settings.mqtt.port, settings.mqtt.tls.enabled) == (
        "broker.example",
        8883,
        True,
    )
    assert settings.mqtt.username == 'a "quoted" name'
    assert not settings.homeassistant.enabled
    (rule,) = load_policy(settings, root=tmp_path).rules
    assert rule.callers == ("front-desk", "family-*")
    assert [path.name for path in written] == ["10-init.toml", "policy.toml", "password"]


def test_home_assistant_is_switched_on_for_whom_wants_it(tmp_path: Path) -> None:
    write(replace(ANSWERS, home_assistant=True), tmp_path)
    assert load_settings(root=tmp_path, environ={}).homeassistant.enabled


def test_password_is_in_a_file_of_its_own_alone(tmp_path: Path) -> None:
    *others, password = write(ANSWERS, tmp_path)
    assert all("correct horse" not in path.read_text() for path in others)
    assert password.read_text() == "correct horse\n"
    assert mode(password) == 0o600
    assert mode(password.parent) == 0o700
    assert mode(others[0]) == 0o640


def test_password_file_is_what_systemd_hands_over(tmp_path: Path) -> None:
    """LoadCredential=mqtt_:.../credentials/mqtt makes mqtt__password of it."""
    *_, password = write(ANSWERS, tmp_path)
    credentials = tmp_path / "handed-over"
    credentials.mkdir()
    (credentials / f"mqtt__{password.name}").write_text(password.read_text())
    settings = load_settings(root=tmp_path, environ={"CREDENTIALS_DIRECTORY": str(credentials)})
    assert settings.mqtt.password is not None
    assert settings.mqtt.password.get_secret_value() == "correct horse"


@pytest.mark.parametrize(
    ("username", "commands"), [("door-1", CARRIED_OUT), ("", DEFAULT_COMMANDS)]
)
def test_write_names_the_commands_by_whether_the_broker_knows_names(
    tmp_path: Path, username: str, commands: tuple[str, ...]
) -> None:
    write(Answers(uid="door-1", broker="b", username=username), tmp_path)
    assert load_settings(root=tmp_path, environ={}).commands == commands


def test_init_says_at_its_end_what_is_risky(tmp_path: Path) -> None:
    options = ["--uid", "door-1", "--broker", "b", "--username", "", "--camera", "pattern"]
    result = CliRunner().invoke(
        make_app("init"), ["init", *options, "--callers", "*", "--directory", str(tmp_path)]
    )
    assert result.exit_code == 0
    assert "accepts everybody, and the broker is asked without a name" in result.output


def test_nobody_may_call_where_none_was_named(tmp_path: Path) -> None:
    write(Answers(uid="door-1", broker="b"), tmp_path)
    assert load_policy(load_settings(root=tmp_path, environ={}), root=tmp_path).rules == ()


def test_samples_are_replaced_and_rules_are_not(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text(sample_policy())
    write(ANSWERS, tmp_path)
    with pytest.raises(ConfigurationError) as refused:
        write(Answers(uid="other", broker="b"), tmp_path)
    assert len(refused.value.faults) == 2
    assert load_settings(root=tmp_path, environ={}).uid == "door-1"
    write(Answers(uid="other", broker="b"), tmp_path, force=True)
    assert load_settings(root=tmp_path, environ={}).uid == "other"


def test_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be"):
        write(ANSWERS, tmp_path / "file")


@pytest.mark.parametrize(
    ("text", "broker"),
    [
        ("192.0.2.7", BrokerEndpoint("192.0.2.7", 1883, tls=False)),
        ("broker:1884", BrokerEndpoint("broker", 1884, tls=False)),
        ("mqtt://broker", BrokerEndpoint("broker", 1883, tls=False)),
        ("mqtts://broker:8884", BrokerEndpoint("broker", 8884, tls=True)),
        ("[2001:db8::1]:1883", BrokerEndpoint("2001:db8::1", 1883, tls=False)),
    ],
)
def test_broker(text: str, broker: BrokerEndpoint) -> None:
    assert parse_broker(text) == broker


@pytest.mark.parametrize(
    "text", ["", "http://broker", "mqtt://me:secret@broker", "broker/path", "broker:port"]
)
def test_no_broker(text: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - urlsplit has words of its own for a bad port
        parse_broker(text)
    assert "secret" not in str(refused.value)


def test_callers() -> None:
    assert parse_callers("front-desk, family-*  office") == ("front-desk", "family-*", "office")
    assert parse_callers(" ") == ()


def test_questions_are_asked_until_answered(tmp_path: Path) -> None:
    lines = ["not a uid", "door-1", "http://x", "broker", "", "pattern", "front-desk", "y"]
    done = CliRunner().invoke(
        make_app("init"), ["init", "--directory", str(tmp_path)], input="\n".join(lines) + "\n"
    )
    assert done.exit_code == 0, done.output
    assert "is not a uid" in done.output
    settings = load_settings(root=tmp_path, environ={})
    assert (settings.uid, settings.mqtt.host, settings.mqtt.username) == ("door-1", "broker", None)
    assert settings.homeassistant.enabled


def test_options_are_not_asked_for(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3cret\n")
    options = [
        "--uid=door-1",
        "--broker=b",
        "--username=u",
        f"--password-file={tmp_path / 'password'}",
    ]
    options += ["--camera=pattern", "--callers=*", f"--directory={tmp_path / 'etc'}"]
    done = CliRunner().invoke(make_app("init"), ["init", *options])
    assert done.exit_code == 0, done.output
    assert "s3cret" not in done.output
    assert (tmp_path / "etc/credentials/mqtt/password").read_text() == "s3cret\n"


def test_option_that_cannot_be_used(tmp_path: Path) -> None:
    done = CliRunner().invoke(make_app("init"), ["init", "--uid=a b", f"--directory={tmp_path}"])
    assert done.exit_code == 78
    assert "--uid: 'a b' is not a uid" in done.output
    assert list(tmp_path.iterdir()) == []
