// @ts-nocheck
/** Which devices there are. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { pass, scene, settle } from "./harness.js";

test("devices are known by their status and about", async () => {
  const seen = [];
  scene.client.on("presence", (device) => seen.push(device));
  const publish = (what, value) =>
    scene.broker.deliver(`callbox/v1/door-2/${what}`, value, { retain: true });
  publish("status", { state: "online", busy: false });
  publish("about", { uid: "door-2", model: "Raspberry Pi Zero 2 W" });
  publish("status", "nonsense");
  await settle();
  assert.deepEqual(scene.client.devices.get("door-2"), {
    uid: "door-2",
    status: { state: "online", busy: false },
    about: { uid: "door-2", model: "Raspberry Pi Zero 2 W" },
  });
  publish("status", "");
  publish("about", "");
  await settle();
  assert.equal(scene.client.devices.size, 0);
  assert.deepEqual(seen.at(-1), { uid: "door-2" });
});

test("after a reconnect only those devices are there that say so again", async () => {
  const seen = [];
  const publish = (uid) =>
    scene.broker.deliver(`callbox/v1/${uid}/status`, { state: "online" }, { retain: true });
  publish("door-1");
  publish("door-2");
  await settle();
  scene.client.on("presence", (device) => seen.push(device));
  scene.broker.stop();
  scene.broker.start();
  await settle();
  publish("door-2");
  await pass(1_900);
  assert.deepEqual([...scene.client.devices.keys()], ["door-1", "door-2"]);
  await pass(200);
  assert.deepEqual([...scene.client.devices.keys()], ["door-2"]);
  assert.deepEqual(seen.at(-1), { uid: "door-1" });
});
