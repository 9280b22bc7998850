"""`callbox` with the virtual camera for a camera: `python -m tests.camera.inside.virtual_device run
--config FILE`.
"""

from __future__ import annotations

from agent.cli import main
from tests.camera.inside import virtual_camera

if __name__ == "__main__":
    virtual_camera.install()
    main()
