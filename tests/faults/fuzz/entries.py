"""Where bytes of strangers come in, each with what must hold there whatever the bytes are.

`ENTRIES` is what hypothesis, a coverage-guided fuzzer and the kept corpus all go through.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

from agent.errors import MalformedMessage, NoCommonCodec, UnusableDescription
from agent.signaling.channel import _salvage
from agent.signaling.command_channel import _salvage_id
from agent.signaling.protocol.command_messages import parse_command
from agent.signaling.protocol.json_limits import read_object
from agent.signaling.protocol.messages import (
    SIGNALS,
    Invite,
    encode,
    format_time,
    parse_signal,
    parse_time,
)
from agent.signaling.protocol.topics import Topics, is_uid
from agent.signaling.protocol.translation import invitation, to_input
from agent.webrtc.description.local_description import publish
from agent.webrtc.description.remote_description import (
    MAX_CANDIDATES,
    read_candidate,
    read_offer,
)
from tests.fakes.clock import FastLoop
from tests.faults.fuzz import datagrams
from tests.faults.fuzz.scenario import play

TOPICS = Topics()


def signal(data: bytes) -> None:
    """A message, which comes back from its own bytes and means something; or one MalformedMessage
    of bounded text.
    """
    try:
        message = parse_signal(data)
    except MalformedMessage as fault:
        _is_bounded(fault)
        _salvage(fault.value)
        return
    conversation, kind = _salvage(read_object(data))
    assert type(message) is SIGNALS[message.type]
    assert (message.conversation, message.type) == (conversation, kind)
    again = encode(message)
    assert encode(parse_signal(again)) == again
    if isinstance(message, Invite):
        assert invitation("caller", message, age=None).conversation == message.conversation
    else:
        assert to_input("caller", message) is not None


def command(data: bytes) -> None:
    """The first line is the verb."""
    verb, _, payload = data.partition(b"\n")
    try:
        parsed = parse_command(verb.decode("utf-8", "replace"), payload)
    except MalformedMessage as fault:
        _is_bounded(fault)
        _salvage_id(fault.value)
    else:
        assert not payload or parsed.id == _salvage_id(read_object(payload))


def topic(data: bytes) -> None:
    """None, or exactly what such a topic is built of."""
    text = data.decode("utf-8", "replace")
    parsed = TOPICS.parse(text)
    if parsed is not None:
        assert text.startswith(f"{TOPICS.prefix}/")
        assert is_uid(text.removeprefix(f"{TOPICS.prefix}/").split("/")[0])


def description(data: bytes) -> None:
    """A description that comes out clean, and is then accepted as it is; or one error of ours."""
    try:
        found = read_offer(data.decode("utf-8", "replace"))
    except (UnusableDescription, NoCommonCodec):
        return
    assert found.primary in found.media
    assert len(found.candidates) <= MAX_CANDIDATES
    again = read_offer(found.sdp)
    assert again.sdp == found.sdp
    assert not again.candidates
    publish(found.sdp, profile_level_id="42e01f", trickling=True)


def candidate(data: bytes) -> None:
    """One that can be paired, or None."""
    found = read_candidate(data.decode("utf-8", "replace"))
    assert found is None or (found.component == 1 and 0 < found.port < 65_536)


def time(data: bytes) -> None:
    """A time that can be written again, or a ValueError."""
    try:
        seconds = parse_time(data.decode("utf-8", "replace"))
    except ValueError:
        return
    parse_time(format_time(seconds))


def client(data: bytes) -> None:
    """The bytes are the chances of a scenario."""
    with asyncio.Runner(loop_factory=FastLoop) as runner:
        runner.run(play(Random(data), steps=min(200, len(data))))


def datagram(data: bytes) -> None:
    """The first byte chooses the layer, the rest are datagrams of it."""
    layer = list(datagrams.LAYERS.values())[data[0] % len(datagrams.LAYERS) if data else 0]

    async def run() -> None:
        await layer(data[1:])

    asyncio.run(run())


def _layer(name: str) -> Callable[[bytes], None]:
    """Datagrams of one layer alone, for a fuzzer that is to get deep into it."""

    def run(data: bytes) -> None:
        async def receive() -> None:
            await datagrams.LAYERS[name](data)

        asyncio.run(receive())

    return run


def _is_bounded(fault: MalformedMessage) -> None:
    text = str(fault)
    assert fault.code
    assert 0 < len(text) <= 200
    assert text.isprintable()


ENTRIES: dict[str, Callable[[bytes], None]] = {
    each.__name__: each
    for each in (
        signal,
        command,
        topic,
        description,
        candidate,
        time,
        client,
        datagram,
    )
} | {name: _layer(layer) for name, layer in datagrams.ENTRIES.items()}
