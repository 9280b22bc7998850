"""The system's libasound, by ctypes: no compiler, no wheel, no session of a desktop.

The library releases Python's lock while it waits.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
from ctypes import c_char_p, c_int, c_long, c_uint, c_ulong, c_void_p
from typing import Any

from agent.errors import MediaUnavailable

# snd_pcm_stream_t
PLAYBACK, CAPTURE = 0, 1
# snd_pcm_open's mode, snd_pcm_format_t and snd_pcm_access_t
NONBLOCK, S16_LE, INTERLEAVED = 1, 2, 3
# snd_pcm_state_t
RUNNING, DISCONNECTED = 3, 8

_LIBRARY = "libasound.so.2"
_REASONS = {
    errno.ENOENT: "there is no such device",
    errno.ENODEV: "it is not plugged in",
    errno.ENXIO: "there is no such device",
    errno.EBUSY: "another program has it",
    errno.EACCES: "this user may not use it (group audio)",
    errno.EPERM: "this user may not use it (group audio)",
    errno.ECONNREFUSED: "its sound server does not run",
}
_POINTERS = {"p": c_void_p, "s": c_char_p, "i": c_int, "u": c_uint, "l": c_long, "f": c_ulong}
# names without snd_, what they return and take: p pointer, s string, i int, u unsigned, l long,
# f unsigned long (frames)
_FUNCTIONS = """
    strerror s i
    pcm_open i psii
    pcm_close i p
    pcm_start i p
    pcm_drop i p
    pcm_wait i pi
    pcm_state i p
    pcm_delay i pp
    pcm_avail_update l p
    pcm_recover i pii
    pcm_readi l ppf
    pcm_writei l ppf
    pcm_hw_params_malloc i p
    pcm_hw_params_free i p
    pcm_hw_params_any i pp
    pcm_hw_params_set_rate_resample i ppu
    pcm_hw_params_set_access i ppi
    pcm_hw_params_set_format i ppi
    pcm_hw_params_set_channels i ppu
    pcm_hw_params_set_rate i ppui
    pcm_hw_params_set_period_size_near i pppp
    pcm_hw_params_set_buffer_size_near i ppp
    pcm_hw_params i pp
    pcm_sw_params_malloc i p
    pcm_sw_params_free i p
    pcm_sw_params_current i pp
    pcm_sw_params_set_start_threshold i ppf
    pcm_sw_params_set_avail_min i ppf
    pcm_sw_params i pp
    mixer_open i pi
    mixer_close i p
    mixer_attach i ps
    mixer_selem_register i ppp
    mixer_load i p
    mixer_first_elem p p
    mixer_elem_next p p
    mixer_selem_get_name s p
    mixer_selem_has_playback_volume i p
    mixer_selem_has_capture_volume i p
    mixer_selem_get_playback_dB_range i ppp
    mixer_selem_get_capture_dB_range i ppp
    mixer_selem_get_playback_volume_range i ppp
    mixer_selem_get_capture_volume_range i ppp
    mixer_selem_set_playback_volume_all i pl
    mixer_selem_set_capture_volume_all i pl
    mixer_selem_set_playback_dB_all i pli
    mixer_selem_set_capture_dB_all i pli
"""


@functools.cache
def load() -> Any:
    """The library, its functions with their types. Raises MediaUnavailable where it is missing."""
    # a sound server behind a plug-in would else buffer up to two seconds
    os.environ.setdefault("PULSE_LATENCY_MSEC", "20")
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError as error:
        raise MediaUnavailable(
            f"ALSA is not installed (apt install libasound2): {error}"
        ) from error
    for line in _FUNCTIONS.strip().splitlines():
        name, result, arguments = line.split()
        function = getattr(library, f"snd_{name}")
        function.restype = _POINTERS[result]
        function.argtypes = [_POINTERS[each] for each in arguments]
    library.snd_lib_error_set_handler(_be_quiet)
    return library


def _ignore(*_arguments: object) -> None:
    """libasound would write to standard error whatever it does not find."""


# kept for as long as the process lives; its `...` is never read, so it need not be declared
_be_quiet = ctypes.CFUNCTYPE(None, c_char_p, c_int, c_char_p, c_int, c_char_p)(_ignore)


def check(code: int, what: str) -> int:
    """`code`, unless it is an error. Raises MediaUnavailable, which says of `what` why."""
    if code >= 0:
        return code
    raise MediaUnavailable(f"{what}: {_REASONS.get(-code) or load().snd_strerror(code).decode()}")
