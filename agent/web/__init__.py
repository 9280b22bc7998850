"""The caller's page, and the server that a device or the demo shows it with."""
