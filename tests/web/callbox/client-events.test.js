// @ts-nocheck
import assert from "node:assert/strict";
import { test } from "node:test";

import { CLIENT_EVENTS } from "../../../agent/web/callbox/client-events.js";
import { scene } from "./harness.js";

test("a client takes a listener for each of its events, and for no other", () => {
  for (const name of CLIENT_EVENTS) scene.client.on(name, () => {});
  assert.throws(() => scene.client.on("closed", () => {}), TypeError);
});
