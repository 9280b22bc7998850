"""Text as people save it."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.settings.text_file import read_text
from tests.settings.conftest import RULE, Machine


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"plain\n", "plain\n"),
        (b"\xef\xbb\xbfmarked\r\n", "marked\r\n"),
        ("Tür 门".encode("utf-8-sig"), "Tür 门"),
        (b"", ""),
        (b"\xef\xbb\xbf", ""),
    ],
)
def test_read_text_passes_over_a_byte_order_mark(tmp_path: Path, data: bytes, text: str) -> None:
    (file := tmp_path / "file").write_bytes(data)
    assert read_text(file) == text


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ("uid = 1".encode("utf-16"), "is UTF-16 text; save it as UTF-8"),
        (b"\xfe\xff" + "uid = 1".encode("utf-16-be"), "is UTF-16 text; save it as UTF-8"),
        ("uid = 1".encode("utf-32"), "is UTF-32 text; save it as UTF-8"),
        ("uid = 1".encode("utf-16-le"), "is UTF-16 text; save it as UTF-8"),
        (b"uid = 'door-one'\0", "is no text: it has zero bytes"),
        ("Tür".encode("latin-1"), "is not UTF-8 text (byte 1)"),
        (b"#" * (1 << 20) + b"#", "is longer than 1048576 bytes"),
    ],
)
def test_read_text_names_what_is_no_text(tmp_path: Path, data: bytes, fault: str) -> None:
    (file := tmp_path / "file").write_bytes(data)
    with pytest.raises(ValueError, match=r".") as caught:
        read_text(file)
    assert str(caught.value) == f"{file}: {fault}"


def test_every_file_of_the_settings_may_have_a_byte_order_mark(machine: Machine) -> None:
    (machine.root / "callbox.toml").write_bytes(b'\xef\xbb\xbfuid = "door-9"\r\n')
    (machine.root / "conf.d/x.toml").write_bytes(b'\xef\xbb\xbf[mqtt]\nusername = "door-9"\n')
    (machine.root / "policy.toml").write_bytes(b"\xef\xbb\xbf" + RULE.format("").encode())
    machine.credential("mqtt__password", "")
    (machine.credentials / "mqtt__password").write_bytes(b"\xef\xbb\xbfgeheim\r\n")
    settings = machine.load()
    assert (settings.uid, settings.mqtt.username) == ("door-9", "door-9")
    assert settings.mqtt.password is not None
    assert settings.mqtt.password.get_secret_value() == "geheim"
    (machine.root / "callbox.toml").write_bytes('uid = "door-9"'.encode("utf-16"))
    assert machine.faults() == [f"{machine.root}/callbox.toml: is UTF-16 text; save it as UTF-8"]
