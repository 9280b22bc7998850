"""What runs in the chroot. Only there can these modules be imported."""

from __future__ import annotations

import sys
from unittest.mock import MagicMock

# picamera2 imports it for a preview on a screen, and neither Debian nor PyPI has it.
sys.modules.setdefault("pykms", MagicMock())
