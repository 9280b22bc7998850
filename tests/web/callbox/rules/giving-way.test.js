// @ts-nocheck
/** What the shared scenarios do not name: several targets, and the end of the second wait. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { CALL_TIMING } from "../../../../agent/web/callbox/rules/machine.js";
import { DEVICE, feed, inviting, OTHER } from "./parties.js";

const later = { type: "yieldRequested", rival: "other", uid: DEVICE.uid, goesFirst: false };

test("a call that gives way later tells the others at once", () => {
  const call = inviting({ targets: [DEVICE.uid, OTHER.uid] });
  const { effects } = feed(call, 1, later);
  assert.deepEqual(effects, [{ type: "sendClose", to: OTHER.uid, reason: "answered_elsewhere" }]);
  assert.equal(call.nextDeadline(), 1 + CALL_TIMING.givingWay);
  const { refused } = feed(call, 2, { type: "responseReceived", ...OTHER, status: "ACCEPTED" });
  assert.ok(refused);
  feed(call, 3, { type: "deadlineReached" });
  assert.equal(call.answeredBy, "other");
});

test("a call that gives way later keeps its own end", () => {
  const call = inviting();
  const end = call.nextDeadline();
  feed(call, end - 1, later);
  assert.equal(call.nextDeadline(), end);
  feed(call, end - 0.5, { type: "resumeRequested" });
  assert.equal(call.nextDeadline(), end);
});
