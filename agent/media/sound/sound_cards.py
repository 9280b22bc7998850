"""Which sound cards this machine has, by the names that stay the same across restarts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc/asound")

_CARD = re.compile(r"^ *(\d+) \[(\w+) *\]: (\S+) - (.*)$", re.MULTILINE)
_DEVICE = re.compile(r"^(\d+)-(\d+): (.*)$", re.MULTILINE)
_NUMBERED = re.compile(r"(?:^|:)(?:CARD=)?(\d+)\b")
# what a monitor offers, and cards that are a wire: to themselves, or to the computer that this
# machine is plugged into
_UNFIT = re.compile(r"hdmi|loopback|dummy|gadget", re.IGNORECASE)
# of the board itself: an analog output at best
_BOARD = re.compile(r"^(bcm2835|Headphones)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SoundCard:
    """`id` is ALSA's, which does not depend on the order in which cards were found; `device` is the
    first that does what is said.
    """

    id: str
    title: str
    capture: int | None
    playback: int | None

    def device(self, *, capture: bool) -> str | None:
        """What to open; None where the card has no such end."""
        number = self.capture if capture else self.playback
        return None if number is None else f"plughw:CARD={self.id},DEV={number}"

    def __str__(self) -> str:
        ends = [
            word
            for word, number in (("microphone", self.capture), ("loudspeaker", self.playback))
            if number is not None
        ]
        return f"{self.title} (CARD={self.id}: {' and '.join(ends) or 'nothing'})"


def sound_cards(proc: Path = PROC) -> list[SoundCard]:
    """All, in the kernel's order; none where there is no ALSA."""
    try:
        cards, devices = (proc / "cards").read_text(), (proc / "pcm").read_text()
    except OSError:
        return []
    ends: dict[tuple[int, str], int] = {}
    for card, device, words in _DEVICE.findall(devices):
        for end in ("capture", "playback"):
            if f"{end} " in words:
                ends.setdefault((int(card), end), int(device))
    return [
        SoundCard(
            name,
            title.strip(),
            ends.get((int(number), "capture")),
            ends.get((int(number), "playback")),
        )
        for number, name, _driver, title in _CARD.findall(cards)
    ]


def choose_card(cards: list[SoundCard], *, capture: bool) -> SoundCard | None:
    """What `auto` means: a USB or HAT card with both ends, else one that has this end, the board's
    own last. No monitor's.
    """
    fit = [
        card
        for card in cards
        if card.device(capture=capture) and not _UNFIT.search(f"{card.id} {card.title}")
    ]
    return min(
        fit,
        key=lambda card: (
            card.capture is None or card.playback is None,
            bool(_BOARD.match(card.id) or _BOARD.match(card.title)),
        ),
        default=None,
    )


def numbered_fault(name: str) -> str | None:
    """Why a device is not to be named like this; None where it has a name."""
    number = _NUMBERED.search(name)
    if number is None:
        return None
    return (
        f"{name!r} names a card by its number ({number[1]}), which changes between boots: write "
        f"plughw:CARD=NAME, with a NAME that `callbox doctor` or `aplay -L` lists"
    )
