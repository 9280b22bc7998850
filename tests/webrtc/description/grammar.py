"""A grammar of offers: BROWSER_OFFER with what RFC 8829, 8843, 8866, 6184 and 8839 let others write
in its place. Everything that is drawn asks for picture, sound and data, and must get them.
"""

from __future__ import annotations

import re

from hypothesis import strategies as st

from tests.webrtc.description.variants import AUDIO, DATA, HEAD, VIDEO
from tests.webrtc.offers import CANDIDATE

_TRANSPORT = re.compile(r"a=(?:ice-ufrag|ice-pwd|ice-options|fingerprint|setup):.*\r\n")
_HEX = ":".join(["AB"] * 64)
# lines that say nothing that we use, for any place
ANYWHERE = (
    "a=extmap-allow-mixed",
    "a=ice-options:trickle renomination ice2",
    "a=tool:callbox 1.0; (test)",
    "a=x-google-flag:conference",
    "a=X-vendor",
    "a=charset:UTF-8",
    "b=CT:10000",
    "b=X-YZ:128",
    "i=Küche\u00a0oben",
    "i=\x1b[1mdoor\x07",
    f"a=identity:{'e' * 5000}",
)
IN_THE_SESSION = (
    *ANYWHERE,
    "a=msid-semantic:WMS *",
    "a=msid-semantic: WMS 7f1c",
    "a=group:LS 0 1",
    "a=ice-pacing:50",
    "a=identity:eyJpZHAiOnt9fQ==",
    "b=AS:5000",
    "u=http://example.org/",
    "e=door@example.org",
    "r=7d 1h 0 25h",
    "c=IN IP6 ::",
    "a=recvonly",
)
IN_A_SECTION = (
    *ANYWHERE,
    "a=rtcp:9 IN IP4 0.0.0.0",
    "a=rtcp:9",
    "a=rtcp-rsize",
    "a=rtcp-mux-only",
    "a=msid:- 1",
    "a=msid:7f1c 9e-1",
    "a=msid:{7f1c} {9e}",
    "a=ssrc:1001 cname:x y",
    "a=ssrc:1001 msid:7f1c 9e",
    "a=ssrc:1002 cname:x",
    "a=ssrc:4294967295 label:z",
    "a=ssrc:1234 previous-ssrc",
    "a=ssrc-group:FID 1001 1002",
    "a=ssrc-group:SIM 1 2 3",
    "a=ssrc-group:FEC-FR 1 2",
    "a=ssrc:99999999999 cname:x",
    "a=msid:",
    "a=extmap:x y",
    "a=fingerprint:sha-1",
    "a=rid:1 send",
    "a=rid:hi send pt=102;max-width=1280",
    "a=simulcast:send 1;hi",
    "a=simulcast: send rid=1",
    "a=imageattr:* recv [x=640,y=480]",
    "a=framerate:30",
    "a=label:1",
    "a=content:main",
    "a=ptime:20",
    "a=maxptime:120",
    "a=quality:10",
    "a=fmtp:200 no-rtpmap=1",
    "a=rtcp-fb:* ccm tmmbr",
    "a=rtcp-fb:102 ack rpsi",
    "a=rtcp-fb:102 trr-int 100",
    "a=rtcp-fb:102",
    "a=rtcp-fb:999 nack",
    # described, and not listed
    "a=rtpmap:77 H264/90000",
    "a=rtpmap:125 H264/90000",
    "a=fmtp:125 packetization-mode=1;profile-level-id=42e01f",
    "a=rtpmap:124 opus/48000/2",
    "a=rtcp-xr:rcvr-rtt=all",
    "a=extmap:6/sendonly urn:3gpp:video-orientation",
    "a=extmap:14 urn:ietf:params:rtp-hdrext:toffset",
    "a=extmap:200 http://example.org/two-byte with=attributes",
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz",
    "a=tls-id:1234567890123456789012345",
    "a=candidate:1 1 tcp 1518280447 192.0.2.9 9 typ host tcptype active",
    "a=candidate:1 2 udp 2130706430 192.0.2.9 50001 typ host",
    "a=candidate:2 1 udp 1 a1b2c3d4-0000-4000-8000-000000000000.local 50001 typ host",
    "a=candidate:",
    "a=candidate:3 1 udp x fe80::1%eth0 50001 typ HOST raddr",
    "a=remote-candidates:1 192.0.2.1 9",
    "a=end-of-candidates",
    "b=AS:2000",
    "b=TIAS:2000000",
    "b=RR:0",
    "k=prompt",
)
# codecs that we have not, each with its number
FOREIGN_CODECS = (
    "a=rtpmap:35 AV1/90000\r\na=fmtp:35 level-idx=5;profile=0;tier=0\r\n",
    "a=rtpmap:36 H265/90000\r\na=fmtp:36 profile-id=1;tier-flag=0;level-id=93\r\n",
    "a=rtpmap:98 VP9/90000\r\na=fmtp:98 profile-id=0\r\n",
    "a=rtpmap:99 red/90000\r\na=rtpmap:100 rtx/90000\r\na=fmtp:100 apt=99;rtx-time=3000\r\n",
    "a=rtpmap:101 ulpfec/90000\r\n",
    "a=rtpmap:118 flexfec-03/90000\r\na=fmtp:118 repair-window=10000000\r\n",
    "a=rtpmap:119 H264-SVC/90000\r\na=fmtp:119 profile-level-id=53000c\r\n",
)
PROFILES = ("42001f", "42e01f", "42C01F", "42e00b", "42f00b", "42e009", "42e03e", "42401f",
            "4d001f", "4d401f", "4D0032", "4d801f", "58c01f", "640c1f", "64001f", "64003c",
            "640028")  # fmt: skip
PROTOCOLS = ("UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "TCP/DTLS/RTP/SAVPF", "TCP/DTLS/RTP/SAVP",
             "RTP/SAVPF", "RTP/SAVP", "RTP/AVPF", "RTP/AVP")  # fmt: skip
UNSERVED = (
    "m=text 9 RTP/AVP 98\r\na=mid:t1\r\na=rtpmap:98 t140/1000\r\n",
    "m=video 0 UDP/TLS/RTP/SAVPF 0\r\na=mid:t2\r\na=inactive\r\n",
    "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:t3\r\na=sendonly\r\na=rtcp-mux\r\n",
    "m=message 9 TCP/MSRP *\r\na=mid:t4\r\na=path:msrp://192.0.2.9:7654/x;tcp\r\n",
    "m=image 0 udptl t38\r\na=mid:t5\r\n",
    "m=x.y+z 9 UDP/TLS/RTP/SAVPF 98\r\na=mid:t6\r\n",
    "m=video 0 UDP/TLS/RTP/SAVPF 102\r\na=mid:t7\r\na=rtpmap:102 H264/90000\r\n"
    "a=fmtp:102 packetization-mode=1;profile-level-id=42e01f\r\n",
)


@st.composite
def offers(draw: st.DrawFn) -> str:
    mids = draw(
        st.lists(st.text("abcXYZ019-_.{}!~/+", min_size=1, max_size=40), min_size=3, max_size=3,
                 unique=True).filter(lambda mids: not any(mid.startswith("t") for mid in mids))
    )  # fmt: skip
    audio, video, data = (
        part.replace(f"a=mid:{old}\r\n", f"a=mid:{new}\r\n").replace(CANDIDATE + "\r\n", "")
        for part, old, new in zip((AUDIO, VIDEO, DATA), "012", mids, strict=True)
    )
    audio = draw(_protocol(draw(_audio(audio))))
    video = draw(_protocol(draw(_video(video))))
    sections = [draw(_noisy(part, IN_A_SECTION)) for part in (audio, video, draw(_data(data)))]
    sections = list(draw(st.permutations(sections)))
    if draw(st.booleans()):
        sections = [sections[0], *(_at_the_port_of_the_first(part) for part in sections[1:])]
    unserved = draw(st.lists(st.sampled_from(UNSERVED), max_size=2, unique=True))
    head = draw(_noisy(HEAD, IN_THE_SESSION))
    head, sections = draw(_placed_transport(head, sections))
    names = [_mid(part) for part in sections]
    # bundled or not, they cannot be served; the first of a group has to be what carries it
    names += [_mid(part) for part in unserved if draw(st.booleans())]
    for part in unserved:
        sections.insert(draw(st.integers(0, len(sections))), part)
    text = head.replace("BUNDLE 0 1 2", f"BUNDLE {' '.join(names)}") + "".join(sections)
    return text.replace("\r\n", draw(st.sampled_from(["\r\n", "\n", " \t\r\n", "\r\r\n"])))


def _at_the_port_of_the_first(section: str) -> str:
    return re.sub(r"^m=(\S+) 9 (.*)\r\n", r"m=\1 0 \2\r\na=bundle-only\r\n", section)


def _mid(section: str) -> str:
    found = re.search(r"a=mid:(\S+)", section)
    assert found is not None
    return found[1]


@st.composite
def _noisy(draw: st.DrawFn, part: str, lines: tuple[str, ...]) -> str:
    """With lines that say nothing to us, and some of its own in another order."""
    head, *own = part.strip().split("\r\n")
    first = 3 if head == "v=0" else 0
    fixed, own = own[:first], own[first:]
    extra = draw(st.lists(st.sampled_from(lines), max_size=6, unique=True))
    # of several directions the first would count
    extra = [each for each in extra if each != "a=recvonly" or head == "v=0"]
    mixed = draw(st.permutations([*own, *extra])) if draw(st.booleans()) else [*extra, *own]
    text = "\r\n".join([head, *fixed, *mixed]) + "\r\n"
    return text.replace("a=extmap:4 ", f"a=extmap:{draw(st.sampled_from([4, 15, 255]))} ")


@st.composite
def _audio(draw: st.DrawFn, part: str) -> str:
    opus = draw(st.sampled_from(["opus/48000/2", "OPUS/48000/2", "Opus/48000/2"]))
    fmtp = draw(
        st.sampled_from(
            ["minptime=10;useinbandfec=1", "", "stereo=1; sprop-stereo=1", "cbr=0;usedtx=1;",
             "maxplaybackrate=16000; maxaveragebitrate=20000 ;x-unknown"]
        )
    )  # fmt: skip
    line = f"a=fmtp:111 {fmtp}\r\n" if fmtp else ""
    part = part.replace("opus/48000/2", opus)
    part = re.sub(r"a=fmtp:111 .*\r\n", lambda _: line, part)
    number = draw(st.sampled_from(["111", "127", "45"]))
    part = part.replace(":111 ", f":{number} ").replace("111 9", f"{number} 9")
    if draw(st.booleans()):
        part = part.replace(f"{number} 9", f"{number} 63 9 0 8 13 126")
        part += f"a=rtpmap:63 red/48000/2\r\na=fmtp:63 {number}/{number}\r\n"
        part += "a=rtpmap:0 PCMU/8000\r\n"
        part += "a=rtpmap:126 telephone-event/8000\r\na=fmtp:126 0-15\r\na=rtpmap:13 CN/8000\r\n"
    return part


@st.composite
def _video(draw: st.DrawFn, part: str) -> str:
    """One or more entries of H.264, in whatever spelling, among other codecs."""
    part = re.sub(r"a=(rtpmap|fmtp|rtcp-fb):.*\r\n", "", part)
    foreign = draw(st.lists(st.sampled_from(FOREIGN_CODECS), max_size=3, unique=True))
    codecs, formats = list(foreign), [re.findall(r"rtpmap:(\d+)", each) for each in foreign]
    profiles = draw(st.lists(st.sampled_from(PROFILES), min_size=1, max_size=3, unique=True))
    first = draw(st.sampled_from([102, 104, 40, 56]))
    for number, profile in zip(range(first, first + 6, 2), profiles, strict=False):
        codecs.append(draw(_h264(number, profile)))
        formats.append([str(number), str(number + 1)])
    order = draw(st.permutations(range(len(codecs))))
    listed = " ".join(each for at in order for each in formats[at])
    part = re.sub(r"SAVPF .*\r\n", f"SAVPF {listed}\r\n", part)
    return part + "".join(codecs[at] for at in order)


@st.composite
def _h264(draw: st.DrawFn, number: int, profile: str) -> str:
    words = [
        draw(st.sampled_from(["packetization-mode=1", "Packetization-Mode=1"])),
        f"{draw(st.sampled_from(['profile-level-id', 'PROFILE-LEVEL-ID']))}={profile}",
        *draw(
            st.lists(
                st.sampled_from(
                    ["level-asymmetry-allowed=1", "max-fs=8192", "max-mbps=244800", "max-br=2500",
                     "max-smbps=1000", "max-dpb=4", "sprop-parameter-sets=Z0LAHtoBQBbs,aM4G8g==",
                     "x-google-start-bitrate=1000", "use-level-src-parameter-sets=0", "in-band"]
                ),
                max_size=4, unique=True,
            )
        ),
    ]  # fmt: skip
    words = list(draw(st.permutations(words)))
    gap = draw(st.sampled_from([";", "; ", " ;", ";\t", ";;"]))
    name = draw(st.sampled_from(["H264", "h264"]))
    lines = [
        f"a=rtpmap:{number} {name}/90000",
        *(f"a=rtcp-fb:{draw(st.sampled_from([number, '*']))} {each}"
          for each in draw(st.lists(st.sampled_from(
              ["nack", "nack pli", "ccm fir", "goog-remb", "transport-cc"]), unique=True))),
        f"a=rtpmap:{number + 1} rtx/90000",
        f"a=fmtp:{number + 1} apt={number}",
    ]  # fmt: skip
    if draw(st.booleans()):
        lines.append(f"a=fmtp:{number} {gap.join(words)}{draw(st.sampled_from(['', ';', ' ; ']))}")
    else:
        # a line for each parameter
        lines += [f"a=fmtp:{number} {each}" for each in words]
    return "".join(f"{each}\r\n" for each in draw(st.permutations(lines)))


@st.composite
def _protocol(draw: st.DrawFn, part: str) -> str:
    return part.replace("UDP/TLS/RTP/SAVPF", draw(st.sampled_from(PROTOCOLS)), 1)


@st.composite
def _data(draw: st.DrawFn, part: str) -> str:
    head, port = draw(
        st.sampled_from(
            [
                ("UDP/DTLS/SCTP webrtc-datachannel", "a=sctp-port:5000"),
                ("TCP/DTLS/SCTP webrtc-datachannel", "a=sctp-port:5001"),
                ("udp/dtls/sctp webrtc-datachannel", "a=sctp-port:5000"),
                ("DTLS/SCTP 5000", "a=sctpmap:5000 webrtc-datachannel 1024"),
                ("UDP/DTLS/SCTP webrtc-datachannel", "a=sctpmap:5000 webrtc-datachannel 256"),
            ]
        )
    )
    size = draw(st.sampled_from(["", "a=max-message-size:0\r\n", "a=max-message-size:65536\r\n"]))
    part = re.sub(r"a=max-message-size.*\r\n", lambda _: size, part)
    part = part.replace("UDP/DTLS/SCTP webrtc-datachannel", head)
    return part.replace("a=sctp-port:5000", port)


@st.composite
def _placed_transport(draw: st.DrawFn, head: str, sections: list[str]) -> tuple[str, list[str]]:
    """What all share: in each section, in the first, or in the session."""
    setup = draw(st.sampled_from(["actpass", "active", "passive", "ACTPASS", "Passive"]))
    sha = draw(st.sampled_from(["sha-256", "SHA-256"]))
    sections = [
        each.replace("a=setup:actpass", f"a=setup:{setup}").replace("sha-256", sha)
        for each in sections
    ]
    lines = "".join(dict.fromkeys(_TRANSPORT.findall(sections[0])))
    if draw(st.booleans()):
        more = f"a=fingerprint:{draw(st.sampled_from(['sha-512', 'sha-1', 'md5']))} {_HEX}\r\n"
        sections[0] += more
        lines += more
    place = draw(st.sampled_from(["everywhere", "first", "first with rtcp-mux", "session"]))
    if draw(st.booleans()):
        last = max(at for at, each in enumerate(sections) if "a=rtcp-mux\r\n" in each)
        sections = [
            each if at in (0, last) else each.replace("a=rtcp-mux\r\n", "")
            for at, each in enumerate(sections)
        ]
    if place == "everywhere":
        return head, sections
    bare = [_TRANSPORT.sub("", each) for each in sections]
    if place == "session":
        return head + lines + draw(st.sampled_from(["", "a=ice-lite\r\n"])), bare
    if place == "first with rtcp-mux" and "m=application" not in sections[0]:
        bare = [each.replace("a=rtcp-mux\r\n", "") for each in bare]
    return head, [sections[0], *bare[1:]]
