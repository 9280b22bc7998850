"""`callbox check`: what a start would meet."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from agent.doctor.configuration_check import judge, taken_ports
from agent.doctor.examine import _faults_of_parts
from agent.doctor.findings import Verdict
from agent.settings import Settings


def page(port: int) -> Settings:
    return Settings.model_validate({"uid": "door-1", "web": {"enabled": True, "port": port}})


@pytest.fixture(autouse=True)
def no_daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def test_taken_ports_names_the_pages_where_another_program_has_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        (fault,) = taken_ports(page(port))
        assert fault.startswith(f"web.port: 127.0.0.1, port {port} cannot be had")
    assert list(taken_ports(page(port))) == []


def test_taken_ports_of_the_running_device_are_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    status: dict[str, object] = {"uid": "door-1", "faults": {}}
    monkeypatch.setattr("agent.doctor.configuration_check.candidates", lambda: [Path("/s")])
    monkeypatch.setattr("agent.doctor.configuration_check.ask", lambda _path: status)
    with socket.create_server(("127.0.0.1", 0)) as own:
        assert list(taken_ports(page(own.getsockname()[1]))) == []
        status["faults"] = {"page": "port taken"}
        assert len(list(taken_ports(page(own.getsockname()[1])))) == 1


def test_examine_names_a_part_that_cannot_work(tmp_path: Path) -> None:
    config = tmp_path / "callbox.toml"
    config.write_text('[web]\nenabled = true\ncert_file = "/none.pem"\nkey_file = "/none.pem"')
    found = [*_faults_of_parts(config)]
    assert [each.verdict for each in found] == [Verdict.FAILED] * 2
    assert "web.cert_file" in found[0].text


def test_judge_of_a_missing_page_certificate_is_a_fault(tmp_path: Path) -> None:
    config = tmp_path / "callbox.toml"
    config.write_text('[web]\nenabled = true\ncert_file = "/none.pem"\nkey_file = "/none.pem"')
    faults, warnings = judge(config)
    assert [fault.split(": ")[1] for fault in faults] == ["web.cert_file", "web.key_file"]
    assert warnings == []
