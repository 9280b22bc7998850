"""RTCP that other software sends, as bytes. `ours` is the SSRC of the one who watches, `theirs`
that of the video.
"""

from __future__ import annotations

from struct import pack


def packet(kind: int, count: int, body: bytes) -> bytes:
    return pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


def pli(ours: int, theirs: int) -> bytes:
    return packet(206, 1, pack("!LL", ours, theirs))


def fir(ours: int, header: int, *entries: tuple[int, int]) -> bytes:
    """Each entry is a target and a number."""
    body = b"".join(pack("!LL", target, number << 24) for target, number in entries)
    return packet(206, 4, pack("!LL", ours, header) + body)


def nack(ours: int, theirs: int, first: int, mask: int) -> bytes:
    return packet(205, 1, pack("!LLHH", ours, theirs, first, mask))


def receiver_report(ours: int, theirs: int, fraction_lost: int = 128) -> bytes:
    return packet(201, 1, pack("!LLLLLLL", ours, theirs, fraction_lost << 24, 0, 0, 0, 0))


def sdes(ours: int, *names: bytes) -> bytes:
    """One chunk for each CNAME; each ends on a 32-bit boundary (RFC 3550 6.5)."""
    chunks = b""
    for number, name in enumerate(names):
        chunk = pack("!LBB", ours + number, 1, len(name)) + name + b"\0"
        chunks += chunk + b"\0" * (-len(chunk) % 4)
    return packet(202, len(names), chunks)


def mixer_report(ours: int, theirs: int, *names: bytes) -> bytes:
    """A compound as a mixer or SFU sends it."""
    return receiver_report(ours, theirs) + sdes(ours, *names) + pli(ours, theirs)
