"""The messages and topics of the protocol. Pure: no asyncio, sockets or files."""
