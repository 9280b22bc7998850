"""collector.toml: from where the fleet is collected, and into what."""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from agent.core.policy.durations import LongDuration
from agent.errors import ConfigurationError
from agent.fleet.fleet_store import Retention
from agent.options import AnyPath, OptionalSecret, OptionalText, Section, Whole
from agent.service.log_settings import LogSettings
from agent.settings.faults import describe
from agent.settings.forms import check_topic_prefix
from agent.settings.layers import Merged, read_layers
from agent.settings.sample import sample_of
from agent.signaling.mqtt.mqtt_options import MqttOptions, MqttSettings, check_host

DAY = 86_400.0
# seconds that the broker keeps what comes while no collector is there
_SESSION_EXPIRY = 7 * DAY
# a member that died takes its share with it until its session ends
_SHARED_SESSION_EXPIRY = 600
_CLIENT_ID = r"^[A-Za-z0-9_.-]{1,64}$"


_HEADER = """\
The settings of the fleet's collector (callbox collect --config FILE), each with its default. To \
change one, take the # from before it.

Read in this order, later wins: this file, files in $CREDENTIALS_DIRECTORY (mqtt__password, \
store__password), the environment (CALLBOX_MQTT__HOST).
"""


class StatisticsKept(StrEnum):
    """Which of the statistics that devices publish every two seconds are kept."""

    NONE = "none"
    THINNED = "thinned"
    ALL = "all"


class CollectorMqttSettings(MqttSettings):
    """The broker, as for a device."""

    client_id: Annotated[str, Field(pattern=_CLIENT_ID)] = Field(
        default="collector-1",
        description="Its own at the broker, which keeps for it what comes while it is away.",
    )
    share: OptionalText = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_.-]{1,64}$",
        description="A group's name: collectors of one group share the work (MQTT 5 shared "
        "subscription). What the broker had assigned to a member that died comes to the others "
        "after ten minutes.",
    )


class StoreSettings(Section):
    """Where it is kept."""

    url: OptionalText = Field(
        default=None,
        description="postgresql://USER@HOST/DATABASE, without a password. SQLite in "
        "state_directory unless given.",
    )
    password: OptionalSecret = Field(
        default=None, description="Better: the systemd credential store__password."
    )


class MetricsSettings(Section):
    """What Prometheus or VictoriaMetrics reads: http://HOST:PORT/metrics. No uid is in it."""

    enabled: bool = Field(default=False, description="Whether it is served.")
    host: Annotated[str, AfterValidator(check_host)] = Field(
        default="127.0.0.1", description="On which address. There is no password."
    )
    port: Whole = Field(default=9464, ge=0, le=65535, description="On which port.")


class CollectorSettings(BaseSettings):
    """Everything that a collector can be told."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    topic_prefixes: Annotated[
        tuple[Annotated[str, AfterValidator(check_topic_prefix)], ...],
        Field(min_length=1, max_length=64),
    ] = Field(default=("callbox/v1",), description="Below which the devices publish.")
    state_directory: AnyPath = Field(
        default=Path("/var/lib/callbox-collector"),
        description="Where SQLite's file lies. $STATE_DIRECTORY unless given here.",
    )
    statistics: StatisticsKept = Field(
        default=StatisticsKept.NONE,
        description="none, thinned (one in 30 s of each conversation) or all.",
    )
    retention: LongDuration = Field(
        default=400 * DAY, description="For how long records and events are kept."
    )
    details_retention: LongDuration = Field(
        default=14 * DAY, description="For how long health and statistics are kept."
    )
    mqtt: CollectorMqttSettings = CollectorMqttSettings()
    store: StoreSettings = StoreSettings()
    metrics: MetricsSettings = MetricsSettings()
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
        """Arguments only, as for a device: the layers are read by `load_collector_settings`."""
        return (init_settings,)

    def connection(self) -> MqttOptions:
        """How to connect to the broker."""
        section = self.mqtt
        plain = MqttSettings(**{name: getattr(section, name) for name in MqttSettings.model_fields})
        expiry = _SHARED_SESSION_EXPIRY if section.share else round(_SESSION_EXPIRY)
        return plain.connection(section.client_id).model_copy(update={"session_expiry": expiry})

    def kept(self) -> Retention:
        return Retention(self.retention, self.details_retention)


def collector_sample() -> str:
    """collector.toml: every setting with its meaning and its default, all commented out."""
    return sample_of(CollectorSettings, _HEADER)


def load_collector_settings(
    config: Path | None, *, environ: Mapping[str, str] = os.environ
) -> CollectorSettings:
    """File, credentials and environment as one tree. Raises ConfigurationError with every fault."""
    layers, faults = read_layers(config, environ, None, CollectorSettings)
    merged = Merged()
    for layer in layers:
        merged.add(layer)
    try:
        settings = CollectorSettings(**merged.values)
    except ValidationError as error:
        # the cause quotes secrets
        raise ConfigurationError(faults + describe(error, merged, CollectorSettings)) from None
    if faults:
        raise ConfigurationError(faults)
    return settings
