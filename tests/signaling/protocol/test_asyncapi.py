"""The AsyncAPI document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from agent.signaling.protocol.asyncapi import document, models
from agent.signaling.protocol.schema import files


def test_asyncapi_every_reference_leads_somewhere() -> None:
    whole, written = document(), files()
    references = list(_references(whole))
    assert len(references) > 50
    for reference in references:
        if not reference.startswith("#/"):
            assert reference in written
            continue
        target = whole
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]


def test_asyncapi_has_the_qualities_of_service_of_the_protocol() -> None:
    operations = document()["operations"]
    mqtt = {name: operation["bindings"]["mqtt"] for name, operation in operations.items()}
    assert {name for name, each in mqtt.items() if each["qos"] == 0} == {
        "sendHealth",
        "sendLocalStats",
        "sendRemoteStats",
    }
    assert {name for name, each in mqtt.items() if each["retain"]} == {
        "sendStatus",
        "sendAbout",
        "sendSettings",
        "sendCall",
        "sendSnapshot",
        "sendOutputState",
    }
    assert {name for name, each in mqtt.items() if "messageExpiryInterval" in each} == {
        "receiveInvite",
        "sendInvite",
        "sendSnapshot",
    }
    assert all(
        "reply" in operation
        for name, operation in operations.items()
        if re.fullmatch("receive.*Command", name)
    )


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            if key == "$ref":
                yield each
            else:
                yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)


def test_asyncapi_has_a_channel_for_every_message() -> None:
    channels = document()["channels"]
    named = {name for each in channels.values() for name in each["messages"]}
    # the picture is the only one that is no JSON
    assert named == {*models(), "snapshot"}
