"""Descriptions as far sides write them. Addresses are of documentation ranges; nothing answers
there.
"""

from __future__ import annotations

import re

_COMMON = """c=IN IP4 0.0.0.0
a=ice-ufrag:x1Yz
a=ice-pwd:0123456789abcdefghijklmn
a=ice-options:trickle
a=fingerprint:sha-256 01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF
a=setup:actpass"""

CANDIDATE = "a=candidate:1 1 udp 2130706431 192.0.2.9 50000 typ host generation 0"

# Shaped like a browser's: sound both ways, video to the browser, a data channel.
BROWSER_OFFER = f"""v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1 2
a=msid-semantic: WMS
m=audio 9 UDP/TLS/RTP/SAVPF 111 9
{_COMMON}
a=mid:0
{CANDIDATE}
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=sendrecv
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:9 G722/8000
m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 104
{_COMMON}
a=mid:1
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
a=recvonly
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 nack pli
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:102 H264/90000
a=rtcp-fb:102 goog-remb
a=rtcp-fb:102 nack
a=rtcp-fb:102 nack pli
a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f
a=rtpmap:103 rtx/90000
a=fmtp:103 apt=102
a=rtpmap:104 H264/90000
a=fmtp:104 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
{_COMMON}
a=mid:2
a=sctp-port:5000
a=max-message-size:262144
""".replace("\n", "\r\n")


def candidate_line(number: int) -> str:
    return f"a=candidate:{number} 1 udp 2130706431 198.51.100.{number} 50000 typ host"


def with_candidates(count: int) -> str:
    """BROWSER_OFFER with as many candidates."""
    lines = "\r\n".join(candidate_line(number) for number in range(1, count + 1))
    return BROWSER_OFFER.replace(CANDIDATE, lines)


def without_video(sdp: str = BROWSER_OFFER) -> str:
    head, rest = sdp.split("m=video", 1)
    return (head + "m=application" + rest.split("m=application", 1)[1]).replace(
        "BUNDLE 0 1 2", "BUNDLE 0 2"
    )


def with_video_codecs(*codecs: str) -> str:
    """BROWSER_OFFER with only these lines of video codecs."""
    head, rest = BROWSER_OFFER.split("a=rtpmap:96 VP8/90000\r\n", 1)
    listed = " ".join(re.findall(r"a=rtpmap:(\d+)", "\r\n".join(codecs)))
    head = head.replace("96 97 102 103 104", listed)
    return head + "\r\n".join(codecs) + "\r\nm=application" + rest.split("m=application", 1)[1]
