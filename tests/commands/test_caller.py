"""`callbox call`: how it logs in, and what ends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.commands.caller import BrokerLogin, CallPlan
from agent.errors import ConfigurationError


def test_broker_login_comes_from_files(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("from a/file\n")
    login = BrokerLogin(file, ca_file=tmp_path / "ca.pem", password="from the environment")
    assert login.into("mqtts://me@broker:8883") == "mqtts://me:from%20a%2Ffile@broker:8883"
    assert login.files() == (str(tmp_path / "ca.pem"), None, None)
    plan = CallPlan("door-1", broker="mqtt://me:secret@broker", login=login)
    assert "environment" not in repr(plan)
    assert "secret" not in repr(plan)


def test_broker_login_with_a_password_alone() -> None:
    assert BrokerLogin(password="x/y").into("mqtt://broker") == "mqtt://:x%2Fy@broker"


def test_broker_login_leaves_a_url_with_a_password_as_it_is() -> None:
    assert BrokerLogin(password="x").into("mqtt://me:own@broker") == "mqtt://me:own@broker"
    assert BrokerLogin().into("mqtt://me@broker") == "mqtt://me@broker"


@pytest.mark.parametrize(
    ("login", "url", "fault"),
    [
        (BrokerLogin(Path("/none")), "mqtt://me@broker", "--password-file"),
    ],
)
def test_broker_login_that_cannot_be_used_is_told(login: BrokerLogin, url: str, fault: str) -> None:
    with pytest.raises(ConfigurationError, match=fault):
        login.into(url)


def test_broker_login_password_file_of_a_windows_editor(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_bytes("\ufeffgeheim\r\n".encode())
    assert BrokerLogin(file).secret() == "geheim"
    file.write_bytes("geheim\r\n".encode("utf-16"))
    with pytest.raises(ConfigurationError, match=r"--password-file: .* is UTF-16 text"):
        BrokerLogin(file).secret()
