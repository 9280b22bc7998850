"""Connections are counted when they are accepted."""

from __future__ import annotations

import socket

import pytest

from agent.counts import RefusalCounts, RefusalKind
from agent.web.listener import ConnectionLimits, CountingListener, listen, source_of
from tests.free_ports import free_port
from tests.waiting import PATIENCE

HOST = "127.0.0.1"


def limits(**options: int) -> tuple[ConnectionLimits, RefusalCounts]:
    counts = RefusalCounts()
    used = options.pop("descriptors", 10)
    return (
        ConnectionLimits(
            **options, descriptors=lambda: used, descriptor_limit=lambda: 100, counts=counts
        ),
        counts,
    )


def test_limits_for_a_source_leave_others_their_places() -> None:
    chosen, counts = limits(in_all=10, from_source=2)
    assert [chosen.take("192.0.2.1") for _ in range(3)] == ["192.0.2.1", "192.0.2.1", None]
    assert chosen.take("192.0.2.2") == "192.0.2.2"
    assert counts.totals()[RefusalKind.CONNECTION] == 1


def test_limits_in_all_hold_for_everybody() -> None:
    chosen, _ = limits(in_all=3, from_source=2)
    taken = [chosen.take(f"192.0.2.{number}") for number in range(5)]
    assert taken.count(None) == 2
    chosen.release("192.0.2.0")
    assert chosen.take("192.0.2.9") is not None


def test_limits_do_not_count_loopback_as_one_source() -> None:
    chosen, _ = limits(in_all=5, from_source=1)
    assert all(chosen.take("127.0.0.1") for _ in range(5))
    assert chosen.take("::1") is None


def test_limits_with_half_of_the_descriptors_used_refuse_everybody() -> None:
    chosen, counts = limits(descriptors=50)
    assert chosen.take("192.0.2.1") is None
    assert chosen.total == 0
    assert counts.totals()[RefusalKind.CONNECTION] == 1


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.1", ("192.0.2.1", False)),
        ("::ffff:192.0.2.1", ("192.0.2.1", False)),
        ("2001:db8::1:2:3:4", ("2001:db8::/64", False)),
        ("fe80::1%eth0", ("fe80::/64", False)),
        ("127.0.0.1", ("127.0.0.1", True)),
        ("unknown", ("unknown", False)),
    ],
)
def test_source_of_an_address(address: str, source: tuple[str, bool]) -> None:
    assert source_of(address) == source


def test_listener_closes_at_once_whom_the_limits_refuse() -> None:
    chosen, _ = limits(in_all=1)
    port = free_port()
    (listener,) = listen(HOST, port, chosen)
    with listener, socket.create_connection((HOST, port)) as first:
        listener.setblocking(True)
        accepted, _ = listener.accept()
        listener.setblocking(False)
        with socket.create_connection((HOST, port)) as second:
            second.settimeout(PATIENCE)
            with pytest.raises(BlockingIOError):
                listener.accept()
            assert second.recv(1) == b""
        accepted.close()
        accepted.close()
        assert chosen.total == 0
        assert first.recv(1) == b""


def test_listener_on_a_taken_port_leaves_nothing_open() -> None:
    chosen, _ = limits()
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            listen(HOST, taken.getsockname()[1], chosen)


def test_listen_on_a_name_takes_each_of_its_addresses() -> None:
    chosen, _ = limits()
    listeners = listen("localhost", free_port(), chosen)
    assert all(isinstance(each, CountingListener) for each in listeners)
    for each in listeners:
        each.close()
