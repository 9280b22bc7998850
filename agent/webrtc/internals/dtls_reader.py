"""Reading one transport: DTLS and SRTP of a stranger, of which only what is authenticated counts.

Takes the place of aiortc's reader, which counts before it decrypts, ends the transport on errors
that it did not think of, and lets libsrtp and its router keep every source (SSRC) that ever came.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pylibsrtp
from aiortc import clock
from aiortc.rtcdtlstransport import RTCDtlsParameters, RTCDtlsTransport, State
from aiortc.rtp import is_rtcp
from aiortc.stats import RTCTransportStats
from OpenSSL import SSL

from agent.webrtc.internals.refused_datagrams import REFUSED, Refusal
from agent.webrtc.internals.rtcp_reader import read_compound
from agent.webrtc.internals.transport_wide import TransportFeedback

log = logging.getLogger(__name__)

# of one transport: a browser has two or three for each kind of media
MAX_SOURCES = 32
# Seconds after which a client says its hello again, while nothing has come back: a remote peer that
# is still busy with ICE drops the first one, and OpenSSL waits for a second. Browsers begin with
# 50 ms as well.
HELLO_AGAIN = (0.05, 0.1, 0.2, 0.4)
# bytes of one record, as aiortc reads them
_RECORD = 1500
# bytes of the shortest SRTP and SRTCP packet's header
_RTP_HEADER, _RTCP_HEADER = 12, 8


class DtlsReader:
    """In the place of a transport's `_recv_next`. Its packets and bytes are those that were
    authenticated.
    """

    def __init__(self, dtls: RTCDtlsTransport) -> None:
        self._dtls: Any = dtls
        self._sources: set[int] = set()
        self._told = False
        # the client's first flight, until something comes back
        self._hello: bytes | None = None
        self._hellos = iter(HELLO_AGAIN)
        # a wait for an answer to it, and whether it is said again when that is over
        self._waiting: asyncio.Timeout | None = None
        self._hello_is_due = False
        # why the handshake failed, once it has
        self.failure: str | None = None
        dtls._recv_next = self._read_next  # type: ignore[method-assign]
        self._handshake = dtls._do_handshake
        self._validate, self._secure = dtls._validate_peer_identity, dtls._setup_srtp
        patched: Any = dtls
        patched._do_handshake = self._shake_hands
        patched._validate_peer_identity = self._validate_identity
        patched._setup_srtp = self._setup_srtp

    def say_hello_again(self) -> None:
        """At once, where nothing has come back: the remote peer may not have listened before."""
        if self._hello and self._waiting is not None and not self._waiting.expired():
            self._hellos, self._hello_is_due = iter(HELLO_AGAIN), True
            self._waiting.reschedule(asyncio.get_running_loop().time())

    async def _read_next(self) -> None:
        """Raises ConnectionError at the end of the transport."""
        data = await self._next_datagram()
        if not data:
            return
        try:
            if 20 <= data[0] < 64:
                await self._dtls_received(data)
            elif 128 <= data[0] < 192 and self._dtls._rx_srtp is not None:
                await self._srtp_received(data)
        except ConnectionError:
            raise
        except Exception as error:  # noqa: BLE001 - a stranger's bytes: aiortc's reaction is whatever its code met
            REFUSED.count(Refusal.MALFORMED)
            if not self._told:
                self._told = True
                log.info("a packet that cannot be read was dropped: %s", type(error).__name__)

    async def _shake_hands(self) -> None:
        connection = self._dtls._ssl
        self._dtls._ssl = _Noting(connection, self._note, self._written)
        try:
            await self._handshake()
        finally:
            self._dtls._ssl = connection

    def _validate_identity(self, parameters: RTCDtlsParameters) -> None:
        self._attempt(
            lambda: self._validate(parameters),
            "the remote peer's certificate is not the one that its description names",
        )

    def _setup_srtp(self) -> None:
        self._attempt(self._secure, "the remote peer has no SRTP profile of ours")

    def _attempt(self, step: Callable[[], None], failure: str) -> None:
        """aiortc tells of its failure from inside."""
        self.failure = failure
        step()
        if self._dtls._state is not State.FAILED:
            self.failure = None

    def _note(self, error: SSL.Error) -> None:
        """The first error of OpenSSL's is the cause; those that only ask for more have no text."""
        if self.failure is None and error.args and error.args[0]:
            self.failure = ", ".join(str(entry[-1]) for entry in error.args[0])

    def _written(self, flight: bytes) -> None:
        if self._dtls._role == "client" and self._hello is None:
            self._hello = flight

    def _hello_in(self, timeout: float) -> float | None:
        """Seconds until the hello is said again; None where OpenSSL's timer comes first."""
        wait = next(self._hellos, None) if self._hello else None
        return wait if wait is not None and wait < timeout else None

    async def _next_datagram(self) -> bytes | None:
        """None where a handshake's timer came first, and was served."""
        dtls, timeout = self._dtls, None
        if not dtls._RTCDtlsTransport__handshake_done:
            timeout = dtls._ssl.DTLSv1_get_timeout()
            if timeout is None and dtls.encrypted:
                dtls._RTCDtlsTransport__handshake_done = True
        received: bytes
        if timeout is None:
            received = await dtls.transport._recv()
            return received
        hello_in = self._hello_in(timeout)
        self._hello_is_due = hello_in is not None
        try:
            async with asyncio.timeout(timeout if hello_in is None else hello_in) as self._waiting:
                received = await dtls.transport._recv()
                return received
        except TimeoutError:
            if self._hello_is_due:
                await dtls.transport._send(self._hello)
                return None
            dtls._ssl.DTLSv1_handle_timeout()
            await dtls._write_ssl()
            return None

    async def _dtls_received(self, datagram: bytes) -> None:
        dtls = self._dtls
        # it is answered
        self._hello, self._hellos = b"", iter(())
        dtls._ssl.bio_write(datagram)
        data: bytes | None
        try:
            data = dtls._ssl.recv(_RECORD)
        except SSL.ZeroReturnError:
            data = None
        except SSL.Error as error:
            self._note(error)
            data = b""
        await dtls._write_ssl()
        if data is None:
            self.failure = self.failure or "the remote peer ended the handshake"
            raise ConnectionError("the remote peer has closed DTLS")
        if data:
            self._authenticated(datagram)
            if dtls._data_receiver is not None:
                await dtls._data_receiver._handle_data(data)

    async def _srtp_received(self, datagram: bytes) -> None:
        """A source that is new beyond the bound is dropped before libsrtp makes a stream of it."""
        rtcp = is_rtcp(datagram)
        if len(datagram) < (_RTCP_HEADER if rtcp else _RTP_HEADER):
            REFUSED.count(Refusal.MALFORMED)
            return
        at = 4 if rtcp else 8
        source = int.from_bytes(datagram[at : at + 4], "big")
        if source not in self._sources and len(self._sources) >= MAX_SOURCES:
            REFUSED.count(Refusal.EXCESS)
            return
        arrived = clock.current_ms()
        session = self._dtls._rx_srtp
        try:
            data = session.unprotect_rtcp(datagram) if rtcp else session.unprotect(datagram)
        except pylibsrtp.Error as error:
            # a network may double what it carries
            if "replay" not in str(error):
                REFUSED.count(Refusal.UNAUTHENTICATED)
            return
        self._sources.add(source)
        self._authenticated(datagram)
        if rtcp:
            await self._rtcp_received(data)
        else:
            await self._dtls._handle_rtp_data(data, arrival_time_ms=arrived)

    async def _rtcp_received(self, compound: bytes) -> None:
        router = self._dtls._rtp_router
        for packet in read_compound(compound):
            # it names one of the sources of the transport, which may be that of what is resent
            wide = isinstance(packet, TransportFeedback)
            recipients = router.senders.values() if wide else router.route_rtcp(packet)
            for recipient in list(recipients):
                await recipient._handle_rtcp_packet(packet)

    def _authenticated(self, datagram: bytes) -> None:
        self._dtls._RTCDtlsTransport__rx_packets += 1
        self._dtls._RTCDtlsTransport__rx_bytes += len(datagram)


class _Noting:
    """OpenSSL's connection during the handshake; its errors and flights are noted on their way."""

    def __init__(
        self,
        connection: Any,
        note: Callable[[SSL.Error], None],
        written: Callable[[bytes], None],
    ) -> None:
        self._connection, self._note, self._written = connection, note, written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def bio_read(self, size: int) -> bytes:
        flight: bytes = self._connection.bio_read(size)
        self._written(flight)
        return flight

    def do_handshake(self) -> None:
        try:
            self._connection.do_handshake()
        except SSL.Error as error:
            self._note(error)
            raise


def transport_totals(dtls: RTCDtlsTransport) -> RTCTransportStats:
    (stats,) = dtls._get_stats().values()
    assert isinstance(stats, RTCTransportStats)  # noqa: S101 - narrows the type
    return stats
