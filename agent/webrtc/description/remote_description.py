"""Session descriptions of strangers: refused with a clear text, or cleaned so that aiortc can take
them.

aiortc trusts what it parses: a missing direction, a port of 99999 or a BUNDLE group that names
nothing breaks it later, in a task of its own. So everything is judged here, before a transport is
made (RFC 8866, 8829, 8839).
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from aiortc.rtcicetransport import RTCIceCandidate
from aiortc.sdp import MediaDescription, SessionDescription, candidate_from_sdp

from agent.errors import UnusableDescription
from agent.webrtc.description.fmtp import read_parameter_sets
from agent.webrtc.description.sections import (
    Served,
    check_fingerprints,
    check_roles,
    serve_answer,
    serve_offer,
)
from agent.webrtc.internals import is_mdns_name

MAX_DESCRIPTION_SIZE = 64 * 1024  # characters
# a browser's offer has 100 to 300, and 90 more for each further picture
MAX_LINES = 1600
MAX_CANDIDATES = 20
# in a section: as many as there are payload types
MAX_CODECS = 128
MAX_LINE_LENGTH = 4096
END_OF_CANDIDATES = "a=end-of-candidates"

_CANDIDATE = "a=candidate:"
_CANDIDATE_TYPES = ("host", "srflx", "relay")
# up to the type
_CANDIDATE_FIELDS = 8
_CREDENTIAL = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class RemoteDescription:
    """A description that aiortc can take. `sdp` is without candidates; those that can be used stand
    in `candidates`.

    `media` is in the order of the description, without sections that are not served; its first one
    named by BUNDLE carries the transport of all. `served` knows the rest.
    """

    sdp: str
    media: tuple[MediaDescription, ...]
    primary: MediaDescription
    candidates: tuple[RTCIceCandidate, ...]
    end_of_candidates: bool
    served: Served
    # with a `.local` name in place of an address
    hidden: tuple[RTCIceCandidate, ...] = ()

    @property
    def mid(self) -> str | None:
        """Of the section that carries the transport, as candidates of ours name it."""
        return None if self.served.unnamed else self.primary.rtp.muxId

    @property
    def index(self) -> int:
        """The place of that section in the whole description."""
        return self.served.tags[self.primary.rtp.muxId]

    def find(self, kind: str) -> MediaDescription | None:
        return next((media for media in self.media if media.kind == kind), None)

    def way_of(self, section: MediaDescription) -> str | None:
        """The direction of a section beside which another one has the other way; None of any
        other.
        """
        of_its_kind = [media for media in self.media if media.kind == section.kind]
        return section.direction if len(of_its_kind) > 1 else None

    @property
    def parameter_sets(self) -> bytes:
        """Of the video that the remote peer sends, where it names them here; Annex B."""
        video = self.find("video")
        values = (
            (each.parameters.get("sprop-parameter-sets") for each in video.rtp.codecs)
            if (video is not None)
            else ()
        )
        return b"".join(read_parameter_sets(each) for each in values if isinstance(each, str))

    def carries(self, mid: str | None, index: int | None) -> bool:
        """Whether a trickled candidate for this media is one for the transport that all share."""
        if not mid or self.served.unnamed:
            return index is None or index in self.served.tags.values()
        return mid in self.served.tags


def read_offer(text: str) -> RemoteDescription:
    """Judge and clean an offer. Raises UnusableDescription or NoCommonCodec, which say what is
    wrong.
    """
    lines = _checked_lines(text)
    return _read(lines, serve_offer(lines))


def read_answer(text: str, offer: str) -> RemoteDescription:
    """The same for an answer to our `offer`. Raises UnusableDescription."""
    lines = _checked_lines(text)
    return _read(lines, serve_answer(lines, offer.splitlines()))


def _read(lines: list[str], served: Served) -> RemoteDescription:
    check_fingerprints(served.lines)
    check_roles(served.lines)
    sdp = "\r\n".join(served.lines) + "\r\n"
    description = _parse(sdp)
    media = tuple(description.media)
    for section in media:
        _check_section(section)
    primary = _primary(description)
    candidates, ended = _candidates_of(lines, served)
    sections = _sections(lines)
    named = {line for at in served.tags.values() for line in sections[at] if ".local" in line}
    hidden = tuple(found for line in sorted(named) if (found := read_hidden(line)) is not None)
    return RemoteDescription(sdp, media, primary, candidates, ended, served, hidden)


def read_candidate(text: str) -> RTCIceCandidate | None:
    """A candidate that can be paired: component 1, UDP, a numeric address. None for any other, also
    `.local`.
    """
    candidate = _usable_candidate(text)
    if candidate is None:
        return None
    try:
        address = ipaddress.ip_address(candidate.ip)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    if address.is_unspecified or address.is_multicast or "%" in str(address):
        return None
    candidate.ip = str(address)
    return candidate


def read_hidden(text: str) -> RTCIceCandidate | None:
    """The same with a `.local` name in place of its address, as browsers hide it."""
    candidate = _usable_candidate(text)
    return candidate if candidate is not None and is_mdns_name(candidate.ip) else None


def _usable_candidate(text: str) -> RTCIceCandidate | None:
    """One of UDP and component 1, whatever its address."""
    fields = text.strip().removeprefix("a=").removeprefix("candidate:").split()
    try:
        # what follows is of no use here, and may be anything (RFC 8839 5.1)
        candidate = candidate_from_sdp(" ".join(fields[:_CANDIDATE_FIELDS]))
    except (AssertionError, ValueError):
        return None
    candidate.type = candidate.type.lower()
    usable = (
        candidate.component == 1
        and candidate.protocol.lower() == "udp"
        and candidate.type in _CANDIDATE_TYPES
        and 0 < candidate.port < 65_536
        and 0 < candidate.priority < 1 << 32
    )
    return candidate if usable else None


def session_end(lines: list[str]) -> int:
    return next((at for at, line in enumerate(lines) if line.startswith("m=")), len(lines))


def _checked_lines(text: str) -> list[str]:
    if len(text) > MAX_DESCRIPTION_SIZE:
        raise UnusableDescription(
            f"the description is longer than {MAX_DESCRIPTION_SIZE} characters"
        )
    if "\0" in text:
        raise UnusableDescription("the description holds control characters")
    # tabs, blanks of other scripts, and what else would end a line for some parsers
    text = "".join(each if each.isprintable() or each in "\r\n" else " " for each in text)
    lines = [line.strip() for line in re.split(r"\r\n|\n|\r", text) if line.strip()]
    # identities, of which nobody here reads any (RFC 8827 5)
    lines = [line for line in lines if len(line) <= MAX_LINE_LENGTH or not line.startswith("a=")]
    if not lines or lines[0] != "v=0":
        raise UnusableDescription("the description does not start with v=0")
    if len(lines) > MAX_LINES:
        raise UnusableDescription(f"the description has more than {MAX_LINES} lines")
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE_LENGTH or not re.match(r"[a-z]=", line):
            raise UnusableDescription(f"line {number} is not a line of a session description")
    # the parser gives every feedback line to every codec, and searches them for every parameter
    for section in _sections(lines):
        if sum(line.startswith("a=rtpmap:") for line in section) > MAX_CODECS:
            raise UnusableDescription(f"a media section has more than {MAX_CODECS} codecs")
    return lines


def _sections(lines: list[str]) -> list[list[str]]:
    sections: list[list[str]] = []
    for line in lines[session_end(lines) :]:
        if line.startswith("m="):
            sections.append([])
        sections[-1].append(line)
    return sections


def _parse(sdp: str) -> SessionDescription:
    try:
        return SessionDescription.parse(sdp)
    except Exception as error:  # noqa: BLE001 - the parser has no error of its own: whatever its code met comes out
        raise UnusableDescription(
            f"the description cannot be parsed ({type(error).__name__}: {error})"
        ) from None


def _check_section(media: MediaDescription) -> None:
    name = f"media section {media.rtp.muxId or '?'!r}"
    ufrag, password = (
        (media.ice.usernameFragment, media.ice.password) if media.ice is not None else (None, None)
    )
    for part, value, shortest in (("ufrag", ufrag, 4), ("pwd", password, 22)):
        if not value or not shortest <= len(value) <= 256 or not _CREDENTIAL.fullmatch(value):
            raise UnusableDescription(f"{name} has no usable a=ice-{part}")
    if media.dtls is None or not media.dtls.fingerprints:
        raise UnusableDescription(f"{name} has no DTLS fingerprint or no a=setup")
    if media.kind != "application":
        _check_rtp_section(name, media)


def _check_rtp_section(name: str, media: MediaDescription) -> None:
    if not media.rtcp_mux:
        raise UnusableDescription(f"{name} has no a=rtcp-mux")
    if any(
        codec.payloadType is None or not 0 <= codec.payloadType < 128 for codec in media.rtp.codecs
    ):
        raise UnusableDescription(f"{name} has a payload type that RTP cannot carry")


def _primary(description: SessionDescription) -> MediaDescription:
    """The section that carries the transport of all (RFC 9143)."""
    bundle = next(group for group in description.group if group.semantic == "BUNDLE")
    return next(media for media in description.media if media.rtp.muxId == bundle.items[0])


def _candidates_of(lines: list[str], served: Served) -> tuple[tuple[RTCIceCandidate, ...], bool]:
    """Of the sections that lead to the transport, those that can be used; too many are left out."""
    sections = _sections(lines)
    found: dict[str, RTCIceCandidate] = {}
    ended = END_OF_CANDIDATES in lines[: session_end(lines)]
    for number, index in enumerate(served.tags.values()):
        for line in sections[index]:
            candidate = read_candidate(line) if line.startswith(_CANDIDATE) else None
            if candidate is not None and len(found) < MAX_CANDIDATES:
                found.setdefault(line, candidate)
        ended |= number == 0 and END_OF_CANDIDATES in sections[index]
    return tuple(found.values()), ended
