"""The public Python API, and the shell around the rules of a call."""
