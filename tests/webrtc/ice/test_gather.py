"""Candidates of servers that work, and what is told of those that are dead, slow or wrong. All are
asked at once.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import aioice
import aioice.ice
import aioice.stun
import pytest

from agent.core.call.events import IceServer
from agent.webrtc import internals as inside
from agent.webrtc.ice import gather
from agent.webrtc.ice.gather import gather_from_servers, tls_context
from agent.webrtc.ice.ice_servers import UsableServer, usable_servers
from tests.free_ports import free_port
from tests.signaling.mqtt.certificates import Authority
from tests.turnserver import PASSWORD, USER, TurnServer, turn_server
from tests.waiting import PATIENCE

pytestmark = pytest.mark.media  # coturn

HERE = "127.0.0.1"
SECRET = "north-star"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("turn"))


@pytest.fixture(scope="module")
def turn(authority: Authority) -> Iterator[TurnServer]:
    with turn_server(certificate=authority.issue("turn")) as server:
        yield server


@asynccontextmanager
async def gathering() -> AsyncIterator[aioice.ice.Connection]:
    """A connection with its host candidates; whatever it has allocated is given back."""
    ice = aioice.ice.Connection(ice_controlling=True)
    inside.use_host_addresses(ice, lambda: [HERE])
    await ice.gather_candidates()
    try:
        yield ice
    finally:
        await ice.close()


async def ask(
    ice: aioice.ice.Connection,
    *servers: IceServer,
    relay_only: bool = False,
    ca_file: str | None = None,
) -> tuple[list[aioice.Candidate], list[str]]:
    found: list[aioice.Candidate] = []
    faults = await gather_from_servers(
        ice,
        usable_servers(servers, time.time()),
        relay_only=relay_only,
        ca_file=ca_file,
        on_candidate=found.append,
    )
    return found, faults


def known(url: str, username: str = USER, credential: str = PASSWORD) -> IceServer:
    return IceServer((url,), username, credential)


class Silent:
    """A UDP port that is bound and says nothing, a TCP port that accepts and says nothing, one that
    speaks HTTP.
    """

    def __init__(self, stack: ExitStack) -> None:
        self.udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.tcp = stack.enter_context(socket.socket())
        for each in (self.udp, self.tcp):
            each.bind((HERE, 0))
        self.tcp.listen()

    @property
    def udp_port(self) -> int:
        return int(self.udp.getsockname()[1])

    @property
    def tcp_port(self) -> int:
        return int(self.tcp.getsockname()[1])


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that works answers, on a busy machine not within the seconds of a call."""
    monkeypatch.setattr(gather, "SERVER_TIMEOUT", PATIENCE)


@pytest.fixture
def silent() -> Iterator[Silent]:
    with ExitStack() as stack:
        yield Silent(stack)


async def speak_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(20)
    writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("url", ["turn:{udp}", "turn:{udp}?transport=tcp", "turns:{tls}"])
async def test_gather_each_way_to_a_turn_server(
    url: str, turn: TurnServer, authority: Authority
) -> None:
    url = url.format(udp=turn.address, tls=f"{HERE}:{turn.tls_port}")
    async with gathering() as ice:
        found, faults = await ask(ice, known(url), ca_file=authority.file)
        assert not faults
        assert [(each.type, each.host, each.related_address) for each in found] == [
            ("relay", HERE, HERE)
        ]
        hidden, _ = await ask(ice, known(url), relay_only=True, ca_file=authority.file)
    assert [(each.related_address, each.related_port) for each in hidden] == [("0.0.0.0", 9)]


async def test_gather_servers_that_are_dead_or_wrong_are_told_and_hold_none_that_works(
    turn: TurnServer, authority: Authority, silent: Silent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gather, "SERVER_TIMEOUT", 8.0)
    web = await asyncio.start_server(speak_http, HERE, 0)
    http_port = web.sockets[0].getsockname()[1]
    wrong = {
        f"stun:{HERE}:{silent.udp_port}": "does not answer",
        f"turn:{HERE}:{silent.udp_port}": "does not answer",
        f"turn:{HERE}:{silent.tcp_port}?transport=tcp": "does not answer",
        f"turns:{HERE}:{silent.tcp_port}": "does not answer",
        f"turn:{HERE}:{http_port}?transport=tcp": "does not answer",
        f"turns:{HERE}:{http_port}": "gives no candidate: ",
        f"turn:{HERE}:{free_port()}?transport=tcp": "gives no candidate: ",
        # how soon its name is given up is the system's affair
        "turn:no-such-host.invalid:3478": "",
    }
    arrived: list[str] = []
    async with web, gathering() as ice:
        servers = [
            *(known(url) for url in wrong),
            known(f"turn:{turn.address}", credential="wrong"),
        ]
        usable = usable_servers([*servers, known(f"turn:{turn.address}")], time.time())
        faults = await gather_from_servers(
            ice,
            usable,
            relay_only=False,
            ca_file=authority.file,
            on_candidate=lambda candidate: arrived.append(candidate.type),
        )
    told = dict(fault.split(" ", 1) for fault in faults)
    for url, words in wrong.items():
        assert told[url].startswith(words), url
    assert told[f"turn:{turn.address}"].startswith("refuses: ")
    assert "401" in told[f"turn:{turn.address}"]
    assert arrived == ["relay"]
    assert not any(PASSWORD in fault for fault in faults)


async def test_gather_certificate_of_an_unknown_authority_is_not_trusted(
    turn: TurnServer, tmp_path: Path
) -> None:
    async with gathering() as ice:
        for ca_file in (None, Authority(tmp_path, "other").file):
            found, faults = await ask(ice, known(f"turns:{HERE}:{turn.tls_port}"), ca_file=ca_file)
            assert not found
            assert "has a certificate that is not trusted" in faults[0]
        _, faults = await ask(
            ice, known(f"turns:{HERE}:{turn.tls_port}"), ca_file=str(tmp_path / "missing.pem")
        )
    assert "gives no candidate: [Errno 2] No such file" in faults[0]


async def test_gather_certificate_for_another_name_is_not_trusted(
    turn: TurnServer, authority: Authority
) -> None:
    async with gathering() as ice:
        _, faults = await ask(
            ice, known(f"turns:localhost:{turn.tls_port}"), ca_file=authority.file
        )
    assert "has a certificate that is not trusted" in faults[0]
    assert "localhost" in faults[0]


def test_gather_systems_authorities_count_beside_ours(authority: Authority) -> None:
    system = {each["serialNumber"] for each in ssl.create_default_context().get_ca_certs()}
    both = {each["serialNumber"] for each in tls_context(authority.file).get_ca_certs()}
    assert len(both - system) == 1
    assert system <= both


def test_gather_authority_that_was_renewed_on_the_disk_counts(tmp_path: Path) -> None:
    file, old = tmp_path / "authority.pem", Authority(tmp_path, "old")
    file.write_bytes(Path(old.file).read_bytes())
    before = tls_context(str(file))
    assert tls_context(str(file)) is before
    file.write_bytes(Path(Authority(tmp_path, "new").file).read_bytes())
    os.utime(file, ns=(1, 1))
    names = {each["serialNumber"] for each in tls_context(str(file)).get_ca_certs()}
    assert names != {each["serialNumber"] for each in before.get_ca_certs()}


async def test_gather_time_limited_credential_is_made_from_the_secret() -> None:
    with turn_server(secret=SECRET) as server:
        async with gathering() as ice:
            url = (f"turn:{server.address}",)
            found, faults = await ask(ice, IceServer(url, "door-1", secret=SECRET))
            assert ([each.type for each in found], faults) == (["relay"], [])
            _, faults = await ask(ice, IceServer(url, "door-1", secret="another"))
            assert "401" in faults[0]
            assert "expired" not in faults[0]
            ended = time.time() - 60
            old = usable_servers(
                [IceServer(url, "door-1", secret=SECRET, credential_lifetime=1)], ended
            )
            faults = await gather_from_servers(ice, old, relay_only=True, on_candidate=found.append)
    assert len(found) == 1
    assert "its credential has expired at 20" in faults[0]


async def test_gather_what_a_stun_server_says_must_be_an_address() -> None:
    class Nonsense(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            request = aioice.stun.parse_message(data)
            answer = aioice.stun.Message(
                aioice.stun.Method.BINDING,
                aioice.stun.Class.RESPONSE,
                transaction_id=request.transaction_id,
            )
            self.transport.sendto(bytes(answer), addr)  # type: ignore[attr-defined]

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Nonsense, (HERE, 0))
    async with gathering() as ice:
        found, faults = await ask(
            ice, IceServer((f"stun:{HERE}:{transport.get_extra_info('sockname')[1]}",))
        )
    transport.close()
    assert not found
    assert "its answer has no address" in faults[0]


async def test_gather_what_a_stun_server_says_stands_on_one_line_of_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A caller may name the server, and the phrase of its error."""

    class Rude(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            request = aioice.stun.parse_message(data)
            refusal = aioice.stun.Message(
                request.message_method, aioice.stun.Class.ERROR, request.transaction_id
            )
            phrase = "x\nERROR:agent.daemon:door opened\x1b[31m" + "y" * 500
            refusal.attributes["ERROR-CODE"] = (400, phrase)
            self.transport.sendto(bytes(refusal), addr)  # type: ignore[attr-defined]

    rude, _ = await asyncio.get_running_loop().create_datagram_endpoint(Rude, (HERE, 0))
    port = rude.get_extra_info("sockname")[1]
    async with gathering() as ice:
        _, faults = await ask(ice, IceServer((f"stun:{HERE}:{port}",)))
    rude.close()
    (fault,) = faults
    assert fault.isprintable()
    assert r"400 - x\nERROR:agent.daemon:door opened\x1b[31m" in fault
    assert len(fault) < 300
    assert fault in caplog.text


async def test_gather_kind_of_address_that_this_machine_has_not() -> None:
    async with gathering() as ice:
        _, faults = await ask(ice, IceServer(("stun:[2001:db8::1]",)))
    assert faults == [
        "stun:[2001:db8::1]:3478 gives no candidate: this machine has no address of its kind"
    ]


async def test_gather_slow_server_is_heard_when_it_answers() -> None:
    """Everything else has long been told by then."""
    asked: asyncio.Queue[tuple[bytes, tuple[str, int]]] = asyncio.Queue()

    class Slow(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            asked.put_nowait((data, addr))

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Slow, (HERE, 0))
    server = UsableServer("stun", HERE, transport.get_extra_info("sockname")[1], "udp")
    async with gathering() as ice:
        found: list[aioice.Candidate] = []
        task = asyncio.create_task(
            gather_from_servers(ice, [server], relay_only=False, on_candidate=found.append)
        )
        await asked.get()
        # the request came again
        data, addr = await asked.get()
        assert not found
        request = aioice.stun.parse_message(data)
        answer = aioice.stun.Message(
            aioice.stun.Method.BINDING,
            aioice.stun.Class.RESPONSE,
            transaction_id=request.transaction_id,
        )
        answer.attributes["XOR-MAPPED-ADDRESS"] = ("198.51.100.7", 40_000)
        transport.sendto(bytes(answer), addr)
        assert await task == []
    transport.close()
    assert [(each.type, each.host) for each in found] == [("srflx", "198.51.100.7")]
