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


def transport_feedback(
    ours: int, theirs: int, first: int, arrivals: list[float | None], reference: int = 100
) -> bytes:
    """On consecutive packets; `arrivals` are seconds after the reference time, in whole quarters
    of a millisecond, each described by itself.
    """
    symbols, deltas, before = [], b"", 0
    for at in arrivals:
        if at is None:
            symbols.append(0)
            continue
        delta, before = round(at * 4000) - before, round(at * 4000)
        small = 0 <= delta < 256
        symbols.append(1 if small else 2)
        deltas += pack("!B", delta) if small else pack("!h", delta)
    chunks = b""
    for start in range(0, len(symbols), 7):
        some = symbols[start : start + 7]
        some += [0] * (7 - len(some))
        bits = sum(symbol << 2 * (6 - place) for place, symbol in enumerate(some))
        chunks += pack("!H", 0xC000 | bits)
    body = pack("!LLHHL", ours, theirs, first, len(arrivals), reference << 8) + chunks + deltas
    return packet(205, 15, body + bytes(-len(body) % 4))
