"""The settings of a device: the typed tree, the only reader of files, environment and credentials,
and its samples.
"""

from agent.client.call_settings import CallSettings, StatsSettings
from agent.media.base.camera_options import CameraOptions
from agent.media.base.video_settings import VideoSettings
from agent.media.sound.audio_settings import AudioSettings
from agent.service.log_settings import LogSettings
from agent.settings.advice import advise
from agent.settings.load import load_policy, load_settings
from agent.settings.models import CONFIG_ROOT, PolicySettings, Settings
from agent.settings.sample import sample_config, sample_policy
from agent.signaling.mqtt.mqtt_options import DeviceMqttSettings, TlsSettings
from agent.web.web_settings import WebSettings
from agent.webrtc.ice.ice_settings import IceServerSettings, IceSettings

__all__ = [
    "CONFIG_ROOT",
    "AudioSettings",
    "CallSettings",
    "CameraOptions",
    "DeviceMqttSettings",
    "IceServerSettings",
    "IceSettings",
    "LogSettings",
    "PolicySettings",
    "Settings",
    "StatsSettings",
    "TlsSettings",
    "VideoSettings",
    "WebSettings",
    "advise",
    "load_policy",
    "load_settings",
    "sample_config",
    "sample_policy",
]
