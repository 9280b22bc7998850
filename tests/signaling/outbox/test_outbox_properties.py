"""Whatever happens in whatever order: nothing written is lost, nothing is invented, the order
holds, eventIds stay.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable
from pathlib import Path
from typing import TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agent.signaling.outbox.entry import Entry
from agent.signaling.outbox.event_queue import MEMORY
from agent.signaling.outbox.outbox import Outbox
from tests.examples import examples
from tests.signaling.outbox.outboxes import HandBroker, begun, crash, deliver_all, quick, written

T = TypeVar("T")
# a sync costs nothing there
MEMORY_DISK = Path("/dev/shm")


class OutboxMachine(RuleBasedStateMachine):
    """Payloads are eventIds, which count up in the order of `put`; of a call that was cut off,
    `crash:` before it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = Path(
            tempfile.mkdtemp(prefix="outbox-", dir=MEMORY_DISK if MEMORY_DISK.is_dir() else None)
        )
        # everything that was put, in order
        self.events: list[bytes] = []
        # put, and not known to be on the disk at a crash: either is right
        self.unsure: set[bytes] = set()
        self.calls: list[Entry] = []  # under way
        # on the disk for certain
        self.noted: set[str] = set()
        # by a crash: each must come, once by eventId
        self.cut_off: set[bytes] = set()
        self.perhaps_cut_off: set[bytes] = set()
        self.delivered: list[bytes] = []
        self.count = 0
        self.start()

    def run(self, work: Awaitable[T]) -> T:
        async def main() -> T:
            return await work

        return self.loop.run_until_complete(main())

    def start(self) -> None:
        async def begin() -> tuple[HandBroker, Outbox]:
            broker = HandBroker()
            return broker, await quick(self.folder, broker).__aenter__()

        self.broker, self.outbox = self.run(begin())
        # put by this process
        self.lifetime: list[bytes] = []
        # how many of them the disk has for certain
        self.safe = 0

    def next_id(self) -> str:
        self.count += 1
        return f"{self.count:06d}"

    def put_one(self, kind: str, event_id: str, ends: Entry | None = None) -> None:
        payload = event_id.encode()
        self.events.append(payload)
        self.lifetime.append(payload)
        self.outbox.put(kind, event_id, f"events/{kind}", payload, ends=ends)

    async def turn(self, number: int = 1) -> None:
        for _ in range(number):
            await asyncio.sleep(0)

    @rule(
        kind=st.sampled_from(["response", "closed"]), number=st.sampled_from([1, 2, 5, MEMORY + 6])
    )
    def put(self, kind: str, number: int) -> None:
        async def work() -> None:
            for _ in range(number):
                self.put_one(kind, self.next_id())

        self.run(work())

    @rule()
    def begin_call(self) -> None:
        call = begun(f"call-{self.next_id()}")
        self.calls.append(call)
        self.outbox.note(call, b"crash:" + call.event_id.encode())

    @precondition(lambda self: self.calls)
    @rule(which=st.integers(0, 99))
    def end_call(self, which: int) -> None:
        async def work() -> None:
            call = self.calls.pop(which % len(self.calls))
            self.put_one("closed", call.event_id, call)

        self.run(work())

    @rule(connected=st.booleans())
    def connection(self, connected: bool) -> None:
        async def work() -> None:
            self.broker.connect(connected)
            await self.turn()

        self.run(work())

    @rule(number=st.integers(0, 20))
    def ack(self, number: int) -> None:
        async def work() -> None:
            self.broker.ack(number if self.broker.connected else 0)
            await self.turn(3)

        self.run(work())

    @rule(turns=st.integers(1, 20))
    def let_it_work(self, turns: int) -> None:
        self.run(self.turn(turns))

    @rule()
    def let_the_disk_work(self) -> None:
        self.run(written(self.outbox))
        self.safe = len(self.lifetime)
        self.noted |= {call.event_id for call in self.calls}

    @rule(arrived=st.integers(0, 20))
    def crash(self, arrived: int) -> None:
        """SIGKILL. `arrived` of what was under way came through, and its acknowledgment did not."""
        self.run(crash(self.outbox))
        if self.broker.connected:
            self.broker.delivered += [payload for payload, _ in self.broker.taken[:arrived]]
        self.unsure |= set(self.lifetime[self.safe :])
        for call in self.calls:
            payload = b"crash:" + call.event_id.encode()
            (self.cut_off if call.event_id in self.noted else self.perhaps_cut_off).add(payload)
        # the end of a call may be lost where its beginning is not
        for payload in self.lifetime[self.safe :]:
            if payload.startswith(b"call-"):
                self.perhaps_cut_off.add(b"crash:" + payload)
        self.calls.clear()
        self.leave()

    @rule()
    def restart(self) -> None:
        """A clean stop: everything is on the disk. Calls that are still under way count as cut
        off.
        """
        self.run(self.outbox.__aexit__(None, None, None))
        self.cut_off |= {b"crash:" + call.event_id.encode() for call in self.calls}
        self.calls.clear()
        self.leave()

    def leave(self) -> None:
        self.delivered += self.broker.delivered
        self.start()

    @invariant()
    def nothing_is_invented(self) -> None:
        known = {*self.events, *self.cut_off, *self.perhaps_cut_off}
        assert set(self.broker.delivered) <= known

    @invariant()
    def one_process_publishes_an_event_once(self) -> None:
        assert len(set(self.broker.published)) == len(self.broker.published)

    def teardown(self) -> None:
        try:
            self.run(deliver_all(self.broker, self.outbox))
            self.run(written(self.outbox))
            rows = self.outbox._store.rows
            self.run(self.outbox.__aexit__(None, None, None))
            self.judge(rows)
        finally:
            self.loop.close()
            shutil.rmtree(self.folder)

    def judge(self, rows: int) -> None:
        assert rows == 0, "what was acknowledged is forgotten"
        self.nothing_is_invented()
        all_delivered = [*self.delivered, *self.broker.delivered]
        missing = set(self.events) - self.unsure - set(all_delivered)
        assert not missing, "lost"
        by_id = [payload.removeprefix(b"crash:") for payload in all_delivered]
        assert self.cut_off <= set(all_delivered), "a call that was cut off has no last word"
        ends = {payload for payload in all_delivered if payload.startswith(b"crash:")}
        assert not {end.removeprefix(b"crash:") for end in ends & self.cut_off} & set(all_delivered)
        first = list(
            dict.fromkeys(payload for payload in all_delivered if payload in set(self.events))
        )
        places = {payload: place for place, payload in enumerate(self.events)}
        assert [places[payload] for payload in first] == sorted(
            places[payload] for payload in first
        ), "out of order"
        for end in ends - self.cut_off:
            assert by_id.count(end.removeprefix(b"crash:")) >= 1


TestOutbox = OutboxMachine.TestCase
TestOutbox.settings = settings(
    max_examples=examples(60),
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
