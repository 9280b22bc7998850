// @ts-nocheck
/** Fresh transports for a call. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { transports } from "../../fakes/web/peer-connection.js";
import {
  accepted,
  connected,
  DEVICE,
  fromDevice,
  ID,
  invited,
  keepArriving,
  microphone,
  pass,
  place,
  scene,
  settle,
} from "./harness.js";

test("a lost transport is replaced; the old one goes when the new one is connected", async () => {
  const { conversation, events } = await connected({}, microphone());
  keepArriving(transports[0]);
  transports[0].disconnect();
  await settle();
  const [offer] = scene.broker.sentTo(DEVICE, "offer");
  assert.equal(offer.generation, 1);
  assert.equal(events.of("degraded")[0].cause, "silence");
  assert.ok(conversation.degraded);
  fromDevice({ type: "answer", conversation: conversation.id, generation: 1, sdp: "v=0\r\nfresh" });
  await settle();
  assert.ok(!transports[0].closed);
  transports[1].connect();
  await pass(1_100);
  assert.ok(transports[0].closed);
  assert.deepEqual(events.of("restored"), [{ generation: 1 }]);
  assert.equal(conversation.reconnects, 1);
  assert.deepEqual(
    conversation.remoteStream.getTracks(),
    transports[1].getReceivers().map(({ track }) => track),
  );
  conversation.close();
  await pass(300);
  assert.equal(events.of("closed")[0].reconnects, 1);
});

test("a renewal for a network change that comes to nothing leaves the old transport", async () => {
  const { conversation, events } = await connected();
  keepArriving(transports[0]);
  conversation.networkChanged();
  await pass(15_100);
  assert.deepEqual(events.of("closed"), []);
  assert.deepEqual(events.of("degraded"), []);
  assert.ok(!transports[0].closed);
});

test("a fresh transport that the remote peer offers while the first one connects may be quicker", async () => {
  const { conversation, events } = await accepted();
  fromDevice({ type: "offer", conversation: conversation.id, generation: 1, sdp: "v=0\r\nfresh" });
  await settle();
  assert.equal(scene.broker.sentTo(DEVICE, "answer")[0].generation, 1);
  transports[0].fail();
  transports[1].connect();
  await settle();
  assert.equal(conversation.state, "connected");
  assert.ok(transports[0].closed);
  keepArriving(transports[1]);
  await pass(15_100);
  assert.deepEqual(
    ["degraded", "restored", "stream_received", "closed"].map((name) => events.of(name).length),
    [0, 0, 1, 0],
  );
  assert.equal(conversation.reconnects, 0);
});

test("our network changes while the first transport connects", async () => {
  const { conversation, events } = await accepted();
  conversation.networkChanged();
  await settle();
  assert.equal(scene.broker.sentTo(DEVICE, "offer")[0].generation, 1);
  fromDevice({ type: "answer", conversation: conversation.id, generation: 1, sdp: "v=0\r\nfresh" });
  await settle();
  transports[1].connect();
  await settle();
  assert.equal(conversation.state, "connected");
  assert.ok(transports[0].closed);
  keepArriving(transports[1]);
  await pass(15_100);
  assert.equal(scene.broker.sentTo(DEVICE, "offer").length, 1);
  assert.deepEqual(events.of("closed"), []);
});

test("our network changes before there is an answer: a fresh transport follows the acceptance", async () => {
  const { conversation } = await place();
  conversation.networkChanged();
  conversation.networkChanged();
  await settle();
  assert.equal(transports.length, 1);
  fromDevice({
    type: "response",
    conversation: conversation.id,
    callStatus: "ACCEPTED",
    sdp: "v=0\r\nanswer",
  });
  await settle();
  assert.equal(transports.length, 2);
  assert.deepEqual(
    scene.broker.sentTo(DEVICE, "offer").map(({ generation }) => generation),
    [1],
  );
});

test("our network changes while the answer is made, and before that", async () => {
  const { conversation } = await invited();
  conversation.networkChanged(); // the answer will have the new addresses
  const accepting = conversation.accept();
  await settle();
  await accepting;
  assert.deepEqual(scene.broker.sentTo(DEVICE, "offer"), []);
  conversation.close();

  const { conversation: second } = await invited({ conversation: ID.replace("3", "4") });
  const answering = second.accept();
  second.networkChanged();
  await answering;
  await settle();
  assert.equal(scene.broker.sentTo(DEVICE, "response").at(-1).callStatus, "ACCEPTED");
  assert.equal(scene.broker.sentTo(DEVICE, "offer")[0].generation, 1);
});

test("a fresh transport that comes to nothing while the first one connects costs nothing", async () => {
  const { conversation, events } = await accepted();
  fromDevice({ type: "offer", conversation: conversation.id, generation: 1, sdp: "v=0\r\nfresh" });
  await settle();
  transports[0].connect();
  keepArriving(transports[0]);
  transports[1].fail();
  await pass(20_000);
  assert.equal(conversation.state, "connected");
  assert.ok(!conversation.degraded);
  assert.deepEqual(events.of("degraded"), []);
  assert.deepEqual(events.of("closed"), []);
});

test("fresh transports do not put the end of the setup off", async () => {
  const { conversation, events } = await accepted();
  for (let generation = 1; generation <= 3; generation += 1) {
    await pass(4_000);
    fromDevice({ type: "offer", conversation: conversation.id, generation, sdp: "v=0\r\nfresh" });
  }
  await pass(3_200);
  assert.equal(events.of("closed")[0].reason, "ice_failed");
  assert.ok(transports.every(({ closed }) => closed));
});

test("an offer of the remote peer is answered, once", async () => {
  const { conversation, events } = await connected();
  keepArriving(transports[0]);
  const offer = {
    type: "offer",
    conversation: conversation.id,
    generation: 1,
    sdp: "v=0\r\nfresh",
  };
  fromDevice(offer);
  await settle();
  fromDevice(offer);
  await settle();
  const answers = scene.broker.sentTo(DEVICE, "answer");
  assert.deepEqual(
    answers.map(({ generation }) => generation),
    [1],
  );
  assert.equal(transports.length, 2);
  transports[1].connect();
  await pass(1_100);
  assert.deepEqual(events.of("renewed"), [{ generation: 1 }]);
  fromDevice(offer);
  fromDevice({ ...offer, generation: 0 });
  await settle();
  assert.equal(transports.length, 2);
});

test("a fresh transport that fails before anything arrives on it is not taken over", async () => {
  const { conversation, events } = await connected();
  keepArriving(transports[0]);
  conversation.networkChanged();
  await settle();
  for (const { track } of transports[1].getReceivers()) track.muted = true;
  transports[1].connect();
  transports[1].fail();
  await pass(2_000);
  assert.ok(!transports[0].closed);
  assert.deepEqual(events.of("renewed"), []);
  assert.equal(conversation.reconnects, 0);
});

test("a fresh transport carries the media as soon as it arrives there", async () => {
  const { conversation, events } = await connected();
  keepArriving(transports[0]);
  conversation.networkChanged();
  await settle();
  for (const { track } of transports[1].getReceivers()) track.muted = true;
  transports[1].connect();
  await settle();
  assert.deepEqual(events.of("renewed"), []);
  for (const { track } of transports[1].getReceivers()) track.dispatchEvent(new Event("unmute"));
  await settle();
  assert.deepEqual(events.of("renewed"), [{ generation: 1 }]);
});

test("an offer of a generation that is over is ignored", async () => {
  const { conversation } = await connected();
  keepArriving(transports[0]);
  conversation.networkChanged();
  await settle();
  transports[1].connect();
  await pass(1_100);
  fromDevice({ type: "offer", conversation: conversation.id, generation: 1, sdp: "v=0\r\nlate" });
  await settle();
  assert.equal(transports.length, 2);
  assert.deepEqual(scene.broker.sentTo(DEVICE, "answer"), []);
});

test("on a collision the inviter's offer wins", async () => {
  const { conversation } = await connected();
  keepArriving(transports[0]);
  transports[0].disconnect();
  await settle();
  fromDevice({ type: "offer", conversation: conversation.id, generation: 1, sdp: "v=0\r\ntheirs" });
  await settle();
  assert.deepEqual(scene.broker.sentTo(DEVICE, "answer"), []);
  assert.ok(!transports[1].closed);
});

test("on a collision the invited side gives way", async () => {
  const { conversation } = await invited();
  await conversation.accept();
  transports[0].connect();
  keepArriving(transports[0]);
  transports[0].disconnect();
  await settle();
  fromDevice({ type: "offer", conversation: ID, generation: 1, sdp: "v=0\r\ntheirs" });
  await settle();
  assert.deepEqual(
    scene.broker.sentTo(DEVICE, "answer").map(({ generation }) => generation),
    [1],
  );
  assert.ok(transports[1].closed);
  assert.ok(!transports[2].closed);
});
