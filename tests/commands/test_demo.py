"""What keeps a demo from starting is said, and leaves nothing behind. The demo itself is run by
tests/e2e/test_demo.py.
"""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.commands import demo
from agent.commands.demo import (
    BUTTON,
    LOOPBACK,
    PAGE_UID,
    DemoPlan,
    demo_device,
    page_configuration,
    run_demo,
)
from agent.errors import CallboxError, ConfigurationError
from tests.free_ports import free_port


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page that is complete, and a place for temporary files."""
    folder = tmp_path / "page"
    for name in ("conversation.js", "vendor/mqtt.min.js"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(demo, "page_folder", lambda: folder)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    return folder


@contextmanager
def taken_port() -> Iterator[int]:
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


def left_over(page: Path) -> list[Path]:
    return [*(page.parent / "tmp").iterdir()]


async def refused(plan: DemoPlan) -> str:
    said: list[str] = []
    with pytest.raises(CallboxError) as caught:
        await run_demo(plan, said.append)
    assert said == []
    return str(caught.value)


def test_demo_with_a_doorbell_rings_at_the_page(tmp_path: Path) -> None:
    plan = DemoPlan(doorbell=True)
    settings, _ = demo_device(plan, 1883, tmp_path)
    assert [each.name for each in settings.button] == [BUTTON]
    assert settings.ring.targets == (page_configuration(plan)["uid"],) == (PAGE_UID,)


def test_demo_without_a_doorbell_has_no_button(tmp_path: Path) -> None:
    settings, _ = demo_device(DemoPlan(), 1883, tmp_path)
    assert (settings.button, settings.ring.targets) == ((), ())
    assert "uid" not in page_configuration(DemoPlan())


def test_demo_takes_a_second_phone(tmp_path: Path) -> None:
    settings, _ = demo_device(DemoPlan(), 1883, tmp_path)
    assert settings.max_conversations > 1


async def test_demo_without_a_part_of_the_page_says_how_to_make_it(page: Path) -> None:
    (page / "conversation.js").unlink()
    assert "make page" in await refused(DemoPlan(port=free_port()))


async def test_demo_whose_port_is_taken_names_the_option_and_the_next_port(page: Path) -> None:
    with taken_port() as port:
        assert f"--port {port + 1}" in await refused(DemoPlan(port=port))


async def test_demo_whose_broker_port_is_taken_names_its_option(page: Path) -> None:
    with taken_port() as port:
        text = await refused(DemoPlan(port=free_port(), broker_port=port))
    assert f"--broker-port {port + 1}" in text


async def test_demo_whose_port_is_taken_is_a_fault_of_configuration(page: Path) -> None:
    with taken_port() as port, pytest.raises(ConfigurationError):
        await run_demo(DemoPlan(port=port), lambda _text: None)


async def test_demo_without_any_broker_says_what_to_install(
    page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_args, **_options: None)
    monkeypatch.setattr(demo, "find_spec", lambda _name: None)
    text = await refused(DemoPlan(port=free_port()))
    assert "install mosquitto" in text
    assert "callbox[demo]" in text
    assert left_over(page) == []


async def test_demo_whose_broker_does_not_start_leaves_nothing_behind(
    page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends_at_once = (["true"], "a broker that ends at once")
    monkeypatch.setattr(demo, "_installed", lambda _folder, _port: ends_at_once)
    monkeypatch.setattr(demo, "START_TIMEOUT", 0.0)
    assert "does not start" in await refused(DemoPlan(port=free_port()))
    assert left_over(page) == []


async def test_demo_on_an_address_of_another_machine_is_a_fault(page: Path) -> None:
    text = await refused(DemoPlan(port=free_port(), host="192.0.2.20"))
    assert "--host: 192.0.2.20 is no address of this machine" in text


async def test_demo_on_every_address_is_a_fault(page: Path) -> None:
    assert "--host" in await refused(DemoPlan(port=free_port(), host="0.0.0.0"))
