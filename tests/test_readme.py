"""What the README has a newcomer type does what it says, at any time of the day."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent.cli import app

README = Path(__file__).parent.parent / "README.md"


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """The settings of `Use it by hand`."""
    (text,) = re.findall(
        r"^cat > door\.toml <<'TOML'\n(.*?)^TOML$", README.read_text(), re.DOTALL | re.MULTILINE
    )
    path = tmp_path / "door.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("caller", "hour", "decision"),
    [
        ("front-desk", 3, "accept"),
        ("front-desk", 12, "accept"),
        ("family-1", 12, "accept"),
        ("family-1", 3, "reject"),
    ],
)
def test_who_may_call_by_the_sample(sample: Path, caller: str, hour: int, decision: str) -> None:
    options = [
        "--config",
        str(sample),
        "--caller",
        caller,
        "--at",
        f"2026-11-22T{hour:02}:30",
        "--json",
    ]
    result = CliRunner().invoke(app, ["policy", "explain", *options])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["action"] == decision
