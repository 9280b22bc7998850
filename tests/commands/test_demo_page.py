from __future__ import annotations

import asyncio
import hashlib
import ssl
import stat
from pathlib import Path

import pytest

from agent.commands.demo_page import check_host, describe_access, page_options
from agent.errors import ConfigurationError
from agent.web.bridge import BrokerAddress
from agent.web.server import PageServer
from tests.free_ports import free_port

# RFC 5737: for documents
NETWORK = "192.0.2.20"


@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.20", "::1", "fd00::20"])
def test_host_that_is_one_address_may_be_named(host: str) -> None:
    check_host(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "raspberrypi.local", "224.0.0.1", "", "192.0.2"])
def test_host_that_is_no_single_address_is_a_fault(host: str) -> None:
    with pytest.raises(ConfigurationError, match="is not one address"):
        check_host(host)


def test_page_on_loopback_needs_no_password(tmp_path: Path) -> None:
    options = page_options("127.0.0.1", 8080, tmp_path)
    assert (options.scheme, options.password) == ("http", None)
    assert list(tmp_path.iterdir()) == []
    assert list(describe_access(options, {})) == []


def test_page_on_the_network_has_a_password_of_its_own_each_time(tmp_path: Path) -> None:
    first, second = (page_options(NETWORK, 8080, tmp_path) for _ in range(2))
    first.check()
    assert first.url == f"https://{NETWORK}:8080/"
    assert first.password != second.password
    assert len(first.password or "") >= 12
    assert first.key is not None
    assert stat.S_IMODE(first.key.stat().st_mode) == 0o600


async def test_certificate_is_of_the_address_and_its_fingerprint_is_told(tmp_path: Path) -> None:
    """The address of the document is no address here, so the page is served on another one."""
    made = page_options(NETWORK, free_port(), tmp_path)
    told = "\n".join(describe_access(made, {"SSH_CONNECTION": "a 1 b 2"}))
    assert str(made.password) in told
    assert "ssh" not in told
    options = type(made)("127.0.0.1", made.port, made.certificate, made.key, password=made.password)
    async with PageServer(options, BrokerAddress("127.0.0.1", free_port()), dict):
        client = ssl.create_default_context(cafile=made.certificate)
        _, writer = await asyncio.open_connection(
            options.host, options.port, ssl=client, server_hostname=NETWORK
        )
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
    assert hashlib.sha256(shown).hexdigest() in told.replace(":", "").lower()


def test_who_comes_by_ssh_hears_how_to_bring_the_page_along(tmp_path: Path) -> None:
    environ = {"SSH_CONNECTION": "192.0.2.7 50000 192.0.2.20 22", "USER": "pi"}
    (line,) = describe_access(page_options("127.0.0.1", 8181, tmp_path), environ)
    assert line.endswith("ssh -L 8181:127.0.0.1:8181 pi@192.0.2.20")
    assert list(describe_access(page_options("127.0.0.1", 8181, tmp_path), {})) == []
