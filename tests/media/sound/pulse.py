"""A PulseAudio of one's own with two null sinks, and names for ALSA's plug-in: sound cards in user
space.

`speaker` plays, and `ear` hears what it played; `mouth` plays into the microphone `microphone`.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.parts import missing, require_part
from tests.waiting import PATIENCE

SPEAKER, EAR, MOUTH, MICROPHONE = "speaker", "ear", "mouth", "microphone"
_DEVICES = {SPEAKER: "spk", EAR: "spk.monitor", MOUTH: "mic", MICROPHONE: "mic.monitor"}
_CONFIGURATION = "/usr/share/alsa/alsa.conf"


class Pulse:
    """Started and stopped as often as a test likes: a card that is plugged in and pulled."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._socket = folder / "pulse.sock"
        self._program = require_part("pulseaudio")
        self._process: subprocess.Popen[bytes] | None = None
        if not any(Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so")):
            missing("ALSA's plug-in for PulseAudio is missing (apt-get install libasound2-plugins)")
        lines = [f"<{_CONFIGURATION}>"]
        for name, device in _DEVICES.items():
            kind = f'type pulse server "unix:{self._socket}" device "{device}"'
            lines += [f"pcm.{name} {{ {kind} }}"]
        lines += [f'ctl.{SPEAKER} {{ type pulse server "unix:{self._socket}" device "spk" }}']
        self.configuration = folder / "asound.conf"
        self.configuration.write_text("\n".join(lines) + "\n")

    @property
    def server(self) -> str:
        return f"unix:{self._socket}"

    def start(self) -> None:
        """Returns once it answers."""
        sinks = [f"module-null-sink sink_name={name} rate=48000" for name in ("spk", "mic")]
        native = f"module-native-protocol-unix auth-anonymous=1 socket={self._socket}"
        home = {"HOME": str(self._folder), "XDG_RUNTIME_DIR": str(self._folder)}
        with (self._folder / "pulse.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "--daemonize=no", "-n", "--exit-idle-time=-1", "--log-level=error"]
                + [part for each in (native, *sinks) for part in ("-L", each)],
                env=os.environ | home,
                stderr=log,
            )
        deadline = time.monotonic() + PATIENCE
        control = ["pactl", "--server", self.server, "info"]
        while subprocess.run(control, capture_output=True, env=os.environ | home).returncode:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self._folder / "pulse.log").read_text())
            time.sleep(0.05)

    def stop(self) -> None:
        """As a card that is pulled."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE)
            self._process = None
            self._socket.unlink(missing_ok=True)
            for left in self._folder.glob("pulse/pid"):
                left.unlink()


@contextmanager
def running_pulse(folder: Path) -> Iterator[Pulse]:
    require_part("pactl", "pulseaudio-utils")
    pulse = Pulse(folder)
    pulse.start()
    try:
        yield pulse
    finally:
        pulse.stop()
