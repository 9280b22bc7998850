// @ts-nocheck
/** The connection to the broker. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { connected, invited, scene, settle } from "./harness.js";

test("the connection tells its state, and subscribes anew", async () => {
  const states = [];
  scene.client.on("connection", ({ state }) => states.push(state));
  scene.broker.stop();
  scene.broker.start();
  await settle();
  assert.deepEqual(states, ["reconnecting", "connected"]);
  const { conversation } = await invited();
  assert.ok(conversation);
});
