"""libopus, called directly: PyAV's binding neither conceals a loss nor changes a running encoder.

The library is the one that PyAV's wheel brings, which needs no FFmpeg to be loaded, or else the
system's.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
from ctypes import POINTER, c_char_p, c_int, c_int32, c_void_p
from pathlib import Path

from agent.errors import MediaUnavailable

SYSTEM_LIBRARY = "libopus.so.0"

# opus_defines.h
APPLICATION_VOIP = 2048
SET_BITRATE = 4002
SET_COMPLEXITY = 4010
SET_INBAND_FEC = 4012
SET_PACKET_LOSS = 4014
SET_DTX = 4016
SET_SIGNAL = 4024
RESET_STATE = 4028
SIGNAL_VOICE = 3001


def candidates() -> list[str]:
    """Paths and names of libopus, the best first."""
    spec = importlib.util.find_spec("av")
    beside = Path(spec.origin).parent.parent / "av.libs" if spec and spec.origin else None
    bundled = sorted(beside.glob("libopus*.so*")) if beside else []
    return [*map(str, bundled), SYSTEM_LIBRARY]


@functools.cache
def load() -> ctypes.CDLL:
    """Raises MediaUnavailable where there is no libopus."""
    for path in candidates():
        try:
            library = ctypes.CDLL(path)
        except OSError:
            continue
        return _declare(library)
    raise MediaUnavailable(f"{SYSTEM_LIBRARY} is missing: install libopus0")


def _declare(library: ctypes.CDLL) -> ctypes.CDLL:
    library.opus_strerror.restype = c_char_p
    library.opus_strerror.argtypes = [c_int]
    library.opus_encoder_create.restype = c_void_p
    library.opus_encoder_create.argtypes = [c_int32, c_int, c_int, POINTER(c_int)]
    library.opus_encoder_destroy.restype = None
    library.opus_encoder_destroy.argtypes = [c_void_p]
    library.opus_encode.restype = c_int32
    library.opus_encode.argtypes = [c_void_p, c_char_p, c_int, c_char_p, c_int32]
    library.opus_decoder_create.restype = c_void_p
    library.opus_decoder_create.argtypes = [c_int32, c_int, POINTER(c_int)]
    library.opus_decoder_destroy.restype = None
    library.opus_decoder_destroy.argtypes = [c_void_p]
    library.opus_decode.restype = c_int
    library.opus_decode.argtypes = [c_void_p, c_char_p, c_int32, c_char_p, c_int, c_int]
    # The rest of its parameters is variadic: only what is fixed is declared.
    library.opus_encoder_ctl.restype = c_int
    library.opus_encoder_ctl.argtypes = [c_void_p, c_int]
    return library


def describe(library: ctypes.CDLL, code: int) -> str:
    """What an error code means."""
    return str(library.opus_strerror(code).decode())
