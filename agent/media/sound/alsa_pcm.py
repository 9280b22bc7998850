"""The two ends of a sound card (implement `PcmSource` and `PcmPlayer`), in periods of 20 ms.

Overruns and underruns are recovered from and counted; a card that is pulled, or has stopped, is
MediaUnavailable: to be closed, and opened again by its name.
"""

from __future__ import annotations

import ctypes
import errno
from ctypes import byref, c_long, c_ulong, c_void_p

from agent.errors import MediaUnavailable
from agent.media.sound import libasound as alsa
from agent.media.sound.playback_reserve import PlaybackReserve
from agent.ports import AUDIO_CLOCK_RATE, PCM_FRAME_BYTES, PCM_FRAME_SAMPLES

PERIOD_FRAMES = 2
"""Of 10 ms each: as long as a packet of sound, so that a packet costs one wake-up."""
_PERIOD = PERIOD_FRAMES * PCM_FRAME_SAMPLES
_PERIOD_BYTES = PERIOD_FRAMES * PCM_FRAME_BYTES
_TIMEOUT = 4000
"""Milliseconds without a sample after which a card counts as lost: a sound server takes two for the
first. A card that is pulled says so at once.
"""
_CAPTURE_PERIODS = 10
"""Costs no delay: a thread that comes late finds what was heard meanwhile."""
_LATE_PERIODS = 5
"""What waits beyond this, as this thread came late, is old: it is dropped, or every word that
follows would be late as well.
"""
_PLAYBACK_PERIODS = 8
"""Room for the reserve to grow; see `PlaybackReserve`."""
_LEAST_PERIODS = 2


class _Pcm:
    """One direction, opened. Raises MediaUnavailable."""

    def __init__(self, name: str, direction: int, periods: int) -> None:
        self.xruns = 0
        self._name = name
        self._alsa = alsa.load()
        self._handle = c_void_p()
        alsa.check(
            self._alsa.snd_pcm_open(byref(self._handle), name.encode(), direction, alsa.NONBLOCK),
            name,
        )
        try:
            self._buffer = self._set_hardware(periods)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        handle, self._handle = self._handle, c_void_p()
        if handle:
            self._alsa.snd_pcm_drop(handle)
            self._alsa.snd_pcm_close(handle)

    def _set_hardware(self, periods: int) -> int:
        """The size of the buffer, in samples."""
        library, params = self._alsa, c_void_p()
        period, buffer = c_ulong(_PERIOD), c_ulong(_PERIOD * periods)
        self._check(library.snd_pcm_hw_params_malloc(byref(params)))
        try:
            self._check(library.snd_pcm_hw_params_any(self._handle, params))
            for name, *values in (
                ("set_rate_resample", 1),
                ("set_access", alsa.INTERLEAVED),
                ("set_format", alsa.S16_LE),
                ("set_channels", 1),
                ("set_rate", AUDIO_CLOCK_RATE, 0),
                ("set_period_size_near", byref(period), None),
                ("set_buffer_size_near", byref(buffer)),
            ):
                function = getattr(library, f"snd_pcm_hw_params_{name}")
                if function(self._handle, params, *values) < 0:
                    raise MediaUnavailable(
                        f"{self._name}: it does not do 16 bit, mono, 48 kHz; plughw: in place of "
                        f"hw: converts"
                    )
            self._check(library.snd_pcm_hw_params(self._handle, params))
        finally:
            library.snd_pcm_hw_params_free(params)
        return buffer.value

    def _set_software(self, *, start: int, available: int) -> None:
        """`start`: samples that make it run by itself; `available`: those that end a wait."""
        library, params = self._alsa, c_void_p()
        self._check(library.snd_pcm_sw_params_malloc(byref(params)))
        try:
            self._check(library.snd_pcm_sw_params_current(self._handle, params))
            self._check(library.snd_pcm_sw_params_set_start_threshold(self._handle, params, start))
            self._check(library.snd_pcm_sw_params_set_avail_min(self._handle, params, available))
            self._check(library.snd_pcm_sw_params(self._handle, params))
        finally:
            library.snd_pcm_sw_params_free(params)

    def _delay(self) -> float:
        """Seconds between what is read or written now and the converter."""
        samples = c_long()
        if self._alsa.snd_pcm_delay(self._handle, byref(samples)) < 0:
            return 0.0
        return max(0, samples.value) / AUDIO_CLOCK_RATE

    def _wait(self) -> None:
        code = self._alsa.snd_pcm_wait(self._handle, _TIMEOUT)
        if code == 0:
            raise MediaUnavailable(f"{self._name}: it has stopped")
        if code < 0:
            self._recover(code)

    def _recover(self, code: int) -> None:
        """After an overrun, an underrun or a sleep of the machine."""
        if self._alsa.snd_pcm_state(self._handle) == alsa.DISCONNECTED:
            code = -errno.ENODEV
        if code == -errno.EPIPE:
            self.xruns += 1
        self._check(self._alsa.snd_pcm_recover(self._handle, code, 1))
        self._recovered(code)

    def _recovered(self, _code: int) -> None:
        """It is prepared, and does not run."""

    def _check(self, code: int) -> int:
        return alsa.check(code, self._name)


class AlsaSource(_Pcm):
    """A microphone, running. Of what it hears, the oldest is dropped where this thread is late."""

    def __init__(self, name: str) -> None:
        super().__init__(name, alsa.CAPTURE, _CAPTURE_PERIODS)
        self._block = ctypes.create_string_buffer(_PERIOD_BYTES)
        try:
            self._set_software(start=1, available=_PERIOD)
            self._check(self._alsa.snd_pcm_start(self._handle))
        except BaseException:
            self.close()
            raise

    def read(self) -> bytes:
        block = self._read()
        if self._alsa.snd_pcm_avail_update(self._handle) > _LATE_PERIODS * _PERIOD:
            while self._alsa.snd_pcm_avail_update(self._handle) > _PERIOD:
                block = self._read()
        return block

    def _read(self) -> bytes:
        done = 0
        while done < _PERIOD:
            at = ctypes.addressof(self._block) + 2 * done
            code = self._alsa.snd_pcm_readi(self._handle, at, _PERIOD - done)
            if code > 0:
                done += code
            elif code in (0, -errno.EAGAIN):
                self._wait()
            else:
                self._recover(code)
        return self._block.raw

    def delay(self) -> float:
        return self._delay() + _PERIOD / AUDIO_CLOCK_RATE

    def _recovered(self, _code: int) -> None:
        self._check(self._alsa.snd_pcm_start(self._handle))


class AlsaPlayer(_Pcm):
    """A loudspeaker. What waits in front of the converter is a `PlaybackReserve`, from two periods
    to the whole buffer.
    """

    frames = PERIOD_FRAMES

    def __init__(self, name: str) -> None:
        super().__init__(name, alsa.PLAYBACK, _PLAYBACK_PERIODS)
        self._reserve = PlaybackReserve(least=_LEAST_PERIODS, most=self._buffer // _PERIOD)
        try:
            self._aim()
            self._put(bytes(2 * (self._fill - _PERIOD)))
        except BaseException:
            self.close()
            raise

    def write(self, frames: bytes) -> None:
        while self._buffer - self._available() > self._fill - _PERIOD:
            self._wait()
        self._put(frames)
        if self._reserve.written():
            self._aim()

    def delay(self) -> float:
        return self._delay()

    @property
    def _fill(self) -> int:
        """The reserve, in samples."""
        return self._reserve.periods * _PERIOD

    def _put(self, samples: bytes) -> None:
        while samples:
            code = self._alsa.snd_pcm_writei(self._handle, samples, len(samples) // 2)
            if code > 0:
                samples = samples[2 * code :]
            elif code in (0, -errno.EAGAIN):
                self._wait()
            else:
                self._recover(code)

    def _available(self) -> int:
        code: int = self._alsa.snd_pcm_avail_update(self._handle)
        if code < 0:
            self._recover(code)
            return self._buffer
        return code

    def _recovered(self, code: int) -> None:
        if code == -errno.EPIPE:
            self._reserve.ran_dry()
        self._aim()
        silence = bytes(2 * (self._fill - _PERIOD))
        self._check(self._alsa.snd_pcm_writei(self._handle, silence, len(silence) // 2))

    def _aim(self) -> None:
        """Start with what fills it up to a period, wait until there is room for one more."""
        self._set_software(
            start=self._fill - _PERIOD, available=self._buffer - self._fill + _PERIOD
        )
