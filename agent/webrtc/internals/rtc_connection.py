"""The peer connection with an owner for everything that it starts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import aioice.ice
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.rtcdtlstransport import RTCDtlsTransport

from agent.errors import PeerError
from agent.webrtc.internals import ending
from agent.webrtc.internals.data_limits import bound_data
from agent.webrtc.internals.dtls_certificate import DtlsCertificate
from agent.webrtc.internals.transport_wide import agree_on_feedback, offer_feedback


class PeerConnection(RTCPeerConnection):
    """RTCPeerConnection whose connecting tasks have an owner, and wait until there is a candidate
    to connect from.
    """

    def __init__(
        self, configuration: RTCConfiguration, on_connect_error: Callable[[Exception], None]
    ) -> None:
        super().__init__(configuration)
        self.can_connect = asyncio.Event()
        self._on_connect_error = on_connect_error
        self._connecting: set[asyncio.Task[Any]] = set()
        self._ending = False
        self._known_sockets: list[aioice.ice.StunProtocol] = []
        made: Any = vars(self)["_RTCPeerConnection__certificates"]
        self._RTCPeerConnection__certificates = [DtlsCertificate.of(each) for each in made]

    async def createOffer(self) -> RTCSessionDescription:  # noqa: N802 - the standard's name
        offer = await super().createOffer()
        return RTCSessionDescription(offer_feedback(offer.sdp), offer.type)

    async def setRemoteDescription(  # noqa: N802 - the standard's name
        self,
        sessionDescription: RTCSessionDescription,  # noqa: N803 - likewise
    ) -> None:
        await super().setRemoteDescription(sessionDescription)
        remote: Any = self._RTCPeerConnection__remoteDescription()  # type: ignore[attr-defined]
        agree_on_feedback(self.getTransceivers(), remote.media)

    async def _RTCPeerConnection__connect(self) -> None:  # noqa: N802 - the name-mangled original
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - narrows the type; always run as a task
        if self._ending:
            return
        self._connecting.add(task)
        try:
            await self.can_connect.wait()
            await super()._RTCPeerConnection__connect()  # type: ignore[misc]
        except Exception as error:  # noqa: BLE001 - the edge of a task that nobody else awaits
            self._on_connect_error(error)
        finally:
            self._connecting.discard(task)

    def _RTCPeerConnection__createSctpTransport(self) -> None:  # noqa: N802 - the name-mangled original
        super()._RTCPeerConnection__createSctpTransport()  # type: ignore[misc]
        assert self.sctp is not None  # noqa: S101 - narrows the type
        bound_data(self.sctp)

    def add_data_transport(self) -> None:
        """Make the data channel's transport first, so that the media share it."""
        self._RTCPeerConnection__createSctpTransport()

    @property
    def dtls(self) -> RTCDtlsTransport | None:
        """The one transport: all media is bundled."""
        for transceiver in self.getTransceivers():
            return transceiver.receiver.transport
        return self.sctp.transport if self.sctp is not None else None

    @property
    def ice(self) -> aioice.ice.Connection | None:
        return self.dtls.transport._connection if self.dtls is not None else None

    @property
    def first_mid(self) -> str:
        """The mid of the first media section, once a description is set."""
        for transceiver in self.getTransceivers():
            return transceiver.mid or ""
        return (self.sctp.mid or "") if self.sctp is not None else ""

    def require_dtls(self) -> RTCDtlsTransport:
        if self.dtls is None:
            raise PeerError("the connection has no media yet")
        return self.dtls

    def require_ice(self) -> aioice.ice.Connection:
        return self.require_dtls().transport._connection

    def stop_connecting(self) -> set[asyncio.Future[Any]]:
        """Nothing is started from now on; returns the tasks that end by it.

        aiortc stops its streams first and the transport after them: one that connects in between
        would start streams that nobody stops.
        """
        self._ending = True
        for task in self._connecting:
            task.cancel()
        return set(self._connecting)

    def leftovers(self) -> set[asyncio.Future[Any]]:
        """Tasks that aiortc starts and does not await."""
        tasks: set[asyncio.Future[Any]] = set(self._connecting)
        self._sockets()
        if self.dtls is not None and self.dtls._task is not None:
            tasks.add(self.dtls._task)
        if self._RTCPeerConnection__closeTask is not None:  # type: ignore[attr-defined]
            tasks.add(self._RTCPeerConnection__closeTask)  # type: ignore[attr-defined]
        return tasks

    def end_streams(self) -> set[asyncio.Future[Any]]:
        """Those that were started while aiortc closed by itself; returns what is ending by it."""
        return ending.release(self)

    def release(self) -> set[asyncio.Future[Any]]:
        """Stop waiting for what does not end; returns what is ending by it."""
        return ending.release(self) | ending.release_relays(self._sockets())

    def abort(self) -> set[asyncio.Future[Any]]:
        """Close every socket at once; returns the tasks that end by it."""
        return ending.abort(self.ice, self._sockets()) if self.ice is not None else set()

    def _sockets(self) -> list[aioice.ice.StunProtocol]:
        """Also those that a close under way has forgotten."""
        known = list(self.ice._protocols) if self.ice is not None else []
        self._known_sockets += [each for each in known if each not in self._known_sockets]
        return self._known_sockets
