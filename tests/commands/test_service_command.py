"""`callbox service`."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from agent.cli import make_app
from agent.commands.exit_codes import Exit


@pytest.mark.parametrize("verb", ["install", "remove"])
def test_service_by_somebody_else_than_root_says_so(
    verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    result = CliRunner().invoke(make_app("service"), ["service", verb])
    assert result.exit_code == Exit.FAILED
    assert "callbox: the service is the system's: run this as root (sudo)" in result.stderr
