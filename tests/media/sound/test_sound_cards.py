"""Cards by name, and which of them `auto` means."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.media.sound.sound_cards import SoundCard, choose_card, numbered_fault, sound_cards

CARDS = """\
 0 [vc4hdmi0       ]: vc4-hdmi - vc4-hdmi-0
                      vc4-hdmi-0
 1 [Headphones     ]: bcm2835_headpho - bcm2835 Headphones
                      bcm2835 Headphones
 2 [Device         ]: USB-Audio - USB Audio Device
                      C-Media Electronics Inc. USB Audio Device at usb-1.3, full speed
"""
PCM = """\
00-00: MAI PCM i2s-hifi-0 : MAI PCM i2s-hifi-0 : playback 1
01-00: bcm2835 Headphones : bcm2835 Headphones : playback 8
02-00: USB Audio : USB Audio : playback 1 : capture 1
"""


def card(name: str, *, capture: bool = True, playback: bool = True) -> SoundCard:
    return SoundCard(name, name, 0 if capture else None, 0 if playback else None)


def test_sound_cards_of_a_pi_with_a_usb_card(tmp_path: Path) -> None:
    (tmp_path / "cards").write_text(CARDS)
    (tmp_path / "pcm").write_text(PCM)
    hdmi, headphones, usb = sound_cards(tmp_path)
    assert (hdmi.id, headphones.id, usb.id) == ("vc4hdmi0", "Headphones", "Device")
    assert usb.device(capture=True) == usb.device(capture=False) == "plughw:CARD=Device,DEV=0"
    assert headphones.device(capture=True) is None
    assert str(usb) == "USB Audio Device (CARD=Device: microphone and loudspeaker)"


@pytest.mark.parametrize("text", ["--- no soundcards ---\n", "junk\n"])
def test_sound_cards_without_a_card(tmp_path: Path, text: str) -> None:
    assert sound_cards(tmp_path) == []
    (tmp_path / "cards").write_text(text)
    (tmp_path / "pcm").write_text("")
    assert sound_cards(tmp_path) == []


def test_choose_card_takes_one_with_both_ends() -> None:
    cards = [card("Camera", playback=False), card("Headphones", capture=False), card("Device")]
    for capture in (True, False):
        assert choose_card(cards, capture=capture) == cards[2]


def test_choose_card_takes_the_boards_own_last() -> None:
    board, speaker = card("Headphones", capture=False), card("Speaker", capture=False)
    assert choose_card([board, speaker], capture=False) == speaker
    assert choose_card([board], capture=False) == board


@pytest.mark.parametrize("name", ["vc4hdmi0", "Loopback", "Dummy", "UAC2Gadget"])
def test_choose_card_takes_no_monitor_and_no_loop(name: str) -> None:
    assert choose_card([card(name)], capture=False) is None


@pytest.mark.parametrize("name", ["pulse", "plughw:CARD=Device,DEV=0", "hw:Device,1", "speaker2"])
def test_numbered_fault_of_a_name_is_none(name: str) -> None:
    assert numbered_fault(name) is None


@pytest.mark.parametrize("name", ["hw:0", "plughw:1,0", "plughw:CARD=1,DEV=0", "2"])
def test_numbered_fault_of_a_number_says_what_to_write(name: str) -> None:
    assert "plughw:CARD=NAME" in (numbered_fault(name) or "")
