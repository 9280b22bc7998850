"""What a remote peer may do with data channels (RFC 8831, 9260): aiortc sets it no bound, and its
nonsense ends a call.

aiortc tells the remote peer how much room there is, yet takes whatever comes. It keeps a message
that never ends for ever, and has an assertion where a message makes no sense, which takes the
media's transport down with a traceback.
"""

from __future__ import annotations

import contextlib
import logging

from aiortc import RTCSctpTransport
from aiortc.rtcsctptransport import DataChunk

log = logging.getLogger(__name__)

# each may carry one data channel; we use one
MAX_STREAMS = 32
# of messages that are not whole, in one stream
MAX_PIECES = 1024
# pieces that came before one that is missing
MAX_GAPS = 1024


def bound_data(sctp: RTCSctpTransport) -> None:
    """Drop what there is no room for, as if the network had lost it, and what makes no sense."""
    receive, handle, transmit = sctp._receive_data_chunk, sctp._handle_data, sctp._transmit

    async def receive_if_room(chunk: DataChunk) -> None:
        if _has_room(sctp, chunk):
            await receive(chunk)

    async def handle_any(data: bytes) -> None:
        try:
            await handle(data)
        except ConnectionError:
            raise
        except Exception as error:  # noqa: BLE001 - a stranger's bytes: aiortc's reaction is whatever its code met
            log.warning("what came for the data channels makes no sense: %s", type(error).__name__)

    async def transmit_while_connected() -> None:
        # aiortc starts it as a task that nobody awaits; that the transport is gone, DTLS tells
        with contextlib.suppress(ConnectionError):
            await transmit()

    sctp._transmit = transmit_while_connected  # type: ignore[method-assign]
    sctp._receive_data_chunk = receive_if_room  # type: ignore[method-assign]
    sctp._handle_data = handle_any  # type: ignore[method-assign]


def _has_room(sctp: RTCSctpTransport, chunk: DataChunk) -> bool:
    stream = sctp._inbound_streams.get(chunk.stream_id)
    fits = (
        len(sctp._inbound_streams) < MAX_STREAMS
        if stream is None
        else len(stream.reassembly) < MAX_PIECES
    )
    return (
        fits
        and len(sctp._sack_misordered) < MAX_GAPS
        and len(chunk.user_data) <= sctp._advertised_rwnd
    )
