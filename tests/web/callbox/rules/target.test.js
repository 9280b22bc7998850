// @ts-nocheck
/** One uid that is invited. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { speaksForUid, Target } from "../../../../agent/web/callbox/rules/target.js";

test("a target waits from its invitation to its answer", () => {
  const target = new Target("door-1");
  assert.ok(!target.waiting);
  target.invited = true;
  assert.ok(target.waiting);
  target.answer("REJECTED", "not_allowed");
  assert.ok(!target.waiting);
  assert.deepEqual([target.status, target.reason], ["REJECTED", "not_allowed"]);
});

test("only a person's refusal is one of the whole uid", () => {
  for (const reason of [undefined, null, "rejected", "declined"])
    assert.ok(speaksForUid("REJECTED", reason), reason);
  assert.ok(!speaksForUid("REJECTED", "unavailable"));
  assert.ok(!speaksForUid("BUSY", undefined));
});
