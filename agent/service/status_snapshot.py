"""What a device is doing at one moment, and the sentence that says it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from agent.core.call.machine import State
from agent.core.call.reasons import Direction, Purpose
from agent.printable import format_bitrate


class Phase(StrEnum):
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class SentVideo:
    """What this side sent over the last interval. `bitrate` in bit/s."""

    width: int
    height: int
    framerate: float
    bitrate: int


@dataclass(frozen=True, slots=True)
class CallSnapshot:
    """One conversation. `age` is seconds since the invitation."""

    conversation: str
    remote_uid: str
    direction: Direction
    state: State
    age: float
    purpose: Purpose = Purpose.TALK
    video: SentVideo | None = None


@dataclass(frozen=True, slots=True)
class Camera:
    """`missing` says why there are no pictures; None where there are, or where nobody has looked
    yet.
    """

    name: str
    looked_for: bool = False
    missing: str | None = None


@dataclass(frozen=True, slots=True)
class Records:
    """The records of calls on their way to the broker. `trouble` says why the disk does not keep
    them.

    All but `waiting` are counted since the start: records that were `lost`, those `recovered` of
    calls that an earlier process died in, and files that could not be used and were `set_aside`.
    """

    trouble: str | None = None
    waiting: int = 0
    lost: int = 0
    recovered: int = 0
    set_aside: int = 0


@dataclass(frozen=True, slots=True)
class TimeZone:
    """By which rules with days or hours are judged: its name, the time there (HH:MM), and why it is
    not the one that was asked for.
    """

    name: str
    now: str
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`broker` is HOST:PORT, `broker_trouble` why the last attempt to reach it failed and
    `broker_advice` what to do, `broker_limits` (`text` and `advice`) what it gives less of than was
    asked for, `uptime` seconds, `memory` bytes of resident memory (None where that is unknown).

    `override` is what an operator has put in place of the policy's rules: `action`, and `until`
    when. `faults` are optional parts that do not work, by name, with the reason: the device takes
    calls all the same. `refused` counts by kind what was, since the start. `sound`
    names the devices of `capture` and `playback`, None where there is none. `tasks` of the event
    loop: a number that climbs from call to call is a leak, which nothing else shows from outside.
    """

    uid: str
    version: str
    pid: int
    phase: Phase
    uptime: float
    broker: str
    broker_connected: bool
    camera: Camera
    max_conversations: int
    records: Records = Records()
    memory: int | None = None
    tasks: int = 0
    broker_trouble: str | None = None
    broker_advice: str = ""
    broker_limits: tuple[dict[str, str], ...] = ()
    calls: tuple[CallSnapshot, ...] = field(default=())
    faults: dict[str, str] = field(default_factory=dict)
    override: dict[str, str | None] | None = None
    refused: dict[str, int] = field(default_factory=dict)
    sound: dict[str, str | None] = field(default_factory=dict)
    # camera and microphone are closed, and stay so
    privacy: bool = False
    time_zone: TimeZone | None = None


def lacking(now: Snapshot) -> list[str]:
    """What stands between the device and its first call, each as `waiting for ...` can go on."""
    lacks = []
    if not now.broker_connected:
        lacks.append(
            f"the broker {now.broker}" + (f" ({now.broker_trouble})" if now.broker_trouble else "")
        )
    if now.camera.missing is not None:
        lacks.append(f"a camera ({now.camera.missing})")
    elif not now.camera.looked_for:
        lacks.append("the camera")
    return lacks


def words(now: Snapshot) -> str:
    """One line for `systemctl status`."""
    trouble = now.records.trouble
    parts = [_work(now)]
    parts += ["privacy is on: nobody gets in, camera and microphone are closed"] * now.privacy
    parts += [f"call records are in memory only ({trouble})"] if trouble else []
    if now.override is not None:
        parts.append(f"every call is met by {now.override['action']}, by command")
    parts += [f"without the {part} ({reason})" for part, reason in now.faults.items()]
    return "; ".join(parts)


def _work(now: Snapshot) -> str:
    calls = _calls_in_words(now.calls)
    if now.phase is Phase.STOPPING:
        return f"hanging up with {_names(now.calls)}" if now.calls else "stopping"
    lacks = lacking(now)
    if calls:
        return calls + ("" if now.broker_connected else f"; the broker {now.broker} is away")
    if lacks:
        return "waiting for " + " and ".join(lacks)
    return f"idle; broker {now.broker}"


def _calls_in_words(calls: tuple[CallSnapshot, ...]) -> str:
    talks = tuple(call for call in calls if call.purpose is Purpose.TALK)
    views = tuple(call for call in calls if call.purpose is Purpose.VIEW)
    parts = []
    if len(talks) == 1:
        parts.append(f"{_doing(talks[0])} {talks[0].remote_uid}")
    elif talks:
        parts.append(f"in {len(talks)} calls with {_names(talks)}")
    if views:
        parts.append(f"seen by {_names(views)}")
    return " and ".join(parts) + _media(calls)


def _doing(call: CallSnapshot) -> str:
    if call.state in (State.OFFERING, State.INVITING):
        return "calling"
    if call.state is State.INVITED:
        return "answering"
    if call.state is State.RINGING:
        return "ringing for"
    if call.state in (State.ANSWERING, State.CONNECTING):
        return "connecting to"
    if call.state in (State.SILENT, State.LOST):
        return "reconnecting to"
    return "in a call with"


def _media(calls: tuple[CallSnapshot, ...]) -> str:
    """All calls share one encoder: the picture is said once, the bitrate is their sum."""
    videos = [
        call.video for call in calls if call.video is not None and call.state is State.ESTABLISHED
    ]
    if not videos:
        return ""
    first, bitrate = videos[0], sum(video.bitrate for video in videos)
    return f", {first.width}x{first.height} at {first.framerate:.0f} fps, {format_bitrate(bitrate)}"


def _names(calls: tuple[CallSnapshot, ...]) -> str:
    *others, last = (call.remote_uid for call in calls)
    return f"{', '.join(others)} and {last}" if others else last
