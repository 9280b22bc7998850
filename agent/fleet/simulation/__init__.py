"""Devices without a camera, for the demo: they say what real ones say (PROTOCOL 5 and 6)."""
