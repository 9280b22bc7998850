"""collector.toml is read and judged as the device's settings are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent.errors import ConfigurationError
from agent.fleet.collector import BATCH
from agent.fleet.collector_settings import (
    CollectorSettings,
    collector_sample,
    load_collector_settings,
)

CONFIG = Path(__file__).parent.parent.parent / "config"


def load(tmp_path: Path, text: str, **environ: str) -> CollectorSettings:
    file = tmp_path / "collector.toml"
    file.write_text(text)
    return load_collector_settings(file, environ=environ)


def test_committed_sample_is_what_the_models_say() -> None:
    assert (CONFIG / "collector.toml").read_text() == collector_sample(), "run make generate"


def test_sample_switched_on_is_the_default(tmp_path: Path) -> None:
    on = re.sub(r"^#(?=\S)", "", collector_sample(), flags=re.MULTILINE)
    assert load(tmp_path, on) == load_collector_settings(None, environ={})


def test_settings_of_a_device_are_no_settings_of_a_collector(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, 'uid = "door-1"\n[mqtt]\nporrt = 1\n')
    assert len(caught.value.faults) == 2
    faults = " ".join(sorted(caught.value.faults))
    assert "uid: unknown key" in faults
    assert "mqtt.porrt" in faults


@pytest.mark.parametrize(
    "text",
    [
        'retention = "11000d"',
        'statistics = "some"',
        'topic_prefixes = ["a/#"]',
        "topic_prefixes = []",
        '[mqtt]\nshare = "a/b"',
        '[mqtt]\nclient_id = ""',
    ],
)
def test_settings_that_cannot_be_used_are_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, text)
    key = text.replace("[mqtt]\n", "mqtt.").partition(" =")[0]
    assert key in caught.value.faults[0]


def test_file_of_the_package_is_read_where_none_is_named(tmp_path: Path) -> None:
    file = tmp_path / "collector.toml"
    assert load_collector_settings(None, environ={}, packaged=file) == CollectorSettings()
    file.write_text('retention = "10d"\n')
    settings = load_collector_settings(None, environ={}, packaged=file)
    assert settings.retention == 864_000.0


def test_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"mqtt\.tls\.ca_file: '/nowhere'"):
        load(tmp_path, '[mqtt.tls]\nenabled = true\nca_file = "/nowhere"\n')


def test_settings_come_from_credentials_and_environment(tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "mqtt__password").write_text("secret\n")
    (credentials / "store__password").write_text("other\n")
    settings = load(
        tmp_path,
        'retention = "10d"',
        CREDENTIALS_DIRECTORY=str(credentials),
        CALLBOX_MQTT__HOST="broker.home",
        STATE_DIRECTORY=str(tmp_path),
    )
    options = settings.connection()
    assert options.password is not None
    assert (options.host, options.password.get_secret_value()) == ("broker.home", "secret")
    assert settings.store.password is not None
    assert (settings.retention, settings.state_directory) == (864_000.0, tmp_path)


def test_session_of_a_member_of_a_group_waits_for_it(tmp_path: Path) -> None:
    alone, member = (load(tmp_path, each) for each in ("", '[mqtt]\nshare = "callbox"'))
    assert alone.connection().session_expiry == 7 * 86_400
    assert member.connection().session_expiry == 7 * 86_400


def test_collector_lets_a_whole_batch_be_under_way(tmp_path: Path) -> None:
    assert load(tmp_path, "").connection().receive_maximum == BATCH
