"""WHEP (draft-ietf-wish-whep, after RFC 9725): POST an offer, PATCH candidates, DELETE the session.

The session's address names the conversation, which nobody can guess. Its entity tag stays the
same: an ICE restart is refused (RFC 9725 4.3.3), and the player begins anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from http import HTTPStatus

from agent.core.call.reasons import CallStatus
from agent.core.call.values import IceServer
from agent.pull.http_messages import HttpAnswer, HttpRequest
from agent.pull.ice_links import ice_links
from agent.pull.main_loop import MainLoop
from agent.pull.pull_channel import PullChannel
from agent.pull.pull_session import PullRefused, PullSession
from agent.pull.sdp_fragment import IceFragment, read_fragment, with_candidates

SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"
METHODS = "OPTIONS, POST, PATCH, DELETE"
# seconds that an answer waits for the addresses that ICE servers give: nothing can follow it
GATHER_PATIENCE = 1.0
# seconds after which whoever found no place may ask again
RETRY_AFTER = 10
ENTITY_TAG = '"1"'
_STATUS = {
    "no_common_codec": HTTPStatus.NOT_ACCEPTABLE,
    "unusable_sdp": HTTPStatus.BAD_REQUEST,
    "rate_limited": HTTPStatus.TOO_MANY_REQUESTS,
}


class WhepEndpoint:
    """Answers what is asked of `/whep` for a consumer who has been let in. In the server's
    thread; `ice_servers` is asked for each session.
    """

    def __init__(
        self,
        channel: PullChannel,
        main_loop: MainLoop,
        base: str,
        ice_servers: Callable[[], Sequence[IceServer]],
    ) -> None:
        """`base` is the path of the endpoint, below which the sessions are."""
        self._channel = channel
        self._main_loop = main_loop
        self._base = base
        self._ice_servers = ice_servers

    def options(self, *, with_servers: bool) -> HttpAnswer:
        """What may be done here; ICE servers only for whoever has a token."""
        headers = [("Allow", METHODS), ("Accept-Post", SDP), ("Accept-Patch", FRAGMENT)]
        headers.append(("Access-Control-Allow-Methods", METHODS))
        headers.append(("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match"))
        headers.append(("Access-Control-Max-Age", "3600"))
        links = ice_links(self._ice_servers()) if with_servers else []
        return HttpAnswer(HTTPStatus.NO_CONTENT, headers=[*headers, *links])

    async def open(self, request: HttpRequest, consumer: str) -> HttpAnswer:
        """POST: the answer to an offer."""
        if request.media_type != SDP:
            return _unsupported(SDP)
        try:
            offer = request.body.decode()
        except UnicodeDecodeError:
            return HttpAnswer.text(HTTPStatus.BAD_REQUEST, "The offer is no UTF-8.")
        opening = self._open(consumer, offer, by_query=request.token_in_query)
        try:
            session, answer = await self._main_loop.run(opening)
        except PullRefused as why:
            return refusal(why)
        headers = [
            ("Content-Type", SDP),
            ("Location", f"{self._base}/{session.conversation}"),
            ("ETag", ENTITY_TAG),
            ("Accept-Patch", FRAGMENT),
            *ice_links(self._ice_servers()),
        ]
        return HttpAnswer(HTTPStatus.CREATED, answer.encode(), headers)

    async def _open(self, consumer: str, offer: str, *, by_query: bool) -> tuple[PullSession, str]:
        session = await self._channel.invite(consumer, "whep", offer, by_query=by_query)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(GATHER_PATIENCE):
                    await session.gathered.wait()
        except asyncio.CancelledError:
            self._channel.close(session)
            raise
        answer = session.answer.result()
        ended = session.gathered.is_set()
        return session, with_candidates(answer, session.candidates, ended=ended)

    async def patch(self, request: HttpRequest, session: PullSession) -> HttpAnswer:
        """Candidates of the player."""
        if request.media_type != FRAGMENT:
            return _unsupported(FRAGMENT)
        try:
            fragment = read_fragment(request.body.decode())
        except ValueError as error:
            return HttpAnswer.text(HTTPStatus.BAD_REQUEST, f"No fragment of SDP: {error}.")
        if fragment.ufrag not in (None, session.remote_ufrag):
            return HttpAnswer.text(
                HTTPStatus.UNPROCESSABLE_ENTITY, "ICE is not restarted here: begin a new session."
            )
        if request.headers.get("if-match", ENTITY_TAG) not in (ENTITY_TAG, "*"):
            return HttpAnswer.text(HTTPStatus.PRECONDITION_FAILED, "It is another ICE session.")
        try:
            await self._main_loop.run(self._trickle(session, fragment))
        except PullRefused as why:
            return refusal(why)
        return HttpAnswer(HTTPStatus.NO_CONTENT)

    async def _trickle(self, session: PullSession, fragment: IceFragment) -> None:
        for each in fragment.candidates:
            self._channel.add_candidate(session, each)

    async def delete(self, session: PullSession) -> HttpAnswer:
        """The player has gone."""
        await self._main_loop.run(self._close(session))
        return HttpAnswer(HTTPStatus.OK)

    async def _close(self, session: PullSession) -> None:
        self._channel.close(session)

    async def session(self, conversation: str) -> PullSession | None:
        return await self._main_loop.run(self._find(conversation))

    async def _find(self, conversation: str) -> PullSession | None:
        return self._channel.find(conversation)


def refusal(why: PullRefused) -> HttpAnswer:
    """Why there is no picture, as HTTP says it."""
    if why.status in (CallStatus.BUSY, CallStatus.TIMEOUT):
        status = HTTPStatus.SERVICE_UNAVAILABLE
    else:
        status = _STATUS.get(why.code, HTTPStatus.FORBIDDEN)
    again = status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS)
    headers = [("Retry-After", str(RETRY_AFTER))] if again else []
    return HttpAnswer.text(status, why.code, *headers)


def _unsupported(wanted: str) -> HttpAnswer:
    accept = "Accept-Post" if wanted == SDP else "Accept-Patch"
    return HttpAnswer.text(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"It should be {wanted}.", (accept, wanted)
    )
