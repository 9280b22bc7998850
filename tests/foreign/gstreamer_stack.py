"""GStreamer's webrtcbin as a foreign peer, both ways; see stack.py for the lines that it reads and
writes. Runs with the system's Python, which has GStreamer's bindings.
"""

from __future__ import annotations

import json
import re
import sys
import threading
from typing import Any

PIPELINE = (
    # by itself it holds back 200 ms, which is no delay of ours
    "webrtcbin name=peer bundle-policy=max-bundle latency=20"
    " audiotestsrc is-live=true wave=sine ! audioconvert ! audioresample ! opusenc"
    " ! rtpopuspay pt={opus} ! application/x-rtp,media=audio,encoding-name=OPUS,payload={opus},"
    "clock-rate=48000,encoding-params=(string)2 ! peer."
    " videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=15/1"
    " ! x264enc tune=zerolatency key-int-max=30 speed-preset=ultrafast"
    " ! video/x-h264,profile=constrained-baseline ! rtph264pay pt={h264} config-interval=-1"
    " ! application/x-rtp,media=video,encoding-name=H264,payload={h264},clock-rate=90000,"
    "packetization-mode=(string)1 ! peer."
)

GLib: Any = None
Gst: Any = None
GstSdp: Any = None
GstWebRTC: Any = None


def load() -> None:
    """Raises ImportError, or ValueError where a namespace is not there."""
    global GLib, Gst, GstSdp, GstWebRTC
    import gi  # type: ignore[import-not-found]

    for name in ("Gst", "GstSdp", "GstWebRTC"):
        gi.require_version(name, "1.0")
    from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # type: ignore[import-not-found]

    Gst.init(None)


def say(**value: object) -> None:
    # one write, as several threads of GStreamer speak
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


class Peer:
    """One webrtcbin with a tone and a test picture."""

    def __init__(self, role: str) -> None:
        self._role = role
        self._loop = GLib.MainLoop()
        self._pipeline: Any = None
        self._peer: Any = None
        self._video_pad: Any = None
        self._described = self._shown = False

    def _start(self, opus: str, h264: str) -> None:
        self._pipeline = Gst.parse_launch(PIPELINE.format(opus=opus, h264=h264))
        self._peer = self._pipeline.get_by_name("peer")
        self._peer.connect("pad-added", self._on_pad)
        for number in range(2):
            # it asks for lost packets only where it is told to
            self._peer.emit("get-transceiver", number).set_property("do-nack", True)
        self._peer.connect("notify::ice-gathering-state", self._on_gathering)
        self._peer.connect("notify::connection-state", self._on_state)
        if self._role == "offer":
            self._peer.connect("on-negotiation-needed", self._offer)
        self._pipeline.set_state(Gst.State.PLAYING)

    def run(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()
        if self._role == "offer":
            self._start("111", "102")
        self._loop.run()
        if self._pipeline is not None:
            self._pipeline.set_state(Gst.State.NULL)

    def _offer(self, peer: Any) -> None:
        promise = Gst.Promise.new_with_change_func(self._on_description, "offer")
        peer.emit("create-offer", None, promise)

    def _on_description(self, promise: Any, kind: str) -> None:
        # it owns the description
        reply = promise.get_reply()
        self._peer.emit("set-local-description", reply.get_value(kind), Gst.Promise.new())

    def _on_gathering(self, peer: Any, _property: Any) -> None:
        complete = GstWebRTC.WebRTCICEGatheringState.COMPLETE
        if peer.get_property("ice-gathering-state") == complete and not self._described:
            self._described = True
            sdp = peer.get_property("local-description").sdp.as_text()
            say(type=self._role, sdp=sdp)

    def _on_state(self, peer: Any, _property: Any) -> None:
        state = peer.get_property("connection-state")
        if state == GstWebRTC.WebRTCPeerConnectionState.CONNECTED:
            say(type="connected")
        if state in (
            GstWebRTC.WebRTCPeerConnectionState.FAILED,
            GstWebRTC.WebRTCPeerConnectionState.CLOSED,
        ):
            say(type="ended", state=state.value_nick)

    def _on_pad(self, _peer: Any, pad: Any) -> None:
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        kind = pad.get_current_caps().get_structure(0).get_string("media")
        if kind == "video":
            self._video_pad = pad
            # whole pictures: the parser would know that one is whole when the next one begins
            parse = Gst.parse_bin_from_description(
                "rtph264depay ! video/x-h264,stream-format=byte-stream,alignment=au"
                " ! h264parse name=parse ! fakesink sync=false",
                True,
            )
            source = parse.get_by_name("parse").get_static_pad("src")
            source.add_probe(Gst.PadProbeType.BUFFER, self._on_picture)
        else:
            parse = Gst.parse_bin_from_description("fakesink sync=false", True)
        self._pipeline.add(parse)
        parse.sync_state_with_parent()
        sink = parse.get_static_pad("sink")
        pad.link(sink)
        pad.add_probe(Gst.PadProbeType.BUFFER, self._on_first, kind)

    def _on_first(self, _pad: Any, _info: Any, kind: str) -> Any:
        say(type="media", kind=kind)
        return Gst.PadProbeReturn.REMOVE

    def _on_picture(self, _pad: Any, info: Any) -> Any:
        if not info.get_buffer().has_flags(Gst.BufferFlags.DELTA_UNIT):
            say(type="key_frame")
            if not self._shown:
                self._shown = True
                say(type="picture")
        return Gst.PadProbeReturn.OK

    def _read(self) -> None:
        for line in sys.stdin:
            command = json.loads(line)
            GLib.idle_add(self._do, command)

    def _do(self, command: dict[str, Any]) -> bool:
        match command["do"]:
            case "describe":
                self._describe(command["sdp"])
            case "key_frame":
                self._ask_for_key_frame(by_fir=False)
            case "full_intra_request":
                self._ask_for_key_frame(by_fir=True)
            case "close":
                self._loop.quit()
        return False

    def _describe(self, text: str) -> None:
        _, sdp = GstSdp.SDPMessage.new_from_text(text)
        answering = self._role == "answer"
        if answering:
            # an answer has the payload types of its offer
            opus, h264 = (
                re.findall(rf"a=rtpmap:(\d+) {name}/", text, re.IGNORECASE)[0]
                for name in ("opus", "H264")
            )
            self._start(opus, h264)
        kind = GstWebRTC.WebRTCSDPType.OFFER if answering else GstWebRTC.WebRTCSDPType.ANSWER
        remote = GstWebRTC.WebRTCSessionDescription.new(kind, sdp)

        def described(_promise: Any) -> None:
            promise = Gst.Promise.new_with_change_func(self._on_description, "answer")
            self._peer.emit("create-answer", None, promise)

        done = Gst.Promise.new_with_change_func(described) if answering else Gst.Promise.new()
        self._peer.emit("set-remote-description", remote, done)

    def _ask_for_key_frame(self, *, by_fir: bool) -> None:
        structure = Gst.Structure.new_empty("GstForceKeyUnit")
        # a session of RTP sends FIR for a request of parameter sets, if that was negotiated
        structure.set_value("all-headers", by_fir)
        self._video_pad.send_event(Gst.Event.new_custom(Gst.EventType.CUSTOM_UPSTREAM, structure))


if __name__ == "__main__":
    load()
    Peer(sys.argv[1]).run()
