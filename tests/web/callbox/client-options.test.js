// @ts-nocheck
import assert from "node:assert/strict";
import { test } from "node:test";

import { checkCall, checkOptions, DEFAULT_PREFIX } from "../../../agent/web/callbox/client-options.js";

const connect = () => {};
const options = { uid: "desk", party: "me-1", prefix: DEFAULT_PREFIX, connect };

test("options that can be used give MQTT.js's connect", () => {
  assert.equal(checkOptions(options), connect);
});

test("options that cannot be used are named", () => {
  assert.throws(() => checkOptions({ ...options, uid: "no/uid" }), /uid/);
  assert.throws(() => checkOptions({ ...options, party: "" }), /party/);
  for (const prefix of ["", "/a", "a/", "a//b", "a/#", "+"])
    assert.throws(() => checkOptions({ ...options, prefix }), /prefix/);
  assert.throws(() => checkOptions({ ...options, connect: undefined }), /connect/);
});

test("an invitation is checked before it is sent", () => {
  const plan = { lifetime: 30, userData: "hello", purpose: "talk" };
  assert.deepEqual(checkCall("desk", "door-1", { data: "hello" }), plan);
  assert.throws(() => checkCall("desk", "desk", {}), /oneself/);
  assert.throws(() => checkCall("desk", "no/uid", {}), /remoteUid/);
  assert.throws(() => checkCall("desk", "door-1", { lifetime: 121 }), /options/);
});
