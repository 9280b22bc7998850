// @ts-nocheck
/** Which conversations there are, and what a message means for them. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { CallRegistry } from "../../../../agent/web/callbox/rules/registry.js";
import { DEVICE, incoming, inviting, OTHER } from "./parties.js";

const INVITATION = { conversation: "first", caller: DEVICE.uid };

function ended(call, registry, now = 0) {
  registry.add(call);
  call.start?.(now);
  call.handle({ type: "closeRequested" }, now);
  registry.remove(call, now);
}

test("an invitation that comes again gets the answer that it had", () => {
  const registry = new CallRegistry();
  assert.equal(registry.admit(INVITATION, 0).admission, "new");
  ended(incoming(), registry);
  const answer = { type: "sendResponse", status: "REJECTED", reason: "rejected" };
  const again = { admission: "repeated", effects: [answer] };
  assert.deepEqual(registry.admit(INVITATION, 300), again);
  assert.equal(registry.admit(INVITATION, 301).admission, "new");
});

test("an id that somebody else has is in use", () => {
  const registry = new CallRegistry();
  registry.add(incoming());
  const { admission, effects } = registry.admit({ ...INVITATION, caller: OTHER.uid }, 0);
  assert.deepEqual([admission, effects[0].reason], ["refused", "conversation_in_use"]);
});

test("a withdrawal that overtook its invitation keeps it from ringing, once", () => {
  const registry = new CallRegistry();
  registry.unknownClose("first", OTHER.uid, 0);
  assert.equal(registry.admit(INVITATION, 1).admission, "new");
  registry.unknownClose("first", DEVICE.uid, 1);
  assert.equal(registry.admit(INVITATION, 2).admission, "ignored");
  assert.equal(registry.admit(INVITATION, 3).admission, "new");
});

test("a call that is turned away takes no line", () => {
  const registry = new CallRegistry(1);
  registry.add(incoming({ action: "reject" }));
  assert.ok(!registry.busy);
  registry.add(incoming(null, { conversation: "second" }));
  assert.ok(registry.busy);
  const invitation = { caller: "another", conversation: "third" };
  assert.deepEqual(registry.rule(invitation, { action: "ring" }), {
    decision: { action: "busy", reason: "busy" },
  });
  const rejected = { decision: { action: "reject" } };
  assert.deepEqual(registry.rule(invitation, rejected.decision), rejected);
});

test("who accepts a call of ours that has ended is told", () => {
  const registry = new CallRegistry();
  ended(inviting(), registry);
  const accepted = { type: "responseReceived", ...DEVICE, status: "ACCEPTED" };
  const told = [{ type: "sendClose", to: DEVICE.uid, reason: "cancelled" }];
  assert.deepEqual(registry.unknownResponse("first", accepted), told);
  assert.deepEqual(registry.unknownResponse("first", { ...accepted, status: "BUSY" }), []);
  assert.deepEqual(registry.unknownResponse("unknown", accepted), []);
});

test("what ended is remembered within a bound", () => {
  const registry = new CallRegistry();
  for (let i = 0; i < 600; i++) ended(incoming(null, { conversation: `c${i}` }), registry);
  const admission = (i) =>
    registry.admit({ conversation: `c${i}`, caller: DEVICE.uid }, 0).admission;
  assert.deepEqual([admission(0), admission(599)], ["new", "repeated"]);
});
