"""What a device is and can do (PROTOCOL 6)."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass

from agent import __version__
from agent.core.policy.rules import Policy
from agent.device.retained import Retained
from agent.doorbell.output_settings import OutputKind
from agent.media.sound.sound_mode import choose_mode
from agent.media.sound.sound_setup import describe_sound
from agent.media.video_hub import VideoHub
from agent.service.board import board_model
from agent.settings import Settings
from agent.signaling.protocol import messages as wire

# hexadecimal digits, of SHA-256: enough to tell two apart
_HASH_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """Tell which devices of a fleet have the same rules and settings. Secrets do not count, so that
    nobody can try out passwords on them.
    """

    policy: str
    config: str

    @classmethod
    def of(cls, settings: Settings, policy: Policy) -> Fingerprints:
        rules = "\n".join(rule.model_dump_json() for rule in policy.rules)
        return cls(_digest(rules), _digest(settings.model_dump_json(exclude={"policy"})))


def about(
    settings: Settings,
    video: VideoHub,
    verbs: tuple[str, ...],
    fingerprints: Fingerprints,
    restarts: int,
    messages: tuple[str, ...] = (),
) -> wire.About:
    """What the device is and can do. `settings` are those it runs with, `fingerprints` of those
    that it has read last; `messages` is what it can say.
    """
    source = video.describe()
    system = os.uname()
    return wire.About(
        uid=settings.uid,
        model=board_model(),
        version=__version__,
        camera=source.camera,
        encoder=source.encoder,
        video_codecs=("H264",),
        audio=_audio(settings),
        outputs=_outputs(settings),
        max_conversations=settings.max_conversations,
        max_viewers=settings.max_viewers,
        max_width=settings.video.width,
        max_height=settings.video.height,
        max_framerate=settings.video.framerate,
        kernel=system.release,
        architecture=system.machine,
        commands=verbs,
        messages=messages or None,
        policy_hash=fingerprints.policy,
        config_hash=fingerprints.config,
        restarts=restarts,
    )


class AboutPublisher:
    """Keeps the retained `about` true. `settings` are those that the device runs with."""

    def __init__(
        self,
        retained: Retained,
        topic: str,
        settings: Settings,
        policy: Policy,
        video: VideoHub,
        restarts: int,
        messages: Callable[[], tuple[str, ...]] = tuple,
    ) -> None:
        self._messages = messages
        self._retained = retained
        self._topic = topic
        self._settings = settings
        self._video = video
        self._restarts = restarts
        self._fingerprints = Fingerprints.of(settings, policy)
        self._verbs: tuple[str, ...] = ()
        self._said: bytes | None = None

    def reloaded(self, settings: Settings, policy: Policy) -> None:
        """They were read; `say` follows."""
        self._fingerprints = Fingerprints.of(settings, policy)

    def say(self, verbs: tuple[str, ...]) -> None:
        """`verbs` are the commands that are carried out."""
        self._verbs = verbs
        self._said = self._made()
        self._retained.say(self._topic, self._said)

    def refresh(self) -> None:
        """Say it again where the machine is another one now: a sound card has come or gone."""
        if self._said is not None and self._made() != self._said:
            self.say(self._verbs)

    def _made(self) -> bytes:
        now = (self._fingerprints, self._restarts, self._messages())
        return wire.encode(about(self._settings, self._video, self._verbs, *now))


def _audio(settings: Settings) -> dict[str, bool | str]:
    """Which ends there are, and how echo is met."""
    ends = {end: name is not None for end, name in describe_sound(settings.audio).items()}
    mode = choose_mode(settings.audio)
    return ends | {"mode": mode.mode, "echo": "cancel" if mode.echo else "off"}


def _outputs(settings: Settings) -> tuple[wire.AboutOutput, ...]:
    """Whoever may have a door released has to know its name, and whether it has a code."""
    return tuple(
        wire.AboutOutput(
            name=each.name,
            kind=each.kind.value,
            code=each.code is not None if each.kind is OutputKind.DOOR else None,
        )
        for each in settings.output
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_HASH_LENGTH]
