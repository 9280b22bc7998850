"""Names of servers looked up beside everything else: a resolver that hangs holds no answer, no
other name and no exit.

The system's resolver may take half a minute to give a name up and cannot be stopped. So each lookup
has a daemon thread of its own, there are few of them, and a name that is being looked up is not
looked up twice.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from concurrent.futures import Future

# at the same time, in the whole process
MAX_LOOKUPS = 4


class Lookups:
    """What is being looked up. One for the process; `resolve` may be called from any loop."""

    def __init__(self, limit: int = MAX_LOOKUPS) -> None:
        self._limit = limit
        self._pending: dict[str, Future[list[str]]] = {}
        self._lock = threading.Lock()

    async def resolve(self, host: str) -> list[str]:
        """Its addresses, IPv4 first; a numeric one is its own. Raises OSError where there is none.

        The caller bounds the wait: leaving it leaves the lookup alone.
        """
        try:
            return [str(ipaddress.ip_address(host))]
        except ValueError:
            return await asyncio.wrap_future(self._look_up(host))

    def _look_up(self, host: str) -> Future[list[str]]:
        with self._lock:
            found = self._pending.get(host)
            if found is not None:
                return found
            if len(self._pending) >= self._limit:
                raise OSError(
                    f"{len(self._pending)} other names are being looked up and get no answer"
                )
            future = self._pending[host] = Future()
            # whoever stops waiting for it cannot cancel it for the others
            future.set_running_or_notify_cancel()
        threading.Thread(
            target=self._run, args=(host, future), name=f"lookup {host}"[:15], daemon=True
        ).start()
        return future

    def _run(self, host: str, future: Future[list[str]]) -> None:
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
            addresses = dict.fromkeys(str(entry[4][0]) for entry in found)
            answer: list[str] | Exception = sorted(addresses, key=lambda address: ":" in address)
        except (OSError, UnicodeError) as error:
            answer = (
                error if isinstance(error, OSError) else OSError(f"{host!r} is no name of a host")
            )
        with self._lock:
            del self._pending[host]
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)


resolve = Lookups().resolve
