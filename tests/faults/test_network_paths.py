"""Paths of a call that are not one plain link: several, none of IPv4, through a relay, behind a
firewall, and names in place of addresses.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Mosquitto
from tests.e2e.browser import HIDE_ADDRESSES
from tests.e2e.device import UID, Watcher
from tests.faults import cables
from tests.faults.links import Network
from tests.faults.scene import Scene
from tests.faults.viewing import Viewing
from tests.turnserver import PASSWORD, USER
from tests.waiting import until

pytestmark = [
    pytest.mark.broker,
    pytest.mark.browser,
    pytest.mark.media,
    pytest.mark.netns,
]

CABLE = cables.Cable(0)
# the addresses of the device that have carried the media
PATHS = """() => {
  globalThis.paths = [];
  setInterval(async () => {
    const found = {};
    (await caller.pc.getStats()).forEach((each) => (found[each.id] = each));
    const { selectedCandidatePairId: id } =
      Object.values(found).find(({ type }) => type === "transport") ?? {};
    const { address } = found[found[id]?.remoteCandidateId] ?? {};
    if (address && address !== paths.at(-1)) paths.push(address);
  }, 50);
}"""
# as a page that says nothing of bundles, and waits for all candidates
GATHERED = """async () => {
  await caller.offer({ configuration: { bundlePolicy: "balanced" }, measure: false });
  caller.pc.createDataChannel("callbox");
  await caller.pc.setLocalDescription();
  while (caller.pc.iceGatheringState !== "complete")
    await new Promise((go) => setTimeout(go, 50));
  return caller.pc.localDescription.sdp;
}"""


def relay_of(address: str) -> tuple[str, dict[str, Any]]:
    """The device's settings, and Chromium's, for one relay."""
    url = f"turn:{address}:3478"
    settings = (
        f'[ice]\ntransport_policy = "relay"\nservers = [{{urls = "{url}", username = "{USER}", '
        f'credential = "{PASSWORD}"}}]\n'
    )
    return settings, {"urls": url, "username": USER, "credential": PASSWORD}


async def test_network_peer_that_moves_to_another_pair_is_followed(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    """By the same transport or by a fresh one, whatever works first."""
    async with on_two_cables(tmp_path, mosquitto, watcher) as at:
        viewing = await at.call(measure=False)
        await sever_the_path(at)
        await at.caller.until("paths.length > 1")
        await viewing.next_picture()
        await viewing.next_picture()
        mark = len(watcher.messages)
        await at.caller.hang_up()
        record = await watcher.wait(f"{UID}/events/closed", after=mark)
    assert record["reason"] == "user_hangup"


@pytest.mark.parametrize(
    "placed_by", ["browser", pytest.param("device", marks=pytest.mark.further_case)]
)
async def test_network_device_leaves_a_path_that_is_dead_by_itself(
    placed_by: str, tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    """Before Chromium does, which chooses the pairs where it places the call; else Chromium is
    taken along.
    """
    async with on_two_cables(tmp_path, mosquitto, watcher) as at:
        if placed_by == "browser":
            viewing = await at.call(measure=False)
        else:
            viewing = Viewing(at.caller)
            watcher.publish(f"{UID}/command/call", {"to": [at.caller.uid], "lifetime": 30})
            await at.caller.take_call()
            await at.caller.until("caller.seen.frames > 0")
        await sever_the_path(at)
        await until(lambda: "is not answered any more" in at.device.log())
        await viewing.next_picture()
        await viewing.next_picture()
        mark = len(watcher.messages)
        await at.caller.hang_up()
        record = await watcher.wait(f"{UID}/events/closed", after=mark)
    assert record["reason"] == "user_hangup"


def on_two_cables(tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher) -> Any:
    async def lay(net: Network, _: AsyncExitStack) -> None:
        for number in (0, 1):
            await cables.plug(net.near, net.far, number)

    return cables.wired_scene(tmp_path, mosquitto, watcher, lay)


async def sever_the_path(at: Scene) -> None:
    """The cable that carries the media, both ways."""
    await at.caller.page.evaluate(PATHS)
    await at.caller.until("paths.length === 1")
    (address,) = await at.caller.page.evaluate("paths")
    number = next(each for each in (0, 1) if cables.Cable(each).four(0) == address)
    for namespace in (at.network.near, at.network.far):
        severed = cables.SEVER.format(cables.Cable(number).device)
        await cables.filter_packets(namespace, severed)


async def test_network_device_behind_its_own_firewall_finds_a_page_that_hides_its_address(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    """It has to send first, and asks for the name by multicast."""
    at = behind_a_firewall(tmp_path, mosquitto, watcher, opened="udp dport 5353 accept")
    async with at as at:
        await at.caller.invite(measure=False, microphone=False)
        await at.caller.until("caller.seen.state === 'connected' && caller.seen.frames > 0")
        await at.caller.hang_up()
        record = await watcher.wait(f"{UID}/events/closed")
    assert record["reason"] == "user_hangup"


@pytest.mark.further_case
async def test_network_firewall_that_lets_no_names_in_is_told_of(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    async with behind_a_firewall(tmp_path, mosquitto, watcher, opened="") as at:
        await at.caller.invite(measure=False, microphone=False)
        error = await watcher.wait(f"{UID}/events/error")
        record = await watcher.wait(f"{UID}/events/closed")
    assert record["reason"] == error["code"] == "ice_failed"
    assert "1 with a .local name (1 not found)" in error["message"]
    assert "must let mDNS in (UDP 5353)" in error["message"]


def behind_a_firewall(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, *, opened: str
) -> Any:
    async def lay(net: Network, _: AsyncExitStack) -> None:
        await cables.plug(net.near, net.far, 0)
        # the way of multicast, as at home
        for namespace, end in ((net.near, 1), (net.far, 0)):
            await cables.run(namespace, "route", "add", "default", "via", CABLE.four(end))
        await cables.filter_packets(net.near, cables.FIREWALL.format(opened))

    return cables.wired_scene(tmp_path, mosquitto, watcher, lay, HIDE_ADDRESSES, microphone=False)


@pytest.mark.further_case
@pytest.mark.parametrize("kind", ["stun", "turn"])
async def test_network_of_ipv6_alone_connects(
    kind: str, tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    """Chromium asks for no family of a relay, and gets IPv4 then: the device alone has one."""
    address = f"[{CABLE.six(0)}]"
    settings, _ = relay_of(address)
    if kind == "stun":
        settings = f'[ice]\nservers = [{{urls = "stun:{address}:3478"}}]\n'

    async def lay(net: Network, stack: AsyncExitStack) -> None:
        await cables.plug(net.near, net.far, 0, four=False, six=True)
        await stack.enter_async_context(cables.turn_within(net.near, CABLE.six(0)))

    async with cables.wired_scene(tmp_path, mosquitto, watcher, lay, settings=settings) as at:
        viewing = await at.call(measure=False)
        await viewing.next_picture()
        await at.caller.hang_up()
        record = await watcher.wait(f"{UID}/events/closed")
    assert record["path"]["local"] == ("relay" if kind == "turn" else "host")


@pytest.mark.further_case
@pytest.mark.parametrize("first", ["bridges", "link"])
async def test_network_of_a_machine_with_twelve_bridges_connects(
    first: str, tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    """What is left out is said once in two calls."""

    async def lay(net: Network, _: AsyncExitStack) -> None:
        if first == "link":
            await cables.plug(net.near, net.far, 0, six=True)
        await cables.make_bridges(net.near, 12)
        if first == "bridges":
            await cables.plug(net.near, net.far, 0, six=True)

    async with cables.wired_scene(tmp_path, mosquitto, watcher, lay) as at:
        viewing = await at.call(measure=False)
        await viewing.next_picture()
        mark = len(watcher.messages)
        await at.caller.hang_up()
        await watcher.wait(f"{UID}/events/closed", after=mark)
        await at.caller.page.reload()
        again = Viewing(at.caller)
        await again.begin(measure=False)
        await at.caller.hang_up()
    assert at.device.log().count("Left out") == 1


@pytest.mark.further_case
@pytest.mark.parametrize("path", ["four", "six", "turn"])
async def test_network_that_loses_datagrams_over_1280_carries_pictures(
    path: str, tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    settings, server = relay_of(CABLE.four(0))
    configuration = {"iceServers": [server], "iceTransportPolicy": "relay"}
    is_relayed = path == "turn"

    async def lay(net: Network, stack: AsyncExitStack) -> None:
        await cables.plug(net.near, net.far, 0, four=path != "six", six=path == "six")
        for namespace in (net.near, net.far):
            # or bursts of small segments count as one large packet
            await cables.run(namespace, "link", "set", CABLE.device, "gso_max_segs", "1")
            await cables.filter_packets(namespace, cables.SMALL)
        if is_relayed:
            await stack.enter_async_context(cables.turn_within(net.near, CABLE.four(0)))

    async with cables.wired_scene(
        tmp_path, mosquitto, watcher, lay, settings=settings if is_relayed else ""
    ) as at:
        viewing = await at.call(measure=False, configuration=configuration if is_relayed else {})
        share = await at.share_decoded(viewing, 60)
    assert share > 0.5


@pytest.mark.further_case
async def test_network_laptop_with_two_networks_connects(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    """Each section has the candidates of all of them, and TCP's."""

    async def lay(net: Network, _: AsyncExitStack) -> None:
        await cables.plug(net.near, net.far, 0, six=True)
        await cables.run(net.far, "link", "add", "d0", "type", "veth", "peer", "name", "e0")
        await cables.run(net.far, "link", "set", "e0", "up")
        await cables.run(net.far, "address", "add", "172.20.0.1/24", "dev", "d0")
        await cables.run(net.far, "address", "add", "fd20::1/64", "dev", "d0", "nodad")
        await cables.run(net.far, "link", "set", "d0", "up")

    async with cables.wired_scene(tmp_path, mosquitto, watcher, lay) as at:
        sdp = await at.caller.page.evaluate(GATHERED)
        await at.caller.invite_with(sdp)
        answer = await at.caller.wait("response")
        await at.caller.until("caller.seen.frames > 0")
        await at.caller.hang_up()
    assert answer["callStatus"] == "ACCEPTED"
    assert sdp.count("a=candidate") > 20
