// @ts-nocheck
/** What becomes of what others send, and of what cannot be sent. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { transports } from "../../fakes/web/peer-connection.js";
import {
  connected,
  DEVICE,
  fromDevice,
  ID,
  INVITE,
  invited,
  ME,
  PARTY,
  pass,
  place,
  scene,
  settle,
} from "./harness.js";

test("there is room for one call by default", async () => {
  await place();
  assert.throws(() => scene.client.call("door-2"), /room for 1/);
});

test("what cannot be sent is refused before anything happens", () => {
  assert.throws(() => scene.client.call("no/uid"), /remoteUid/);
  assert.throws(() => scene.client.call(ME), /oneself/);
  assert.throws(() => scene.client.call(DEVICE, null, { userData: "x".repeat(5000) }), /4096/);
  assert.throws(() => scene.client.call(DEVICE, null, { lifetime: 0 }), /1 to 120/);
  assert.equal(transports.length, 0);
});

test("stopping the client hangs up", async () => {
  const { events } = await connected();
  const stopped = scene.client.stop();
  await pass(1_500);
  await stopped;
  assert.equal(scene.broker.sentTo(DEVICE, "close")[0].reason, "user_hangup");
  assert.equal(events.of("closed").length, 1);
});

test("the same invitation again starts nothing, and gets the same answer again", async () => {
  const { conversation } = await invited();
  await invited();
  assert.equal(scene.client.conversations.length, 1);
  await conversation.accept();
  await invited();
  const answers = scene.broker.sentTo(DEVICE, "response");
  assert.equal(answers.length, 2);
  assert.deepEqual(answers[0], answers[1]);
  conversation.close();
  await pass(300);
  await invited();
  assert.deepEqual(scene.broker.sentTo(DEVICE, "response")[2], answers[0]);
  assert.equal(transports.length, 1);
});

test("BUSY while in a call", async () => {
  await connected();
  await invited();
  assert.deepEqual(
    scene.broker.sentTo(DEVICE, "response").map(({ callStatus, reason }) => [callStatus, reason]),
    [["BUSY", "busy"]],
  );
});

test("an invitation that outlived itself never rings, and tells the time", async () => {
  const { conversation } = await invited({ sentAt: "2026-11-22T10:14:20.000Z", lifetime: 30 });
  assert.equal(conversation, undefined);
  const [{ callStatus, reason, now }] = scene.broker.sentTo(DEVICE, "response");
  assert.deepEqual([callStatus, reason, now], ["TIMEOUT", "expired", "2026-11-22T10:15:00.000Z"]);
});

test("five seconds of skew are allowed", async () => {
  const { conversation } = await invited({ sentAt: "2026-11-22T10:14:26.000Z", lifetime: 30 });
  assert.ok(conversation);
});

test("a clock that cannot be right judges nobody", async () => {
  mock.timers.setTime(Date.UTC(2000, 0, 1));
  const { conversation } = await invited({ sentAt: "1999-01-01T00:00:00.000Z" });
  assert.ok(conversation);
});

test("a conversation id of another sender is refused", async () => {
  await invited();
  scene.broker.deliver(`callbox/v1/${ME}/signal/intruder`, {
    ...INVITE,
    sentAt: new Date().toISOString(),
  });
  await settle();
  assert.deepEqual(
    scene.broker
      .sentTo("intruder", "response")
      .map(({ callStatus, reason }) => [callStatus, reason]),
    [["REJECTED", "conversation_in_use"]],
  );
  scene.broker.deliver(`callbox/v1/${ME}/signal/intruder`, {
    type: "close",
    conversation: ID,
    party: PARTY,
    reason: "user_hangup",
  });
  await settle();
  assert.equal(scene.client.conversations.length, 1);
});

test("an unknown time of sending rings for the whole lifetime", async () => {
  mock.timers.setTime(Date.UTC(2000, 0, 1));
  await invited({ sentAt: "1999-01-01T00:00:00.000Z", lifetime: 20 });
  assert.equal(scene.broker.sentTo(DEVICE, "ringing")[0].expiresIn, 20);
});

test("without a listener nobody is left ringing", async () => {
  fromDevice({ ...INVITE, sentAt: new Date().toISOString() });
  await settle();
  assert.deepEqual(
    scene.broker.sentTo(DEVICE, "response").map(({ callStatus }) => callStatus),
    ["REJECTED"],
  );
});

test("anything at all costs its sender an error, and us nothing", async () => {
  const deep = `${'{"a":'.repeat(20)}1${"}".repeat(20)}`;
  for (const payload of [
    "",
    "{",
    "[]",
    "null",
    deep,
    "x".repeat(70_000),
    '{"type":"invite"}',
    new Uint8Array([0xff, 0xfe]),
    "7",
  ]) {
    scene.broker.deliver(`callbox/v1/${ME}/signal/${DEVICE}`, payload);
  }
  await settle();
  const codes = scene.broker.sentTo(DEVICE, "error").map(({ code }) => code);
  assert.deepEqual(codes, [
    "not_json",
    "not_json",
    "not_an_object",
    "not_an_object",
    "too_deep",
    "too_large",
    "invalid",
    "not_json",
    "not_an_object",
  ]);
  const { conversation } = await invited();
  assert.ok(conversation);
});

test("errors are not answered with errors, nor floods with floods", async () => {
  scene.broker.deliver(`callbox/v1/${ME}/signal/${DEVICE}`, '{"type":"error","conversation":1}');
  await settle();
  assert.deepEqual(scene.broker.log, []);
  for (let i = 0; i < 50; i++) scene.broker.deliver(`callbox/v1/${ME}/signal/${DEVICE}`, "{");
  await settle();
  assert.equal(scene.broker.log.length, 10);
});
