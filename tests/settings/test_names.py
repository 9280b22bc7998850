"""The names in the tree of settings."""

from __future__ import annotations

import pytest

from agent.settings.names import field_at, holds_secret, names_setting, nearest


@pytest.mark.parametrize(
    ("path", "names"),
    [
        (["mqtt"], True),
        (["mqtt", "tls", "ca_file"], True),
        (["mqtt", "none"], False),
        (["ice", "servers", "urls"], False),
        (["uid", "x"], False),
    ],
)
def test_names_setting_of_a_path(path: list[str], names: bool) -> None:
    assert names_setting(path) is names


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        (("mqtt", "prot"), ("mqtt", "port")),
        (("keepalive",), ("mqtt", "keepalive")),
        (("qqqqqq",), None),
    ],
)
def test_nearest_to_an_unknown_key(path: tuple[str, ...], meant: tuple[str, ...] | None) -> None:
    assert nearest(path) == meant


def test_holds_secret_of_passwords_alone() -> None:
    password, entry = field_at(("mqtt", "password")), field_at(("ice", "servers", 0, "credential"))
    host = field_at(("mqtt", "host"))
    assert password is not None
    assert holds_secret(password)
    assert entry is not None
    assert holds_secret(entry)
    assert host is not None
    assert not holds_secret(host)
