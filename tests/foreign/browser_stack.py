"""Debian's Firefox or Chromium as a foreign peer, without a window; see stack.py for the lines that
it reads and writes. The page fetches its commands from here and posts what it says.

    python browser_stack.py firefox|chromium offer|answer PROGRAM
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

SCRIPT = Path(__file__).with_name("browser_peer.js")
PAGE = b"""<!doctype html>
<meta charset="utf-8">
<title>A foreign peer</title>
<video id="video" autoplay playsinline muted></video>
<audio id="audio" autoplay></audio>
<script src="peer.js"></script>
"""
CHROMIUM = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    # where there is no interface but loopback, both sides use that
    "--allow-loopback-in-peer-connection",
)
AGAIN = '{"do": "again"}'
FIREFOX = {
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "media.autoplay.default": 0,
    "media.peerconnection.ice.loopback": True,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    # Mozilla's OpenH264 is a download; with these, H.264 is offered and decoded by the system's
    # libavcodec. 1 is the status of a feature that works.
    "gfx.blacklist.webrtc.hw.acceleration.h264": 1,
    "media.webrtc.hw.h264.enabled": True,
    "media.webrtc.encoder_creation_strategy": 1,
    "media.navigator.mediadatadecoder_h264_enabled": True,
    # nothing of its own goes out
    "app.update.enabled": False,
    "app.normandy.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "media.gmp-manager.updateEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "http://127.0.0.1:9/",
    "toolkit.telemetry.reportingpolicy.firstRun": False,
}


class Handler(BaseHTTPRequestHandler):
    """The page, its script, a stream of commands for it, and what it says."""

    commands: ClassVar[queue.SimpleQueue[str]] = queue.SimpleQueue()

    def do_GET(self) -> None:
        if self.path.startswith("/commands"):
            self._pass_on()
        elif self.path.startswith("/peer.js"):
            self._answer("text/javascript", SCRIPT.read_bytes())
        else:
            self._answer("text/html", PAGE)

    def do_POST(self) -> None:
        line = self.rfile.read(int(self.headers["Content-Length"]))
        sys.stdout.buffer.write(line + b"\n")
        sys.stdout.buffer.flush()
        self._answer("text/plain", b"")

    def _pass_on(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        command = ""
        with contextlib.suppress(ConnectionError):
            # what comes behind it is for the page that is loaded then
            while command != AGAIN:
                command = self.commands.get()
                self.wfile.write(b"data: " + command.encode() + b"\n\n")

    def _answer(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None: ...


def command(browser: str, program: str, profile: Path, url: str) -> list[str]:
    if browser == "chromium":
        return [program, *CHROMIUM, f"--user-data-dir={profile}", url]
    lines = (f"user_pref({json.dumps(name)}, {json.dumps(FIREFOX[name])});\n" for name in FIREFOX)
    (profile / "user.js").write_text("".join(lines))
    return [program, "--headless", "--no-remote", "--profile", str(profile), url]


@contextlib.contextmanager
def started(shell: list[str], home: Path) -> Iterator[None]:
    """The browser and all of its processes."""
    process = subprocess.Popen(
        shell,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        start_new_session=True,
        env={**os.environ, "HOME": str(home)},
    )
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def main(browser: str, role: str, program: str) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    # Of Debian's libavcodec Firefox gets libx264, which holds 41 pictures back; by then they are
    # forgotten, and none is sent.
    video = "sent" if browser == "chromium" else "received"
    url = f"http://127.0.0.1:{server.server_address[1]}/?role={role}&video={video}"
    # what its processes still write is left behind
    with tempfile.TemporaryDirectory(prefix="callbox-", ignore_cleanup_errors=True) as folder:
        profile = Path(folder)
        with started(command(browser, program, profile, url), profile):
            for line in sys.stdin:
                Handler.commands.put(line.strip())
                if json.loads(line)["do"] == "close":
                    break


if __name__ == "__main__":
    main(*sys.argv[1:])
