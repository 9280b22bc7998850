// @ts-nocheck
/** What one of several targets says of the time. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { feed, inviting } from "./parties.js";

const expired = (uid, now = 1_800_000_000) => ({
  type: "responseReceived",
  uid,
  party: "p",
  status: "TIMEOUT",
  reason: "expired",
  now,
});

const group = (...targets) => inviting({ targets, mode: "parallel" });
const invited = ({ effects }) =>
  effects.filter(({ type }) => type === "sendInvite").map(({ to }) => to);

test("one target that speaks of another time costs the others nothing", () => {
  const call = group("a", "b");
  assert.deepEqual(feed(call, 1, expired("b", 0)).effects, []);
  assert.equal(call.signaledAs, "first");
});

test("targets that agree about the time are invited once more", () => {
  const call = group("a", "b");
  feed(call, 1, expired("a"));
  assert.deepEqual(invited(feed(call, 2, expired("b"))), ["a", "b"]);
  assert.equal(call.signaledAs, "second");
});

test("targets that do not agree are believed neither", () => {
  const call = group("a", "b");
  feed(call, 1, expired("a"));
  assert.deepEqual(invited(feed(call, 2, expired("b", 0))), []);
  assert.equal(call.state, "closed");
});

test("where a person is asked our time was right", () => {
  const call = group("a", "b");
  feed(call, 1, { type: "ringingReceived", uid: "a", party: "p", expiresIn: 30 }, expired("b"));
  assert.deepEqual(invited(feed(call, 140, { type: "deadlineReached" })), []);
});
