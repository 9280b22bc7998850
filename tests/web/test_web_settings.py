"""The settings of the page."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from agent.web.web_settings import WebSettings

CERTIFICATE = {"cert_file": "/c.pem", "key_file": "/k.pem"}


@pytest.mark.parametrize(
    "given",
    [
        {"cert_file": "/c.pem"},
        {"client_ca_file": "/ca.pem"},
        {"enabled": True, "host": "192.0.2.1"},
        {"enabled": True, "host": "192.0.2.1", **CERTIFICATE},
        {"token": "of nobody"},
        {"uid": "a b"},
        {"origins": ["door.example.org"]},
    ],
)
def test_web_settings_that_do_not_go_together_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        WebSettings.model_validate(given)


def test_web_settings_for_everybody_with_certificate_and_password() -> None:
    given = {"enabled": True, "host": "::", "password": "correct horse battery", **CERTIFICATE}
    assert WebSettings.model_validate(given).enabled


def test_web_settings_with_a_short_password_are_refused_without_naming_it() -> None:
    with pytest.raises(ValidationError) as refused:
        WebSettings.model_validate({"password": "elevenchars"})
    assert "password" in str(refused.value)
    assert "fewer than 12 characters" in str(refused.value)
    assert WebSettings.model_validate({"password": "twelve chars"}).password
