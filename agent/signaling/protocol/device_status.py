"""What a device says of itself (PROTOCOL 6). A value that is not known is left out."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import ConfigDict

from agent.core.call.reasons import Direction
from agent.signaling.protocol.encoding import (
    Code,
    ConversationId,
    Loudness,
    Timestamp,
    Uid,
    WireModel,
)


class Status(WireModel):
    """Retained, and the Last Will: whether the device is there, and whether it is in a call."""

    state: Literal["online", "offline"]
    busy: bool = False
    conversations: int = 0
    since: Timestamp | None = None
    version: str | None = None
    # one run of the device: `offline` with that of an earlier one is out of date
    boot_id: str | None = None
    camera: Literal["ok", "missing"] | None = None
    # camera and microphone are closed, and stay so; the will does not know
    privacy: bool | None = None


class OutputState(WireModel):
    """Retained: what an output does now, since when, and who has switched it last. `contact` tells
    whether the door behind it is open, where that is wired.
    """

    state: Literal["on", "off"]
    since: Timestamp | None = None
    # a uid, or `button`, `command`, `device`
    by: str | None = None
    contact: Literal["open", "closed"] | None = None


class AboutOutput(WireModel):
    """An output that the device has; `code`: whether a release must bring one."""

    name: str
    kind: Literal["door", "light", "camera_light", "chime", "siren"]
    code: bool | None = None


class About(WireModel):
    """Retained: what the device is and can do. Further fields are allowed."""

    model_config = ConfigDict(extra="allow")

    uid: Uid
    # the board, such as `Raspberry Pi Zero 2 W Rev 1.0`
    model: str | None = None
    version: str | None = None
    camera: str | None = None
    encoder: str | None = None
    video_codecs: tuple[str, ...] | None = None
    audio: str | dict[str, Any] | bool | None = None
    max_conversations: int | None = None
    # who only looks at the same time
    max_viewers: int | None = None
    max_width: int | None = None
    max_height: int | None = None
    max_framerate: float | None = None
    # the operating system's name and version
    system: str | None = None
    kernel: str | None = None
    architecture: str | None = None
    python: str | None = None
    outputs: tuple[AboutOutput, ...] | None = None
    # the verbs that this device is set up for
    commands: tuple[str, ...] | None = None
    # what `say` can say
    messages: tuple[str, ...] | None = None
    # of the rules, and of the settings beside them; secrets do not count
    policy_hash: str | None = None
    config_hash: str | None = None
    # starts of the process since the board booted, but for the first
    restarts: int | None = None
    # whether it can check signed invitations
    signed: bool | None = None


class Override(WireModel):
    """What an operator has put in place of the rules, and until when."""

    action: Literal["accept", "reject", "ring"]
    until: Timestamp | None = None


class DeviceSettings(WireModel):
    """Retained: what an operator has set from afar, as it stands; what the device has not got is
    left out.
    """

    NULLABLE: ClassVar[frozenset[str]] = frozenset({"override", "silencedUntil"})

    privacy: bool | None = None
    # chimes are still until then
    silenced_until: Timestamp | None = None
    speaker: Loudness | None = None
    microphone: Loudness | None = None
    override: Override | None = None


class LineState(WireModel):
    """Retained on the topic `call`: what the line of a device is doing."""

    state: Literal["idle", "calling", "ringing", "connecting", "in_call", "lost"]
    conversation: ConversationId | None = None
    remote_uid: Uid | None = None
    direction: Direction | None = None
    since: Timestamp | None = None


class WifiHealth(WireModel):
    """The wireless link: signal in dBm, bit rate in Mbit/s."""

    rssi_dbm: int | None = None
    link_mbps: float | None = None


class RefusalCounters(WireModel):
    """What was refused since the process started, by kind."""

    refused_datagrams: int | None = None
    # invitations beyond the rate included
    throttled_messages: int | None = None
    refused_logins: int | None = None
    refused_commands: int | None = None


class Health(WireModel):
    """Not retained: how the device is doing. Further fields are allowed."""

    model_config = ConfigDict(extra="allow")

    timestamp: Timestamp | None = None
    temperature_celsius: float | None = None
    # the clock of the processor is held down now
    throttled: bool | None = None
    # now
    undervoltage: bool | None = None
    memory_available_bytes: int | None = None
    # of this process
    resident_bytes: int | None = None
    # one minute's mean
    load1: float | None = None
    # for the state directory
    disk_free_bytes: int | None = None
    wifi: WifiHealth | None = None
    # since the board booted
    uptime_seconds: float | None = None
    process_uptime_seconds: float | None = None
    # starts of the process since the board booted, but for the first
    restarts: int | None = None
    clock_synchronized: bool | None = None
    # events that wait for delivery
    outbox_waiting: int | None = None
    # of the restarts, those after a run that had not ended in good order
    crashes: int | None = None
    counters: RefusalCounters | None = None
    # short codes of what is wrong now; none is an empty list
    faults: tuple[Code, ...] | None = None
