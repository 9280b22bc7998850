"""Whether those who pull are answered: by the running device, at the address that they ask."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator
from http import HTTPStatus

from agent.doctor.findings import Finding, Verdict
from agent.settings import Settings

# seconds for an answer
_TIMEOUT = 5.0


def check_pull(settings: Settings) -> Iterator[Finding]:
    """Asks as each consumer would, without beginning anything. Blocks."""
    pull = settings.pull
    if not pull.enabled:
        return
    for consumer in pull.consumer:
        try:
            status = _ask(settings, consumer.token.get_secret_value())
        except (OSError, http.client.HTTPException) as error:
            why = str(error) or type(error).__name__
            yield Finding(
                "pull",
                Verdict.WARNING,
                f"{pull.host}, port {pull.port} does not answer: {why}",
                "It does while callbox runs.",
            )
            return
        if status == HTTPStatus.NO_CONTENT:
            yield Finding("pull", Verdict.OK, f"{consumer.name} is let in by its token")
        else:
            yield Finding(
                "pull",
                Verdict.FAILED,
                f"{consumer.name} is answered {status}",
                "Another program has the port, or callbox runs with another token: restart it.",
            )


def _ask(settings: Settings, token: str) -> int:
    """The status of OPTIONS, which asks for nothing but what may be done."""
    pull = settings.pull
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(pull.host, pull.host)
    connection = http.client.HTTPConnection(host, pull.port, timeout=_TIMEOUT)
    if pull.cert_file:
        # our own port: whose certificate it is, is not the question here
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(host, pull.port, timeout=_TIMEOUT, context=context)
    try:
        connection.request("OPTIONS", "/whep", headers={"Authorization": f"Bearer {token}"})
        return connection.getresponse().status
    finally:
        connection.close()
