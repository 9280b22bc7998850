"""A USB sound card, found, turned up and down, and pulled in the midst of a call."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ctypes import byref, c_long, c_void_p

import pytest

from agent.errors import MediaUnavailable
from agent.media.sound import card_mixer
from agent.media.sound import libasound as alsa
from agent.media.sound.card_mixer import control_of, set_card_level
from agent.media.sound.loudspeaker import CardSpeaker
from agent.media.sound.microphone import Microphone
from agent.media.sound.opus_decoder import OpusDecoder
from agent.media.sound.sound_cards import choose_card, sound_cards
from agent.media.sound.sound_setup import CardEnd
from agent.ports import PCM_FRAME_SAMPLES, AudioPacket
from agent.service.sound_card_watch import SoundCardWatch
from tests.lab.sound_ends import PERIOD_SAMPLES, Block, Ear, Mouth
from tests.lab.usb_card import UsbCard
from tests.media.sound.tones import strength, tone
from tests.waiting import PATIENCE

pytestmark = pytest.mark.lab

SAID, PLAYED = 1000, 600
TONE = tone(SAID, PERIOD_SAMPLES)
FRAME = tone(PLAYED, PCM_FRAME_SAMPLES)
LOUD = 6_000
WITHIN = 2.0
"""Seconds from plugging in to sound."""


def test_usb_card_is_what_auto_means(usb_card: UsbCard) -> None:
    cards = sound_cards()
    for capture in (True, False):
        card = choose_card(cards, capture=capture)
        assert card is not None
        assert card.device(capture=capture) == UsbCard.CARD
        assert str(card) == "Doorbell (CARD=Doorbell: microphone and loudspeaker)"


async def test_usb_card_that_comes_and_goes_is_told(usb_card: UsbCard) -> None:
    told: asyncio.Queue[bool] = asyncio.Queue()

    def changed() -> None:
        told.put_nowait(choose_card(sound_cards(), capture=True) is not None)

    async with SoundCardWatch(changed):
        await asyncio.to_thread(usb_card.pull_out)
        assert await asyncio.wait_for(told.get(), PATIENCE) is False
        await asyncio.to_thread(usb_card.plug)
        assert await asyncio.wait_for(told.get(), PATIENCE) is True
    assert told.empty()


@pytest.mark.parametrize("end", ["playback", "capture"])
def test_usb_card_has_the_level_that_is_set(usb_card: UsbCard, end: str) -> None:
    control = control_of(UsbCard.CARD)
    assert control is not None
    found = []
    for level in (100, 50, 10, 0):
        assert set_card_level(control, level, capture=end == "capture")
        found.append(volume_of(control, end))
    assert found == sorted(set(found), reverse=True)


def volume_of(control: str, end: str) -> int:
    """As another program reads it."""
    library, mixer, value = alsa.load(), c_void_p(), c_long()
    alsa.check(library.snd_mixer_open(byref(mixer), 0), control)
    try:
        alsa.check(library.snd_mixer_attach(mixer, control.encode()), control)
        alsa.check(library.snd_mixer_selem_register(mixer, None, None), control)
        alsa.check(library.snd_mixer_load(mixer), control)
        element = next(iter(card_mixer._elements(library, mixer, end).values()))
        read = getattr(library, f"snd_mixer_selem_get_{end}_volume")
        alsa.check(read(c_void_p(element), 0, byref(value)), control)
    finally:
        library.snd_mixer_close(mixer)
    return value.value


class ToneStream:
    """What a remote peer says (a `PlayoutStream`)."""

    def read(self) -> bytes:
        return FRAME


class Call:
    """Both directions through the card, and when each was heard last."""

    def __init__(self) -> None:
        self.faults: dict[str, str | None] = {"microphone": None, "speaker": None}
        self._heard = {"microphone": 0.0, "speaker": 0.0}
        self._changed = threading.Condition()
        self._decoder = OpusDecoder()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Call]:
        failures: list[Exception] = []
        capture, playback = CardEnd("auto", capture=True), CardEnd("auto", capture=False)
        microphone = Microphone(capture.open_source, lambda fault: self._tell("microphone", fault))
        speaker = CardSpeaker(playback.open_player, lambda fault: self._tell("speaker", fault))
        mouth = Mouth(UsbCard.OUTSIDE, lambda number, at: TONE)
        ear = Ear(UsbCard.OUTSIDE, self._hear)
        await microphone.start(self._emit, failures.append)
        stream = ToneStream()
        speaker.attach(stream)
        try:
            yield self
        finally:
            speaker.detach(stream)
            await speaker.close()
            await microphone.stop()
            mouth.close()
            ear.close()
        assert not failures

    def wait_for_sound(self, since: float) -> float:
        """When both directions had been heard after `since`."""
        with self._changed:
            assert self._changed.wait_for(lambda: min(self._heard.values()) > since, PATIENCE)
            return time.monotonic()

    def wait_for_faults(self) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: all(self.faults.values()), PATIENCE), self.faults

    def _tell(self, end: str, fault: MediaUnavailable | None) -> None:
        with self._changed:
            self.faults[end] = None if fault is None else str(fault)
            self._changed.notify_all()

    def _emit(self, packet: AudioPacket) -> None:
        if strength(self._decoder.decode(packet.data), SAID) > LOUD:
            self._note("microphone")

    def _hear(self, block: Block) -> None:
        if strength(block.samples, PLAYED) > LOUD:
            self._note("speaker")

    def _note(self, end: str) -> None:
        with self._changed:
            self._heard[end] = time.monotonic()
            self._changed.notify_all()


async def pull_and_plug(card: UsbCard, times: int) -> list[float]:
    """Seconds from plugging it in to sound in both directions, each time."""
    waits, kept = [], set()
    async with Call().running() as call:
        await asyncio.to_thread(call.wait_for_sound, 0.0)
        for _ in range(times):
            await asyncio.to_thread(card.pull_out)
            await asyncio.to_thread(call.wait_for_faults)
            assert all("not plugged in" in (fault or "") for fault in call.faults.values())
            plugged = time.monotonic()
            await asyncio.to_thread(card.plug)
            heard = await asyncio.to_thread(call.wait_for_sound, plugged)
            waits.append(heard - plugged)
            assert not any(call.faults.values())
            kept.add((len(os.listdir("/proc/self/fd")), threading.active_count()))
    assert len(kept) == 1, kept
    return waits


async def test_usb_card_pulled_and_plugged_in_again_has_sound_at_once(usb_card: UsbCard) -> None:
    waits = await pull_and_plug(usb_card, 5)
    assert max(waits) < WITHIN


@pytest.mark.further_case
async def test_usb_card_pulled_fifty_times_has_sound_each_time(usb_card: UsbCard) -> None:
    waits = await pull_and_plug(usb_card, 50)
    print(f"back after {min(waits):.2f} to {max(waits):.2f} s")
    assert max(waits) < WITHIN
