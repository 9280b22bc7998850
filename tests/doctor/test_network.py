from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.doctor import network
from agent.doctor.broker_check import check_broker
from agent.doctor.findings import DoctorReport, Finding, Verdict
from agent.settings import Settings
from tests.conftest import Mosquitto
from tests.free_ports import free_port
from tests.signaling.mqtt.certificates import Authority
from tests.turnserver import PASSWORD, USER, TurnServer, turn_server

pytestmark = pytest.mark.broker


def settings(port: int = 1, **further: object) -> Settings:
    return Settings.model_validate({"uid": "door-1", "mqtt": {"port": port}} | further)


async def test_report_shows_neither_the_user_name_nor_an_address_of_ours(
    mosquitto: Mosquitto, turn: TurnServer
) -> None:
    port, host = turn.address.rpartition(":")[2], "localhost"
    known = {"username": USER, "credential": PASSWORD}
    named = settings(mqtt={"host": host, "port": mosquitto.port, "username": "hidden-1"})
    findings = [
        *[each async for each in check_broker(named, daemon_is_here=False)],
        *await servers({"urls": f"stun:{host}:{port}"}, {"urls": f"turn:{host}:{port}", **known}),
    ]
    assert [each.verdict for each in findings] == [Verdict.OK] * 3
    report = DoctorReport("2026-01-01T00:00:00Z", {}, tuple(findings))
    for text in (report.to_text(), report.to_json()):
        assert "hidden-1" not in text
        assert "127.0.0.1" not in text


@pytest.fixture
def turn() -> Iterator[TurnServer]:
    with turn_server() as server:
        yield server


async def servers(*entries: dict[str, str]) -> list[Finding]:
    return [
        each async for each in network.check_ice_servers(settings(ice={"servers": list(entries)}))
    ]


async def test_stun_and_turn_servers_are_really_asked(turn: TurnServer) -> None:
    url = turn.address
    known = {"username": USER, "credential": PASSWORD}
    findings = await servers(
        {"urls": f"stun:{url}"},
        {"urls": f"turn:{url}", **known},
        {"urls": f"turn:{url}?transport=tcp", **known},
        {"urls": f"turn:{url}", **known, "credential": "wrong"},
    )
    assert [each.verdict for each in findings] == [
        Verdict.OK,
        Verdict.OK,
        Verdict.OK,
        Verdict.FAILED,
    ]
    assert "sees us at our own address" in findings[0].text
    assert "relays for us" in findings[1].text
    assert "credential" in findings[3].advice
    assert not any(PASSWORD in f"{each}" or "wrong" in f"{each}" for each in findings)


async def test_servers_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_SERVER_TIMEOUT", 0.2)
    known = {"username": "user", "credential": "secret"}
    findings = await servers(
        {"urls": f"stun:127.0.0.1:{free_port()}"},
        {"urls": f"turn:127.0.0.1:{free_port()}?transport=tcp", **known},
        {"urls": "stun:no-such-host.invalid"},
    )
    assert {each.verdict for each in findings} == {Verdict.FAILED}
    assert all(each.advice for each in findings)


async def test_what_is_wrong_with_a_turn_server_is_told(tmp_path: Path) -> None:
    authority, secret = Authority(tmp_path), "north-star"
    with turn_server(secret=secret, certificate=authority.issue("turn")) as server:
        url, tls = f"turn:{server.address}", f"turns:127.0.0.1:{server.tls_port}"
        expired = {"username": "1700000000:door-1", "credential": "x"}
        entries = [
            {"urls": url, "secret": secret},
            {"urls": url, **expired},
            {"urls": tls, "secret": secret},
        ]
        untrusted = await servers(*entries)
        ice = {"servers": entries[-1:], "ca_file": authority.file}
        (trusted,) = [each async for each in network.check_ice_servers(settings(ice=ice))]
    assert [each.verdict for each in (*untrusted, trusted)] == [
        Verdict.OK,
        Verdict.FAILED,
        Verdict.FAILED,
        Verdict.OK,
    ]
    assert "has expired at 2023-11-14" in untrusted[1].text
    assert "secret" in untrusted[1].advice
    assert "not trusted" in untrusted[2].text
    assert "ice.ca_file" in untrusted[2].advice


async def test_no_server_is_no_fault_unless_one_is_needed() -> None:
    assert [each.verdict for each in await servers()] == [Verdict.SKIPPED]
    relay = settings(ice={"transport_policy": "relay"})
    assert [each.verdict async for each in network.check_ice_servers(relay)] == [Verdict.WARNING]
