"""The settings of a device: the typed tree, the only reader of files, environment and credentials,
and its samples.
"""

from agent.settings.advice import advise
from agent.settings.camera import CameraSettings
from agent.settings.load import load_policy, load_settings, local_timezone
from agent.settings.models import (
    CONFIG_ROOT,
    AudioSettings,
    CallSettings,
    IceServerSettings,
    IceSettings,
    LogSettings,
    MqttSettings,
    PolicySettings,
    Settings,
    StatsSettings,
    TlsSettings,
    VideoSettings,
    WebSettings,
)
from agent.settings.sample import sample_config, sample_policy

__all__ = [
    "CONFIG_ROOT",
    "AudioSettings",
    "CallSettings",
    "CameraSettings",
    "IceServerSettings",
    "IceSettings",
    "LogSettings",
    "MqttSettings",
    "PolicySettings",
    "Settings",
    "StatsSettings",
    "TlsSettings",
    "VideoSettings",
    "WebSettings",
    "advise",
    "load_policy",
    "load_settings",
    "local_timezone",
    "sample_config",
    "sample_policy",
]
