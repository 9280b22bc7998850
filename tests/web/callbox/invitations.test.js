// @ts-nocheck
/** How an invitation goes out, and how one ends that nobody answers. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { DEVICE, fromDevice, ME, pass, place, scene, settle } from "./harness.js";

test("an invitation goes out with its offer, its time and its expiry", async () => {
  const { conversation } = await place({ userData: { text: "hello" }, lifetime: 20 });
  const [{ topic, message, options }] = scene.broker.log;
  assert.equal(topic, `callbox/v1/${DEVICE}/signal/${ME}`);
  assert.match(message.sdp, /a=candidate:0 /);
  assert.deepEqual(
    { ...message, sdp: "" },
    {
      type: "invite",
      conversation: conversation.id,
      party: "me-1",
      sdp: "",
      sentAt: "2026-11-22T10:15:00.000Z",
      lifetime: 20,
      userData: { text: "hello" },
    },
  );
  assert.deepEqual(
    [options.qos, options.retain, options.properties.messageExpiryInterval],
    [1, false, 20],
  );
});

test("an invitation waits for the broker, and withers when none comes", async () => {
  scene.broker.stop();
  const { events } = await place({ lifetime: 5 });
  assert.equal(scene.broker.log.length, 0);
  await pass(7_100);
  assert.deepEqual(events.names(), ["error", "response", "closed"]);
  assert.equal(events.of("error")[0].code, "broker_unreachable");
  assert.equal(events.of("closed")[0].reason, "invite_timeout");
});

test("an invitation made while the broker is away goes out when it is back", async () => {
  scene.broker.stop();
  await place();
  scene.broker.start();
  await settle();
  assert.equal(scene.broker.sentTo(DEVICE, "invite").length, 1);
});

test("an invitation that nobody heard is sent again until somebody does", async () => {
  scene.broker.nobodyListens = true;
  const { conversation } = await place();
  await pass(2_100);
  scene.broker.nobodyListens = false;
  await pass(3_000);
  const invites = scene.broker.sentTo(DEVICE, "invite");
  assert.equal(invites.length, 4);
  assert.ok(
    invites.every(
      (invite) => invite.conversation === conversation.id && invite.sentAt === invites[0].sentAt,
    ),
  );
});

test("nobody of that name is connected: said at once, once, and tried again", async () => {
  scene.broker.nobodyListens = true;
  const { events } = await place();
  assert.deepEqual(events.names(), ["error"]);
  assert.equal(events.of("error")[0].code, "unreachable");
  await pass(3_000);
  assert.deepEqual(events.names(), ["error"]);
});

test("a broker that forbids the call ends it at once, and says so", async () => {
  scene.broker.refuses = `${DEVICE}/signal`;
  const { events } = await place();
  assert.deepEqual(events.names(), ["error", "closed"]);
  assert.equal(events.of("error")[0].code, "not_authorized");
  await pass(3_000);
  assert.equal(scene.broker.sentTo(DEVICE, "invite").length, 0);
});

test("a cancelled invitation is not sent again", async () => {
  scene.broker.nobodyListens = true;
  const { conversation } = await place();
  conversation.close();
  await pass(3_000);
  assert.equal(scene.broker.sentTo(DEVICE, "invite").length, 1);
});

test("nobody answers: the invitation is withdrawn after its lifetime", async () => {
  const { events } = await place({ lifetime: 10 });
  await pass(12_100);
  assert.deepEqual(events.details("response"), [["TIMEOUT", { reason: "no_answer" }]]);
  assert.equal(scene.broker.sentTo(DEVICE, "close")[0].reason, "invite_timeout");
  assert.equal(events.of("closed").length, 1);
});

test("closed before an answer is cancelled; a late ACCEPTED starts nothing", async () => {
  const { conversation, events } = await place();
  conversation.close();
  fromDevice({
    type: "response",
    conversation: conversation.id,
    callStatus: "ACCEPTED",
    sdp: "v=0",
  });
  await settle();
  assert.deepEqual(events.names(), ["closed"]);
  assert.deepEqual([events[0][1].reason, events[0][1].closedBy], ["cancelled", "local"]);
  assert.equal(scene.broker.sentTo(DEVICE, "close")[0].reason, "cancelled");
});

test("a caller whose clock is wrong invites once more, under a new id", async () => {
  const { conversation, events } = await place();
  const first = conversation.id;
  fromDevice({
    type: "response",
    conversation: first,
    callStatus: "TIMEOUT",
    reason: "expired",
    now: "2027-01-01T00:00:00.000Z",
  });
  await settle();
  const [, again] = scene.broker.sentTo(DEVICE, "invite");
  assert.notEqual(again.conversation, first);
  assert.equal(conversation.id, again.conversation);
  assert.equal(again.sentAt, "2027-01-01T00:00:00.000Z");
  assert.deepEqual(events.names(), []);
  fromDevice({
    type: "response",
    conversation: again.conversation,
    callStatus: "TIMEOUT",
    reason: "expired",
    now: "2027-01-01T00:00:00.000Z",
  });
  await settle();
  assert.deepEqual(events.names(), ["response", "closed"]);
});
