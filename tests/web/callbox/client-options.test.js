// @ts-nocheck
import assert from "node:assert/strict";
import { test } from "node:test";

import { checkOptions, DEFAULT_PREFIX } from "../../../agent/web/callbox/client-options.js";

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
