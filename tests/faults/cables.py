"""Cables between two namespaces, beside the link whose faults can be chosen: devices of Ethernet,
with multicast and both families, and names that say nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.conftest import Mosquitto
from tests.e2e.browser import calling
from tests.e2e.device import ACCEPT_ALL, Watcher
from tests.faults.links import Namespace, Network, device_names, network
from tests.faults.scene import Delayed, Scene, chromium_within, device_within
from tests.parts import require_part
from tests.turnserver import PASSWORD, USER
from tests.waiting import until

# of the cable with number n: 10.8n.0.1 and fd77:n::1 on the near side
_NEAR_FAR = ("1", "2")


class Cable(NamedTuple):
    number: int

    @property
    def device(self) -> str:
        """Its name at either end."""
        return f"eth{self.number}"

    def four(self, end: int) -> str:
        return f"10.8{self.number}.0.{_NEAR_FAR[end]}"

    def six(self, end: int) -> str:
        return f"fd77:{self.number}::{_NEAR_FAR[end]}"


async def plug(
    near: Namespace, far: Namespace, number: int, *, four: bool = True, six: bool = False
) -> Cable:
    """Lay cable `number`, with addresses of these families."""
    cable = Cable(number)
    name = cable.device
    await run(near, "link", "add", name, "type", "veth", "peer", name, "netns", str(far.pid))
    for end, namespace in enumerate((near, far)):
        if four:
            await run(namespace, "address", "add", f"{cable.four(end)}/24", "dev", name)
        if six:
            await run(namespace, "address", "add", f"{cable.six(end)}/64", "dev", name, "nodad")
        await run(namespace, "link", "set", name, "up")
        await run(namespace, "link", "set", "lo", "up")
    return cable


async def make_bridges(namespace: Namespace, count: int) -> None:
    """As Docker makes them."""
    for number in range(count):
        name = f"br-{number}"
        await run(namespace, "link", "add", name, "type", "bridge")
        await run(namespace, "address", "add", f"172.{16 + number}.0.1/16", "dev", name)
        await run(namespace, "link", "set", name, "up")


async def run(namespace: Namespace, *arguments: str) -> None:
    """`ip` in a namespace."""
    await execute(namespace, "ip", *arguments)


async def execute(namespace: Namespace, *command: str, text: str | None = None) -> None:
    process = await asyncio.create_subprocess_exec(
        *namespace.command(*command),
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate(None if text is None else text.encode())
    assert process.returncode == 0, (command, said)


# all that comes by one cable, without a word
SEVER = """table inet severed {{
  chain in {{
    type filter hook prerouting priority -300; iifname "{}" drop
  }}
}}
"""
# a path that loses every datagram over 1280 bytes
SMALL = """table inet small {
  chain in {
    type filter hook prerouting priority -300; meta l4proto udp meta length > 1280 counter drop
  }
}
"""
# ufw's defaults, as far as they matter: answers, loopback, TCP, and what is put in
FIREWALL = """table inet firewall {{
  chain input {{
    type filter hook input priority 0; policy drop
    iifname "lo" accept
    ct state established,related accept
    meta l4proto tcp accept
    {}
  }}
}}
"""


async def filter_packets(namespace: Namespace, rules: str) -> None:
    require_part("nft", "nftables")
    await execute(namespace, "nft", "-f", "-", text=rules)


async def unplug_link(net: Network) -> None:
    """The link itself: cables are all that there is."""
    for namespace, name in zip((net.near, net.far), device_names(net.link.pid), strict=True):
        await run(namespace, "link", "set", name, "down")


@asynccontextmanager
async def wired_scene(
    folder: Path,
    mosquitto: Mosquitto,
    watcher: Watcher,
    lay: Callable[[Network, AsyncExitStack], Awaitable[None]],
    *flags: str,
    settings: str = "",
    microphone: bool = True,
) -> AsyncIterator[Scene]:
    """A device and a page with what `lay` puts between them, and on the stack. `settings` are
    further sections of the device's; without a `microphone` Chromium may hide its addresses.
    """
    async with AsyncExitStack() as stack:
        net = await stack.enter_async_context(network())
        await unplug_link(net)
        await lay(net, stack)
        await stack.enter_async_context(Delayed(mosquitto.port, 0.0).serve(net.near))
        at = device_within(folder, mosquitto, watcher, net.near, policy=ACCEPT_ALL + settings)
        device = await stack.enter_async_context(at)
        browser = await stack.enter_async_context(chromium_within(folder, net, *flags))
        caller = await stack.enter_async_context(calling(browser, mosquitto, microphone=microphone))
        yield Scene(device, caller, net, watcher)


@asynccontextmanager
async def turn_within(namespace: Namespace, address: str) -> AsyncIterator[None]:
    """coturn at port 3478 of this address."""
    with TemporaryDirectory(prefix="turn-") as folder:
        process = await asyncio.create_subprocess_exec(
            *namespace.command(
                *(require_part("turnserver", "coturn"), "-n", "--no-cli", "--no-tls", "--no-dtls"),
                *(f"--listening-ip={address}", f"--relay-ip={address}", "--listening-port=3478"),
                *("--realm=test", "--lt-cred-mech", f"--user={USER}:{PASSWORD}", "--pidfile="),
                *("--log-file=stdout", "--allow-loopback-peers", f"--userdb={folder}/turn.db"),
            ),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        sockets = [Path(f"/proc/{namespace.pid}/net/{kind}") for kind in ("udp", "udp6")]
        try:
            await until(lambda: any(":0D96 " in each.read_text() for each in sockets))
            yield
        finally:
            process.kill()
            await process.wait()
