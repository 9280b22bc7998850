"""Which addresses a page may be served at."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.errors import ConfigurationError
from agent.web.web_options import WebOptions


def test_web_options_url_has_the_brackets_of_an_ipv6_address() -> None:
    assert WebOptions(host="::1", port=80).url == "http://[::1]:80/"


@pytest.mark.parametrize(
    "options",
    [
        WebOptions(host="192.0.2.1"),
        WebOptions(host="192.0.2.1", password="a" * 12),
        WebOptions(host="192.0.2.1", certificate=Path("/cert.pem")),
    ],
)
def test_web_options_of_an_open_address_want_tls_and_a_password(options: WebOptions) -> None:
    with pytest.raises(ConfigurationError, match="is not loopback"):
        options.check()


def test_web_options_of_loopback_want_nothing() -> None:
    WebOptions().check()
