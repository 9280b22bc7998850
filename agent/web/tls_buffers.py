"""What one TLS connection holds: asyncio gives each a buffer of 256 KiB, filled with zeros before
the first byte has come.

A handshake that fails leaves that buffer in a reference cycle, until the garbage collector looks at
everything. Strangers who open connections and say nothing would make a small board pay for each.
"""

from __future__ import annotations

from asyncio.sslproto import SSLProtocol

# bytes; a TLS record has 16 KiB at most (RFC 8446 5.1), and asyncio reads on where there is more
BUFFER = 32 * 1024


def bound_buffers() -> None:
    """For every TLS connection that this process makes on an event loop from now on."""
    SSLProtocol.max_size = BUFFER
