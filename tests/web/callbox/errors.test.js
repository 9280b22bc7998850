// @ts-nocheck
/** What the event `error` brings. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { CallError } from "../../../agent/web/callbox/errors.js";

test("CallError: an Error with a code, and a sentence as text", () => {
  const error = new CallError("broker_unreachable", "the broker could not be reached in time");
  assert.ok(error instanceof Error);
  assert.equal(error.code, "broker_unreachable");
  assert.equal(String(error), "The broker could not be reached in time.");
  assert.equal(`${error}`, error.message);
});

test("CallError: without words the code is made a sentence", () => {
  assert.equal(String(new CallError("ice_failed", "")), "Ice failed.");
  assert.equal(String(new CallError("x", "Who is there?")), "Who is there?");
});
