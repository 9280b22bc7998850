"""The test pattern."""
