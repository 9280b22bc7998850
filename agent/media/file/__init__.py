"""A file as a camera."""
