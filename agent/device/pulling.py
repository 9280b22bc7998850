"""Those who pull the picture by HTTP, as a part of the device."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from agent.client.call_client import CallClient
from agent.core.call.decision import Action, Decision, Line
from agent.core.call.machine import State
from agent.core.call.values import Invitation
from agent.core.policy.known_callers import KnownCallers
from agent.ports import CallScreening, Signaling
from agent.pull.joined_signaling import JoinedSignaling
from agent.pull.pull_channel import PullChannel
from agent.settings import Settings
from agent.webrtc.ice.ice_servers import time_limited

if TYPE_CHECKING:
    from agent.pull.pull_server import PullServer

MUST_RING = "must_ring"


class Pulling:
    """Joins who pulls to the signaling of a device, where its settings want that."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: CallClient | None = None
        self.channel = PullChannel(settings.pull.max, self._state_of)

    def join(self, main: Signaling) -> Signaling:
        """What the client is to signal by."""
        return JoinedSignaling(main, self.channel) if self._settings.pull.enabled else main

    def connect(self, client: CallClient) -> None:
        """Whose conversations they are."""
        self._client = client

    def server(self) -> PullServer:
        """The HTTP server. Made where the calls are."""
        # what a device that nobody pulls from does without
        from agent.pull.main_loop import MainLoop
        from agent.pull.pull_desk import PullDesk
        from agent.pull.pull_server import PullServer
        from agent.web.web_options import WebOptions

        pull, main_loop = self._settings.pull, MainLoop()
        servers = self._settings.ice.options().servers
        desk = PullDesk(
            self._settings.uid,
            {each.name: each.token.get_secret_value() for each in pull.consumer},
            pull.origins,
            self.channel,
            main_loop,
            lambda: [time_limited(each, time.time()) for each in servers],
        )
        options = WebOptions(
            host=pull.host, port=pull.port, certificate=pull.cert_file, key=pull.key_file
        )
        return PullServer(options, desk, self.channel, main_loop)

    def _state_of(self, conversation: str) -> State | None:
        found = self._client and self._client.conversations.get(conversation)
        return found.state if found else None


class PullScreening:
    """Asks `rules`, and says no where a person would have to be asked: nobody waits by HTTP until
    one has come.
    """

    def __init__(self, rules: CallScreening) -> None:
        self._rules = rules

    def known_callers(self) -> KnownCallers:
        return self._rules.known_callers()

    def admit(self, invitation: Invitation, *, line: Line) -> Decision:
        decision = self._rules.admit(invitation, line=line)
        if invitation.via is not None and decision.action is Action.RING:
            return replace(decision, action=Action.REJECT, reason=MUST_RING)
        return decision
