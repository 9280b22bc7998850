"""`callbox check`: what a start would meet."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from agent.doctor.configuration_check import judge, taken_ports
from agent.doctor.examine import _faults_of_parts
from agent.doctor.findings import Verdict
from agent.settings import Settings
from tests.media.file.test_clip_check import clip


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


def test_judge_of_a_missing_page_certificate_is_no_fault(tmp_path: Path) -> None:
    config = tmp_path / "callbox.toml"
    config.write_text('[web]\nenabled = true\ncert_file = "/none.pem"\nkey_file = "/none.pem"')
    judged = judge(config)
    assert [each.split(": ")[1] for each in judged.unusable] == ["web.cert_file", "web.key_file"]
    assert judged.faults == []


def test_taken_ports_names_that_of_those_who_pull() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        section = {"enabled": True, "port": port}
        settings = Settings.model_validate({"uid": "door-1", "pull": section})
        (fault,) = taken_ports(settings)
        assert fault.startswith(f"pull.port: 127.0.0.1, port {port} cannot be had")


def test_judge_of_a_consumer_that_is_somebody_else_is_a_fault(tmp_path: Path) -> None:
    config = tmp_path / "callbox.toml"
    config.write_text(
        'uid = "door-1"\n[ring]\ntargets = ["alice"]\n[pull]\nenabled = true\n'
        '[[pull.consumer]]\nname = "alice"\ntoken = "sixteen-or-more-"\n'
    )
    (fault,) = judge(config).faults
    assert fault.startswith('pull.consumer 1 ("alice"): name: is rung (ring.targets)')


def test_judge_of_a_time_zone_that_cannot_be_read_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "callbox.toml"
    config.write_text('uid = "door-1"')
    monkeypatch.setenv("TZ", "Nowhere/City")
    judged = judge(config)
    assert [each for each in judged.warnings if "Nowhere/City" in each and "UTC" in each]
    assert judged.faults == judged.unusable == []
    monkeypatch.setenv("TZ", "Europe/Berlin")
    assert not [each for each in judge(config).warnings if "UTC" in each]


def test_judge_of_a_state_directory_of_somebody_else_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "callbox.toml"
    config.write_text(f'uid = "door-1"\nstate_directory = "{tmp_path}"\n')
    monkeypatch.setattr("agent.service.private_directory.ROOT", -1)
    owner = tmp_path.stat().st_uid
    monkeypatch.setattr("os.geteuid", lambda: owner + 1)
    (fault,) = judge(config).faults
    assert "belongs to another user" in fault
    # root judges for the user of the service
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert judge(config).faults == []


def test_judge_of_a_host_that_nobody_knows_says_so(tmp_path: Path) -> None:
    config = tmp_path / "callbox.toml"
    config.write_text(
        'uid = "door-1"\n[pull]\nenabled = true\ninsecure = true\nhost = "none.invalid"\n'
    )
    (unusable,) = judge(config).unusable
    assert unusable.startswith("pull.port: none.invalid, port 8090 cannot be had")


@pytest.mark.media
def test_judge_of_a_clip_that_its_header_turns_is_told(tmp_path: Path) -> None:
    turned = clip(tmp_path / "phone.mp4", prepare=lambda stream: stream.set_display_rotation(90))
    config = tmp_path / "callbox.toml"
    config.write_text(f'[video]\nsource = "file:{turned}"\n')
    (unusable,) = judge(config).unusable
    assert unusable.startswith(f"video.source: {turned}: its header turns it by 90 degrees")
