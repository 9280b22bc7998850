"""Files that the settings name."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.errors import ConfigurationError
from agent.settings import load_settings
from tests.settings.conftest import Machine

PAGE = '[web]\nenabled = true\ncert_file = "{0}"\nkey_file = "{0}"\n'


def test_load_settings_with_a_missing_broker_certificate_is_refused(machine: Machine) -> None:
    machine.write("callbox.toml", '[mqtt.tls]\nenabled = true\nca_file = "/none.pem"')
    (fault,) = machine.faults()
    assert fault.endswith("mqtt.tls.ca_file: '/none.pem' cannot be read")


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        (PAGE.format("/none.pem"), ["web.cert_file", "web.key_file"]),
        ('[ice]\nca_file = "/none.pem"', ["ice.ca_file"]),
    ],
)
def test_load_settings_with_a_missing_file_of_a_part(
    machine: Machine, text: str, keys: list[str]
) -> None:
    machine.write("callbox.toml", text)
    # the device takes calls without it
    machine.load()
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environ={}, root=machine.root, every_file=True)
    assert [fault.split(": ")[1] for fault in caught.value.faults] == keys


def test_load_settings_with_a_missing_file_of_a_section_that_is_off(
    machine: Machine, tmp_path: Path
) -> None:
    machine.write("callbox.toml", PAGE.format(tmp_path / "none.pem").replace("true", "false"))
    assert load_settings(environ={}, root=machine.root, every_file=True).web.enabled is False
