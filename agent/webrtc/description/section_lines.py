"""One media section of a stranger as lines, and the lines of it that somebody here reads.

Attributes that nobody reads are left out, so that none of them can make a description unusable.
What all bundled sections share may stand in one of them, or in the session (RFC 9143 7).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from agent.errors import UnusableDescription
from agent.webrtc.description.fmtp import (
    DEFAULT_PROFILE,
    plain_profile,
    read_fmtp,
    read_rtpmap,
    write_fmtp,
)

DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
# characters that RTP's one-byte header extensions carry (RFC 8285); a longer mid goes without
CARRIED_MID = 16
_TRANSPORT = ("ice-ufrag", "ice-pwd", "ice-options", "fingerprint", "setup")
_MID_EXTENSION = "urn:ietf:params:rtp-hdrext:sdes:mid"
# whatever names a kind, that of the next years too: a token of RFC 8866 9
_MEDIA = re.compile(r"m=([!-~]+)\s+(\d{1,5})(?:/\d+)?\s+(\S+)\s*(.*)$")
_EXTMAP = re.compile(r"a=extmap:(\d{1,5})(/\w+)?\s+(\S+)")
_SETUP = "a=setup:"
_FINGERPRINT = re.compile(r"a=fingerprint:\s*[!-~]+\s+[0-9A-Fa-f:]+")
_SSRC = re.compile(r"a=ssrc:\d{1,10} [\w-]+:\S.*")


@dataclass(slots=True)
class MediaSection:
    """One media section as lines; `index` is its place in the description."""

    index: int
    lines: list[str]
    kind: str = ""
    port: int = 0
    protocol: str = ""
    formats: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        match = _MEDIA.match(self.lines[0])
        if match is None:
            raise UnusableDescription(f"media section {self.index} has no usable m= line")
        self.kind, self.port, self.protocol = match[1].lower(), int(match[2]), match[3]
        self.formats = match[4].split()

    def values(self, name: str) -> list[str]:
        """The values of all attributes of that name."""
        mark = f"a={name}:"
        return [line[len(mark) :].strip() for line in self.lines if line.startswith(mark)]

    def has(self, name: str) -> bool:
        return f"a={name}" in self.lines or bool(self.values(name))

    @property
    def mid(self) -> str | None:
        return next(iter(self.values("mid")), None)

    @property
    def shares_port(self) -> bool:
        """Whether it takes RTP and RTCP on one (RFC 5761, 8858)."""
        return self.has("rtcp-mux") or self.has("rtcp-mux-only")

    def codecs(self) -> dict[int, tuple[str, str]]:
        """Encoding name and line of each codec by its payload type, in the order of the m= line.
        What is not listed there is not offered: so pages take a codec off.
        """
        described: dict[int, tuple[str, str]] = {}
        for line in self.lines:
            read = read_rtpmap(line)
            if read is not None:
                described.setdefault(read[0], read[1:])
        listed = [int(each) for each in self.formats if each.isdecimal() and len(each) < 4]
        return {each: described[each] for each in listed if each in described}

    def media_line(self, protocol: str) -> str:
        return f"m={self.kind} {self.port} {protocol} {' '.join(self.formats)}"

    def parameters(self) -> dict[int, dict[str, str | None]]:
        """Format parameters by payload type. Some write several lines for one: all of them count,
        of two values the first.
        """
        found: dict[int, dict[str, str | None]] = {}
        for line in self.lines:
            read = read_fmtp(line)
            if read is not None:
                found[read[0]] = read[1] | found.get(read[0], {})
        return found

    def direction(self, default: str) -> str:
        return next((line[2:] for line in self.lines if line[2:] in DIRECTIONS), default)


def plain_transport(lines: Iterable[str]) -> list[str]:
    """Without fingerprints that are none, and with the names of roles in small letters (RFC 4145 4
    has them in any).
    """
    usable = (
        line
        for line in lines
        if not line.startswith("a=fingerprint:") or _FINGERPRINT.fullmatch(line)
    )
    return [line.lower() if line.startswith(_SETUP) else line for line in usable]


def split(lines: Sequence[str]) -> tuple[list[str], list[MediaSection]]:
    """The lines of the session, and its sections."""
    starts = [at for at, line in enumerate(lines) if line.startswith("m=")]
    if not starts:
        return list(lines), []
    ends = [*starts[1:], len(lines)]
    sections = [
        MediaSection(index, list(lines[start:end]))
        for index, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]
    return list(lines[: starts[0]]), sections


def session_lines(session: Sequence[str]) -> list[str]:
    names = (*_TRANSPORT, "ice-lite")
    kept = [line for line in session if line[:2] in ("v=", "o=", "s=", "t=")]
    return kept + [line for line in session if re.split("[=:]", line + ":")[1] in names]


def plain_lines(
    section: MediaSection,
    tag: MediaSection,
    session: Sequence[str],
    profiles: dict[int, str],
    direction: str,
) -> list[str]:
    """The lines of a served section that somebody here reads."""
    lines = [f"a=mid:{section.mid}", f"a={direction}"]
    lines += _transport_lines(section, tag, session)
    protocol = "UDP/TLS/RTP/SAVPF"
    if section.kind == "application":
        old = section.protocol.upper() == "DTLS/SCTP"
        # what it is follows from the fingerprint, however it is called (RFC 8829 5.1.2)
        protocol = "DTLS/SCTP" if old else "UDP/DTLS/SCTP"
        port = sctp_port(section)
        formats = [str(port)] if old else ["webrtc-datachannel"]
        lines += [f"a=sctpmap:{port} webrtc-datachannel 1024"] if old else [f"a=sctp-port:{port}"]
    else:
        lines += ["a=rtcp-mux"] if section.shares_port or tag.shares_port else []
        formats, codecs = _codec_lines(section, profiles)
        lines += codecs + _extension_lines(section)
        lines += [line for line in section.lines if _SSRC.fullmatch(line)]
    head = f"m={section.kind} 9 {protocol} {' '.join(formats)}".rstrip()
    return [head, "c=IN IP4 0.0.0.0", *lines]


def _transport_lines(section: MediaSection, tag: MediaSection, session: Sequence[str]) -> list[str]:
    """ICE and DTLS: the section's own, else the bundle's; the session's stand in the session."""
    lines = []
    for name in _TRANSPORT:
        values = section.values(name)
        if not values and not any(line.startswith(f"a={name}:") for line in session):
            values = tag.values(name)
        lines += [f"a={name}:{value}" for value in values]
    return lines


def _codec_lines(section: MediaSection, profiles: dict[int, str]) -> tuple[list[str], list[str]]:
    codecs = section.codecs()
    # aiortc has to meet a codec before what resends it
    lines = [codecs[each][1] for each in sorted(codecs, key=lambda each: codecs[each][0] == "RTX")]
    for payload_type, given in section.parameters().items():
        if payload_type in codecs:
            parameters = _with_plain_profile(codecs[payload_type][0], payload_type, given, profiles)
            lines += [write_fmtp(payload_type, parameters)] if parameters else []
    for line in section.lines:
        feedback = re.match(r"a=rtcp-fb:(\d{1,3}|\*)\s+(\S.*)$", line)
        if feedback is not None and (feedback[1] == "*" or int(feedback[1]) in codecs):
            lines.append(f"a=rtcp-fb:{feedback[1]} {feedback[2]}")
    # one that nobody can take stands for none
    return [str(each) for each in codecs] or ["0"], lines


def _with_plain_profile(
    name: str, payload_type: int, parameters: dict[str, str | None], profiles: dict[int, str]
) -> dict[str, str | None]:
    if name != "H264":
        return parameters
    offered = parameters.get("profile-level-id") or DEFAULT_PROFILE
    plain = plain_profile(offered)
    if plain is None:
        return parameters
    if plain[:4] != offered[:4].lower():
        profiles[payload_type] = offered[:4].lower()
    return {**parameters, "profile-level-id": plain}


def _extension_lines(section: MediaSection) -> list[str]:
    """Header extensions without attributes of their own, and none that RTP cannot carry."""
    lines = []
    for line in section.lines:
        match = _EXTMAP.match(line)
        if match is None or not 0 < int(match[1]) < 256:
            continue
        if match[3] == _MID_EXTENSION and len(section.mid or "") > CARRIED_MID:
            continue
        lines.append(f"a=extmap:{match[1]}{match[2] or ''} {match[3]}")
    return lines


def sctp_port(section: MediaSection) -> int | None:
    texts = [
        *section.values("sctp-port"),
        *(each.split()[0] for each in section.values("sctpmap") if each),
    ]
    texts += [each for each in section.formats if each.isdecimal()]
    ports = [int(each) for each in texts if each.isdecimal() and len(each) < 6]
    return next((port for port in ports if 0 < port < 65_536), None)
