"""The fleet of the demo ends with it, also where it cannot work. The whole of it is run by
tests/e2e/test_demo.py.
"""

from __future__ import annotations

from pathlib import Path

from agent.commands.demo_fleet import running_fleet
from agent.fleet.collector_settings import load_collector_settings
from tests.free_ports import free_port


async def test_running_fleet_without_a_broker_ends_when_it_is_told_to(tmp_path: Path) -> None:
    async with running_fleet(2, free_port(), free_port(), tmp_path) as told:
        file = tmp_path / "collector.toml"
        assert f"callbox fleet worst -c {file}" in told
        assert load_collector_settings(file, environ={}).state_directory == tmp_path / "fleet"
