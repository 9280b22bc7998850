"""TLS of paho's client."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import pytest
from paho.mqtt import client as paho

from agent.errors import SignalingError
from agent.signaling.mqtt.client_tls import ClientTls
from agent.signaling.mqtt.mqtt_options import TlsOptions
from tests.signaling.mqtt.certificates import Authority


def test_client_tls_reads_the_files_of_one_context_anew(tmp_path: Path) -> None:
    authority, client = Authority(tmp_path), Mock(spec=paho.Client)
    tls = ClientTls(TlsOptions(authority.file))
    tls.load(client)
    context = tls.context
    assert context is not None
    before = context.latest
    tls.load(client)
    assert tls.context is context
    assert context.latest is not before
    client.tls_set_context.assert_called_once_with(context)
    tls.forget()
    assert tls.context is None


def test_client_tls_of_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(SignalingError, match=r"none\.pem"):
        ClientTls(TlsOptions(str(tmp_path / "none.pem"))).load(Mock(spec=paho.Client))


def test_client_tls_without_options_does_nothing() -> None:
    client, tls = Mock(spec=paho.Client), ClientTls(None)
    tls.load(client)
    assert tls.context is None
    assert not client.method_calls
