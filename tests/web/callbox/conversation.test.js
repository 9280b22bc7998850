// @ts-nocheck
/** A call in both directions, from the invitation to `closed`. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { FakeTrack } from "../../fakes/web/media.js";
import { FakePeerConnection, transports } from "../../fakes/web/peer-connection.js";
import {
  accepted,
  connected,
  DEVICE,
  fromDevice,
  ID,
  INVITE,
  invited,
  microphone,
  PARTY,
  pass,
  place,
  scene,
  settle,
} from "./harness.js";

test("ringing, then accepted: selected, answered, streamed", async () => {
  const { conversation, events } = await place();
  fromDevice({ type: "ringing", conversation: conversation.id, expiresIn: 28 });
  await settle();
  assert.equal(conversation.state, "ringing");
  fromDevice({
    type: "response",
    conversation: conversation.id,
    callStatus: "ACCEPTED",
    sdp: "v=0\r\no=device\r\n",
  });
  await settle();
  assert.deepEqual(events.names(), ["ringing", "response", "stream_received"]);
  assert.deepEqual(scene.broker.sentTo(DEVICE, "select"), [
    { type: "select", selectedParty: PARTY, conversation: conversation.id, party: "me-1" },
  ]);
  assert.deepEqual(events.details("stream_received")[0][1].tracks, [
    { kind: "audio", codec: "opus" },
    { kind: "video", codec: "H264" },
  ]);
  assert.equal(transports[0].remoteDescription.sdp, "v=0\r\no=device\r\n");
});

for (const [callStatus, reason, end] of [
  ["REJECTED", "not_allowed", "rejected"],
  ["BUSY", "busy", "user_busy"],
  ["TIMEOUT", "no_answer", "invite_timeout"],
]) {
  test(`${callStatus} ends the call once, with its reason`, async () => {
    const { conversation, events } = await place();
    const answer = { type: "response", conversation: conversation.id, callStatus, reason };
    fromDevice(answer);
    fromDevice(answer);
    await settle();
    assert.deepEqual(events.names(), ["response", "closed"]);
    assert.deepEqual(events.details("response")[0], [callStatus, { reason }]);
    const [closed] = events.of("closed");
    assert.deepEqual(
      [closed.reason, closed.closedBy, closed.callStatus, closed.responseReason],
      [end, "remote", callStatus, reason],
    );
    assert.deepEqual(scene.broker.sentTo(DEVICE, "close"), []);
    assert.ok(transports[0].closed);
  });
}

test("a second client of the device that accepts too late hears who was selected", async () => {
  const { conversation, events } = await accepted();
  fromDevice({
    type: "response",
    conversation: conversation.id,
    party: "another",
    callStatus: "ACCEPTED",
    sdp: "v=0",
  });
  fromDevice({
    type: "close",
    conversation: conversation.id,
    party: "another",
    reason: "user_hangup",
  });
  await settle();
  assert.deepEqual(
    scene.broker.sentTo(DEVICE, "select").map(({ selectedParty }) => selectedParty),
    [PARTY, PARTY],
  );
  assert.deepEqual(events.of("closed"), []);
});

test("push-to-talk is said as it is held and let go of", async () => {
  const { conversation } = await accepted();
  conversation.pushToTalk(true);
  conversation.pushToTalk(false);
  await settle();
  assert.deepEqual(
    scene.broker.sentTo(DEVICE, "talk").map(({ on }) => on),
    [true, false],
  );
});

test("BUSY from one client does not end a call that rings at another", async () => {
  const { conversation, events } = await place();
  fromDevice({ type: "ringing", conversation: conversation.id, party: "phone", expiresIn: 20 });
  fromDevice({
    type: "response",
    conversation: conversation.id,
    party: "tablet",
    callStatus: "BUSY",
    reason: "busy",
  });
  await settle();
  assert.deepEqual(events.names(), ["ringing"]);
});

test("never connected is ice_failed", async () => {
  const { events } = await accepted();
  await pass(15_100);
  assert.equal(events.of("closed")[0].reason, "ice_failed");
  assert.equal(scene.broker.sentTo(DEVICE, "close")[0].reason, "ice_failed");
});

test("an answer that no browser can use ends the call and says so", async () => {
  const { conversation, events } = await place();
  fromDevice({
    type: "response",
    conversation: conversation.id,
    callStatus: "ACCEPTED",
    sdp: FakePeerConnection.unusable,
  });
  await settle();
  assert.deepEqual(events.names(), ["response", "error", "closed"]);
  assert.equal(events.of("error")[0].code, "unusable_description");
});

test("an error about the invitation ends it", async () => {
  const { conversation, events } = await place();
  fromDevice({
    type: "error",
    conversation: conversation.id,
    code: "invalid",
    message: "invite.sdp: must be a string",
  });
  await settle();
  assert.deepEqual(events.names(), ["error", "response", "closed"]);
  assert.equal(events.of("closed")[0].responseReason, "invalid");
});

test("the remote peer hangs up: no close of our own goes back", async () => {
  const { conversation, events } = await connected();
  fromDevice({ type: "close", conversation: conversation.id, reason: "shutdown" });
  fromDevice({ type: "close", conversation: conversation.id, reason: "shutdown" });
  await pass(300);
  assert.deepEqual(
    [events.of("closed")[0].reason, events.of("closed")[0].closedBy],
    ["shutdown", "remote"],
  );
  assert.equal(events.of("closed").length, 1);
  assert.deepEqual(scene.broker.sentTo(DEVICE, "close"), []);
});

test("a reason of a later protocol is unknown_reason", async () => {
  const { conversation, events } = await connected();
  fromDevice({ type: "close", conversation: conversation.id, reason: "teleported" });
  await pass(300);
  assert.equal(events.of("closed")[0].reason, "unknown_reason");
});

test("an invitation rings, and is accepted with an answer", async () => {
  const { conversation, events } = await invited({ userData: { text: "at the door" } });
  assert.deepEqual(
    [conversation.remoteUid, conversation.direction, conversation.state],
    [DEVICE, "incoming", "called"],
  );
  assert.deepEqual(conversation.userData, { text: "at the door" });
  assert.equal(scene.broker.sentTo(DEVICE, "ringing")[0].expiresIn, 30);
  assert.equal(transports.length, 0);
  await conversation.accept(microphone());
  const [answer] = scene.broker.sentTo(DEVICE, "response");
  assert.deepEqual(
    { ...answer, sdp: "" },
    { type: "response", callStatus: "ACCEPTED", sdp: "", conversation: ID, party: "me-1" },
  );
  assert.match(answer.sdp, /o=answer/);
  assert.deepEqual(events.names(), ["response", "stream_received"]);
  transports[0].connect();
  await settle();
  assert.equal(conversation.state, "connected");
});

test("rejected with a reason", async () => {
  const { conversation, events } = await invited();
  conversation.reject("not_now");
  await settle();
  assert.deepEqual(scene.broker.sentTo(DEVICE, "response")[0].reason, "not_now");
  assert.deepEqual(events.names(), ["response", "closed"]);
  assert.deepEqual(
    [events.of("closed")[0].reason, events.of("closed")[0].closedBy],
    ["rejected", "local"],
  );
});

test("not answered in time is TIMEOUT", async () => {
  const { events } = await invited({ lifetime: 10 });
  await pass(10_100);
  assert.equal(scene.broker.sentTo(DEVICE, "response")[0].callStatus, "TIMEOUT");
  assert.equal(events.of("closed")[0].reason, "invite_timeout");
});

test("withdrawn, or answered elsewhere", async () => {
  const first = await invited();
  fromDevice({ type: "close", conversation: ID, reason: "user_hangup" });
  await settle();
  assert.deepEqual(
    [first.events.of("closed")[0].reason, first.events.of("closed")[0].closedBy],
    ["cancelled", "remote"],
  );
  const other = "7b1a1e52-7c55-4b8e-9a49-0d5f8e6c1a22";
  const second = await invited({ conversation: other });
  fromDevice({ type: "select", conversation: other, selectedParty: "my-phone" });
  await settle();
  assert.equal(second.events.of("closed")[0].reason, "answered_elsewhere");
});

test("selected is not the end of it", async () => {
  const { conversation, events } = await invited();
  await conversation.accept();
  fromDevice({ type: "select", conversation: ID, selectedParty: "me-1" });
  await settle();
  assert.deepEqual(events.of("closed"), []);
});

test("retained signaling is ignored", async () => {
  let called = false;
  scene.client.on("called", () => (called = true));
  fromDevice({ ...INVITE, sentAt: new Date().toISOString() }, { retain: true });
  await settle();
  assert.ok(!called);
  assert.deepEqual(scene.broker.log, []);
});

test("an offer that no browser can use is refused", async () => {
  const { conversation, events } = await invited({ sdp: FakePeerConnection.unusable });
  await conversation.accept();
  await settle();
  assert.equal(scene.broker.sentTo(DEVICE, "response")[0].reason, "unusable_description");
  assert.deepEqual(events.names(), ["error", "response", "closed"]);
});

test("closed by us while the answer is being made, the inviter hears a response", async () => {
  const { conversation, events } = await invited();
  const accepting = conversation.accept();
  conversation.close();
  await accepting;
  await settle();
  assert.deepEqual(
    scene.broker.sentTo(DEVICE, "response").map(({ callStatus }) => callStatus),
    ["REJECTED"],
  );
  assert.deepEqual(scene.broker.sentTo(DEVICE, "close"), []);
  assert.equal(events.of("closed").length, 1);
});

test("nothing follows closed, whatever comes", async () => {
  const { conversation, events } = await connected();
  await pass(1_000);
  transports[0].disconnect();
  conversation.close();
  transports.forEach((transport) => transport.fail());
  fromDevice({ type: "error", conversation: conversation.id, code: "late", message: "too late" });
  await pass(20_000);
  assert.equal(events.names().at(-1), "closed");
  assert.equal(events.of("closed").length, 1);
});

test("a listener that throws disturbs nobody", async () => {
  const faults = mock.method(console, "error", () => {});
  const { conversation, events } = await place();
  conversation.on("response", () => {
    throw new Error("a fault of the application");
  });
  fromDevice({
    type: "response",
    conversation: conversation.id,
    callStatus: "BUSY",
    reason: "busy",
  });
  await settle();
  assert.equal(events.of("closed").length, 1);
  assert.equal(faults.mock.callCount(), 1);
  faults.mock.restore();
});

test("mute is a matter of tracks, also of later ones", async () => {
  const stream = microphone();
  const { conversation } = await connected({ video: "sendrecv" }, stream);
  conversation.mute({ audio: true });
  assert.equal(stream.getTracks()[0].enabled, false);
  const camera = new FakeTrack("video");
  await conversation.replaceTrack("video", camera);
  assert.equal(transports[0].transceivers[1].sender.track, camera);
  conversation.mute({ audio: false });
  assert.equal(stream.getTracks()[0].enabled, true);
  assert.deepEqual(conversation.muted, { audio: false, video: false });
});
