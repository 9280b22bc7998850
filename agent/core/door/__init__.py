"""Doors: who may have one released, with which code, and for how long."""
