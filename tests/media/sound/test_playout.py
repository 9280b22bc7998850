"""What is heard of a stream, whatever its path did to it. Simulated time, and a tone in which every
step that does not belong there is seen.
"""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.media.sound.delay_estimate import MAX_DELAY
from agent.media.sound.playout import INBOX_LENGTH, Playback
from agent.ports import PCM_FRAME_BYTES, AudioPlayback, ReceivedAudio
from tests.examples import examples
from tests.fakes.opus_stream import TOC, Listening, Path, packets

# as a share of the tone's own steepest step
CLICK = 1.15


def always(_number: int) -> bool:
    return True


@settings(max_examples=examples(15), deadline=None)
@given(
    st.builds(
        Path,
        loss=st.floats(0, 0.3),
        jitter=st.floats(0, 0.3),
        duplication=st.floats(0, 0.3),
        delay=st.floats(0, 2),
        drift=st.floats(-500e-6, 500e-6),
        seed=st.integers(0, 1000),
    ),
    st.sampled_from([1, 2, 4]),
)
# what came after the sound had broken off was played, although it lay before
@example(Path(loss=0.25, jitter=0.25, duplication=0.25, delay=0.0, seed=369), 1)
def test_playout_of_any_path_neither_clicks_nor_grows(path: Path, reads: int) -> None:
    listening = Listening()
    heard = listening.listen(packets(path, 8, always), path.delay + 8.5, reads=reads)
    assert heard.steepest < CLICK
    assert heard.delays
    assert max(heard.delays) <= MAX_DELAY + 0.05
    decoded = listening.decoder.decoded
    assert decoded == sorted(set(decoded))


@pytest.mark.media
def test_playout_of_an_hour_with_loss_jitter_and_drift_has_no_dropout_and_does_not_grow() -> None:
    """5 % loss, 30 ms of jitter, 200 ppm between the two clocks."""
    listening = Listening(look_at_samples=False)
    path = Path(loss=0.05, jitter=0.03, drift=200e-6)
    heard = listening.listen(packets(path, 3600, always), 3599, reads=2)
    assert heard.silent < heard.frames * 0.001
    assert heard.delays is not None
    assert sum(heard.delays[-60:]) / 60 < sum(heard.delays[60:120]) / 60 + 0.01
    assert max(heard.delays) < 0.06
    tally = listening.playout.tally
    assert tally.recovered_samples > 0.7 * tally.concealed_samples
    assert tally.packets_discarded == 0


@pytest.mark.parametrize("drift", [-200e-6, 200e-6])
def test_playout_of_two_clocks_that_differ_stays_as_short_as_it_was(drift: float) -> None:
    listening = Listening(look_at_samples=False)
    heard = listening.listen(packets(Path(drift=drift), 600, always), 599)
    assert heard.silent <= 5
    assert heard.delays is not None
    assert max(heard.delays) < 0.03
    tally = listening.playout.tally
    assert tally.concealed_samples < 0.001 * tally.total_samples_received


def test_playout_on_a_quiet_path_is_short() -> None:
    heard = Listening().listen(packets(Path(jitter=0.003), 20, always), 19)
    assert heard.delays is not None
    assert sum(heard.delays) / len(heard.delays) < 0.025


def test_playout_after_a_hole_in_the_path_is_as_short_as_before() -> None:
    """A second in which nothing arrives, and then all of it at once."""
    listening = Listening()

    def with_hole() -> list[ReceivedAudio]:
        found = list(packets(Path(), 20, always))
        return [
            ReceivedAudio(
                each.data, 7, each.sequence_number, each.timestamp, max(each.arrived_at, 6.0)
            )
            if 5.0 < each.arrived_at < 6.0
            else each
            for each in found
        ]

    heard = listening.listen(iter(with_hole()), 19)
    assert heard.steepest < CLICK
    assert heard.delays is not None
    assert max(heard.delays) <= MAX_DELAY + 0.05
    assert heard.delays[-1] < heard.delays[3] + 0.02
    assert 0 < heard.silent < 110
    assert listening.playout.tally.packets_discarded > 0


def test_playout_of_a_pause_says_that_nothing_is_to_be_heard_and_decodes_nothing() -> None:
    listening = Listening()

    def talk(number: int) -> bool:
        return number < 100 or number >= 300

    heard = listening.listen(packets(Path(), 8, talk), 7.9)
    assert heard.steepest < CLICK
    assert heard.silent > 370
    assert len(listening.decoder.decoded) >= 190


def test_playout_of_another_stream_begins_anew() -> None:
    listening = Listening()
    first = list(packets(Path(), 2, always))
    second = [
        ReceivedAudio(
            each.data, 8, each.sequence_number, each.timestamp + 99_999, each.arrived_at + 2
        )
        for each in first
    ]
    heard = listening.listen(iter([*first, *second]), 3.9)
    assert heard.steepest < CLICK
    assert heard.silent < 8
    assert len(listening.decoder.decoded) >= 190


def test_playout_that_nobody_reads_keeps_the_newest_alone() -> None:
    listening = Listening()
    for packet in islice(packets(Path(), 100, always), 1000):
        listening.playout.put(packet)
    assert len(listening.playout._inbox) == INBOX_LENGTH


def test_playout_of_what_is_no_opus_hears_nothing() -> None:
    listening = Listening()
    listening.playout.put(ReceivedAudio(b"", 1, 1, 1, 0.0))
    assert listening.playout.read() is None


def test_playout_reads_whole_frames() -> None:
    listening = Listening()
    for packet in packets(Path(delay=0.0), 1, always):
        listening.playout.put(packet)
    listening.now = 0.1
    assert len(listening.playout.read() or b"") == PCM_FRAME_BYTES


def test_playout_counts_what_was_played_by_w3c_s_names() -> None:
    listening = Listening()
    came = list(packets(Path(), 1, always))
    listening.listen(iter([*came[:20], *came[22:]]), 1.5)
    for packet in came[3:5]:
        listening.playout.put(packet)
    listening.playout.read()
    played = listening.playout.played
    assert played.total_samples_received >= len(came) * 960
    assert played.concealed_samples >= 2 * 960
    assert played.concealment_events >= 1
    assert played.packets_discarded == 2
    assert played.jitter_buffer_emitted_count == (len(came) - 2) * 960
    assert 0 < played.jitter_buffer_delay / played.jitter_buffer_emitted_count < 0.2


class FakeLoudspeaker:
    def __init__(self) -> None:
        self.streams: list[object] = []

    def attach(self, stream: object) -> None:
        self.streams.append(stream)

    def detach(self, stream: object) -> None:
        self.streams.remove(stream)


@pytest.mark.media
def test_playback_attaches_a_stream_until_it_is_closed() -> None:
    loudspeaker = FakeLoudspeaker()
    playback: AudioPlayback = Playback(loudspeaker)
    playout = playback.open()
    assert loudspeaker.streams == [playout]
    playout.put(ReceivedAudio(TOC + b"x", 1, 1, 1, 0.0))
    playout.close()
    assert not loudspeaker.streams
