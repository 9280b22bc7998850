"""`callbox call`: a caller in the terminal, on the same API as the daemon."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self
from urllib.parse import quote

from pydantic import ValidationError

from agent.client.call_client import CallClient
from agent.client.conversation import Conversation
from agent.commands.call_display import Display
from agent.commands.door_wish import DoorWish
from agent.commands.reachability import Reachability
from agent.connect import BrokerUrl, connected
from agent.core.call.reasons import CallStatus, CloseReason, Purpose
from agent.core.statistics.reports import CallRecord
from agent.errors import ConfigurationError, NotConnected
from agent.media.base.video_source import VideoOptions
from agent.media.recording.recorder import Recorder
from agent.media.sound.audio_settings import AudioSettings
from agent.media.sound.playout import Playback
from agent.media.sound.sound_setup import open_sound
from agent.media.source_choice import open_video_source
from agent.media.video_hub import VideoHub
from agent.ports import LocalStream
from agent.settings.text_file import read_text
from agent.signaling.protocol.topics import Topics, is_uid

# seconds for the broker to answer
CONNECT_TIMEOUT = 10.0

_EXIT = {CallStatus.REJECTED: 3, CallStatus.BUSY: 4, CallStatus.TIMEOUT: 5}
_FAILED = 6


@dataclass(frozen=True, slots=True)
class BrokerLogin:
    """What does not belong into a URL. Files are PEM but the password's."""

    password_file: Path | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    password: str | None = field(default=None, repr=False)

    def secret(self) -> str | None:
        """The password, without the line's end. Raises ConfigurationError."""
        if self.password_file is None:
            return self.password
        try:
            return read_text(self.password_file).rstrip("\r\n")
        except ValueError as error:
            raise ConfigurationError([f"--password-file: {error}"]) from None

    def into(self, url: str) -> str:
        """`url` with the password behind its user name, unless it has one already. Without a user
        name the password goes alone, and the uid with it.
        """
        scheme, mark, rest = url.partition("://")
        user, _, host = rest.rpartition("@")
        if ":" in user or (secret := self.secret()) is None:
            return url
        return f"{scheme}{mark}{user}:{quote(secret, safe='')}@{host}"

    def files(self) -> tuple[str | None, ...]:
        """Authorities, certificate and key."""
        files = (self.ca_file, self.cert_file, self.key_file)
        return tuple(str(file) if file else None for file in files)


@dataclass(frozen=True, slots=True)
class CallPlan:
    """What the command line asked for. `seconds` None: until Ctrl-C."""

    to: str
    broker: str = field(default="mqtt://127.0.0.1:1883", repr=False)
    login: BrokerLogin = BrokerLogin()
    uid: str = "callbox-call"
    prefix: str = "callbox/v1"
    seconds: float | None = None
    lifetime: float = 30.0
    record: Path | None = None
    audio: str = "none"
    video: str = "none"
    # it only looks: nothing is sent
    view: bool = False
    # the device's door, as soon as the call stands
    door: DoorWish | None = None
    as_json: bool = False


async def place_call(plan: CallPlan) -> int:
    """Call, show, hang up. Returns the exit code. Raises CallboxError where it cannot even
    begin.
    """
    _check(plan)
    with _Interruption() as interruption:
        try:
            return await _place_call(plan, interruption)
        except asyncio.CancelledError:
            if not interruption.cancelled:
                raise
            raise NotConnected("interrupted before the call began") from None


def _check(plan: CallPlan) -> None:
    for option, value in (("UID", plan.to), ("--uid", plan.uid)):
        if not is_uid(value):
            raise ConfigurationError(
                [f"{option}: {value!r} is not a uid (letters, digits, '_', '.', '-'; at most 64)"]
            )
    try:
        Topics(plan.prefix)
    except ValueError as error:
        raise ConfigurationError([f"--prefix: {error}"]) from None


class _Interruption:
    """What SIGINT and SIGTERM do, and a terminal that is closed (SIGHUP, unless nohup has it
    ignored): hang up; before there is a call, end the task that entered this context.
    """

    def __init__(self) -> None:
        self.cancelled = False
        self.hang_up: Callable[[], None] = self._cancel
        self._task = asyncio.current_task()
        is_kept = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        self._numbers = (signal.SIGINT, signal.SIGTERM, *(() if is_kept else (signal.SIGHUP,)))

    def __enter__(self) -> Self:
        for number in self._numbers:
            asyncio.get_running_loop().add_signal_handler(number, lambda: self.hang_up())
        return self

    def __exit__(self, *_: object) -> None:
        for number in self._numbers:
            asyncio.get_running_loop().remove_signal_handler(number)

    def _cancel(self) -> None:
        if self._task is not None and not self.cancelled:
            self.cancelled = True
            self._task.cancel()


async def _place_call(plan: CallPlan, interruption: _Interruption) -> int:
    async with AsyncExitStack() as stack:
        local_stream, recorder = _local_stream(plan, stack), _recorder(plan, stack)
        ca_file, cert_file, key_file = plan.login.files()
        address = BrokerUrl.parse(
            plan.login.into(plan.broker), ca_file=ca_file, cert_file=cert_file, key_file=key_file
        )
        link = await stack.enter_async_context(
            connected(address, uid=plan.uid, prefix=plan.prefix, timeout=CONNECT_TIMEOUT)
        )
        client = await stack.enter_async_context(CallClient(link.signaling, link.peers))
        await stack.enter_async_context(link.watching_addresses(client.network_changed))
        reachability = Reachability(link.status_of(plan.to))
        await reachability.prepare()
        purpose = Purpose.VIEW if plan.view else Purpose.TALK
        conversation = client.call(plan.to, local_stream, lifetime=plan.lifetime, purpose=purpose)
        interruption.hang_up = conversation.hang_up
        if recorder is not None:
            conversation.remote_stream.attach(recorder)
        own = conversation

        def meet(other: Conversation) -> None:
            if not other.crosses:
                return
            interruption.hang_up = partial(_hang_up, own, other)
            if recorder is not None:
                other.remote_stream.attach(recorder)

        client.on("called", meet)
        record, released = await _watch(conversation, plan, stack, reachability)
        met = client.conversations.get(record.answered_by or "")
        if met is not None:
            # whom we call has called us in the same moment: that is the call
            conversation = met
            record, released = await _watch(met, plan, stack)
        code = _conclude(conversation, record, plan)
        return reachability.exit_code or code or (_FAILED if released is False else 0)


def _hang_up(*conversations: Conversation) -> None:
    for each in conversations:
        each.hang_up()


@contextmanager
def _named(option: str) -> Iterator[None]:
    """A fault of a source names the setting of a device; here it is an option."""
    try:
        yield
    except ConfigurationError as error:
        raise ConfigurationError(
            [f"{option}: {fault.partition(': ')[2]}" for fault in error.faults]
        ) from None


def _local_stream(plan: CallPlan, stack: AsyncExitStack) -> LocalStream:
    video = None
    if plan.video != "none":
        options = VideoOptions(uid=plan.uid)
        with _named("--video"):
            video = VideoHub(open_video_source(plan.video, options), options)
        stack.push_async_callback(video.close)
    sound = open_sound(_audio_settings(plan.audio))
    stack.push_async_callback(sound.close)
    playback = Playback(sound.playback) if sound.playback is not None else None
    return LocalStream(video=video, audio=sound.capture, playback=playback)


def _audio_settings(device: str) -> AudioSettings:
    """A card both ways; what is no card is sent, and nothing is played. Raises
    ConfigurationError.
    """
    is_card = device == "auto" or device.startswith("alsa:")
    try:
        return AudioSettings(capture=device, playback=device if is_card else "none")
    except ValidationError as error:
        fault = str(error.errors(include_url=False)[0]["msg"]).removeprefix("Value error, ")
        raise ConfigurationError([f"--audio: {fault}"]) from None


def _recorder(plan: CallPlan, stack: AsyncExitStack) -> Recorder | None:
    if plan.record is None:
        return None
    recorder = Recorder(plan.record)
    stack.push_async_callback(recorder.finished)
    stack.callback(recorder.close)
    return recorder


async def _watch(
    conversation: Conversation,
    plan: CallPlan,
    stack: AsyncExitStack,
    reachability: Reachability | None = None,
) -> tuple[CallRecord, bool | None]:
    """The record, and whether the door that was asked for was released."""
    show = Display(plan.to, conversation.hang_up, as_json=plan.as_json)
    stack.callback(show.close)
    conversation.subscribe(show.event)
    async with asyncio.TaskGroup() as tasks:
        ending = tasks.create_task(_wait_closed(conversation, plan))
        if reachability is not None:
            tasks.create_task(reachability.watch(conversation, show))
        released = await plan.door.carry_out(conversation, show) if plan.door else None
        record = await ending
    if show.lost is not None:
        raise show.lost
    return record, released


async def _wait_closed(conversation: Conversation, plan: CallPlan) -> CallRecord:
    if plan.seconds is None or await conversation.answered() is not CallStatus.ACCEPTED:
        return await conversation.wait_closed()
    try:
        async with asyncio.timeout(plan.seconds):
            return await conversation.wait_closed()
    except TimeoutError:
        return await conversation.close()


def _conclude(conversation: Conversation, record: CallRecord, plan: CallPlan) -> int:
    value = {"conversation": conversation.id, "remoteUid": conversation.remote_uid}
    value |= record.model_dump(mode="json", by_alias=True, exclude_none=True)
    print(
        json.dumps(
            {"event": "closed", **value} if plan.as_json else value,
            indent=None if plan.as_json else 2,
        )
    )
    if record.call_status in _EXIT:
        return _EXIT[record.call_status]
    return (
        0
        if record.connected_at is not None and record.reason is not CloseReason.MEDIA_TIMEOUT
        else _FAILED
    )
