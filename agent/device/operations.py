"""What an operator may ask of a running device (PROTOCOL 6): an allow-list of verbs, each a few
lines.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Self

from agent.client.tasks import Tasks
from agent.core.policy.override import PolicyOverride
from agent.device.actions import Actions
from agent.errors import CallboxError, ConfigurationError, InvalidStateError, MalformedMessage
from agent.signaling.command_channel import CommandChannel, CommandRequest
from agent.signaling.protocol import messages as wire

logger = logging.getLogger(__name__)


# commands; an answer that waits for the camera takes seconds
MAX_UNDER_WAY = 16
# seconds for those that are under way at the end
FINISH_TIMEOUT = 2.0


class Operator:
    """Carries out `commands` while its context is open. `reload` reads settings and policy again
    and returns what changed.
    """

    def __init__(
        self,
        commands: CommandChannel,
        actions: Actions,
        override: Callable[[PolicyOverride | None], None],
        reload: Callable[[], dict[str, Any]],
    ) -> None:
        self._commands = commands
        self._actions = actions
        self._set_override = override
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
        }
        self._under_way = 0
        self._tasks = Tasks("operator")
        self._reader: asyncio.Future[None] | None = None

    async def __aenter__(self) -> Self:
        self._reader = self._tasks.spawn(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._reader is not None:
            self._reader.cancel()
        await self._tasks.finish(FINISH_TIMEOUT)

    async def _read(self) -> None:
        while True:
            request = await self._commands.receive()
            self._tasks.spawn(self.handle(request))
            request.ack()

    @property
    def verbs(self) -> tuple[str, ...]:
        """What this device can be asked."""
        return tuple(verb for verb, model in wire.COMMANDS.items() if model in self._verbs)

    async def handle(self, request: CommandRequest) -> None:
        """Carry out one command and reply. What is wrong with it goes into the reply."""
        self._under_way += 1
        try:
            result = await self._result(request)
        finally:
            self._under_way -= 1
        logger.info(
            "command %s: %s",
            request.verb,
            "done" if result.ok else f"{result.code}: {result.message}",
        )
        request.reply(result)

    async def _result(self, request: CommandRequest) -> wire.CommandResult:
        command = request.command
        if isinstance(command, MalformedMessage):
            return wire.CommandResult.failure(command.code, str(command))
        if self._under_way > MAX_UNDER_WAY:
            return wire.CommandResult.failure(
                "overloaded", f"{MAX_UNDER_WAY} commands are under way"
            )
        verb = self._verbs.get(type(command))
        if verb is None:
            return wire.CommandResult.failure(
                "not_supported", f"this device is not set up for {request.verb}"
            )
        try:
            return wire.CommandResult.success(**await verb(command))
        except InvalidStateError as error:
            return wire.CommandResult.failure("invalid_state", str(error))
        except ConfigurationError as error:
            return wire.CommandResult.failure("configuration", str(error))
        except CallboxError as error:
            return wire.CommandResult.failure("failed", str(error))
        except Exception as error:
            # the edge of a verb: whoever asked hears of our fault, too
            logger.exception("command %s failed", request.verb)
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

    async def _override(self, command: wire.PolicyCommand) -> dict[str, Any]:
        if command.override is None:
            self._set_override(None)
            return {"override": None}
        until = datetime.fromisoformat(command.until.upper()) if command.until else None
        self._set_override(
            PolicyOverride.model_validate({"action": command.override, "until": until})
        )
        return {"override": command.override, "until": command.until}
