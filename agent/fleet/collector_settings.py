"""collector.toml: from where the fleet is collected, and into what."""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from agent.core.policy.duration_fields import LongDuration
from agent.fleet.fleet_store import Retention
from agent.fleet.postgresql_database import check_address
from agent.options import (
    AnyPath,
    Host,
    OptionalSecret,
    OptionalText,
    Section,
    Whole,
)
from agent.service.log_settings import LogSettings
from agent.settings.forms import TopicPrefix
from agent.settings.layers import is_there
from agent.settings.load import load_tree
from agent.settings.models import LayeredSettings
from agent.settings.sample import sample_of
from agent.signaling.mqtt.mqtt_options import MqttOptions, MqttSettings
from agent.web.web_options import WebOptions
from agent.web.web_settings import ServedSettings

PACKAGED = Path("/etc/callbox-collector/collector.toml")
DAY = 86_400.0
# seconds that the broker keeps what comes while no collector is there; of a group's member as well,
# as mosquitto drops what waits for a session that ends, and gives it to no other
_SESSION_EXPIRY = 7 * DAY
# a batch of the store, so that one transaction may take all that is under way
_RECEIVE_MAXIMUM = 500
_CLIENT_ID = r"^[A-Za-z0-9_.-]{1,64}$"


_HEADER = """\
The settings of the fleet's collector (callbox collect --config FILE), each with its default. To \
change one, take the # from before it.

Read in this order, later wins: this file, files in $CREDENTIALS_DIRECTORY (mqtt__password, \
store__password, web__password), the environment (CALLBOX_MQTT__HOST).
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
        "subscription). What the broker had assigned to a member that died waits for it, for "
        "seven days: start it again under the same client_id.",
    )


def _check_url(url: str | None) -> str | None:
    return None if url is None else check_address(url)


class StoreSettings(Section):
    """Where it is kept."""

    url: Annotated[OptionalText, AfterValidator(_check_url)] = Field(
        default=None,
        description="postgresql://USER@HOST/DATABASE, without a password. SQLite in "
        "state_directory unless given.",
    )
    password: OptionalSecret = Field(
        default=None, description="Better: the systemd credential store__password."
    )


class CollectorWebSettings(ServedSettings):
    """The fleet's page, and /metrics for Prometheus or VictoriaMetrics (no uid is in those)."""

    enabled: bool = Field(default=True, description="Whether it is served.")
    host: Host = Field(
        default="127.0.0.1",
        description="The address to serve it at. Any but a loopback one needs cert_file and a "
        "password: who called whom is not for everybody.",
    )
    port: Whole = Field(default=9300, ge=1, le=65535, description="TCP port.")

    def options(self) -> WebOptions:
        """What the server takes."""
        return WebOptions(
            host=self.host,
            port=self.port,
            certificate=self.cert_file,
            key=self.key_file,
            password=self.password.get_secret_value() if self.password else None,
            origins=self.origins,
        )


class CollectorSettings(LayeredSettings):
    """Everything that a collector can be told."""

    topic_prefixes: Annotated[
        tuple[TopicPrefix, ...],
        Field(min_length=1, max_length=64, description="Below which the devices publish."),
    ] = ("callbox/v1",)
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
    web: CollectorWebSettings = CollectorWebSettings()
    log: LogSettings = LogSettings()

    def connection(self) -> MqttOptions:
        """How to connect to the broker."""
        return self.mqtt.connection(self.mqtt.client_id).model_copy(
            update={
                "session_expiry": round(_SESSION_EXPIRY),
                "receive_maximum": _RECEIVE_MAXIMUM,
                "shares": self.mqtt.share is not None,
            }
        )

    def kept(self) -> Retention:
        return Retention(self.retention, self.details_retention)


def collector_sample() -> str:
    """collector.toml: every setting with its meaning and its default, all commented out."""
    return sample_of(CollectorSettings, _HEADER)


def load_collector_settings(
    config: Path | None, *, environ: Mapping[str, str] = os.environ, packaged: Path = PACKAGED
) -> CollectorSettings:
    """File, credentials and environment as one tree; `packaged` is read where no file is named and
    it is there. Raises ConfigurationError with every fault.
    """
    if config is None and is_there(packaged):
        config = packaged
    return load_tree(CollectorSettings, config, environ)
