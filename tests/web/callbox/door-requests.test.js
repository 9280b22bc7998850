// @ts-nocheck
/** Doors that a page asks for (PROTOCOL 2, `open`). */

import assert from "node:assert/strict";
import { test } from "node:test";

import { accepted, DEVICE, fromDevice, pass, scene, settle } from "./harness.js";

/** What becomes of a promise, as far as it has. */
function outcomeOf(promise) {
  const outcome = {};
  promise.then(
    (value) => (outcome.opened = value),
    (fault) => (outcome.code = fault.code),
  );
  return outcome;
}

const asked = () => scene.broker.sentTo(DEVICE, "open");

test("a door is opened: the first one, or the one that is named, with its code", async () => {
  const { conversation } = await accepted();
  const first = outcomeOf(conversation.open());
  await settle();
  const [open] = asked();
  assert.deepEqual(Object.keys(open).sort(), ["conversation", "issuedAt", "party", "type"]);
  assert.equal(open.issuedAt, new Date().toISOString());
  const answer = { type: "opened", conversation: conversation.id, issuedAt: open.issuedAt };
  fromDevice({ ...answer, output: "door" });
  await settle();
  assert.deepEqual(first, { opened: "door" });
  const second = outcomeOf(conversation.open("gate", "4711"));
  await settle();
  assert.deepEqual([asked()[1].output, asked()[1].code], ["gate", "4711"]);
  fromDevice({ ...answer, output: "gate" });
  await settle();
  assert.deepEqual(second, { opened: "gate" });
});

test("a door is asked for after the call as well", async () => {
  const { conversation } = await accepted();
  conversation.close();
  await pass(500);
  assert.equal(conversation.state, "closed");
  const outcome = outcomeOf(conversation.open());
  await settle();
  fromDevice({
    type: "opened",
    conversation: conversation.id,
    issuedAt: asked()[0].issuedAt,
    output: "door",
  });
  await settle();
  assert.deepEqual(outcome, { opened: "door" });
});

test("a refusal is told by its code, and an error about something else is none", async () => {
  const { conversation } = await accepted();
  const outcome = outcomeOf(conversation.open());
  const refusal = { type: "error", conversation: conversation.id, message: "no" };
  fromDevice({ ...refusal, code: "invalid" });
  await settle();
  assert.deepEqual(outcome, {});
  fromDevice({ ...refusal, code: "wrong_code" });
  await settle();
  assert.deepEqual(outcome, { code: "wrong_code" });
});

test("a device with another time is asked once more, by its own", async () => {
  const { conversation } = await accepted();
  const outcome = outcomeOf(conversation.open());
  await settle();
  const there = "2026-11-22T11:15:00.000Z";
  const stale = { type: "error", conversation: conversation.id, code: "stale", message: "late" };
  fromDevice({ ...stale, now: there });
  await settle();
  assert.deepEqual(
    asked().map(({ issuedAt }) => issuedAt),
    ["2026-11-22T10:15:00.000Z", there],
  );
  fromDevice({ ...stale, now: there });
  await settle();
  assert.deepEqual(outcome, { code: "stale" });
});

test("nobody answers, one asks twice, and the broker refuses", async () => {
  const { conversation } = await accepted();
  const silent = outcomeOf(conversation.open());
  const twice = outcomeOf(conversation.open());
  await settle();
  assert.deepEqual(twice, { code: "busy" });
  await pass(10_100);
  assert.deepEqual(silent, { code: "timeout" });
  scene.broker.refuses = "/signal/";
  const refused = outcomeOf(conversation.open());
  await settle();
  assert.deepEqual(refused, { code: "not_authorized" });
});

test("nobody else answers for the device", async () => {
  const { conversation } = await accepted();
  const outcome = outcomeOf(conversation.open());
  await settle();
  const answer = { conversation: conversation.id, issuedAt: asked()[0].issuedAt, output: "door" };
  scene.broker.deliver("callbox/v1/front-desk/signal/door-2", {
    type: "opened",
    party: "x",
    ...answer,
  });
  await settle();
  assert.deepEqual(outcome, {});
});

test("whoever asks a page for a door hears that there is none", async () => {
  const { conversation } = await accepted();
  const issuedAt = new Date().toISOString();
  fromDevice({ type: "open", conversation: conversation.id, issuedAt });
  await settle();
  assert.equal(scene.broker.sentTo(DEVICE, "error")[0].code, "no_such_output");
});
