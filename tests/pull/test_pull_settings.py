"""The settings of who may pull."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from agent.pull.pull_settings import PullConsumer, PullSettings

TOKEN = "sixteen-or-more-"


def consumer(name: str = "frigate", token: str = TOKEN) -> dict[str, str]:
    return {"name": name, "token": token}


def faults(**values: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        PullSettings.model_validate(values)
    return str(caught.value)


def test_nobody_may_pull_by_default() -> None:
    assert not PullSettings().enabled
    assert PullSettings().host == "127.0.0.1"


def test_token_is_never_shown() -> None:
    settings = PullSettings.model_validate({"consumer": [consumer()]})
    assert TOKEN not in repr(settings)
    assert settings.consumer[0].token.get_secret_value() == TOKEN


@pytest.mark.parametrize(
    "token", ["short", "x" * 257, "sixteen or more blanks", "sechzehn-oder-mähr"]
)
def test_token_that_is_weak_or_no_header_is_refused(token: str) -> None:
    with pytest.raises(ValidationError) as caught:
        PullConsumer.model_validate(consumer(token=token))
    assert token not in str(caught.value.errors(include_input=False, include_context=False))


def test_name_is_a_uid() -> None:
    assert "is not a uid" in faults(consumer=[consumer("two words")])


@pytest.mark.parametrize(
    ("second", "key"), [(consumer(token=TOKEN + "2"), "name"), (consumer("wall"), "token")]
)
def test_consumers_are_told_apart(second: dict[str, str], key: str) -> None:
    assert f"two of them have the same {key}" in faults(consumer=[consumer(), second])


def test_host_that_others_reach_needs_a_certificate_or_a_word(tmp_path: Path) -> None:
    open_ = {"enabled": True, "host": "0.0.0.0"}
    assert "insecure = true" in faults(**open_)
    assert PullSettings.model_validate({**open_, "insecure": True}).insecure
    files = {"cert_file": tmp_path / "cert.pem", "key_file": tmp_path / "key.pem"}
    assert PullSettings.model_validate({**open_, **files}).cert_file
    assert "needed together" in faults(cert_file=tmp_path / "cert.pem")


def test_origin_is_a_site() -> None:
    assert "is not an origin" in faults(origins=["nvr.home"])
