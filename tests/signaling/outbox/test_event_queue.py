"""The outbox's rules over any history: nothing is lost uncounted, and a call's events keep their
order.
"""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.signaling.outbox import event_queue as module
from agent.signaling.outbox.entry import Entry, Forget, Put
from agent.signaling.outbox.event_queue import EventQueue, Idle, Publish, ReadBack, Stalled
from tests.examples import examples

CALLS = 3


class History:
    """An event queue between a disk and a broker that do what a history says."""

    def __init__(self) -> None:
        self.queue = EventQueue(patience=1.0, refusal_delay=5.0)
        self.now = 0.0
        self.connected = False
        self.put: list[Entry] = []
        self.published: list[Entry] = []
        self.inflight: list[Entry] = []
        self.file: list[Entry] = []
        self.unwritten: list[Put] = []
        self.asked: ReadBack | None = None
        # what the disk has read, and not handed over yet
        self.looked: list[Entry] | None = None
        self.refused: set[str] = set()
        self.told = 0
        # the disk did not give back in time what waits there: the order may suffer
        self.disk_failed = False
        self.seq = 0

    # --- what may happen --------------------------------------------------------------------------

    def put_one(self, number: int) -> None:
        kind = "closed" if number % 2 else "response"
        name = f"{len(self.put):05d}"
        entry = Entry(name, kind, f"call-{number % CALLS}", b"x", since=self.now)
        self.put.append(entry)
        change = self.queue.put(entry)
        if change is not None:
            self.unwritten.append(change)

    def put_many(self, number: int) -> None:
        for each in range(number):
            self.put_one(each)

    def disk_writes(self, _: int) -> None:
        changes, self.unwritten = self.unwritten, []
        for change in changes:
            entry = change.entry
            entry.settled = True
            if entry.acknowledged or any(each.event_id == entry.event_id for each in self.file):
                continue
            self.seq += 1
            entry.seq, entry.written = self.seq, True
            self.file.append(entry)
        self.queue.disk_answers()
        self.forget(self.queue.settled([change.entry for change in changes]))

    def disk_fails(self, _: int) -> None:
        """They stay at the head of the writer's queue."""
        for change in self.unwritten:
            change.entry.settled = True
        self.queue.disk_answers()
        self.forget(self.queue.settled([change.entry for change in self.unwritten]))

    def disk_looks(self, _: int) -> None:
        if self.asked is not None and self.looked is None:
            asked = self.asked
            found = [each for each in self.file if (each.seq or 0) > asked.after]
            self.looked = [
                Entry(each.event_id, each.kind, each.topic, b"x", seq=each.seq, written=True)
                for each in found[: asked.limit]
            ]

    def disk_reads(self, _: int) -> None:
        self.disk_looks(0)
        if self.looked is not None:
            found, self.looked, self.asked = self.looked, None, None
            self.queue.read_back(found)

    def read_fails(self, _: int) -> None:
        if self.asked is not None:
            self.asked, self.looked, self.disk_failed = None, None, True
            self.queue.read_failed()

    def read_is_late(self, _: int) -> None:
        if self.asked is not None:
            self.disk_failed = True
            self.queue.read_late()

    def connect(self, number: int) -> None:
        self.connected = number % 3 != 0
        if self.connected:
            self.queue.connected()

    def acknowledge(self, number: int) -> None:
        for entry in self.inflight[: number + 1]:
            change = self.queue.acknowledged(entry)
            self.forget([] if change is None else [change])
        del self.inflight[: number + 1]

    def refuse(self, number: int) -> None:
        if self.inflight:
            entry = self.inflight.pop(number % len(self.inflight))
            self.refused.add(entry.event_id)
            self.queue.refused(entry, self.now)

    def let_time_pass(self, number: int) -> None:
        self.now += number / 4

    # --- what the queue asks for ------------------------------------------------------------------

    def forget(self, changes: list[Forget]) -> None:
        gone = {change.entry.event_id for change in changes}
        self.file = [each for each in self.file if each.event_id not in gone]

    def carry_out(self) -> None:
        while True:
            match self.queue.step(self.now, connected=self.connected):
                case Publish(entry):
                    self.published.append(entry)
                    self.inflight.append(entry)
                case ReadBack() as asked:
                    assert self.asked is None, "one look at a time"
                    self.asked = asked
                case Stalled():
                    self.told += 1
                    assert self.queue.stalled
                case Idle():
                    break
        assert len(self.inflight) <= module.WINDOW
        assert len(self.queue.memory) <= module.MEMORY_ALONE

    def play(self, steps: bytes) -> None:
        for step in steps:
            ACTIONS[step % len(ACTIONS)](self, step // len(ACTIONS))
            self.carry_out()

    def come_to_rest(self) -> None:
        """Disk and broker work from now on."""
        for _ in range(200):
            self.now += 10
            self.connect(1)
            for work in (self.disk_writes, self.disk_reads, self.acknowledge):
                work(module.WINDOW)
                self.carry_out()
            if not (self.queue.waiting or self.unwritten or self.file):
                return
        raise AssertionError(f"it does not come to rest: {len(self.file)} in the file")

    def judge(self) -> None:
        first = list(dict.fromkeys(entry.event_id for entry in self.published))
        missing = {entry.event_id for entry in self.put} - set(first)
        assert len(missing) <= self.queue.lost, "an event was lost, and not counted"
        assert set(first) <= {entry.event_id for entry in self.put}
        willingly = [e.event_id for e in self.published if e.event_id not in self.refused]
        assert len(set(willingly)) == len(willingly), "published twice"
        if not self.disk_failed:
            topics = {entry.event_id: entry.topic for entry in self.put}
            for call in set(topics.values()):
                of_call = [each for each in first if topics[each] == call]
                assert of_call == sorted(of_call), "out of order"


ACTIONS: tuple[Callable[[History, int], None], ...] = (
    History.put_one,
    History.put_one,
    History.disk_writes,
    History.disk_writes,
    History.disk_looks,
    History.disk_reads,
    History.acknowledge,
    History.acknowledge,
    History.let_time_pass,
    History.connect,
    History.disk_fails,
    History.read_fails,
    History.read_is_late,
    History.refuse,
    History.put_many,
)


@settings(max_examples=examples(10_000))
@given(st.binary(max_size=60))
def test_event_queue_publishes_or_counts_everything_in_any_history(steps: bytes) -> None:
    history = History()
    history.play(steps)
    history.come_to_rest()
    history.judge()


def test_event_queue_drops_the_oldest_response_first_without_a_disk() -> None:
    history = History()
    for number in range(module.MEMORY_ALONE + 10):
        history.put_one(number)
        history.disk_fails(0)
    assert history.queue.lost == 10
    assert [entry.kind for entry in history.put[:20] if entry.acknowledged] == ["response"] * 10
    history.unwritten.clear()
    history.come_to_rest()
    history.judge()


def test_event_queue_leaves_out_what_is_refused_until_the_next_connection() -> None:
    history = History()
    history.play(bytes([4]))
    history.connect(1)
    history.disk_reads(0)
    history.put_one(1)
    history.disk_writes(0)
    for _ in range(module.MAX_REFUSALS):
        history.now += 10
        history.carry_out()
        history.refuse(0)
    history.carry_out()
    assert not history.inflight
    history.connect(1)
    history.carry_out()
    history.disk_reads(0)
    history.carry_out()
    assert [entry.event_id for entry in history.inflight] == ["00000"]
    assert history.queue.lost == 0


def test_event_queue_waits_for_the_disk_no_longer_than_the_patience() -> None:
    history = History()
    history.play(bytes([4]))
    history.connect(1)
    history.disk_reads(0)
    for _ in range(3):
        history.put_one(1)
    assert history.queue.step(0.5, connected=True) == Idle(1.0)
    assert history.queue.step(1.0, connected=True) == Stalled()
    # they have waited together, not one after the other
    for entry in history.put:
        assert history.queue.step(1.0, connected=True) == Publish(entry)
