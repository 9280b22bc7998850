// @ts-nocheck
/** Whoever only looks, and the way from there to a talk (PROTOCOL 3). */

import assert from "node:assert/strict";
import { test } from "node:test";

import { transports } from "../../fakes/web/peer-connection.js";
import {
  connected,
  DEVICE,
  fromDevice,
  invited,
  makeClient,
  microphone,
  place,
  scene,
  settle,
} from "./harness.js";

const VIEW = { purpose: "view" };
const TAKES = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 96\r\na=recvonly\r\n";
const TAKES_NOTHING = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 96\r\na=sendonly\r\n";

const directions = (transport) => transport.transceivers.map(({ direction }) => direction);
const sentOf = (type) =>
  scene.broker.log.map(({ message }) => message).filter((message) => message.type === type);

/** A view that asks to talk, whose offer is out. */
async function asking() {
  const call = await connected(VIEW);
  const talking = call.conversation.talk(microphone()).then(
    () => "talks",
    (error) => error.code,
  );
  await settle();
  const [offer] = sentOf("offer");
  return { ...call, talking, offer };
}

const answered = (conversation, sdp) =>
  fromDevice({ type: "answer", conversation: conversation.id, generation: 1, sdp });

test("a view says what it is and sends nothing, whatever stream it has", async () => {
  const { conversation } = await place(VIEW, microphone());
  assert.equal(sentOf("invite")[0].purpose, "view");
  assert.equal(conversation.purpose, "view");
  assert.deepEqual(directions(transports[0]), ["recvonly", "recvonly"]);
  assert.deepEqual(
    transports[0].transceivers.map(({ sender }) => sender.track),
    [null, null],
  );
});

test("a talk does not say so", async () => {
  await place();
  assert.equal("purpose" in sentOf("invite")[0], false);
});

test("a view takes no line: one can call, and be called", async () => {
  await connected(VIEW);
  const { conversation } = await invited();
  assert.equal(conversation.state, "called");
  conversation.reject();
  await settle();
  assert.equal(scene.client.call(DEVICE).state, "inviting");
  assert.throws(() => scene.client.call(DEVICE), /room/);
});

test("an unknown purpose cannot be said", () => {
  assert.throws(() => scene.client.call(DEVICE, null, { purpose: "watch" }), TypeError);
});

test("nobody looks at a page that does not allow it", async () => {
  const { conversation } = await invited(VIEW);
  assert.equal(conversation, undefined);
  const [{ callStatus, reason }] = sentOf("response");
  assert.deepEqual([callStatus, reason], ["BUSY", "max_viewers"]);
});

test("a viewer that is let in sends nothing, and may not talk", async () => {
  scene.client.stop();
  scene.client = await makeClient({ maxViewers: 1 });
  const { conversation } = await invited(VIEW);
  assert.equal(conversation.purpose, "view");
  await conversation.accept(microphone());
  await settle();
  const offer = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 96\r\n";
  fromDevice({ type: "offer", conversation: conversation.id, generation: 1, sdp: offer });
  await settle();
  assert.equal(sentOf("error")[0].code, "not_allowed");
  assert.deepEqual(sentOf("answer"), []);
  assert.equal(conversation.state, "connecting");
});

test("a view becomes a talk by a fresh transport that sends sound", async () => {
  const { conversation, events, talking, offer } = await asking();
  assert.equal(offer.generation, 1);
  assert.deepEqual(directions(transports[1]), ["sendrecv", "recvonly"]);
  assert.equal(conversation.purpose, "view");
  answered(conversation, TAKES);
  await settle();
  transports[1].connect();
  // Until the first packet has come over the fresh transport the old one is shown.
  transports[1].transceivers.forEach(({ receiver }) => receiver.track.unmute?.());
  await settle();
  assert.equal(await talking, "talks");
  assert.equal(conversation.purpose, "talk");
  assert.ok(events.names().includes("talk"));
  conversation.close();
  await settle();
  const [record] = events.of("closed");
  assert.equal(record.purpose, undefined);
  assert.ok(record.talkAt);
});

test("who asks to talk has the line", async () => {
  await asking();
  assert.equal((await invited()).conversation, undefined);
  assert.equal(sentOf("response").at(-1).callStatus, "BUSY");
});

test("an error refuses the talk, and the view goes on", async () => {
  const { conversation, events, talking } = await asking();
  const refusal = { type: "error", code: "busy", message: "no line is free" };
  fromDevice({ conversation: conversation.id, ...refusal });
  await settle();
  assert.equal(await talking, "busy");
  assert.deepEqual([conversation.purpose, conversation.state], ["view", "connected"]);
  assert.equal(transports[1].closed, true);
  assert.equal(events.of("error")[0].code, "busy");
  conversation.close();
  await settle();
  assert.equal(events.of("closed")[0].purpose, "view");
});

test("an answer that takes no sound makes no talk", async () => {
  const { conversation, talking } = await asking();
  answered(conversation, TAKES_NOTHING);
  await settle();
  assert.equal(await talking, "talk_failed");
  assert.equal(conversation.purpose, "view");
});

test("a view that ends while it asks tells whoever waits", async () => {
  const { conversation, talking } = await asking();
  conversation.close();
  await settle();
  assert.equal(await talking, "closed");
});

test("what is no view, or finds no line free, cannot ask", async () => {
  const view = await connected(VIEW);
  const { conversation } = await place();
  await assert.rejects(conversation.talk(microphone()), { code: "invalid_state" });
  await assert.rejects(view.conversation.talk(microphone()), { code: "busy" });
  assert.deepEqual(sentOf("offer"), []);
});
