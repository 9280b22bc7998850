"""How many examples a property is tried with."""

from __future__ import annotations

from hypothesis import settings

# what hypothesis tries where nothing is said, and the profile `callbox` does not change
USUAL = 100


def examples(number: int) -> int:
    """`number` in `make test`; its share by the profile that was chosen (`make test-fast`)."""
    return max(10, number * settings().max_examples // USUAL)
