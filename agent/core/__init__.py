"""The rules of a call. Pure: no asyncio, sockets, files, threads, clock or logging set-up."""
