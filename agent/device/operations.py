"""What an operator may ask of a running device (PROTOCOL 6): an allow-list of verbs, each a few
lines.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from agent.core.call.decision import Action
from agent.device.actions import Actions
from agent.device.door_station import DoorStation
from agent.device.override_keeper import OverrideKeeper
from agent.device.voice import Voice
from agent.device.volume_keeper import VolumeKeeper
from agent.errors import (
    CallboxError,
    ConfigurationError,
    InvalidStateError,
    NoSuchMessage,
    NotSupportedError,
    RefusedError,
)
from agent.signaling.protocol import messages as wire

logger = logging.getLogger(__name__)


class Operator:
    """Carries out commands. `reload` reads settings and policy again and returns what changed."""

    def __init__(
        self,
        actions: Actions,
        override: OverrideKeeper,
        volume: VolumeKeeper,
        door: DoorStation,
        voice: Voice,
        reload: Callable[[], dict[str, Any]],
    ) -> None:
        self._actions = actions
        self._overrides = override
        self._volume = volume
        self._door = door
        self._voice = voice
        self._reload = reload
        self._verbs: dict[type[wire.Command], Callable[[Any], Awaitable[dict[str, Any]]]] = {
            wire.CallCommand: self._call,
            wire.AcceptCommand: self._accept,
            wire.RejectCommand: self._reject,
            wire.CloseCommand: self._close,
            wire.MuteCommand: self._mute,
            wire.SnapshotCommand: self._snapshot,
            wire.ReloadCommand: self._reload_now,
            wire.PolicyCommand: self._override,
            wire.VolumeCommand: self._set_volume,
            wire.OpenCommand: self._open,
            wire.PrivacyCommand: self._set_privacy,
            wire.SilenceCommand: self._be_silent,
            wire.SayCommand: self._say,
            wire.MessagesCommand: self._messages,
            wire.PlayCommand: self._play,
            wire.DeleteCommand: self._delete,
        }

    @property
    def verbs(self) -> tuple[str, ...]:
        """What this device could be asked."""
        return tuple(verb for verb, model in wire.COMMANDS.items() if model in self._verbs)

    async def carry_out(self, command: wire.Command) -> wire.CommandResult:
        """What became of it. Never raises."""
        verb = self._verbs.get(type(command))
        if verb is None:
            return wire.CommandResult.failure("not_supported", "this device is not set up for it")
        try:
            return wire.CommandResult.success(**await verb(command))
        except RefusedError as error:
            now = {} if error.now is None else {"now": wire.format_time(error.now)}
            return wire.CommandResult.failure(error.code, str(error)).model_copy(update=now)
        except NotSupportedError as error:
            return wire.CommandResult.failure("not_supported", str(error))
        except NoSuchMessage as error:
            return wire.CommandResult.failure("no_such_message", str(error))
        except InvalidStateError as error:
            return wire.CommandResult.failure("invalid_state", str(error))
        except ConfigurationError as error:
            return wire.CommandResult.failure("configuration", str(error))
        except CallboxError as error:
            return wire.CommandResult.failure("failed", str(error))
        except Exception as error:
            # the edge of a verb: whoever asked hears of our fault, too
            logger.exception("%s failed", type(command).__name__)
            return wire.CommandResult.failure("internal", type(error).__name__)

    async def _call(self, command: wire.CallCommand) -> dict[str, Any]:
        conversation = self._actions.call(command.to, lifetime=command.lifetime, mode=command.mode)
        return {"conversation": conversation.id}

    async def _accept(self, command: wire.AcceptCommand) -> dict[str, Any]:
        return {"conversation": (await self._actions.accept(command.conversation)).id}

    async def _reject(self, command: wire.RejectCommand) -> dict[str, Any]:
        return {"conversation": (await self._actions.reject(command.conversation)).id}

    async def _close(self, command: wire.CloseCommand) -> dict[str, Any]:
        ended = await self._actions.hang_up(command.conversation)
        return {"conversations": [each.id for each in ended]}

    async def _mute(self, command: wire.MuteCommand) -> dict[str, Any]:
        self._actions.mute(audio=command.audio, video=command.video)
        return {}

    async def _snapshot(self, _command: wire.SnapshotCommand) -> dict[str, Any]:
        picture = await self._actions.snapshot()
        return {
            "content_type": "image/jpeg",
            "width": picture.width,
            "height": picture.height,
            "data": base64.b64encode(picture.data).decode(),
        }

    async def _reload_now(self, _command: wire.ReloadCommand) -> dict[str, Any]:
        return self._reload()

    async def _set_volume(self, command: wire.VolumeCommand) -> dict[str, Any]:
        return {**await self._volume.set(speaker=command.speaker, microphone=command.microphone)}

    async def _open(self, command: wire.OpenCommand) -> dict[str, Any]:
        return {"output": self._door.doors.by_command(command)}

    async def _set_privacy(self, command: wire.PrivacyCommand) -> dict[str, Any]:
        await self._door.privacy.set(command.on)
        return {"privacy": self._door.privacy.on}

    async def _be_silent(self, command: wire.SilenceCommand) -> dict[str, Any]:
        until = await self._door.silence.set(command.seconds)
        return {"silenced_until": until}

    async def _override(self, command: wire.PolicyCommand) -> dict[str, Any]:
        if command.override is None:
            await self._overrides.clear()
            return {"override": None}
        until = datetime.fromisoformat(command.until.upper()) if command.until else None
        override = await self._overrides.set(Action(command.override), until)
        end = override.until and wire.format_time(override.until.timestamp())
        return {"override": command.override, "until": command.until or end}

    async def _say(self, command: wire.SayCommand) -> dict[str, Any]:
        return {"seconds": round(await self._voice.say(command.message), 2)}

    async def _play(self, command: wire.PlayCommand) -> dict[str, Any]:
        return {"seconds": round(await self._voice.play(command.name), 2)}

    async def _messages(self, _command: wire.MessagesCommand) -> dict[str, Any]:
        left = await self._voice.messages()
        return {
            "messages": [
                {"name": each.name, "timestamp": wire.format_time(each.at), "bytes": each.size}
                for each in left
            ]
        }

    async def _delete(self, command: wire.DeleteCommand) -> dict[str, Any]:
        await self._voice.delete(command.name)
        return {}
