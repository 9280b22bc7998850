"""Offers as other software writes them, each one change away from BROWSER_OFFER."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.webrtc.offers import BROWSER_OFFER, CANDIDATE, without_video

LONG_MID = "8e7a5c0e-8f7e-4a4f-9d3c-0f3f0b1c2d3e"
HEAD, AUDIO, VIDEO, DATA = re.split(r"(?=m=)", BROWSER_OFFER)
ALL = ("audio", "video", "application")
_TRANSPORT = r"a=(ice-ufrag|ice-pwd|ice-options|fingerprint|setup):.*\r\n"
_TRANSPORT_LINE = r"a=(?:ice-ufrag|ice-pwd|fingerprint|setup):.*\r\n"


@dataclass(frozen=True, slots=True)
class Variant:
    """An offer, the kinds of media that are served of it, and how many sections the answer has."""

    name: str
    sdp: str
    served: tuple[str, ...] = ALL
    sections: int = 3

    def __str__(self) -> str:
        return self.name


def with_h264(*fmtps: str) -> str:
    """The browser's offer with these entries of H.264 alone."""
    entries = ""
    for number, fmtp in enumerate(fmtps, 102):
        entries += f"a=rtpmap:{number} H264/90000\r\na=fmtp:{number} {fmtp}\r\n"
    kept = re.sub(r"a=(rtpmap|fmtp|rtcp-fb):.*\r\n", "", VIDEO)
    formats = " ".join(str(102 + number) for number in range(len(fmtps)))
    return HEAD + AUDIO + re.sub(r"SAVPF .*\r\n", f"SAVPF {formats}\r\n", kept) + entries + DATA


def h264(profile_level_id: str) -> str:
    return with_h264(
        f"level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={profile_level_id}"
    )


def change(pattern: str, new: str, text: str = BROWSER_OFFER) -> str:
    changed = text.replace(pattern, new)
    assert changed != text, pattern
    return changed


def _in_the_session() -> str:
    found = "".join(re.findall(r"a=(?:ice-ufrag|ice-pwd|fingerprint|setup):.*\r\n", AUDIO))
    body = re.sub(r"a=(ice-ufrag|ice-pwd|fingerprint|setup):.*\r\n", "", AUDIO + VIDEO + DATA)
    return HEAD + found + body


def _g711() -> str:
    audio = re.sub(r"a=(rtpmap|fmtp|rtcp-fb).*\r\n", "", AUDIO).replace("111 9", "0 8")
    return HEAD + audio + "a=rtpmap:0 PCMU/8000\r\n" + VIDEO + DATA


def _two_audio() -> str:
    second = AUDIO.replace("a=mid:0", "a=mid:3").replace("a=sendrecv", "a=sendonly")
    whole = BROWSER_OFFER + second.replace(CANDIDATE + "\r\n", "")
    return whole.replace("BUNDLE 0 1 2", "BUNDLE 0 1 2 3")


def _many_candidates() -> str:
    lines = "".join(
        f"a=candidate:{i} 1 {'udp' if i % 2 else 'tcp'} 1 192.0.2.{i} 5000{i} typ host\r\n"
        for i in range(1, 9)
    )
    sections = (each.replace(CANDIDATE + "\r\n", "") + lines for each in (AUDIO, VIDEO, DATA))
    return HEAD + "".join(sections)


_ONLY_SENT = re.sub(r"a=(rtpmap|fmtp|rtcp-fb):(102|103|104).*\r\n", "", BROWSER_OFFER)
_TEXT = "m=text 9 RTP/AVP 98\r\nc=IN IP4 0.0.0.0\r\na=mid:9\r\na=rtpmap:98 t140/1000\r\n"
_ALONE = re.sub(r"a=group.*\r\n", "", without_video()).split("m=application")[0]

VARIANTS = (
    Variant("plain", BROWSER_OFFER),
    Variant("extmap_with_attributes", change("hdrext:sdes:mid", "hdrext:sdes:mid foo=1")),
    Variant("extmap_that_rtp_cannot_carry", change("a=extmap:4 ", "a=extmap:4096 ")),
    Variant("fmtp_without_rtpmap", change("a=rtpmap:9 G722/8000", "a=fmtp:9 x=1")),
    Variant("ssrc_without_a_value", change("a=mid:1", "a=mid:1\r\na=ssrc:1234 previous-ssrc")),
    Variant("level_6_0", h264("42e03c")),
    Variant("level_6_2", h264("42e03e")),
    Variant("level_1b_by_constraint", h264("42f00b")),
    Variant("level_1b_by_number", h264("42e009")),
    Variant("constrained_high", h264("640c1f")),
    Variant("high", h264("64001f")),
    Variant("upper_case_profile", h264("42E01F")),
    Variant("no_level_asymmetry", with_h264("packetization-mode=1;profile-level-id=42e01f")),
    Variant("no_profile", with_h264("packetization-mode=1")),
    Variant(
        "both_packetization_modes",
        with_h264(
            "packetization-mode=0;profile-level-id=42e01f",
            "packetization-mode=1;profile-level-id=42e01f",
        ),
    ),
    Variant("spaces_in_fmtp", change(";p", "; p")),
    Variant("tabs_in_fmtp", change(";p", ";\tp")),
    Variant("two_spaces_after_the_type", change("a=fmtp:102 ", "a=fmtp:102  ")),
    Variant("trailing_semicolon", change("id=42e01f", "id=42e01f;")),
    Variant("upper_case_parameters", change("packetization-mode", "Packetization-Mode")),
    Variant("small_letters", change("H264/90000", "h264/90000")),
    Variant(
        "long_mid", change("BUNDLE 0 1", f"BUNDLE 0 {LONG_MID}").replace("mid:1", f"mid:{LONG_MID}")
    ),
    Variant(
        "dtls_sctp_with_sctpmap",
        change("UDP/DTLS/SCTP webrtc-datachannel", "DTLS/SCTP 5000").replace(
            "a=sctp-port:5000", "a=sctpmap:5000 webrtc-datachannel 1024"
        ),
    ),
    Variant(
        "udp_dtls_sctp_with_sctpmap",
        change("a=sctp-port:5000", "a=sctpmap:5000 webrtc-datachannel 1024"),
    ),
    Variant("tcp_dtls_sctp", change("UDP/DTLS/SCTP", "TCP/DTLS/SCTP")),
    Variant(
        "sha_512_beside_sha_256",
        change("a=setup", f"a=fingerprint:sha-512 {':'.join(['AB'] * 64)}\r\na=setup"),
    ),
    Variant("one_section_without_mid", change("a=mid:0\r\n", "", _ALONE), ("audio",), 1),
    Variant(
        "transport_in_the_first_section",
        HEAD + AUDIO + re.sub(_TRANSPORT, "", VIDEO) + re.sub(_TRANSPORT, "", DATA),
    ),
    Variant(
        "transport_and_rtcp_mux_in_the_first_section",
        HEAD + AUDIO + re.sub(_TRANSPORT + r"|a=rtcp-mux\r\n", "", VIDEO + DATA),
    ),
    Variant("transport_in_the_session", _in_the_session()),
    Variant("g711_alone", _g711(), ("video", "application")),
    Variant(
        "vp8_that_is_only_sent",
        change("a=recvonly", "a=sendonly", _ONLY_SENT).replace("96 97 102 103 104", "96 97"),
        ("audio", "application"),
    ),
    Variant(
        "vp8_inactive",
        change("a=recvonly", "a=inactive", _ONLY_SENT).replace("96 97 102 103 104", "96 97"),
        ("audio", "application"),
    ),
    Variant("two_audio_sections", _two_audio(), ALL, 4),
    Variant("unknown_kind", BROWSER_OFFER + _TEXT, ALL, 4),
    Variant(
        "rejected_video_outside_the_bundle",
        change("BUNDLE 0 1 2", "BUNDLE 0 2").replace("m=video 9", "m=video 0"),
        ("audio", "application"),
    ),
    Variant(
        "bundle_only",
        change("m=video 9", "m=video 0").replace("a=mid:1", "a=mid:1\r\na=bundle-only"),
    ),
    Variant("many_candidates", _many_candidates()),
    Variant("bandwidth_lines", change("a=mid:1", "b=AS:300\r\na=mid:1")),
    Variant("line_feeds_alone", BROWSER_OFFER.replace("\r\n", "\n")),
    Variant("unknown_attribute", change("a=mid:1", "a=mid:1\r\na=x-vendor:anything; 1")),
    Variant("name_in_utf_8", change("s=-", "s=Haustür")),
    Variant("rtcp_mux_only", change("a=rtcp-mux\r\n", "a=rtcp-mux\r\na=rtcp-mux-only\r\n")),
    Variant(
        "simulcast",
        change("a=mid:1", "a=mid:1\r\na=rid:h send\r\na=rid:l send\r\na=simulcast:send h;l"),
    ),
    Variant("without_feedback_profile", change("SAVPF", "SAVP")),
    Variant("old_profile", change("UDP/TLS/RTP/SAVPF", "RTP/SAVPF")),
    Variant("oldest_profile", change("UDP/TLS/RTP/SAVPF", "RTP/AVP")),
    Variant(
        "payload_types_below_96",
        change(":102 ", ":39 ")
        .replace("97 102", "97 39")
        .replace("apt=102", "apt=39")
        .replace(":111 ", ":45 ")
        .replace("111 9", "45 9"),
    ),
    Variant(
        "payload_type_that_looks_like_rtcp",
        change(":111 ", ":72 ").replace("111 9", "72 9"),
        ("video", "application"),
    ),
    Variant("opus_without_channels", change("opus/48000/2", "opus/48000")),
    Variant("only_the_last_codec_is_listed", change("97 102 103 104", "104")),
    Variant("opus_is_not_listed", change("111 9", "9"), ("video", "application")),
    Variant(
        "h264_that_is_only_sent_is_not_listed",
        change("a=recvonly", "a=sendonly", change(" 102 103 104", "")),
        ("audio", "application"),
    ),
    Variant(
        "only_the_last_of_several_fits",
        with_h264(
            "packetization-mode=0;profile-level-id=42e01f",
            "packetization-mode=1;profile-level-id=6e001f",
            "packetization-mode=2;profile-level-id=42e01f",
            "packetization-mode=1;profile-level-id=nobody",
            "packetization-mode=1;profile-level-id=42e01f",
        ),
    ),
    Variant("fmtp_in_two_lines", change(";profile", "\r\na=fmtp:102 profile")),
    Variant("main_with_a_constraint_flag", h264("4d401f")),
    Variant("extended_that_is_baseline", h264("58a01f")),
    Variant("roles_in_capitals", change("a=setup:actpass", "a=setup:ACTPASS")),
    Variant(
        "fingerprints_that_are_none",
        change("a=setup", "a=fingerprint:sha-1\r\na=fingerprint:sha-512 AB CD\r\na=setup"),
    ),
    Variant("data_in_small_letters", change("UDP/DTLS/SCTP", "udp/dtls/sctp")),
    Variant("media_in_small_letters", change("UDP/TLS/RTP/SAVPF", "udp/tls/rtp/savpf")),
    Variant("kind_of_other_letters", BROWSER_OFFER + change("m=text", "m=x.y+z", _TEXT), ALL, 4),
    Variant("rtcp_mux_only_alone", change("a=rtcp-mux\r\n", "a=rtcp-mux-only\r\n")),
    Variant(
        "rtcp_mux_in_the_second_section", HEAD + change("a=rtcp-mux\r\n", "", AUDIO) + VIDEO + DATA
    ),
    Variant("control_characters", change("s=-", "s=\x1b[1mdoor\x07\x0b")),
    Variant("blanks_at_the_ends", BROWSER_OFFER.replace("\r\n", " \t\r\n")),
    Variant("carriage_returns_doubled", BROWSER_OFFER.replace("\r\n", "\r\r\n")),
    Variant("mark_of_the_byte_order", "\ufeff" + BROWSER_OFFER),
    Variant("long_identity", change("t=0 0", f"t=0 0\r\na=identity:{'e' * 5000}")),
    Variant("two_bytes_headers", change("a=extmap:4 ", "a=extmap:255 ")),
    Variant("group_of_lips", change("a=group:BUNDLE", "a=group:LS 0 1\r\na=group:BUNDLE")),
    Variant("bundle_of_more_than_there_is", change("BUNDLE 0 1 2", "BUNDLE 7  0 1 2 0 8")),
    Variant(
        "all_but_the_first_at_its_port",
        change("m=video 9", "m=video 0")
        .replace("m=application 9", "m=application 0")
        .replace("a=mid:1", "a=mid:1\r\na=bundle-only")
        .replace("a=mid:2", "a=mid:2\r\na=bundle-only"),
    ),
    Variant(
        "bundle_only_outside_the_bundle",
        change("BUNDLE 0 1 2", "BUNDLE 0 2")
        .replace("m=video 9", "m=video 0")
        .replace("a=mid:1", "a=mid:1\r\na=bundle-only"),
        ("audio", "application"),
    ),
    Variant(
        "first_of_the_bundle_is_rejected",
        HEAD
        + change("m=audio 9", "m=audio 0", AUDIO)
        + re.sub(_TRANSPORT, "", VIDEO)
        + re.sub(_TRANSPORT, "", DATA),
        ("video", "application"),
    ),
    Variant("session_of_one_line", re.sub(r"(?m)^[ost]=.*\r\n", "", BROWSER_OFFER)),
    Variant("blanks_of_other_scripts", change("s=-", "s=Haust\u00fcr\u00a0oben\u2028")),
    Variant("tab_in_the_name", change("s=-", "s=Front\tdoor")),
    Variant("no_mid_anywhere", re.sub(r"a=(mid|group):.*\r\n", "", BROWSER_OFFER), ("video",)),
    Variant(
        "two_bundles",
        change("a=group:BUNDLE 0 1 2", "a=group:BUNDLE 0\r\na=group:BUNDLE 1 2"),
        ("video", "application"),
    ),
    Variant(
        "bundle_whose_first_is_not_served",
        change("BUNDLE 0 1 2", "BUNDLE 9 0 1 2")
        + _TEXT.replace("a=mid:9", "a=mid:9\r\n" + "".join(re.findall(_TRANSPORT_LINE, AUDIO))),
        ALL,
        4,
    ),
    Variant(
        "packetization_mode_0_that_is_only_sent",
        change("a=recvonly", "a=sendonly", with_h264("profile-level-id=42e01f")),
        ("audio", "application"),
    ),
    Variant(
        "high_10_that_is_only_sent",
        change("a=recvonly", "a=sendonly", h264("6e001f")),
        ("audio", "application"),
    ),
)
