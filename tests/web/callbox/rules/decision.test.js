// @ts-nocheck
import assert from "node:assert/strict";
import { test } from "node:test";

import { requestOf } from "../../../../agent/web/callbox/rules/decision.js";

test("a decision enters its call as the request of its action", () => {
  const grant = { maxDuration: 60 };
  assert.deepEqual(requestOf({ action: "accept", grant, rule: "family" }), {
    type: "acceptRequested",
    grant,
    rule: "family",
  });
  assert.equal(requestOf({ action: "ring" }).type, "ringRequested");
  const [busy, no] = [requestOf({ action: "busy" }), requestOf({ action: "reject" })];
  assert.deepEqual([busy.status, busy.reason], ["BUSY", "busy"]);
  assert.deepEqual([no.status, no.reason], ["REJECTED", "rejected"]);
});
