"""The sections of an offer or an answer: which are served, and what stands for the others.

A section that cannot be served (a second one of a kind, an unknown kind, a codec that we have not,
port 0, outside the bundle) is answered with port 0, and the rest goes on (RFC 8829 5.3.1, 3264 6).
Of sound there may be two, one for each way: so go2rtc keeps microphone and loudspeaker apart.
Attributes that nobody here reads are left out, so that none of them can make a description
unusable. What all bundled sections share may stand in one of them, or in the session (RFC 9143 7).
Pure text in, pure text out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agent.errors import NoCommonCodec, UnusableDescription
from agent.webrtc.description.fmtp import DEFAULT_PROFILE, plain_profile, read_fmtp
from agent.webrtc.description.section_lines import (
    DIRECTIONS,
    MediaSection,
    plain_lines,
    plain_transport,
    sctp_port,
    session_lines,
    split,
)

KINDS = ("audio", "video", "application")
SAFE_HASHES = ("sha-256", "sha-384", "sha-512")
# what a section without a mid is called among ourselves, with its place; its answer has none either
NO_MID = "callbox-"
MAX_MID = 256  # characters
_TOKEN = re.compile(r"[!-~]+")
_ROLES = ("actpass", "active", "passive")
# RFC 8829 5.1.2 names those that are to be taken
_RTP = re.compile(r"((UDP|TCP)/(D?TLS)/)?RTP/S?AVPF?", re.I)


@dataclass(frozen=True, slots=True)
class Served:
    """A remote description as far as it is served.

    `lines` is the description with the served sections alone, `served` their places in the whole,
    `rejected` the lines that answer each of the others, by place. `tags` are the mids and the
    places of the sections whose candidates lead to the transport, the one that carries it first.
    `profiles` are H.264 profiles as they were offered, by payload type, where `lines` has another
    one for them; `protocols` those of the served sections, as they were offered. `max_bitrate` is
    in bit/s. `unnamed`: the section that carries the transport has no mid.
    """

    lines: list[str]
    served: tuple[int, ...]
    rejected: dict[int, list[str]]
    tags: dict[str, int]
    profiles: dict[int, str]
    max_bitrate: int | None
    unnamed: bool
    protocols: tuple[str, ...] = ()

    def complete(self, answer: str) -> str:
        """Our answer to `lines`, with every section of the offer in its place."""
        session, sections = split(answer.splitlines())
        places = {
            place: self._named([each.media_line(protocol), *each.lines[1:]])
            for place, each, protocol in zip(self.served, sections, self.protocols, strict=True)
        }
        places.update(self.rejected)
        if self.unnamed:
            session = [line for line in session if not line.startswith("a=group:BUNDLE")]
        body = [line for _, lines in sorted(places.items()) for line in lines]
        return "\r\n".join([*session, *body]) + "\r\n"

    def _named(self, lines: list[str]) -> list[str]:
        kept = [line for line in lines if not (self.unnamed and line.startswith(f"a=mid:{NO_MID}"))]
        return [self._with_offered_profile(line) for line in kept]

    def _with_offered_profile(self, line: str) -> str:
        read = read_fmtp(line)
        if read is None or read[0] not in self.profiles:
            return line
        offered = self.profiles[read[0]]
        return re.sub(r"(?i)profile-level-id=[0-9a-f]{4}", f"profile-level-id={offered}", line)


def serve_offer(lines: Sequence[str]) -> Served:
    """Choose what is served of an offer. Raises UnusableDescription or NoCommonCodec where nothing
    can be.

    Video that the remote peer wants to see, and no codec of it that we have, stays in: whoever
    reads the result says that there is no common codec.
    """
    session, sections = _named_sections(lines)
    nameless = [each for each in sections if each.mid is None]
    for each in nameless:
        each.lines.insert(1, f"a=mid:{NO_MID}{each.index}")
    default = next((line[2:] for line in session if line[2:] in DIRECTIONS), "sendrecv")
    bundle = bundled(session, sections, default)
    chosen = _choose(sections, bundle, default)
    _require_media(chosen, sections)
    tag = next(each for each in sections if each.mid == bundle[0])
    for each in nameless:
        if each not in chosen:
            each.lines.pop(1)
    return _served(session, sections, chosen, bundle, tag, default, unnamed=tag in nameless)


def serve_answer(lines: Sequence[str], offer: Sequence[str]) -> Served:
    """The same for an answer to our `offer`: what it rejects becomes inactive.

    Raises UnusableDescription where it is no answer to that offer, or takes nothing of it.
    """
    session, sections = _named_sections(lines)
    _, ours = split(offer)
    if len(sections) != len(ours):
        raise UnusableDescription("the answer has not as many media sections as the offer")
    unnamed = all(each.mid is None for each in sections)
    for each, own in zip(sections, ours, strict=True):
        if each.kind != own.kind or each.mid not in (None, own.mid):
            raise UnusableDescription(f"media section {each.index} does not answer the offer's")
        if each.mid is None:
            each.lines.insert(1, f"a=mid:{own.mid}")
    default = next((line[2:] for line in session if line[2:] in DIRECTIONS), "sendrecv")
    bundle = [each.mid or "" for each in ours]
    named = next(
        (line.split()[1:] for line in session if line.startswith("a=group:BUNDLE")), bundle
    )
    taken = [each for each in sections if each.mid in named and _servable(each, default)]
    if not taken:
        raise UnusableDescription("the answer rejects every media section")
    for each in taken:
        if each.kind != "application":
            _agree(ours[each.index], each, default)
    tag = next((each for each in taken if each.mid == named[0]), taken[0])
    filled = [
        each if each in taken else _inactive(own) for each, own in zip(sections, ours, strict=True)
    ]
    return _served(session, sections, filled, bundle, tag, default, unnamed=unnamed)


def _agree(own: MediaSection, answer: MediaSection, default: str) -> None:
    """Keep an answer to what the offer has (RFC 3264 6.1). Raises UnusableDescription where nothing
    of that is in it.
    """
    name = f"media section {answer.index} of the answer"
    if not has_codec(answer):
        raise UnusableDescription(f"{name} has no codec of the offer")
    offered, answered = own.direction("sendrecv"), answer.direction(default)
    sends = answered in ("sendrecv", "sendonly") and offered in ("sendrecv", "recvonly")
    receives = answered in ("sendrecv", "recvonly") and offered in ("sendrecv", "sendonly")
    agreed = DIRECTIONS[2 * (not sends) + (not receives)]
    if agreed == "inactive" != answered:
        raise UnusableDescription(f"{name} is {answered}, and the offer's {offered}")
    answer.lines = [line for line in answer.lines if line[2:] not in DIRECTIONS]
    answer.lines.append(f"a={agreed}")


def _inactive(own: MediaSection) -> MediaSection:
    """In the place of a section that was rejected: our own, sending nothing either way."""
    dropped = ("a=ice-", "a=fingerprint:", "a=setup:", "a=candidate:", "a=ssrc", "a=msid")
    kept = [
        line for line in own.lines if not line.startswith(dropped) and line[2:] not in DIRECTIONS
    ]
    return MediaSection(own.index, [*kept, "a=inactive"])


def _served(
    session: Sequence[str],
    sections: Sequence[MediaSection],
    chosen: Sequence[MediaSection],
    bundle: Sequence[str],
    tag: MediaSection,
    default: str,
    *,
    unnamed: bool,
) -> Served:
    if any(each.shares_port for each in sections if each.mid in bundle) and not tag.shares_port:
        # said of one, it holds for all that share the transport
        tag.lines.append("a=rtcp-mux")
    names = sorted((each.mid or "" for each in chosen), key=bundle.index)
    first = next(each for each in chosen if each.mid == names[0])
    profiles: dict[int, str] = {}
    body = [
        line
        for each in chosen
        for line in plain_lines(each, tag, session, profiles, each.direction(default))
    ]
    return Served(
        lines=[*session_lines(session), f"a=group:BUNDLE {' '.join(names)}", *body],
        served=tuple(each.index for each in chosen),
        rejected={
            each.index: rejection(each)
            for each in sections
            if each.index not in {served.index for served in chosen}
        },
        tags={each.mid or "": each.index for each in (first, tag)},
        profiles=profiles,
        max_bitrate=bandwidth(session, *(each.lines for each in chosen if each.kind == "video")),
        unnamed=unnamed,
        protocols=tuple(each.protocol for each in chosen),
    )


def _named_sections(lines: Sequence[str]) -> tuple[list[str], list[MediaSection]]:
    session, sections = split(plain_transport(lines))
    if not sections:
        raise UnusableDescription("the description has no media section")
    mids = [each.mid for each in sections if each.mid is not None]
    if len(set(mids)) != len(mids):
        raise UnusableDescription("two media sections have the same a=mid")
    return session, sections


def _require_media(chosen: Sequence[MediaSection], sections: Sequence[MediaSection]) -> None:
    wanted = [each for each in sections if each.kind in ("audio", "video") and each.port]
    if wanted and not any(each.kind in ("audio", "video") for each in chosen):
        raise NoCommonCodec("the offer has neither H.264 with packetization-mode 1 nor Opus")
    if not chosen:
        raise UnusableDescription("no media section can be served")


def bundled(session: Iterable[str], sections: Sequence[MediaSection], default: str) -> list[str]:
    """The mids that share one transport, the one that carries it first.

    There is a transport for each group, and for each section outside, and we have one: that of a
    group if it leads to anything, and the picture's before others.
    """
    known = {each.mid: each for each in sections}
    lines = (line.split() for line in session if line.startswith("a=group:BUNDLE"))
    groups = [names for line in lines if (names := [mid for mid in line[1:] if mid in known])]
    alone = [[each.mid or ""] for each in sections if not any(each.mid in of for of in groups)]
    kinds = {mid: each.kind for mid, each in known.items() if _servable(each, default)}

    def rank(names: list[str]) -> tuple[bool, bool, bool]:
        found = {kinds[mid] for mid in names if mid in kinds}
        return not found & {"audio", "video"}, names in alone, "video" not in found

    return min(groups + alone, key=rank)


def _choose(
    sections: Sequence[MediaSection], bundle: list[str], default: str
) -> list[MediaSection]:
    """At most one of each kind, in the order of the offer; of sound one for each way, where the
    remote peer keeps them apart.
    """
    found: dict[str, MediaSection] = {}
    servable = [each for each in sections if each.mid in bundle and _servable(each, default)]
    for each in servable:
        before = found.get(each.kind)
        # of two, the one by which the remote peer hears or sees us
        if before is None or (not _receives(before, default) and _receives(each, default)):
            found[each.kind] = each
    chosen = [*found.values(), *_other_way(found.get("audio"), servable, bundle[0], default)]
    return sorted(chosen, key=lambda each: each.index)


def _other_way(
    heard: MediaSection | None, servable: Sequence[MediaSection], first: str, default: str
) -> list[MediaSection]:
    """The section of the remote peer's own sound, beside the one in which it only hears us. None
    where the later of the two carries the transport: aiortc has no order for that.
    """
    if heard is None or heard.direction(default) != "recvonly":
        return []
    spoken = [
        each for each in servable if each.kind == "audio" and each.direction(default) == "sendonly"
    ]
    later = max((heard, *spoken[:1]), key=lambda each: each.index)
    return [] if later.mid == first else spoken[:1]


def _receives(section: MediaSection, default: str) -> bool:
    return section.direction(default) in ("sendrecv", "recvonly")


def _servable(section: MediaSection, default: str) -> bool:
    if section.kind not in KINDS or (section.port == 0 and not section.has("bundle-only")):
        return False
    if not 0 < len(section.mid or "") <= MAX_MID or not _TOKEN.fullmatch(section.mid or ""):
        return False
    if section.kind == "application":
        return "SCTP" in section.protocol.upper() and sctp_port(section) is not None
    if not _RTP.fullmatch(section.protocol):
        return False
    return has_codec(section) or (section.kind == "video" and _receives(section, default))


def has_codec(section: MediaSection) -> bool:
    """Whether it offers H.264 of a profile that we know in packetization-mode 1, or Opus."""
    fmtps = section.parameters()
    for payload_type, (codec, _) in section.codecs().items():
        if section.kind == "audio" and codec == "OPUS":
            return True
        parameters = fmtps.get(payload_type, {})
        profile = parameters.get("profile-level-id") or DEFAULT_PROFILE
        single = parameters.get("packetization-mode") != "1"
        if codec == "H264" and not single and plain_profile(profile) is not None:
            return True
    return False


def rejection(section: MediaSection) -> list[str]:
    """What answers a section that is not served (RFC 3264 6)."""
    formats = " ".join(section.formats) or "0"
    lines = [f"m={section.kind} 0 {section.protocol} {formats}", "c=IN IP4 0.0.0.0"]
    return [*lines, f"a=mid:{section.mid}"] if section.mid is not None else lines


def bandwidth(*levels: Iterable[str]) -> int | None:
    """The lowest `b=TIAS` (bit/s) or `b=AS` (kbit/s) of the session and of sections, each given by
    its lines, in bit/s (RFC 3890). That of the session holds for all of it, so for a part as well.
    """
    found = []
    for lines in levels:
        for line in lines:
            match = re.fullmatch(r"b=(TIAS|AS):\s*(\d{1,10})", line)
            if match is not None:
                found.append(int(match[2]) * (1000 if match[1] == "AS" else 1))
    return min((each for each in found if each > 0), default=None)


def check_roles(lines: Iterable[str]) -> None:
    """Refuse a description that names a role of DTLS which there is not (RFC 5763 5)."""
    for line in lines:
        if line.startswith("a=setup:") and line.removeprefix("a=setup:") not in _ROLES:
            raise UnusableDescription(f"{line} is none of {', '.join(_ROLES)}")


def check_fingerprints(lines: Iterable[str]) -> None:
    """Refuse a description whose only fingerprints are of a hash that is not safe (RFC 8122 5)."""
    hashes = {
        line.removeprefix("a=fingerprint:").split()[0].lower()
        for line in lines
        if line.startswith("a=fingerprint:") and line.removeprefix("a=fingerprint:").strip()
    }
    if hashes and not hashes & set(SAFE_HASHES):
        raise UnusableDescription(
            f"no fingerprint that is safe: {', '.join(sorted(hashes))} alone; sha-256 is needed"
        )
