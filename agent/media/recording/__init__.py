"""Where received media is written to."""
