// @ts-nocheck
/** What the shared scenarios do not name: ids that are the same but for their case. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { CallRegistry } from "../../../../agent/web/callbox/rules/registry.js";
import { DEVICE, inviting } from "./parties.js";

test("ids are compared in lower case, and as they stand where that is the same", () => {
  for (const [conversation, waits] of [
    ["Fin", false],
    ["GAME", true],
    ["game", true],
    ["FIRST", false],
    ["firsT", false],
  ]) {
    const registry = new CallRegistry();
    registry.add(inviting());
    const { crossing } = registry.rule({ caller: DEVICE.uid, conversation }, { action: "ring" });
    assert.equal(crossing.waits, waits, conversation);
  }
});

test("an invitation of somebody whom one does not invite crosses nothing", () => {
  const registry = new CallRegistry();
  registry.add(inviting());
  const ruling = registry.rule({ caller: "another", conversation: "a" }, { action: "ring" });
  assert.deepEqual(ruling, { decision: { action: "busy", reason: "busy" } });
});
