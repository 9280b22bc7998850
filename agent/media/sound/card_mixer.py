"""The card's own volume, where it has one: what an amplifier does costs no bits."""

from __future__ import annotations

import re
from ctypes import byref, c_long, c_void_p
from typing import Any

from agent.errors import MediaUnavailable
from agent.media.sound import libasound as alsa
from agent.media.sound.level import decibels

_CARD = re.compile(r"^(?:plug)?hw:(?:CARD=)?([A-Za-z]\w*)")
# of several, what is next to the loudspeaker or the microphone
_PREFERRED = {
    "playback": ("Speaker", "Headphone", "PCM", "Master"),
    "capture": ("Mic", "Capture"),
}


def control_of(device: str) -> str | None:
    """The control of a PCM's card; None where it is no card but a plug-in."""
    card = _CARD.match(device)
    return f"hw:CARD={card[1]}" if card else None


def set_card_level(control: str, level: int, *, capture: bool) -> bool:
    """Whether the card could be set to `level`, 0 to 100. Never raises."""
    try:
        library = alsa.load()
        mixer = c_void_p()
        alsa.check(library.snd_mixer_open(byref(mixer), 0), control)
    except MediaUnavailable:
        return False
    try:
        alsa.check(library.snd_mixer_attach(mixer, control.encode()), control)
        alsa.check(library.snd_mixer_selem_register(mixer, None, None), control)
        alsa.check(library.snd_mixer_load(mixer), control)
        return _set(library, mixer, level, "capture" if capture else "playback")
    except MediaUnavailable:
        return False
    finally:
        library.snd_mixer_close(mixer)


def _set(library: Any, mixer: c_void_p, level: int, end: str) -> bool:
    elements = _elements(library, mixer, end)
    chosen = next((elements[name] for name in _PREFERRED[end] if name in elements), None)
    if chosen is None:
        return False
    lowest, highest = c_long(), c_long()

    def call(name: str, *arguments: Any) -> int:
        code: int = getattr(library, f"snd_mixer_selem_{name}")(chosen, *arguments)
        return code

    if level and call(f"get_{end}_dB_range", byref(lowest), byref(highest)) == 0:
        # hundredths of a dB; rounded down where the card has no such step
        wanted = max(lowest.value, round(highest.value + 100 * decibels(level)))
        return call(f"set_{end}_dB_all", wanted, -1) == 0
    if call(f"get_{end}_volume_range", byref(lowest), byref(highest)) < 0:
        return False
    steps = highest.value - lowest.value
    return call(f"set_{end}_volume_all", lowest.value + steps * level // 100) == 0


def _elements(library: Any, mixer: c_void_p, end: str) -> dict[str, int]:
    """Those that can be turned, by name."""
    found: dict[str, int] = {}
    element = library.snd_mixer_first_elem(mixer)
    while element:
        if getattr(library, f"snd_mixer_selem_has_{end}_volume")(element):
            found.setdefault(library.snd_mixer_selem_get_name(element).decode(), element)
        element = library.snd_mixer_elem_next(element)
    return found
