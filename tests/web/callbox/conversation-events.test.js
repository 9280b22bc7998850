// @ts-nocheck
import assert from "node:assert/strict";
import { test } from "node:test";

import { CONVERSATION_EVENTS } from "../../../agent/web/callbox/conversation-events.js";
import { CONVERSATION_EVENTS as exported } from "../../../agent/web/callbox/index.js";

test("the names of events are each there once, and nobody changes them", () => {
  assert.equal(new Set(CONVERSATION_EVENTS).size, CONVERSATION_EVENTS.length);
  assert.ok(Object.isFrozen(CONVERSATION_EVENTS));
  assert.ok(CONVERSATION_EVENTS.includes("closed"));
  assert.equal(exported, CONVERSATION_EVENTS);
});
