"""The Raspberry Pi's camera."""
