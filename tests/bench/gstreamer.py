"""GStreamer's webrtcbin as a sender, beside those of `senders` and speaking as they do. Needs the
system's Python.

python3 gstreamer.py --check            says what is missing, and fails then
python3 gstreamer.py FILE SECONDS       sends an MP4 file, of which SECONDS are one round

No Python runs for a picture: the file is read, parsed and paced by GStreamer itself.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Any

ELEMENTS = (
    "filesrc",
    "qtdemux",
    "h264parse",
    "identity",
    "rtph264pay",
    "webrtcbin",
    "nicesink",
    "dtlsenc",
    "srtpenc",
)
PIPELINE = (
    "filesrc location={path} ! qtdemux ! h264parse ! identity name=pace sync=true"
    " ! rtph264pay aggregate-mode=zero-latency config-interval=-1 mtu=1200"
    " ! application/x-rtp,media=video,encoding-name=H264,payload=97,clock-rate=90000"
    " ! webrtcbin name=peer bundle-policy=max-bundle"
)

GLib: Any = None
Gst: Any = None
GstSdp: Any = None
GstWebRTC: Any = None


def missing() -> str:
    """What has to be installed, in words; empty where nothing has to be."""
    try:
        load()
    except (ImportError, ValueError) as error:
        return str(error)
    lacking = [name for name in ELEMENTS if Gst.ElementFactory.find(name) is None]
    return f"GStreamer has no {', '.join(lacking)}" if lacking else ""


def load() -> None:
    """Raises ImportError, or ValueError where a namespace is not there."""
    global GLib, Gst, GstSdp, GstWebRTC
    import gi  # type: ignore[import-not-found]

    for name in ("Gst", "GstSdp", "GstWebRTC"):
        gi.require_version(name, "1.0")
    from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # type: ignore[import-not-found]

    Gst.init(None)


class Sender:
    """One pipeline, from its offer to the end of the process."""

    def __init__(self, path: str, seconds: float) -> None:
        self._seconds = seconds
        self._pipeline = Gst.parse_launch(PIPELINE.format(path=path))
        self._peer = self._pipeline.get_by_name("peer")
        self._answered = False
        self._first = 0
        transceiver = self._peer.emit("get-transceiver", 0)
        transceiver.set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
        self._peer.connect("on-negotiation-needed", self._offer)
        self._peer.connect("notify::ice-gathering-state", self._on_gathering)
        pad = self._pipeline.get_by_name("pace").get_static_pad("src")
        pad.add_probe(Gst.PadProbeType.BUFFER, self._on_first_picture)

    def run(self) -> None:
        self._pipeline.set_state(Gst.State.PLAYING)
        GLib.MainLoop().run()

    def _offer(self, peer: Any) -> None:
        def on_offer(promise: Any) -> None:
            # it owns the offer
            reply = promise.get_reply()
            peer.emit("set-local-description", reply.get_value("offer"), Gst.Promise.new())

        peer.emit("create-offer", None, Gst.Promise.new_with_change_func(on_offer))

    def _on_gathering(self, peer: Any, _property: Any) -> None:
        complete = (
            peer.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE
        )
        if complete and not self._answered:
            self._answered = True
            say(peer.get_property("local-description").sdp.as_text())
            threading.Thread(target=self._answer, daemon=True).start()

    def _answer(self) -> None:
        _, sdp = GstSdp.SDPMessage.new_from_text(heard())
        answer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, sdp)
        self._peer.emit("set-remote-description", answer, Gst.Promise.new())
        self._tell_start()

    def _on_first_picture(self, _pad: Any, info: Any) -> Any:
        self._first = info.get_buffer().pts
        return Gst.PadProbeReturn.REMOVE

    def _tell_start(self) -> None:
        """The first picture may have waited for the connection, yet those after it follow the
        pipeline's clock.
        """
        elapsed = (
            self._pipeline.get_clock().get_time() - self._pipeline.get_base_time() - self._first
        )
        say([time.time() - elapsed / Gst.SECOND, self._seconds])


def say(value: object) -> None:
    print(json.dumps(value), flush=True)


def heard() -> Any:
    return json.loads(sys.stdin.readline())


if __name__ == "__main__":
    if sys.argv[1] == "--check":
        sys.exit(missing() or 0)
    load()
    say(True)
    heard()
    Sender(sys.argv[1], float(sys.argv[2])).run()
