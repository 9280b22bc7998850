"""The device as a service: systemd is told, `callbox status` is answered, and the journal gets its
fields.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from types import TracebackType
from typing import Self

from agent.background import in_background
from agent.device.device_state import DeviceState
from agent.device.snapshots import SnapshotMaker
from agent.errors import ConfigurationError
from agent.service.heartbeat import Heartbeat
from agent.service.journal import call_fields
from agent.service.notify import open_notifier, watchdog_timeout
from agent.service.status_snapshot import Phase
from agent.service.status_socket import Press, StatusServer, socket_path

logger = logging.getLogger(__name__)

# seconds: importing picamera2 alone takes several on a Zero 2 W
CAMERA_TIMEOUT = 20.0


class ServiceLink:
    """Open from before the device connects until after it has hung up.

    `find_camera_fault` says what is wrong with the camera, or None; it blocks, and is run once, in
    a thread. `press` presses a button by hand.
    """

    def __init__(
        self,
        uid: str,
        state: DeviceState,
        snapshots: SnapshotMaker,
        find_camera_fault: Callable[[], str | None],
        environ: Mapping[str, str] = os.environ,
        *,
        press: Press | None = None,
    ) -> None:
        self._state = state
        self._remote_uid = snapshots.remote_uid
        self._find_camera_fault = find_camera_fault
        self._heartbeat = Heartbeat(
            open_notifier(environ),
            snapshots.snapshot,
            snapshots.vitals,
            watchdog=watchdog_timeout(environ),
        )
        self._status = StatusServer(socket_path(uid, environ), snapshots.snapshot, press)
        self._stack = AsyncExitStack()
        state.on_change(self._heartbeat.nudge)

    async def __aenter__(self) -> Self:
        self._stack.enter_context(call_fields(self._remote_uid))
        await self._stack.enter_async_context(self._status)
        heartbeat = in_background("callbox-heartbeat", self._heartbeat.run())
        await self._stack.enter_async_context(heartbeat)
        looking = in_background("callbox-camera-look", self._look_for_camera())
        await self._stack.enter_async_context(looking)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    def stopping(self) -> None:
        """The device hangs up and ends."""
        self._state.enter(Phase.STOPPING)
        self._heartbeat.stopping()

    @contextmanager
    def reloading(self) -> Iterator[None]:
        """Around a reload, whether it succeeds or not."""
        self._heartbeat.reloading()
        outcome = None
        try:
            yield
        except ConfigurationError as error:
            outcome = f"not reloaded, the old rules stay: {error.faults[0]}"
            raise
        finally:
            self._heartbeat.reloaded(outcome)

    async def _look_for_camera(self) -> None:
        try:
            async with asyncio.timeout(CAMERA_TIMEOUT):
                missing = await asyncio.to_thread(self._find_camera_fault)
        except TimeoutError:
            missing = f"looking for one takes more than {CAMERA_TIMEOUT:.0f} s"
        except Exception as error:
            # a driver's edge: a camera that cannot be asked about is one that is missing
            logger.exception("the camera could not be looked for")
            missing = str(error) or type(error).__name__
        if missing is not None:
            logger.warning("no camera: %s", missing)
        self._state.camera_looked_for(missing)
