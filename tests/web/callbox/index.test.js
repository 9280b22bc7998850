// @ts-nocheck
/** What the one file offers is what its modules do. */

import assert from "node:assert/strict";
import { test } from "node:test";

import * as modules from "../../../agent/web/callbox/index.js";
import * as bundle from "../../../agent/web/conversation.js";

test("the bundle exports what the modules export", () => {
  assert.deepEqual(Object.keys(bundle).sort(), Object.keys(modules).sort());
  for (const [name, value] of Object.entries(modules)) {
    assert.equal(typeof bundle[name], typeof value, name);
    if (typeof value === "object") assert.deepEqual(bundle[name], value, name);
  }
});

test("the lists of events cannot be changed by who reads them", () => {
  for (const name of ["CLIENT_EVENTS", "CONVERSATION_EVENTS", "CALL_STATUSES", "CLOSE_REASONS"])
    assert.ok(Object.isFrozen(modules[name]), name);
});
