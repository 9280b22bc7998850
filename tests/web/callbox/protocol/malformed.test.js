// @ts-nocheck
/** What is told of a message that cannot be used. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { MalformedMessage, NO_CONVERSATION } from "../../../../agent/web/callbox/protocol/malformed.js";

test("a fault of no conversation names the nil one", () => {
  const fault = new MalformedMessage("not_json", "why");
  assert.ok(fault instanceof Error);
  assert.deepEqual([fault.conversation, fault.type], [NO_CONVERSATION, ""]);
  assert.deepEqual([fault.name, fault.code, fault.message], ["MalformedMessage", "not_json", "why"]);
});

test("a fault tells at most 200 characters of what a stranger wrote", () => {
  assert.equal(new MalformedMessage("a", "x".repeat(200)).message, "x".repeat(200));
  assert.equal(new MalformedMessage("a", "x".repeat(201)).message, `${"x".repeat(199)}…`);
});
