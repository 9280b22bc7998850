"""callbox: a device that can be called. The public names are those of the package `callbox`."""

__version__ = "0.1.0"
# Unix seconds: a clock that shows an earlier time is not set (a Pi boots in the past)
RELEASED = 1_795_305_600.0
