"""The broker's settings, and the connection that they become."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from agent.signaling.mqtt.mqtt_options import (
    MqttOptions,
    MqttSettings,
    TlsOptions,
    TlsSettings,
)


def test_connection_is_as_set() -> None:
    settings = MqttSettings(
        host="192.0.2.1", keepalive=60, retry_longest=120, password=SecretStr("secret")
    )
    options = settings.connection("callbox-door-1")
    assert (options.host, options.client_id) == ("192.0.2.1", "callbox-door-1")
    assert (options.keepalive, options.retry_longest, options.tls) == (60, 120, None)
    assert options.password is not None
    assert options.password.get_secret_value() == "secret"
    assert "secret" not in repr(options)
    assert options.retry_first <= options.retry_longest


def test_connection_by_default_is_tried_as_often_as_elsewhere() -> None:
    options, usual = MqttSettings().connection("door-1"), MqttOptions()
    assert (options.retry_first, options.retry_longest) == (usual.retry_first, usual.retry_longest)


def test_connection_with_tls_has_its_files() -> None:
    tls = TlsSettings(enabled=True, ca_file=Path("/ca.pem"))
    assert MqttSettings(tls=tls).connection("door-1").tls == TlsOptions("/ca.pem")


def test_tls_with_a_certificate_alone_is_refused() -> None:
    with pytest.raises(ValidationError, match="needs key_file"):
        TlsSettings(cert_file=Path("/cert.pem"))
