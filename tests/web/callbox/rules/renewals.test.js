// @ts-nocheck
/** The transports of a call, by generation. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Renewals } from "../../../../agent/web/callbox/rules/renewals.js";

function renewing(generation, offeredByUs = true) {
  const renewals = new Renewals();
  renewals.live = new Set([0, generation]);
  renewals.begin(generation, offeredByUs, 20, 10);
  return renewals;
}

test("a transport that takes over closes every other one", () => {
  const renewals = renewing(2);
  renewals.live.add(1);
  assert.deepEqual(renewals.takeOver(2), [
    { type: "startMedia", generation: 2 },
    { type: "closePeer", generation: 0 },
    { type: "closePeer", generation: 1 },
  ]);
  assert.deepEqual([renewals.current, renewals.pending, renewals.retryAt], [2, null, null]);
  assert.deepEqual([...renewals.live], [2]);
});

test("a transport in the making is dropped once, and the next attempt stays due", () => {
  const renewals = renewing(1);
  assert.deepEqual(renewals.drop(), [{ type: "closePeer", generation: 1 }]);
  assert.deepEqual(renewals.drop(), []);
  assert.equal(renewals.retryAt, 10);
  assert.deepEqual([...renewals.live], [0]);
});

test("at the end all are closed, in order", () => {
  const renewals = renewing(10);
  renewals.live.add(9);
  const generations = (effects) => effects.map(({ generation }) => generation);
  assert.deepEqual(generations(renewals.explainAll()), [0, 9, 10]);
  assert.deepEqual(generations(renewals.closeAll()), [0, 9, 10]);
  assert.deepEqual([renewals.closeAll(), renewals.pending], [[], null]);
});

test("the remote peer takes part in what it offered, and in what it answered", () => {
  assert.ok(!new Renewals().shared);
  assert.ok(renewing(1, false).shared);
  const ours = renewing(1);
  assert.ok(!ours.shared);
  ours.pending.answered = true;
  assert.ok(ours.shared);
});

test("candidates are counted for the whole conversation", () => {
  const renewals = renewing(1);
  renewals.candidates.set("0", 7);
  renewals.begin(2, false, 20, 10);
  renewals.begin(3, true, 20, 10);
  renewals.takeOver(3);
  assert.deepEqual([renewals.candidates.get("0"), renewals.newest], [7, 3]);
});
