"""What is answered and told about a door, how often, and at what time."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from agent.core.call import events as ev
from agent.core.call.reasons import CloseReason
from agent.core.door.code_tries import WINDOW
from agent.signaling.protocol import messages as wire
from tests.device.door_scene import CALL, OTHER, Scene, ring_out, scene
from tests.devices import UID
from tests.examples import examples
from tests.parties import NOW, PREFIX
from tests.waiting import until


async def test_doors_release_once_for_a_message_that_comes_again(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        await at.invite()
        issued = wire.format_time(NOW)
        assert await at.ask(issuedAt=issued) == "opened"
        at.wall[0] += 15.0
        at.clock.now += 15.0
        # it was answered before, and that is what is said again, written in another way or not
        assert await at.ask(issuedAt=issued) == "opened"
        assert await at.ask(issuedAt=issued.replace("Z", "+00:00")) == "opened"
        assert await at.ask(issuedAt=issued, party="tablet") == "not_allowed"
        assert len(await at.releases()) == 1
        (first, *_) = at.heard("alice", "opened")
        assert (first["output"], first["issuedAt"]) == ("door", issued)


async def test_doors_count_a_wrong_code_that_comes_again_once(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        await at.invite()
        for _ in range(5):
            wrong = await at.ask(output="gate", code="1111", issuedAt=wire.format_time(NOW))
            assert wrong == "wrong_code"
        assert await at.ask(output="gate", code="4711") == "opened"


async def test_doors_lock_out_who_guesses_and_nobody_else(tmp_path: Path) -> None:
    async with scene(tmp_path, lines=2) as at:
        await at.invite()
        await at.invite("bob", call=OTHER)
        said = [await at.ask(output="gate", code=f"{each:04}") for each in range(4)]
        assert said == ["wrong_code"] * 3 + ["locked"]
        assert await at.ask(output="gate", code="4711") == "locked"
        assert await at.ask() == "opened"
        assert await at.ask("bob", output="gate", code="4711", call=OTHER) == "opened"
        at.clock.now += WINDOW
        assert await at.ask(output="gate", code="4711") == "opened"
        assert [each["code"] for each in await at.refusals()] == ["wrong_code"] * 3 + ["locked"] * 2


async def test_doors_say_the_time_to_who_has_another(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        await at.invite()
        assert await at.ask(issuedAt=wire.format_time(NOW - 3600)) == "stale"
        assert at.heard("alice", "error")[-1]["now"] == wire.format_time(NOW)


async def test_doors_are_not_opened_on_the_data_channel(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        await at.invite()
        head = {"type": "open", "conversation": CALL, "party": "phone"}
        at.door.peers.last.control(json.dumps(head | {"issuedAt": wire.format_time(NOW)}))
        # what is said next is answered
        assert await at.ask(output="cellar") == "no_such_output"
        assert not await at.releases()


async def test_doors_hear_nothing_that_is_retained(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        await at.invite()
        head = {"type": "open", "conversation": CALL, "party": "phone"}
        payload = json.dumps(head | {"issuedAt": wire.format_time(NOW)}).encode()
        at.anybody.publish(f"{PREFIX}/{UID}/signal/alice", payload, retain=True)
        at.door.broker.drop()
        await at.door.broker.wait_connected(30)
        assert await at.ask(output="cellar") == "no_such_output"
        # the live copy, which any subscriber gets without the mark, is the only one that counted
        assert len(await at.releases()) <= 1


async def test_doors_tell_each_release_as_an_event_that_is_kept(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        await at.invite()
        await at.ask()
        (event,) = await at.releases()
        assert event["conversation"] == CALL
        assert (event["output"], event["by"], event["device"]) == ("door", "alice", UID)
        wire.OutputEvent.model_validate(event)
        await until(lambda: at.door.on("output/door")[-1]["state"] == "on")
        assert at.door.on("output/door")[-1]["by"] == "alice"


async def test_doors_end_the_ringing_of_whoever_is_rung(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        conversation = await ring_out(at, "alice", "carol")
        command = wire.OpenCommand(issued_at=wire.format_time(NOW))
        assert at.door.door.doors.by_command(command) == "door"
        record = await conversation.wait_closed()
        assert record.reason is CloseReason.ANSWERED_ELSEWHERE
        for uid in ("alice", "carol"):
            await until(lambda uid=uid: bool(at.heard(uid, "close")))  # type: ignore[misc]
            assert at.heard(uid, "close")[-1]["reason"] == "answered_elsewhere"


async def test_doors_refuse_a_flood_without_filling_the_disk(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        for _ in range(60):
            assert await at.ask("stranger") == "not_allowed"
        assert len(await at.refusals()) == 30


async def test_doors_answer_who_asks_where_the_pin_fails(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        await at.invite()
        at.door.door.outputs._entries["door"].output.stop()
        assert await at.ask() == "failed"
        assert [each["code"] for each in await at.refusals()] == ["failed"]
        assert not await at.releases()


async def test_doors_open_or_not_in_races_with_the_end_of_the_call(tmp_path: Path) -> None:
    """One answer, one `closed` and one release each, and nothing is left on."""
    told: Counter[str] = Counter()
    races = examples(500)
    async with scene(tmp_path, {"name": "all", "action": "accept", "open": True}) as at:
        for number in range(races):
            await race(at, number)
            count_events(at, told)
        await at.releases()
        count_events(at, told)
        assert told == {"closed": races, "open": races, "answers": races}
        assert not at.door.door.outputs.is_on("door")


async def race(at: Scene, number: int) -> None:
    # more calls than one a second are too many
    at.clock.now += 2.0
    call, uid = f"{number:08x}-1111-4111-8111-111111111111", f"guest-{number}"
    await at.invite(uid, call=call)
    head = {"conversation": call, "party": "phone"}
    messages = [
        {"type": "open", **head, "issuedAt": wire.format_time(NOW)},
        {"type": "close", **head, "reason": "user_hangup"},
    ]
    for message in messages if number % 2 else reversed(messages):
        at.say(uid, **message)
    if number % 3 == 0:
        # the device hangs up as well
        for conversation in at.door.client.conversations.values():
            conversation.hang_up()
    await until(lambda: bool(at.heard(uid, "opened", "error")))
    await until(lambda: not at.door.client.conversations)
    at.door.door.outputs.switch("door", False, "device", told=False)


def count_events(at: Scene, told: Counter[str]) -> None:
    """What was said since the last time."""
    for each in at.door.network.published:
        body = json.loads(each.payload)
        told["closed"] += each.topic.endswith("/events/closed")
        told["open"] += body.get("action") == "open"
        told["answers"] += body.get("type") in ("opened", "error")
    at.door.network.published.clear()


async def test_doors_let_no_view_that_asks_to_talk_open_before_it_does(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        await at.invite(purpose="view")
        (conversation,) = at.door.client.conversations.values()
        conversation.rules.viewing.ask(1, ev.MediaGrant(open=True))
        assert await at.ask() == "not_allowed"
