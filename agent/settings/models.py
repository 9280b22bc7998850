"""The tree of settings, composed of the sections that each room declares beside what it sets."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from agent.client.call_settings import CallSettings, StatsSettings
from agent.core.policy.rules import Rules
from agent.media.base.camera_options import CameraOptions
from agent.media.base.video_settings import VideoSettings
from agent.media.sound.audio_settings import AudioSettings
from agent.options import LIVE, AnyPath, Section, Whole, conflict
from agent.service.log_settings import LogSettings
from agent.settings.forms import check_topic_prefix, check_uid, check_verb
from agent.signaling.mqtt.mqtt_options import MqttSettings
from agent.web.web_settings import WebSettings
from agent.webrtc.ice.ice_settings import IceSettings

CONFIG_ROOT = Path("/etc/callbox")
# what shows and opens nothing
DEFAULT_COMMANDS = ("close", "reject", "mute", "reload")
# what this version can carry out
CARRIED_OUT = (*DEFAULT_COMMANDS, "call", "accept", "snapshot", "policy", "volume")


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


class Settings(BaseSettings):
    """Everything that can be set. Made by `load_settings`; made directly, it reads nothing but its
    arguments.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    uid: Annotated[str, AfterValidator(check_uid)] = Field(
        default_factory=default_uid,
        description="The name by which this device is called: 1 to 64 of letters, digits, '_', "
        "'.' and '-', the first "
        "a letter or digit. The host name unless given.",
    )
    topic_prefix: Annotated[str, AfterValidator(check_topic_prefix)] = Field(
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
        "accept, reject, close, mute, snapshot, reload, policy, volume. Whoever may write there "
        "may do all that is named: a snapshot shows the room, call and accept open camera and "
        "microphone, policy answers for the rules, and volume turns a muted microphone up again. "
        "By default only what shows and opens nothing.",
    )
    state_directory: AnyPath = Field(
        default=Path("/var/lib/callbox"),
        description="Where call records wait for the broker. $STATE_DIRECTORY unless given "
        "here, as systemd sets it.",
    )
    mqtt: MqttSettings = MqttSettings()
    policy: PolicySettings = PolicySettings()
    call: CallSettings = CallSettings()
    video: VideoSettings = VideoSettings()
    camera: CameraOptions = CameraOptions()
    audio: AudioSettings = AudioSettings()
    ice: IceSettings = IceSettings()
    stats: StatsSettings = StatsSettings()
    web: WebSettings = WebSettings()
    log: LogSettings = LogSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments only: `load_settings` reads the layers itself, to know which one a faulty value
        came from.
        """
        return (init_settings,)
