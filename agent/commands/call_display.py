"""What `callbox call` shows of a call while it lasts."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from typing import Any

from pydantic.alias_generators import to_camel

from agent.client.call_events import EVENT_NAMES
from agent.commands.terminal import OutputLost
from agent.core.call import events as ev
from agent.core.statistics.reports import CallRecord, LocalStats, ReceivedMedia, RemoteStats
from agent.errors import CallError
from agent.printable import printable


class Display:
    """Events as they come, and live statistics: one line that is rewritten on a terminal, or one
    JSON object a line.
    """

    def __init__(self, to: str, on_lost: Callable[[], object], *, as_json: bool) -> None:
        """`on_lost` is called where standard output takes nothing more: see `lost`."""
        self._to = to
        self._as_json = as_json
        self._on_lost = on_lost
        self.lost: OutputLost | None = None
        self._live = sys.stderr.isatty()
        self._dirty = False

    def event(self, event: Any) -> None:
        if isinstance(event, CallRecord):
            return
        if self._as_json:
            self._object(_event_object(event))
        elif isinstance(event, RemoteStats):
            self._line(_remote_line(event), keep=False)
        elif not isinstance(event, LocalStats):
            self._line(_words(event, self._to), keep=True)

    def failed(self, code: str, text: str) -> None:
        """Something that this side has found out by itself."""
        self.event(ev.ErrorRaised(code, text))

    def door_opened(self, output: str) -> None:
        """The device has released it."""
        if self._as_json:
            self._object({"event": "opened", "output": output})
        else:
            self._line(f"opened {output}", keep=True)

    def door_refused(self, error: CallError) -> None:
        """A door stays shut."""
        if self._as_json:
            self._object({"event": "open_refused", "code": error.code, "message": str(error)})
        else:
            self._line(f"not opened ({error.code}): {error}", keep=True)

    def _object(self, value: dict[str, Any]) -> None:
        try:
            print(json.dumps(value), flush=True)
        except OutputLost as error:
            self.lost = error
            self._on_lost()

    def _line(self, text: str, *, keep: bool) -> None:
        text = printable(text)
        if self._live:
            print(f"\r\x1b[K{text}", end="\n" if keep else "", file=sys.stderr, flush=True)
            self._dirty = not keep
        else:
            print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        if self._dirty:
            print(file=sys.stderr)


def _event_object(event: Any) -> dict[str, Any]:
    if is_dataclass(event) and not isinstance(event, type):
        fields = {
            to_camel(name): value for name, value in asdict(event).items() if value is not None
        }
    else:
        fields = event.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {"event": EVENT_NAMES[type(event)], **fields}


def _words(event: Any, remote_uid: str) -> str:
    match event:
        case ev.RemoteRinging():
            return f"{event.uid} rings, for {event.expires_in:.0f} s"
        case ev.InvitationAnswered():
            reason = f" ({event.reason})" if event.reason else ""
            return f"{remote_uid}: {event.call_status}{reason}"
        case ev.Connected():
            return "connected"
        case ev.StreamReceived():
            return "receiving " + ", ".join(f"{kind} ({codec})" for kind, codec in event.tracks)
        case ev.Degraded():
            return f"degraded ({event.cause})"
        case ev.Restored():
            return "restored"
        case ev.ErrorRaised():
            return f"error {event.code}: {event.message}"
    return str(event)


def _remote_line(stats: RemoteStats) -> str:
    parts = []
    if stats.video is not None and stats.video.frame_width is not None:
        video = stats.video
        parts.append(
            f"{video.frame_width}x{video.frame_height} {video.frames_per_second or 0:4.1f} fps "
            f"{_rate(video)}"
        )
        if video.packets_lost is not None:
            parts.append(f"lost {video.packets_lost}")
    if stats.audio is not None:
        parts.append(f"sound {_rate(stats.audio)}")
    if stats.transport is not None and stats.transport.local_candidate_type is not None:
        parts.append("relayed" if stats.transport.relayed else "direct")
    return " | ".join(parts) or "nothing arrives"


def _rate(media: ReceivedMedia) -> str:
    return f"{(media.bitrate or 0) / 1000:.0f} kbit/s"
