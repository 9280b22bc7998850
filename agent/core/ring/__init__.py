"""A button at the door: what counts as a press, and whom a press rings."""
