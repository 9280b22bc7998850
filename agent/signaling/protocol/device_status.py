"""What a device says of itself (PROTOCOL 6). A value that is not known is left out."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import ConfigDict

from agent.signaling.protocol.encoding import Timestamp, Uid, WireModel


class Status(WireModel):
    """Retained, and the Last Will: whether the device is there, and whether it is in a call."""

    state: Literal["online", "offline"]
    busy: bool = False
    conversations: int = 0
    since: Timestamp | None = None
    version: str | None = None
    # one run of the device: `offline` with that of an earlier one is out of date
    boot_id: str | None = None


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
    max_width: int | None = None
    max_height: int | None = None
    max_framerate: float | None = None
    # the operating system's name and version
    system: str | None = None
    kernel: str | None = None
    architecture: str | None = None
    python: str | None = None
    # the verbs that this device is set up for
    commands: tuple[str, ...] | None = None
    # whether it can check signed invitations
    signed: bool | None = None


class Override(WireModel):
    """What an operator has put in place of the rules, and until when."""

    action: Literal["accept", "reject", "ring"]
    until: Timestamp | None = None


class DeviceSettings(WireModel):
    """Retained: what an operator has set from afar, as it stands."""

    NULLABLE: ClassVar[frozenset[str]] = frozenset({"override"})

    override: Override | None = None


class Health(WireModel):
    """Not retained: how the device is doing. Further fields are allowed."""

    model_config = ConfigDict(extra="allow")

    timestamp: Timestamp | None = None
    uptime: float | None = None  # seconds since boot
    # seconds since this process started
    service_uptime: float | None = None
    temperature: float | None = None  # degrees Celsius
    # the clock is held down now
    throttled: bool | None = None
    under_voltage: bool | None = None  # now
    throttled_since_boot: bool | None = None
    under_voltage_since_boot: bool | None = None
    load: float | None = None  # one minute's mean
    # of this process, 1.0 is one core
    cpu_usage: float | None = None
    memory_total: int | None = None  # bytes
    memory_available: int | None = None  # bytes
    # bytes, resident, of this process
    memory_used: int | None = None
    # bytes, in the state directory
    disk_available: int | None = None
    wifi_signal: int | None = None  # dBm
    wifi_bitrate: int | None = None  # bit/s
    clock_synchronized: bool | None = None
    camera: str | None = None
    # of the broker's connection, since the process started
    reconnects: int | None = None
    # events that wait for delivery
    outbox: int | None = None
