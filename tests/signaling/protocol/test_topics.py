"""Topics, built and parsed."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import topic_matches_sub

from agent.signaling.protocol.topics import (
    DEFAULT_PREFIX,
    UID_PATTERN,
    AboutTopic,
    CommandTopic,
    EventTopic,
    HealthTopic,
    SignalTopic,
    StatusTopic,
    Topics,
    is_uid,
    wants_retained,
)

uids = st.from_regex(re.compile(UID_PATTERN, re.ASCII), fullmatch=True)
names = st.from_regex(re.compile(r"[a-z][a-z0-9_]{0,20}", re.ASCII), fullmatch=True)
prefixes = st.lists(
    st.sampled_from(["callbox", "v1", "a.b", "site-7", "signal", "command"]), min_size=1, max_size=5
).map("/".join)


@given(prefixes, uids, uids, names)
def test_every_topic_parses_to_what_it_was_built_from(
    prefix: str, uid: str, other: str, name: str
) -> None:
    topics = Topics(prefix)
    assert topics.parse(topics.signal(uid, other)) == SignalTopic(to=uid, sender=other)
    assert topics.parse(topics.command(uid, name)) == CommandTopic(uid, name)
    assert topics.parse(topics.event(uid, name)) == EventTopic(uid, name)
    assert topics.parse(topics.status(uid)) == StatusTopic(uid)
    assert topics.parse(topics.about(uid)) == AboutTopic(uid)
    assert topics.parse(topics.health(uid)) == HealthTopic(uid)


@given(prefixes, uids, uids, names)
def test_the_filters_match_the_device_s_topics_and_no_other_s(
    prefix: str, uid: str, other: str, name: str
) -> None:
    topics = Topics(prefix)
    assert topic_matches_sub(topics.signals_for(uid), topics.signal(uid, other))
    assert topic_matches_sub(topics.commands_for(uid), topics.command(uid, name))
    assert topic_matches_sub(topics.signals_for(uid), topics.signal(other, uid)) is (uid == other)
    assert topic_matches_sub(topics.every("status"), topics.status(uid))


@given(st.text(max_size=60))
def test_any_text_is_a_topic_of_ours_or_none(text: str) -> None:
    for topic in (
        text,
        f"{DEFAULT_PREFIX}/{text}",
        f"{DEFAULT_PREFIX}/a/signal/{text}",
        f"{DEFAULT_PREFIX}/{text}/status",
    ):
        parsed = Topics().parse(topic)
        if isinstance(parsed, SignalTopic):
            assert Topics().signal(parsed.to, parsed.sender) == topic


@pytest.mark.parametrize("uid", ["a", "door-1", "A.b_c-9", "0", "x" * 64])
def test_a_uid(uid: str) -> None:
    assert is_uid(uid)


@pytest.mark.parametrize(
    "uid", ["", "-a", ".a", "a/b", "a+", "#", "x" * 65, "a\n", "ä", "a b", "٣"]
)
def test_no_uid(uid: str) -> None:
    assert not is_uid(uid)
    with pytest.raises(ValueError, match="uid"):
        Topics().signal("a", uid)
    with pytest.raises(ValueError, match="uid"):
        Topics().status(uid)


@pytest.mark.parametrize(
    "prefix", ["", "/", "a/", "/a", "a//b", "a/+", "#", "$SYS", "a b", "x" * 101, "a\x00"]
)
def test_no_prefix(prefix: str) -> None:
    with pytest.raises(ValueError, match="topic prefix"):
        Topics(prefix)


@pytest.mark.parametrize(
    "topic",
    [
        "callbox/v1/a/signal",
        "callbox/v1/a/signal/b/c",
        "x/callbox/v1/a/signal/b",
        "callbox/v2/a/signal/b",
        "callbox/v1/a/other",
    ],
)
def test_no_topic_of_ours(topic: str) -> None:
    assert Topics().parse(topic) is None


@pytest.mark.parametrize("name", ["", "Open", "a/b", "+"])
def test_no_verb(name: str) -> None:
    with pytest.raises(ValueError, match="topic level"):
        Topics().command("a", name)


def test_only_what_is_never_retained_is_not_asked_for_as_such() -> None:
    topics = Topics()
    assert not wants_retained(topics.signals_for("a"))
    assert not wants_retained(topics.commands_for("a"))
    assert wants_retained(topics.every("status"))


@pytest.mark.parametrize(
    ("topic", "reserved"),
    [
        ("callbox/v1/b/signal/a", True),
        ("callbox/v1/a/status", True),
        ("callbox/v1/a/command/open", True),
        ("callbox/v1/a/x/signal/y", True),
        ("callbox/v1/ops/replies/7", False),
        ("callbox/v1/signal/replies", False),
        ("replies/signal/7", False),
    ],
)
def test_where_only_the_protocol_speaks(topic: str, reserved: bool) -> None:
    assert Topics().is_reserved(topic) is reserved
