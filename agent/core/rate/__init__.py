"""From what the remote peer reports to what the encoder makes (docs/rate-control.md)."""
