// @ts-nocheck
/** How a call ends: by a word on either way, by leaving, by silence. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { transports } from "../../fakes/web/peer-connection.js";
import {
  connected,
  DEVICE,
  fromDevice,
  ID,
  invited,
  keepArriving,
  PARTY,
  pass,
  scene,
  settle,
} from "./harness.js";

test("hanging up is told by MQTT and by the channel, and recorded once", async () => {
  const { conversation, events } = await connected();
  await pass(2_000);
  conversation.close();
  conversation.close();
  await pass(300);
  assert.equal(scene.broker.sentTo(DEVICE, "close").length, 1);
  assert.equal(transports[0].channels[0].sent.length, 1);
  assert.equal(events.of("closed").length, 1);
  const [closed] = events.of("closed");
  assert.deepEqual(
    [closed.reason, closed.closedBy, closed.callStatus, closed.direction],
    ["user_hangup", "local", "ACCEPTED", "outgoing"],
  );
  assert.deepEqual(closed.path, { local: "host", remote: "relay", protocol: "udp", relayed: true });
  assert.equal(closed.video.frameWidth, 1280);
  assert.equal(closed.quality.model, "e-model-simplified");
  assert.ok(transports[0].closed);
  assert.deepEqual(scene.client.conversations, []);
});

test("a close on the data channel ends the call while the broker is away", async () => {
  const { conversation, events } = await connected();
  scene.broker.stop();
  const close = {
    type: "close",
    conversation: conversation.id,
    party: PARTY,
    reason: "user_hangup",
  };
  transports[0].channels[0].onmessage({ data: JSON.stringify(close) });
  await pass(300);
  assert.equal(events.of("closed")[0].closedBy, "remote");
});

test("an error on the data channel is heard while the broker is away", async () => {
  const { conversation, events } = await connected();
  scene.broker.stop();
  const error = { type: "error", conversation: conversation.id, party: PARTY, code: "busy" };
  transports[0].channels[0].onmessage({ data: JSON.stringify({ ...error, message: "no line" }) });
  await pass(300);
  assert.equal(events.of("error")[0].code, "busy");
  assert.deepEqual(events.of("closed"), []);
});

test("what does not belong on the data channel is ignored there", async () => {
  const { conversation, events } = await connected();
  const { onmessage } = transports[0].channels[0];
  const close = { type: "close", conversation: ID, party: PARTY, reason: "user_hangup" };
  for (const data of [
    "",
    "{",
    "x".repeat(70_000),
    JSON.stringify(close),
    JSON.stringify({ ...close, type: "response", callStatus: "BUSY" }),
  ])
    onmessage({ data });
  onmessage({
    data: JSON.stringify({ ...close, conversation: conversation.id, party: "somebody" }),
  });
  await pass(300);
  assert.deepEqual(events.of("closed"), []);
});

test("a remote peer that says nothing to our offers keeps its place for 45 s: ice_timeout, once", async () => {
  const { events } = await connected();
  transports[0].fail();
  await pass(44_900);
  assert.deepEqual(
    scene.broker.sentTo(DEVICE, "offer").map(({ generation }) => generation),
    [1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
  assert.deepEqual(events.of("closed"), []);
  await pass(200);
  assert.deepEqual(
    events.of("closed").map(({ reason }) => reason),
    ["ice_timeout"],
  );
  assert.ok(transports.every(({ closed }) => closed));
});

test("a remote peer that comes back after 40 s has the same call", async () => {
  const { conversation, events } = await connected();
  transports[0].fail();
  await pass(39_000);
  fromDevice({ type: "offer", conversation: conversation.id, generation: 20, sdp: "v=0\r\nfresh" });
  await settle();
  transports.at(-1).connect();
  await settle();
  assert.deepEqual(events.of("restored"), [{ generation: 20 }]);
  assert.equal(conversation.state, "connected");
});

test("a remote peer that still speaks is waited for, with a bound", async () => {
  const { conversation, events } = await connected();
  transports[0].fail();
  for (let generation = 1; generation <= 8; generation += 1) {
    await settle();
    fromDevice({ type: "answer", conversation: conversation.id, generation, sdp: "v=0\r\nfresh" });
    await pass(5_000);
  }
  await pass(4_800);
  assert.deepEqual(events.of("closed"), []);
  await pass(400);
  assert.equal(events.of("closed")[0].reason, "ice_timeout");
  assert.equal(events.of("degraded").length, 1);
});

for (const farewell of ["closeChannel", "closeDtls"]) {
  test(`${farewell}() of the remote peer is a last word, two seconds later`, async () => {
    const { events } = await connected();
    scene.broker.stop();
    transports[0][farewell]();
    await pass(1_900);
    assert.deepEqual(events.of("closed"), []);
    await pass(400);
    const [{ reason, closedBy }] = events.of("closed");
    assert.deepEqual([reason, closedBy], ["user_hangup", "remote"]);
    assert.deepEqual(events.of("degraded"), []);
  });
}

test("a remote peer that closes the transport and offers a fresh one has not hung up", async () => {
  const { conversation, events } = await connected();
  transports[0].closeDtls();
  transports[0].closeChannel();
  await pass(1_000);
  fromDevice({ type: "offer", conversation: conversation.id, generation: 1, sdp: "v=0\r\nfresh" });
  await pass(2_000);
  assert.deepEqual(events.of("closed"), []);
  transports[1].connect();
  await pass(1_100);
  assert.deepEqual(events.of("renewed"), [{ generation: 1 }]);
  keepArriving(transports[1]);
  await pass(3_000);
  assert.deepEqual(events.of("closed"), []);
});

test("a remote peer that takes our fresh transport closes the old one, and has not hung up", async () => {
  const { conversation, events } = await connected();
  keepArriving(transports[0]);
  conversation.networkChanged();
  await settle();
  fromDevice({ type: "answer", conversation: conversation.id, generation: 1, sdp: "v=0\r\nfresh" });
  await settle();
  transports[0].closeDtls();
  await pass(2_500);
  assert.deepEqual(events.of("closed"), []);
});

test("a remote peer that does not answer our offer and closes the transport has hung up", async () => {
  const { conversation, events } = await connected();
  conversation.networkChanged();
  await settle();
  transports[0].closeDtls();
  await pass(2_300);
  assert.equal(events.of("closed")[0].reason, "user_hangup");
  assert.ok(transports.every(({ closed }) => closed));
});

test("a remote peer that closes the channel alone, and sends on, has not hung up", async () => {
  const { events } = await connected();
  keepArriving(transports[0]);
  transports[0].closeChannel();
  await pass(5_000);
  assert.deepEqual(events.of("closed"), []);
});

test("a channel that a failed path takes along is no last word", async () => {
  const { events } = await connected();
  transports[0].fail();
  transports[0].closeChannel();
  await pass(2_500);
  assert.deepEqual(events.of("closed"), []);
});

test("who is rung beside others hears who answered", async () => {
  const { conversation, events } = await invited();
  assert.equal(conversation.state, "called");
  fromDevice({ type: "close", conversation: ID, reason: "answered_elsewhere", by: "alice" });
  await pass(300);
  const [closed] = events.of("closed");
  assert.deepEqual([closed.reason, closed.takenBy], ["answered_elsewhere", "alice"]);
  assert.equal(conversation.takenBy, "alice");
});
