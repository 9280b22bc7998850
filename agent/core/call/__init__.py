"""The call itself: states and their tables, renewal, and which calls there are."""
