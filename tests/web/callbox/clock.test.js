// @ts-nocheck
/** The time of day, for each remote peer. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Clocks } from "../../../agent/web/callbox/clock.js";
import { ME, fromDevice, pass, place, record, scene, settle } from "./harness.js";

const expired = (conversation) => ({
  type: "response",
  conversation: conversation.id,
  callStatus: "TIMEOUT",
  reason: "expired",
  now: "2027-01-01T00:00:00.000Z",
});

test("Clocks: what one remote peer says of the time is not another's", () => {
  const clocks = new Clocks();
  clocks.of("door-1").correct(Date.UTC(2027, 0, 1));
  assert.equal(clocks.of("door-1").format(), "2027-01-01T00:00:00.000Z");
  assert.equal(clocks.of("door-2").format(), "2026-11-22T10:15:00.000Z");
});

test("Clocks: so many are remembered, those that were asked for last", () => {
  const clocks = new Clocks();
  clocks.of("door-0").correct(0);
  const kept = clocks.of("door-1");
  for (let i = 2; i < 1000; i++) clocks.of(`door-${i}`);
  clocks.of("door-1");
  clocks.of("one-more");
  assert.equal(clocks.of("door-1"), kept);
  assert.ok(clocks.of("door-0").plausible);
});

test("a called device does not set the clock for calls to another", async () => {
  const { conversation } = await place();
  fromDevice(expired(conversation));
  await settle();
  assert.equal(scene.broker.sentTo("door-1", "invite")[1].sentAt, "2027-01-01T00:00:00.000Z");
  conversation.close();
  await pass(300);
  const other = scene.client.call("door-2");
  record(other);
  await settle();
  assert.equal(scene.broker.sentTo("door-2", "invite")[0].sentAt.slice(0, 10), "2026-11-22");
});

test("a device whose clock is right is judged by the page's own after another was called", async () => {
  const { conversation } = await place();
  fromDevice(expired(conversation));
  await settle();
  conversation.close();
  await pass(300);
  let called;
  scene.client.on("called", (each) => (called = each));
  const invite = {
    type: "invite",
    conversation: "7b1a1e52-7c55-4b8e-9a49-0d5f8e6c1a22",
    party: "p",
    sdp: "v=0",
  };
  const sentAt = new Date().toISOString();
  scene.broker.deliver(`callbox/v1/${ME}/signal/door-2`, { ...invite, sentAt, lifetime: 30 });
  await settle();
  assert.equal(called?.remoteUid, "door-2");
});
