"""The tree of settings: every name, default, unit and range, and why."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from agent.core.policy.durations import Duration
from agent.core.policy.rules import Rules
from agent.settings.base import Real, Section, Whole, conflict
from agent.settings.camera import CameraSettings
from agent.settings.forms import (
    check_audio_device,
    check_host,
    check_ice_url,
    check_path,
    check_topic_prefix,
    check_uid,
    check_video_source,
    is_loopback,
)

CONFIG_ROOT = Path("/etc/callbox")
MAX_ICE_SERVERS = 10


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


def _one_or_many(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _none_if_unlimited(value: object) -> object:
    return None if value in ("", "none") else value


AnyPath = Annotated[Path, AfterValidator(check_path)]
OptionalPath = Annotated[AnyPath | None, BeforeValidator(_none_if_empty)]
OptionalText = Annotated[str | None, BeforeValidator(_none_if_empty)]
OptionalSecret = Annotated[SecretStr | None, BeforeValidator(_none_if_empty)]


class TlsSettings(Section):
    """Encryption to the broker. A port number alone never switches it on."""

    enabled: bool = Field(default=False, description="Whether to speak TLS to the broker.")
    ca_file: OptionalPath = Field(
        default=None,
        description="PEM file of the authorities that may vouch for the broker. The system's "
        "unless given.",
    )
    cert_file: OptionalPath = Field(
        default=None,
        description="PEM file of this device's certificate, for a broker that asks for one.",
    )
    key_file: OptionalPath = Field(
        default=None, description="PEM file of the private key that belongs to cert_file."
    )

    @model_validator(mode="after")
    def _certificate_has_key(self) -> Self:
        if self.cert_file and not self.key_file:
            raise conflict("cert_file", f"'{self.cert_file}' needs key_file beside it")
        if self.key_file and not self.cert_file:
            raise conflict("key_file", f"'{self.key_file}' needs cert_file beside it")
        return self


class MqttSettings(Section):
    """The broker through which invitations come and events go."""

    host: Annotated[str, AfterValidator(check_host)] = Field(
        default="127.0.0.1", description="Name or address of the broker."
    )
    port: Whole = Field(
        default=1883, ge=1, le=65535, description="TCP port. 8883 is not magic: see [mqtt.tls]."
    )
    username: OptionalText = Field(
        default=None,
        description="The broker's name for this device; its access rules are easiest with the uid.",
    )
    password: OptionalSecret = Field(
        default=None,
        description="Better kept out of files that are shown to others: the systemd credential "
        "mqtt__password.",
    )
    keepalive: Whole = Field(
        default=30,
        ge=5,
        le=3600,
        description="Seconds between signs of life. The broker says `offline` for us after one "
        "and a half of these.",
    )
    retry_longest: Real = Field(
        default=3.0,
        ge=2,
        le=3600,
        description="Seconds between two attempts to reach a broker that is away: at most so "
        "many, at random, and at "
        "least half as many. So long its return may go unnoticed. A fleet of many thousands "
        "wants more, or all of it "
        "returns at once. Where the broker refuses us it is up to 300.",
    )
    tls: TlsSettings = TlsSettings()


class PolicySettings(Section):
    """Who may call: rules in a file of their own, or here as [[policy.rule]]. Without rules nobody
    may.
    """

    file: AnyPath = Field(
        default=CONFIG_ROOT / "policy.toml",
        description="The file with the rules. The default one may be missing, one that is "
        "named here may not.",
    )
    rule: Rules = Field(
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


class VideoSettings(Section):
    """The camera and its one encoder, shared by all calls."""

    source: Annotated[str, AfterValidator(check_video_source)] = Field(
        default="auto",
        description="auto (the first camera that is found), picamera2 (the Pi's), pattern (a "
        "test picture with the "
        "time in it), file:PATH (a file with H.264, looped), v4l2:PATH (such as v4l2:/dev/video0).",
    )
    width: Whole = Field(
        default=1280, ge=64, le=4096, multiple_of=2, description="Pixels, even: color is halved."
    )
    height: Whole = Field(default=720, ge=64, le=4096, multiple_of=2, description="Pixels, even.")
    framerate: Whole = Field(default=30, ge=1, le=120, description="Frames per second.")
    bitrate: Whole = Field(
        default=2_000_000,
        ge=50_000,
        le=50_000_000,
        description="bit/s at the start of a call; it follows the network between min_bitrate "
        "and max_bitrate.",
    )
    min_bitrate: Whole = Field(
        default=250_000,
        ge=50_000,
        le=50_000_000,
        description="bit/s that the encoder is asked for at least; hardware encoders hang when "
        "asked for very little. "
        "Where the network carries less, pictures are left out: down to one in four.",
    )
    max_bitrate: Whole = Field(
        default=4_000_000,
        ge=50_000,
        le=50_000_000,
        description="bit/s that a call may take of the network at most.",
    )
    linger: Real = Field(
        default=5.0,
        ge=0,
        le=60,
        description="Seconds that the camera stays on after the last call: who calls again "
        "sees a picture at once.",
    )

    @model_validator(mode="after")
    def _bitrates_are_in_order(self) -> Self:
        if self.min_bitrate > self.max_bitrate:
            raise conflict(
                "min_bitrate", f"{self.min_bitrate} is above max_bitrate ({self.max_bitrate})"
            )
        if self.bitrate < self.min_bitrate:
            raise conflict("bitrate", f"{self.bitrate} is below min_bitrate ({self.min_bitrate})")
        if self.bitrate > self.max_bitrate:
            raise conflict("bitrate", f"{self.bitrate} is above max_bitrate ({self.max_bitrate})")
        return self


class AudioSettings(Section):
    """Sound, Opus both ways."""

    capture: Annotated[str, AfterValidator(check_audio_device)] = Field(
        default="auto",
        description="What is sent: auto (the default microphone, or nothing), none, the name "
        "of a device, pattern (a "
        "soft pulsing tone), file:PATH (a file with sound, looped).",
    )
    playback: Annotated[str, AfterValidator(check_audio_device)] = Field(
        default="auto",
        description="Where the caller is heard: auto (the default loudspeaker, or nowhere), "
        "none, a device.",
    )

    @model_validator(mode="after")
    def _pattern_is_for_capture(self) -> Self:
        if self.playback == "pattern":
            raise conflict("playback", "'pattern' is only for capture")
        return self


class IceServerSettings(Section):
    """One entry of W3C's RTCIceServer list."""

    urls: Annotated[
        tuple[Annotated[str, AfterValidator(check_ice_url)], ...],
        BeforeValidator(_one_or_many),
        Field(min_length=1),
    ] = Field(
        description="One URL or a list: stun:HOST[:PORT], "
        "turn:HOST[:PORT][?transport=udp|tcp], turns:... for TLS."
    )
    username: OptionalText = Field(
        default=None,
        description="For turn and turns. Beside a secret it is optional, and stands "
        "after the time.",
    )
    credential: OptionalSecret = Field(default=None, description="The password for turn and turns.")
    secret: OptionalSecret = Field(
        default=None,
        description="In place of credential: what coturn calls static-auth-secret. Each call "
        "gets a username and a "
        "credential of its own that are good for a while.",
    )
    credential_lifetime: Duration = Field(
        default=86_400.0,
        description="How long those are good; longer than any call, or its relay may go.",
    )

    @model_validator(mode="after")
    def _turn_has_credentials(self) -> Self:
        turn = next((url for url in self.urls if not url.startswith("stun:")), None)
        if self.secret and self.credential:
            raise conflict("secret", "is given as well as credential; keep one of them")
        if turn and not self.secret and not (self.username and self.credential):
            raise conflict("urls", f"{turn!r} needs username and credential, or secret")
        return self


class IceSettings(Section):
    """How a path to the caller is found."""

    servers: tuple[IceServerSettings, ...] = Field(
        default=(),
        max_length=MAX_ICE_SERVERS,
        description='STUN and TURN servers, such as [{urls = "stun:192.0.2.1:3478"}]; for TURN '
        'with username and credential, or with secret (and credential_lifetime = "24h") where '
        "the server makes time-limited ones. At most 10. None by default: on one network none "
        "is needed, and nobody else learns of a call.",
    )
    ca_file: OptionalPath = Field(
        default=None,
        description="PEM file of authorities that may vouch for turns: servers, beside the "
        "system's own.",
    )
    transport_policy: Literal["all", "relay"] = Field(
        default="all",
        description="all, or relay: only through a TURN server, so that the caller does not "
        "see our address.",
    )


class StatsSettings(Section):
    """What is measured during a call."""

    interval: Real = Field(
        default=2.0,
        ge=0.5,
        le=3600,
        description="Seconds between two local_stats and remote_stats of a call.",
    )


class CallSettings(Section):
    """Limits on every call, whichever rule let it in."""

    setup_timeout: Duration = Field(
        default=15.0,
        le=120,
        description="How long media may take to connect once a call was accepted, then it has "
        "failed.",
    )
    max_duration: Annotated[Duration | None, BeforeValidator(_none_if_unlimited)] = Field(
        default=3600.0,
        description="No call is longer, so that a forgotten one does not watch a room for "
        'days. "none" lifts it; a '
        "rule's own max_duration can only be shorter.",
    )


class LogSettings(Section):
    """What the daemon says to the journal or the terminal."""

    level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = Field(
        default="info",
        description="debug, info, warning or error. Only debug may show session descriptions.",
    )


def default_uid() -> str:
    """The host name up to its first dot, made a valid uid."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", socket.gethostname().partition(".")[0])
    return name.strip("-_")[:64] or "callbox"


class WebSettings(Section):
    """The caller's page, served by the device itself. Off by default: a broker's own web server can
    show it as well.
    """

    enabled: bool = Field(default=False, description="Whether to serve the page.")
    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="The address to serve it at. Any but a loopback one needs cert_file, and a "
        "password or "
        "client_ca_file: browsers give a microphone only to secure pages, and a door is not "
        "for everybody.",
    )
    port: int = Field(default=8080, ge=1, le=65535, description="TCP port.")
    cert_file: OptionalPath = Field(
        default=None, description="PEM file of the page's certificate: serves https."
    )
    key_file: OptionalPath = Field(default=None, description="PEM file of its private key.")
    client_ca_file: OptionalPath = Field(
        default=None, description="PEM file of the authorities whose certificates let a browser in."
    )
    password: OptionalSecret = Field(
        default=None,
        description="Lets a browser in, under any name. Better kept in the credential "
        "web__password.",
    )

    @model_validator(mode="after")
    def _open_to_none(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise conflict("cert_file", "cert_file and key_file are needed together")
        if self.client_ca_file and not self.cert_file:
            raise conflict(
                "client_ca_file", f"'{self.client_ca_file}' needs cert_file and key_file beside it"
            )
        if self.enabled and not is_loopback(self.host):
            if not self.cert_file:
                raise conflict(
                    "host",
                    f"'{self.host}' is not a loopback address, so it needs cert_file and key_file",
                )
            if not (self.password or self.client_ca_file):
                raise conflict(
                    "host",
                    f"'{self.host}' is not a loopback address, so it needs password or "
                    f"client_ca_file",
                )
        return self


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
    state_directory: AnyPath = Field(
        default=Path("/var/lib/callbox"),
        description="Where call records wait for the broker. $STATE_DIRECTORY unless given "
        "here, as systemd sets it.",
    )
    mqtt: MqttSettings = MqttSettings()
    policy: PolicySettings = PolicySettings()
    call: CallSettings = CallSettings()
    video: VideoSettings = VideoSettings()
    camera: CameraSettings = CameraSettings()
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
