"""The tree of settings, composed of the sections that each room declares beside what it sets."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from agent.client.call_settings import CallSettings, StatsSettings
from agent.core.policy.rules import Rules
from agent.doorbell.button_settings import ButtonList
from agent.doorbell.notify_settings import NotifySettings
from agent.doorbell.output_settings import OutputList
from agent.doorbell.ring_settings import RingSettings
from agent.doorbell.wiring import wiring_fault
from agent.homeassistant.homeassistant_settings import HomeAssistantSettings
from agent.media.base.camera_options import CameraOptions
from agent.media.base.video_settings import VideoSettings
from agent.media.sound.audio_settings import AudioSettings
from agent.options import LIVE, TABLES, AnyPath, Section, Whole, conflict
from agent.pull.pull_settings import PullSettings
from agent.service.log_settings import LogSettings
from agent.settings.forms import TopicPrefix, check_uid, check_verb
from agent.signaling.mqtt.mqtt_options import DeviceMqttSettings
from agent.signaling.protocol.verbs import VERBS
from agent.web.web_settings import WebSettings
from agent.webrtc.ice.ice_settings import IceSettings

CONFIG_ROOT = Path("/etc/callbox")
# what shows and opens nothing
DEFAULT_COMMANDS = ("close", "reject", "mute", "reload")
# what this version can carry out
CARRIED_OUT = (*DEFAULT_COMMANDS, *(verb for verb in VERBS if verb not in DEFAULT_COMMANDS))


class PolicySettings(Section):
    """Who may call: rules in a file of their own, or here as [[policy.rule]]. Without rules nobody
    may.
    """

    file: Annotated[AnyPath, LIVE] = Field(
        default=CONFIG_ROOT / "policy.toml",
        description="The file with the rules. The default one may be missing, one that is "
        "named here may not.",
    )
    rule: Annotated[Rules, LIVE] = Field(
        default=(),
        description="Rules inline, written as [[policy.rule]] with the keys of policy.toml, in "
        "place of a file.",
    )

    @property
    def names_file(self) -> bool:
        """Whether someone set `file`; the default one may be missing."""
        return "file" in self.model_fields_set

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.rule and self.names_file:
            raise conflict(
                "file", f"'{self.file}' is given as well as [[policy.rule]]; keep one of them"
            )
        return self


def default_uid() -> str:
    """The host name up to its first dot, made a valid uid."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", socket.gethostname().partition(".")[0])
    return name.strip("-_")[:64] or "callbox"


class LayeredSettings(BaseModel):
    """The root of a tree of settings. It reads nothing but its arguments: the layers are read
    beforehand, to know which one a faulty value came from. So it is no `BaseSettings`, whose
    package costs a quarter of what `callbox check` does.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True
    )


class Settings(LayeredSettings):
    """Everything that can be set. Made by `load_settings`."""

    uid: Annotated[str, AfterValidator(check_uid)] = Field(
        default_factory=default_uid,
        description="The name by which this device is called: 1 to 64 of letters, digits, '_', "
        "'.' and '-', the first "
        "a letter or digit. The host name unless given.",
    )
    topic_prefix: TopicPrefix = Field(
        default="callbox/v1",
        description="Where all topics begin. The same for everyone who shall reach each other.",
    )
    max_conversations: Whole = Field(
        default=1,
        ge=1,
        le=16,
        description="Calls at the same time; further callers hear BUSY. All share one encoder.",
    )
    max_viewers: Whole = Field(
        default=4,
        ge=0,
        le=16,
        description="Callers who only look at the same time; they take no line, and further ones "
        "hear BUSY. 0: nobody may only look.",
    )
    commands: Annotated[tuple[Annotated[str, AfterValidator(check_verb)], ...], LIVE] = Field(
        default=DEFAULT_COMMANDS,
        description="What the device does when it is told to on its topic command/...: of call, "
        "accept, reject, close, mute, snapshot, reload, policy, volume, open, privacy, silence, "
        "say, messages, play, delete. "
        "Whoever may write there may do all that is named: a snapshot shows the room, call and "
        "accept open camera and microphone, policy answers for the rules, volume turns a muted "
        "microphone up again, open releases a door, privacy can be taken back, and play lets hear "
        "what visitors said. "
        "By default only what shows and opens nothing.",
    )
    state_directory: AnyPath = Field(
        default=Path("/var/lib/callbox"),
        description="Where call records wait for the broker. $STATE_DIRECTORY unless given "
        "here, as systemd sets it.",
    )
    mqtt: DeviceMqttSettings = DeviceMqttSettings()
    policy: PolicySettings = PolicySettings()
    call: CallSettings = CallSettings()
    video: VideoSettings = VideoSettings()
    camera: CameraOptions = CameraOptions()
    audio: AudioSettings = AudioSettings()
    ring: RingSettings = RingSettings()
    button: Annotated[ButtonList, TABLES] = Field(
        default=(), max_length=16, description="What visitors press; written as [[button]]."
    )
    output: Annotated[OutputList, TABLES] = Field(
        default=(), max_length=32, description="What is switched; written as [[output]]."
    )
    notify: Annotated[tuple[NotifySettings, ...], TABLES] = Field(
        default=(), max_length=16, description="Who is told of a visitor; written as [[notify]]."
    )
    homeassistant: HomeAssistantSettings = HomeAssistantSettings()
    ice: IceSettings = IceSettings()
    stats: StatsSettings = StatsSettings()
    web: WebSettings = WebSettings()
    pull: PullSettings = PullSettings()
    log: LogSettings = LogSettings()

    @model_validator(mode="after")
    def _buttons_fit_outputs(self) -> Self:
        if fault := wiring_fault(self.button, self.output):
            raise conflict("button", fault)
        return self
