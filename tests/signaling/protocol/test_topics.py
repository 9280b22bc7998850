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
    CallTopic,
    CommandTopic,
    EventTopic,
    HealthTopic,
    OutputTopic,
    ReplyTopic,
    SettingsTopic,
    SignalTopic,
    SnapshotTopic,
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
def test_topics_every_topic_parses_to_what_it_was_built_from(
    prefix: str, uid: str, other: str, name: str
) -> None:
    topics = Topics(prefix)
    assert topics.parse(topics.signal(uid, other)) == SignalTopic(to=uid, sender=other)
    assert topics.parse(topics.command(uid, name)) == CommandTopic(uid, name)
    assert topics.parse(topics.event(uid, name)) == EventTopic(uid, name)
    assert topics.parse(topics.status(uid)) == StatusTopic(uid)
    assert topics.parse(topics.about(uid)) == AboutTopic(uid)
    assert topics.parse(topics.health(uid)) == HealthTopic(uid)
    assert topics.parse(topics.settings(uid)) == SettingsTopic(uid)
    assert topics.parse(topics.call(uid)) == CallTopic(uid)
    assert topics.parse(topics.snapshot(uid)) == SnapshotTopic(uid)
    assert topics.parse(topics.output(uid, name)) == OutputTopic(uid, name)
    assert topics.parse(topics.replies(uid) + name) == ReplyTopic(uid, name)


@given(prefixes, uids, uids, names)
def test_topics_filters_match_the_device_s_topics_and_no_other_s(
    prefix: str, uid: str, other: str, name: str
) -> None:
    topics = Topics(prefix)
    assert topic_matches_sub(topics.signals_for(uid), topics.signal(uid, other))
    assert topic_matches_sub(topics.commands_for(uid), topics.command(uid, name))
    assert topic_matches_sub(topics.signals_for(uid), topics.signal(other, uid)) is (uid == other)
    assert topic_matches_sub(topics.every("status"), topics.status(uid))


@given(st.text(max_size=60))
def test_topics_any_text_is_a_topic_of_ours_or_none(text: str) -> None:
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
def test_topics_is_uid(uid: str) -> None:
    assert is_uid(uid)


@pytest.mark.parametrize(
    "uid", ["", "-a", ".a", "a/b", "a+", "#", "x" * 65, "a\n", "ä", "a b", "٣"]
)
def test_topics_is_no_uid(uid: str) -> None:
    assert not is_uid(uid)
    with pytest.raises(ValueError, match="uid"):
        Topics().signal("a", uid)
    with pytest.raises(ValueError, match="uid"):
        Topics().status(uid)


@pytest.mark.parametrize(
    "prefix", ["", "/", "a/", "/a", "a//b", "a/+", "#", "$SYS", "a b", "x" * 101, "a\x00"]
)
def test_topics_refuse_a_prefix(prefix: str) -> None:
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
        "callbox/v1/a/output",
        "callbox/v1/a/output/Door",
        "callbox/v1/a/reply",
        "callbox/v1/a/reply/",
        "callbox/v1/a/call/b",
        "callbox/v1/-/snapshot",
    ],
)
def test_topics_parse_nothing_of_another_topic(topic: str) -> None:
    assert Topics().parse(topic) is None


@pytest.mark.parametrize("name", ["", "Open", "a/b", "+"])
def test_topics_command_of_no_verb(name: str) -> None:
    with pytest.raises(ValueError, match="topic level"):
        Topics().command("a", name)


def test_topics_only_what_is_never_retained_is_not_asked_for_as_such() -> None:
    topics = Topics()
    assert not wants_retained(topics.signals_for("a"))
    assert not wants_retained(topics.commands_for("a"))
    assert wants_retained(topics.every("status"))


def test_topics_are_those_of_the_protocol() -> None:
    topics = Topics()
    assert [
        topics.settings("a"),
        topics.call("a"),
        topics.snapshot("a"),
        topics.output("a", "door"),
        topics.replies("a"),
    ] == [
        "callbox/v1/a/settings",
        "callbox/v1/a/call",
        "callbox/v1/a/snapshot",
        "callbox/v1/a/output/door",
        "callbox/v1/a/reply/",
    ]


def test_topics_parse_reply_of_several_levels() -> None:
    assert Topics().parse("callbox/v1/a/reply/ops/7") == ReplyTopic("a", "ops/7")


@pytest.mark.parametrize("name", ["", "Door", "a/b", "+"])
def test_topics_output_of_no_name(name: str) -> None:
    with pytest.raises(ValueError, match="topic level"):
        Topics().output("a", name)
