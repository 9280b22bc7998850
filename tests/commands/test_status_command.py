"""`callbox status`."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from agent.cli import make_app
from agent.commands.exit_codes import Exit


def test_no_daemon_is_6_and_says_where_it_was_looked_for(tmp_path: Path) -> None:
    socket = tmp_path / "status.sock"
    result = CliRunner().invoke(make_app("status"), ["status", "--socket", str(socket)])
    assert result.exit_code == Exit.FAILED
    assert str(socket) in result.stderr
