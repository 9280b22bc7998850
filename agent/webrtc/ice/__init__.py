"""Candidates, and the servers that give some."""
