"""Counters, the reports made of them, and the record of a call."""
